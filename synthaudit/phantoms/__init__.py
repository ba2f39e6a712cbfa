"""Simulated patients, whose truth is known."""
