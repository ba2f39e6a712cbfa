"""Benchmarks: they measure and print; run each as `python -m benchmarks.NAME`."""
