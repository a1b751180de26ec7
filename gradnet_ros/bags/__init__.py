"""Recordings in rosbag2 files: read, evaluated, exported, also where they are damaged. No ROS is needed."""
