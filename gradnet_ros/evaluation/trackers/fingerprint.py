"""What a report says of files that a tracker is made of, so that others of the same name are told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def fingerprint(name: str, files: Iterable[Path]) -> str:
    """A name, and a hash of what is in the files, in their order."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return f"{name}, sha256 {digest.hexdigest()[:16]}"
