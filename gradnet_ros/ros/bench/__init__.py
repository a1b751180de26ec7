"""The node under a camera, measured from another process."""
