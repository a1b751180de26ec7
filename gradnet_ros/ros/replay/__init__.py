"""Playing a bag to a running tracker node, and collecting what it answers."""
