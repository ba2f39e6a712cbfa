"""Copies planted on purpose, to learn what this audit would have found on these images."""
