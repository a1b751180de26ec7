"""Weights say where they come from."""

import re
import subprocess

import torch

from gradnet_ros.training import provenance as module
from gradnet_ros.training.provenance import git_commit, provenance


def test_the_commit_is_that_of_the_source(tmp_path, monkeypatch):
    source = tmp_path / "package"
    source.mkdir()
    monkeypatch.setattr(module, "__file__", str(source / "provenance.py"))
    (source / "shards.py").write_text("")
    assert git_commit() is None  # no repository

    def git(*arguments):
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    git("commit", "--allow-empty", "-m", "one")
    assert git_commit() is None  # somebody else's repository: the source is not in it
    git("add", ".")
    git("commit", "-m", "two")
    commit = git("rev-parse", "HEAD")
    assert git_commit() == commit
    (source / "shards.py").write_text("changed")
    assert git_commit() == f"{commit}-dirty"


def test_facts():
    facts = provenance(torch.device("cpu"), 3)
    assert facts["torch"] == torch.__version__
    assert facts["device"] == "cpu"
    assert facts["processes"] == 3
    assert facts["commit"] is None or re.fullmatch(r"[0-9a-f]{40}(-dirty)?", str(facts["commit"]))
