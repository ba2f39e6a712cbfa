"""Ways to write an audit down: each file with a `Report` is one way; the others set type, draw and hold wording."""
