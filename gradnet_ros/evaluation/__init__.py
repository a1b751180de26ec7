"""Measuring: sequence readers, metrics as functions of arrays, a runner."""
