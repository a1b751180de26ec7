"""scripts/setup_env.py: what it says on a machine that lacks things, and which steps it does again."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "setup_env.py"


@pytest.fixture(scope="module")
def setup_env():
    spec = importlib.util.spec_from_file_location("setup_env", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["setup_env"] = module  # dataclasses look their module up.
    spec.loader.exec_module(module)
    yield module
    del sys.modules["setup_env"]


def write_executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def fake_python(path, version, **facts):
    """Write a program that answers the probe as a Python of that version would."""
    answer = {"version": list(version), "cpython": True, "venv": True, "pip": True, "headers": True, **facts}
    text = str(answer).replace("'", '"').replace("True", "true").replace("False", "false")
    return write_executable(path, f"#!/bin/sh\necho '{text}'\n")


def test_script_is_understood_by_python_3_8():
    ast.parse(SCRIPT.read_text(), feature_version=(3, 8))


# --- What the machine lacks


def test_all_missing_tools_are_told_at_once_and_how_to_install_them(setup_env):
    message = setup_env.missing_message(setup_env.check_tools(which=lambda command: None))
    for command in ("cmake", "g++", "make"):
        assert f"- {command} (" in message
    assert "sudo apt-get install cmake g++ make" in message


def test_only_what_is_missing_is_told(setup_env):
    missing = setup_env.check_tools(which=lambda command: None if command == "cmake" else "/usr/bin/it")
    assert [each.packages for each in missing] == [("cmake",)]


def test_machine_without_anything_gets_the_whole_list(setup_env, monkeypatch):
    old = setup_env.Interpreter("/usr/bin/python3", (3, 8))
    monkeypatch.setattr(setup_env, "find_interpreter", lambda paths: (None, [old]))
    monkeypatch.setattr(setup_env, "check_tools", lambda: [setup_env.Missing("cmake", ("cmake",))])
    monkeypatch.setattr(setup_env.platform, "machine", lambda: "aarch64")
    with pytest.raises(setup_env.SetupError) as error:
        setup_env.check_machine()
    message = str(error.value)
    assert "x86-64 Linux" in message
    assert "CPython 3.10 to 3.13 (found: 3.8 at /usr/bin/python3)" in message
    assert "apt-get install python3 python3-venv python3-dev cmake" in message


@pytest.mark.parametrize(
    ("libc", "fine"),
    [(("glibc", "2.28"), True), (("glibc", "2.41"), True), (("glibc", "2.27"), False), (("", ""), False)],
)
def test_c_library_of_the_wheels_is_required(setup_env, libc, fine):
    assert (setup_env.check_platform("Linux", "x86_64", libc) == []) is fine


def test_python_without_its_parts_names_their_packages(setup_env):
    bare = setup_env.Interpreter("/usr/bin/python3", (3, 12), venv=True, pip=False, headers=False)
    message = setup_env.missing_message(setup_env.check_python(bare, [bare]))
    assert "ensurepip" in message
    assert "Python.h" in message
    assert "apt-get install python3.12-venv python3.12-dev" in message


def test_command_fails_with_the_list_and_leaves_nothing_behind(tmp_path):
    script = tmp_path / "project" / "scripts" / SCRIPT.name
    script.parent.mkdir(parents=True)
    shutil.copy(SCRIPT, script)
    empty = tmp_path / "empty"
    empty.mkdir()
    result = subprocess.run(
        [sys.executable, "-B", str(script)],
        env={**os.environ, "PATH": str(empty)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert re.search(r"apt-get install .*cmake g\+\+ make", result.stderr)
    assert not (tmp_path / "project" / ".venv").exists()


# --- Which Python is chosen


def test_python_that_does_not_run_is_passed_over(setup_env, tmp_path):
    shim = write_executable(tmp_path / "shims" / "python3.12", "#!/bin/sh\nexit 127\n")
    real = fake_python(tmp_path / "bin" / "python3.12", (3, 12))
    chosen, seen = setup_env.find_interpreter([shim, real])
    assert chosen.path == real
    assert [each.path for each in seen] == [real]


@pytest.mark.parametrize("version", [(3, 9), (3, 14)])
def test_unsupported_python_is_passed_over_for_a_supported_one(setup_env, tmp_path, version):
    unsupported = fake_python(tmp_path / "a" / "python3", version)
    supported = fake_python(tmp_path / "b" / "python3.10", (3, 10))
    assert setup_env.find_interpreter([unsupported, supported])[0].path == supported
    assert setup_env.find_interpreter([unsupported])[0] is None


def test_complete_python_is_preferred(setup_env, tmp_path):
    bare = fake_python(tmp_path / "a" / "python3", (3, 12), pip=False)
    complete = fake_python(tmp_path / "b" / "python3.11", (3, 11))
    assert setup_env.find_interpreter([bare, complete])[0].path == complete
    assert setup_env.find_interpreter([bare])[0].path == bare


def test_path_is_searched_beyond_the_first_match(setup_env, tmp_path):
    first = fake_python(tmp_path / "a" / "python3.11", (3, 11))
    second = fake_python(tmp_path / "b" / "python3.11", (3, 11))
    found = list(setup_env.candidates(f"{tmp_path / 'a'}:{tmp_path / 'b'}"))
    assert [path for path in found if path.startswith(str(tmp_path))] == [first, second]


def test_environment_is_not_made_from_itself(setup_env, tmp_path, monkeypatch):
    monkeypatch.setattr(setup_env, "VENV", tmp_path / ".venv")
    fake_python(tmp_path / ".venv" / "bin" / "python3", (3, 11))
    found = setup_env.candidates(str(tmp_path / ".venv" / "bin"))
    assert not any(path.startswith(str(tmp_path)) for path in found)


# --- Which steps are done


@pytest.fixture
def project(setup_env, tmp_path, monkeypatch):
    """Steps that note themselves, in a project of their own; `inputs` may be changed between runs."""

    class Project:
        def __init__(self):
            self.inputs = {"one": "1", "two": "2", "three": "3"}
            self.done = []
            self.failing = None
            self.failure = setup_env.SetupError("failed")

        def make(self, name):
            def make(log):
                if name == self.failing:
                    raise self.failure
                self.done.append(name)

            return make

        def steps(self):
            return [
                setup_env.Step(
                    name, name, lambda name=name: self.inputs[name], self.make(name), name == "three"
                )
                for name in self.inputs
            ]

        def run(self):
            self.done = []
            steps = self.steps()
            with open(os.devnull, "w") as log:
                setup_env.do_steps(steps, setup_env.first_stale(steps), log)
            return self.done

    monkeypatch.setattr(setup_env, "VENV", tmp_path / ".venv")
    (tmp_path / ".venv").mkdir()
    return Project()


def test_finished_steps_are_not_done_again(project):
    assert project.run() == ["one", "two", "three"]
    assert project.run() == []


def test_change_redoes_its_step_and_the_later_ones(project):
    project.run()
    project.inputs["two"] = "changed"
    assert project.run() == ["two", "three"]
    assert project.run() == []


@pytest.mark.parametrize(("name", "redone"), [("two", ["one", "two", "three"]), ("three", ["three"])])
def test_killed_run_starts_over_unless_the_step_is_repeatable(project, name, redone):
    project.run()
    project.inputs[name], project.failing, project.failure = "changed", name, KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        project.run()
    project.failing = None
    assert project.run() == redone
    assert project.run() == []


def test_failed_run_goes_on_where_it_stopped(project, setup_env):
    project.failing = "two"
    with pytest.raises(setup_env.SetupError):
        project.run()
    project.failing = None
    assert project.run() == ["two", "three"]


def test_failed_update_is_not_taken_for_the_old_state(project, setup_env):
    project.run()
    project.inputs["one"], project.failing = "changed", "one"
    with pytest.raises(setup_env.SetupError):
        project.run()
    project.inputs["one"], project.failing = "1", None  # Back to the inputs of the first, complete run.
    assert project.run() == ["one", "two", "three"]


def test_stamp_inputs_follow_file_contents(setup_env, tmp_path, monkeypatch):
    monkeypatch.setattr(setup_env, "ROOT", tmp_path)
    path = tmp_path / "constraints.txt"
    path.write_text("a==1\n")
    before = setup_env.digest([path])
    path.write_text("a==2\n")
    assert setup_env.digest([path]) != before


# --- What the steps do


def test_cmake_files_name_this_machine_afterwards(setup_env, tmp_path):
    export = tmp_path / "share" / "std_msgs" / "cmake" / "export.cmake"
    export.parent.mkdir(parents=True)
    python, numpy = (
        "/opt/python/cp311-cp311/include/python3.11",
        "lib/python3.11/site-packages/numpy/_core/include",
    )
    export.write_text(f'set(DIRS "{python};/opt/python/cp311-cp311/{numpy};/keep")\n')
    assert setup_env.patch_cmake_files(tmp_path, "/inc", "/numpy") == 1
    assert export.read_text() == 'set(DIRS "/inc;/numpy;/keep")\n'
    assert setup_env.patch_cmake_files(tmp_path, "/inc", "/numpy") == 0


def test_sourced_distribution_and_calling_make_are_kept_out(setup_env):
    clean = setup_env.clean_environment(
        {
            "AMENT_PREFIX_PATH": "/ws/install/a:/opt/ros/jazzy",
            "LD_LIBRARY_PATH": "/opt/ros/jazzy/lib:/ws/install/a/lib:/opt/cuda/lib",
            "PYTHONPATH": "/opt/ros/jazzy/lib/python3.12/site-packages",
            "MAKEFLAGS": "-j --jobserver-auth=3,4",
            "HOME": "/home/me",
        }
    )
    assert clean == {"LD_LIBRARY_PATH": "/opt/cuda/lib", "HOME": "/home/me"}


@pytest.mark.parametrize(
    ("installed", "unwanted"),
    [
        ([], []),
        (["opencv_contrib_python_headless"], []),
        (["opencv_python_headless"], ["opencv-python-headless"]),
        (
            ["opencv_python", "opencv_contrib_python_headless"],
            ["opencv-python", "opencv-contrib-python-headless"],
        ),
    ],
)
def test_other_opencv_wheels_are_removed_and_the_required_one_renewed_with_them(
    setup_env, tmp_path, monkeypatch, installed, unwanted
):
    for name in installed:
        (tmp_path / "lib" / "python3.11" / "site-packages" / f"{name}-4.12.0.88.dist-info").mkdir(
            parents=True
        )
    monkeypatch.setattr(setup_env, "VENV", tmp_path)
    assert sorted(setup_env.unwanted_opencv()) == sorted(unwanted)


# --- The pinned versions


def names_in(path):
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    return [re.split(r"[=<>!~; ]", line)[0].lower().replace("_", "-") for line in lines if line]


def test_every_requirement_is_pinned_to_one_version():
    constraints = ROOT / "constraints.txt"
    pins = [line.split("#")[0].strip() for line in constraints.read_text().splitlines()]
    assert [pin for pin in pins if pin and not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []
    pinned = names_in(constraints)
    assert len(pinned) == len(set(pinned))
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        assert [name for name in names_in(path) if name not in pinned] == [], path.name
