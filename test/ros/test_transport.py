"""The profile for large images: found, and never instead of the user's."""

import os
from pathlib import Path

import pytest

pytest.importorskip("ament_index_python")
from gradnet_ros.ros import transport


def test_the_packages_profile_is_used(monkeypatch):
    for name in transport.VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setitem(os.environ, name, "")  # so that it is put back afterwards
        monkeypatch.delitem(os.environ, name)
    transport.allow_large_images()
    for name in transport.VARIABLES:
        assert "<segment_size>" in Path(os.environ[name]).read_text()


def test_the_users_own_stays(monkeypatch):
    first, second = transport.VARIABLES
    monkeypatch.setenv(first, "mine.xml")
    monkeypatch.delenv(second, raising=False)
    transport.allow_large_images()
    assert (os.environ[first], second in os.environ) == ("mine.xml", False)


@pytest.mark.parametrize("name", transport.VARIABLES)
def test_another_process_gets_it_by_both_names_unless_there_is_one(monkeypatch, name):
    for each in transport.VARIABLES:
        monkeypatch.delenv(each, raising=False)
    found = transport.large_image_variables()
    assert tuple(found) == transport.VARIABLES
    assert {Path(path).name for path in found.values()} == {transport.PROFILE}
    assert not found.keys() & os.environ.keys()
    monkeypatch.setenv(name, "mine.xml")
    assert transport.large_image_variables() == {}
