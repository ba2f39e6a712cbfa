"""Reference generators, and controls whose truth is known."""
