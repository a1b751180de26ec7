"""Readers of the data sets that trackers are trained on: one layout a file, one form for what they read."""
