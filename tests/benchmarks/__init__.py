"""Measurements. Nothing here is collected by pytest: run them with `python -m tests.benchmarks.NAME`."""
