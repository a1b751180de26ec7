"""Everything that speaks ROS 2: the node and what it needs. Nothing outside this package imports it."""
