"""Are the synthetic images like real ones, as a set: distances, coverage, variety, spectrum, with their floors."""
