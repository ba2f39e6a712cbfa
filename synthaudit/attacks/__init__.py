"""Attacks on a generator itself: who was it trained on, judged by how well it knows an image."""
