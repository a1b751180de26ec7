"""Engines: the network's work on a picture. The rules of tracking are in :mod:`gradnet_ros.tracking`."""
