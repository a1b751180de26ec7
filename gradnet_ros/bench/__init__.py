"""Measuring speed: durations, the work behind them, and the floor that this machine sets."""
