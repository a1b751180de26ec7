"""The demo's other processes: started apart from every other ROS graph, logged, and always ended."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

DOMAINS = range(1, 102)
"""ROS domains whose ports are free on every Linux, without 0, where other people's graphs are."""
GRACE_S = 10.0
"""A process that was asked to end is killed after this long, seconds."""
TAIL_LINES = 30


def ros_environment(domain: int | None, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a ROS graph of the demo's own, on this machine only.

    Args:
        domain: ROS domain; None for any.
        base: the environment to start from; None for this process's.
    """
    environment = dict(os.environ if base is None else base)
    environment["ROS_DOMAIN_ID"] = str(random.choice(DOMAINS) if domain is None else domain)
    environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    if environment.get("ROS_DISTRO") == "humble":  # It does not know the line above.
        environment["ROS_LOCALHOST_ONLY"] = "1"
    for name in ("ROS_DISCOVERY_SERVER", "ROS_STATIC_PEERS"):
        environment.pop(name, None)
    if (Path(sys.prefix) / "share" / "ament_index").is_dir():  # A virtual environment that is a ROS prefix.
        environment["AMENT_PREFIX_PATH"] = sys.prefix
        environment.pop("RMW_IMPLEMENTATION", None)  # It has one middleware, perhaps not the one asked for.
    environment["PYTHONUNBUFFERED"] = "1"
    environment["RCUTILS_COLORIZED_OUTPUT"] = "0"
    return environment


class Child:
    """A process with its output in a file. As a context manager, it does not outlive the block.

    Attributes:
        name: what it is called in messages.
        log: file with its output.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path, folder: Path) -> None:
        """Start it, in this process's environment.

        Args:
            name: what it is called in messages.
            command: program and arguments.
            log: file for its output; an old one is overwritten.
            folder: where it runs.
        """
        self.name, self.log = name, log
        with log.open("w", encoding="utf-8") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the demo alone, which then ends the others.
                preexec_fn=_die_with_parent,
            )

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The last lines of its output."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def stop(self) -> int:
        """Ask it to end as Ctrl-C does, more firmly if it does not; return its exit status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is not None:
                break
            self._process.send_signal(number)
            try:
                self._process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                continue
        return self._process.wait()


def _die_with_parent() -> None:
    """Have Linux end this process when the demo is killed and cannot clean up any more."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
