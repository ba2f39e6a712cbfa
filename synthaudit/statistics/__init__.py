"""Pure functions of arrays (numpy and scipy only): what the probes rest on. Scores: higher means more exposed."""
