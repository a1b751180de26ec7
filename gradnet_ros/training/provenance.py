"""Where weights come from: what is written into their metadata."""

from __future__ import annotations

import subprocess
from pathlib import Path

import torch


def provenance(device: torch.device, processes: int) -> dict[str, object]:
    """The code and the machine that train.

    Args:
        device: what this process trains on.
        processes: how many processes there are.
    """
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return {"commit": git_commit(), "torch": torch.__version__, "device": name, "processes": processes}


def git_commit() -> str | None:
    """The commit of this package's source, with ``-dirty`` if files were changed; ``None`` if unknown."""
    folder = Path(__file__).resolve().parent

    def git(*arguments: str) -> str | None:
        try:
            answer = subprocess.run(
                ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return answer.stdout.strip() if answer.returncode == 0 else None

    # Installed inside of somebody else's repository, git would tell of theirs.
    if git("ls-files", "--error-unmatch", "shards.py") is None:
        return None
    return git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
