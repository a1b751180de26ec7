"""One frame in, one :class:`~gradnet_ros.tracking.track.Track` out. No ROS, no files."""
