"""Measuring: benchmarks, trackers to compare, scores as functions of arrays, resumable evaluations."""
