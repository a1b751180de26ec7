"""The executable ``replay``: ``gradnet bag replay`` as ``ros2 run`` and launch files start it."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> int:
    """Replay a bag; the exit status.

    Args:
        args: command line without the program's name; ``None`` for the process's own.
    """
    from gradnet_ros.cli.main import main as gradnet

    return gradnet(["bag", "replay", *(sys.argv[1:] if args is None else args)])


if __name__ == "__main__":
    sys.exit(main())
