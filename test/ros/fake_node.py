"""The tracker node with the fake tracker; run as a script."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fake_tracker import make_fake

from gradnet_ros.ros.tracker_node import main

if __name__ == "__main__":
    sys.exit(main(factory=make_fake))
