"""Nearest neighbors among embeddings: exact, in bounded memory."""
