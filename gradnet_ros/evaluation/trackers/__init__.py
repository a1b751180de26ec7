"""Trackers that can be evaluated: our own and OpenCV's, behind one interface."""
