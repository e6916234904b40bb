"""Benchmarks of the driver beside its peers: ``python -m benchmarks --help``."""
