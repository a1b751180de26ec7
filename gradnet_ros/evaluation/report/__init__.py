"""An evaluation as one HTML page with curves and pictures."""
