"""The launch files around bags: with launch where there is one, and with a stand-in that only records."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from gradnet_ros.cli.main import build_parser

ROOT = Path(__file__).parents[2]
NAMES = ("replay", "bag_play")


def source(name):
    return ROOT / "launch" / f"{name}.launch.py"


def declared(path):
    """Defaults of the arguments that a launch file declares, as its source has them; None without one."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "DeclareLaunchArgument":
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert keywords["description"]
            found[ast.literal_eval(node.args[0])] = keywords.get("default_value")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_shared_arguments_have_the_tracker_launch_files_defaults(name):
    # What the outer file has set, the included one takes for given, an empty text too.
    inner = declared(source("tracker"))
    outer = declared(source(name))
    shared = inner.keys() & outer.keys() - {"image"}
    assert shared == {
        "name", "namespace", "params_file", "image_transport", "device", "network", "engine", "weights",
        "log_level",
    }  # fmt: skip
    assert {key: outer[key] for key in shared} == {key: inner[key] for key in shared}


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_is_in_the_documentation(name):
    text = (ROOT / "docs" / "ros.md").read_text()
    assert f"`{name}.launch.py`" in text
    assert [argument for argument in declared(source(name)) if f"| `{argument}` |" not in text] == []


class Recorded(SimpleNamespace):
    """Keeps what it was made with."""

    def __init__(self, *args, **keywords):
        super().__init__(args=args, **keywords)


class RecordedConfiguration(Recorded):
    def perform(self, context):
        return context[self.args[0]]


def stand_in(name, **members):
    module = ModuleType(name)
    for member, value in members.items():
        setattr(module, member, value)
    return module


@pytest.fixture
def load(monkeypatch):
    """Loads a launch file over the stand-in, and makes its actions of some arguments."""
    recorded = {
        name: type(name, (Recorded,), {})
        for name in ("DeclareLaunchArgument", "EmitEvent", "ExecuteProcess", "IncludeLaunchDescription")
    }
    modules = [
        stand_in("ament_index_python"),
        stand_in("ament_index_python.packages", get_package_share_directory=lambda name: f"/share/{name}"),
        stand_in("launch", LaunchContext=dict, LaunchDescription=Recorded),
        stand_in("launch.actions", OpaqueFunction=Recorded, **recorded),
        stand_in("launch.events", Shutdown=Recorded),
        stand_in("launch.events.process", ProcessExited=Recorded),
        stand_in("launch.launch_description_sources", PythonLaunchDescriptionSource=Recorded),
        stand_in("launch.substitutions", LaunchConfiguration=RecordedConfiguration),
        stand_in("gradnet_ros.ros.transport", large_image_variables=lambda: {"PROFILES": "large.xml"}),
        stand_in("launch_ros"),
        stand_in("launch_ros.actions", Node=type("Node", (Recorded,), {})),
    ]
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)

    def actions(file, **given):
        spec = importlib.util.spec_from_file_location(f"{file}_launch", source(file))
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        *arguments, function = loaded.generate_launch_description().args[0]
        context = {each.args[0]: each.default_value for each in arguments if hasattr(each, "default_value")}
        return function.function({**context, **given})

    return actions


def tracker_arguments(include):
    assert include.args[0].args == ("/share/gradnet_ros/launch/tracker.launch.py",)
    return dict(include.launch_arguments)


def test_replay_with_defaults(load):
    tracker, replay = load("replay", bag="/data/drive")
    given = tracker_arguments(tracker)
    assert given["use_sim_time"] == "true"
    assert given["params_file"] == "/share/gradnet_ros/config/tracker.yaml"
    assert (replay.package, replay.executable) == ("gradnet_ros", "replay")
    assert replay.arguments == ["/data/drive", "--node=/tracker_node"]


@pytest.mark.parametrize(
    ("file", "given", "done", "failed"),
    [
        ("replay", {"bag": "drive"}, "the replay has ended", "replay has failed with exit status 2"),
        (
            "bag_play",
            {"bag": "drive", "image": "/image"},
            "the bag has ended",
            "ros2 bag play has failed with exit status 2",
        ),
    ],
)
def test_launch_ends_with_the_process_and_says_how_that_ended(load, file, given, done, failed):
    _, process = load(file, **given)
    for status, running, reasons in ((0, True, [done]), (2, True, [failed]), (-2, False, [])):
        ended = process.on_exit(Recorded(returncode=status), SimpleNamespace(is_shutdown=not running))
        assert [action.event.reason for action in ended] == reasons


def test_replay_passes_every_option_on_and_its_command_line_takes_them(load):
    given = {
        "bag": "drive",
        "image_topic": "/camera/image_raw",
        "truth": "truth.txt",
        "init": "-3,4,20,30",
        "rate": "2",
        "output": "out",
        "stamps": "record",
        "target_id": "cup",
        "class_id": "mug",
        "timeout": "5",
        "salvage": "true",
        "namespace": "robot/",
        "name": "eye",
    }
    tracker, replay = load("replay", **given)
    assert tracker_arguments(tracker)["namespace"] == "robot/"
    ros = ["--ros-args", "-r", "__node:=replay"]
    options = build_parser().parse_args(["bag", "replay", *replay.arguments, *ros])
    assert (options.bag, options.image_topic, options.rate) == (Path("drive"), "/camera/image_raw", 2.0)
    assert (options.init, options.node) == ((-3.0, 4.0, 20.0, 30.0), "robot/eye")
    assert (options.stamps, options.salvage, options.target_id) == ("record", True, "cup")
    assert options.class_id == "mug"
    assert (options.timeout, options.truth, options.output) == (5.0, Path("truth.txt"), Path("out"))
    assert options.ros_args == ["-r", "__node:=replay"]


def test_bag_play(load):
    tracker, player = load("bag_play", bag="drive", image="/camera/image_raw", rate="0.5", loop="true")
    given = tracker_arguments(tracker)
    assert (given["image"], given["use_sim_time"]) == ("/camera/image_raw", "true")
    command = ["ros2", "bag", "play", "drive", "--clock", "--rate", "0.5", "--start-paused", "--loop"]
    assert player.cmd == command
    assert player.additional_env == {"PROFILES": "large.xml"}
    _, player = load("bag_play", bag="drive", image="/image", paused="false")
    assert player.cmd == ["ros2", "bag", "play", "drive", "--clock", "--rate", "1.0"]


@pytest.mark.parametrize("name", NAMES)
def test_real_launch_loads_it(name):
    pytest.importorskip("launch_ros")
    from launch.launch_description_sources import get_launch_description_from_python_launch_file

    description = get_launch_description_from_python_launch_file(str(source(name)))
    assert {each.name for each in description.get_launch_arguments()} == set(declared(source(name)))
