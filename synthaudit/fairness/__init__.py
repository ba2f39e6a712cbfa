"""Groups of patients, and whether the synthetic images are right and safe for each of them."""
