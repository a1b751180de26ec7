"""A state file is whole or not there."""

import pytest
import torch
from safetensors.torch import save_file

from gradnet_ros.training.files import write_whole
from gradnet_ros.training.state import StageState, TrainingState, load_state, save_state


def state(step):
    tensors = {"weight": torch.full((2, 3), float(step))}
    return TrainingState({"seed": 3}, 12.5, StageState(1, step, 8, tensors, tensors, {}, {}, -0.5))


def test_round_trip(tmp_path):
    path = tmp_path / "state.pt"
    save_state(path, state(1))
    save_state(path, state(2))
    loaded = load_state(path)
    assert loaded.recipe == {"seed": 3}
    assert loaded.seconds == 12.5
    assert (loaded.stage.number, loaded.stage.step, loaded.stage.global_batch) == (1, 2, 8)
    assert loaded.stage.best == -0.5
    assert (loaded.stage.net["weight"] == 2).all()
    assert [each.name for each in tmp_path.iterdir()] == ["state.pt"]


def test_a_write_that_breaks_off_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "file"
    write_whole(path, lambda part: part.write_text("whole"))

    def fail(part):
        part.write_text("hal")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, fail)
    assert path.read_text() == "whole"


def test_a_written_file_may_be_read_by_whom_a_new_file_may(tmp_path):
    (tmp_path / "plain").touch()
    write_whole(
        tmp_path / "weights", lambda part: save_file({"a": torch.zeros(1)}, part)
    )  # writes for its user alone
    assert (tmp_path / "weights").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_files_that_are_no_state(tmp_path):
    path = tmp_path / "state.pt"
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        load_state(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="cannot be read as a training state"):
        load_state(path)
    torch.save({"format": "another"}, path)
    with pytest.raises(ValueError, match="not a training state of format"):
        load_state(path)
