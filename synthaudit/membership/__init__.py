"""Attacks that ask, of a real image and the synthetic ones alone, whether the generator was trained on it."""
