"""Lists of names keep and drop sequences."""

import pytest

from gradnet_ros.training.readers.selection import select
from gradnet_ros.training.readers.source import Source
from training.readers.layouts import write_lines

SOURCE = Source(("a", "b b", "c"), lambda name: [], ("a note",))


def test_both(tmp_path):
    include, exclude = tmp_path / "in.txt", tmp_path / "out.txt"
    write_lines(include, ["# mine", "", "c", " b b ", "d"])
    write_lines(exclude, ["c"])
    chosen = select(SOURCE, include)
    assert chosen.sequences == ("b b", "c")
    assert chosen.notes == ("a note", f"{include}: 2 of its 3 sequences are there and kept")
    chosen = select(SOURCE, include, exclude)
    assert chosen.sequences == ("b b",)
    assert chosen.notes[2] == f"{exclude}: 1 of its 1 sequences are there and left out"
    assert select(SOURCE).sequences == SOURCE.sequences


def test_nothing_left(tmp_path):
    write_lines(tmp_path / "in.txt", ["x"])
    with pytest.raises(ValueError, match=r"no sequence is left .*in.txt: 0 of its 1 sequences are there"):
        select(SOURCE, tmp_path / "in.txt")
    with pytest.raises(FileNotFoundError, match=r"none.txt"):
        select(SOURCE, tmp_path / "none.txt")
