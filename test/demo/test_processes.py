import sys
import time

from processes import DOMAINS, Child, ros_environment

STUBBORN = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""
ORPHANING = """
import os, sys
from pathlib import Path
sys.path.insert(0, {demo!r})
from processes import Child
command = [sys.executable, "-I", "-c", "import time; time.sleep(60)"]
child = Child("child", command, Path("grandchild.log"), Path())
print(child._process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def child(tmp_path, code):
    return Child("child", [sys.executable, "-I", "-c", code], tmp_path / "child.log", tmp_path)


def wait_for(text, process):
    deadline = time.monotonic() + 20
    while text not in process.tail():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_graph_is_the_demos_own():
    found = ros_environment(None, {"ROS_DOMAIN_ID": "0", "ROS_DISCOVERY_SERVER": "somewhere", "HOME": "/h"})
    assert int(found["ROS_DOMAIN_ID"]) in DOMAINS
    assert found["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert "ROS_DISCOVERY_SERVER" not in found
    assert found["HOME"] == "/h"
    assert ros_environment(7, {})["ROS_DOMAIN_ID"] == "7"
    assert ros_environment(7, {"ROS_DISTRO": "humble"})["ROS_LOCALHOST_ONLY"] == "1"


def test_a_virtual_environment_has_one_middleware(tmp_path, monkeypatch):
    shell = {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert ros_environment(7, shell)["RMW_IMPLEMENTATION"] == "rmw_cyclonedds_cpp"
    (tmp_path / "share" / "ament_index").mkdir(parents=True)
    assert "RMW_IMPLEMENTATION" not in ros_environment(7, shell)


def test_output_and_status(tmp_path):
    process = child(tmp_path, "import sys; print(*range(100), sep='\\n'); sys.exit(3)")
    process._process.wait(20)  # Interrupted on its way out, it would end with another status.
    assert process.tail(2) == "98\n99"
    assert process.stop() == 3


def test_no_process_outlives_the_block(tmp_path, monkeypatch):
    monkeypatch.setattr("processes.GRACE_S", 0.3)
    with child(tmp_path, STUBBORN) as process:
        wait_for("up", process)
        assert process.status is None
    assert process.status == -15


def test_a_killed_demo_takes_its_children_along(tmp_path, demo_folder):
    parent = child(tmp_path, ORPHANING.format(demo=str(demo_folder)))
    parent._process.wait(20)
    pid = int(parent.tail())
    deadline = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
