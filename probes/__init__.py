"""The probes: one question, one file. They import the engine only."""
