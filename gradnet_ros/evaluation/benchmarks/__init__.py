"""Benchmarks on disk: one layout a file, one form for what they read."""
