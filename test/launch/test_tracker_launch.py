"""The launch file: with launch where there is one, and with a stand-in that only records everywhere."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
LAUNCH_FILE = ROOT / "launch" / "tracker.launch.py"
ARGUMENTS = {
    "name", "namespace", "params_file", "image", "image_transport", "device", "network", "engine", "weights",
    "log_level", "use_sim_time", "autostart",
}  # fmt: skip


def declared():
    """Name and keywords of every argument, as the source has them."""
    found = {}
    for node in ast.walk(ast.parse(LAUNCH_FILE.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "DeclareLaunchArgument":
            found[ast.literal_eval(node.args[0])] = {keyword.arg: keyword.value for keyword in node.keywords}
    return found


def test_every_argument_is_declared_with_a_default_and_a_description():
    assert set(declared()) == ARGUMENTS
    for keywords in declared().values():
        assert {"default_value", "description"} <= set(keywords)
        assert ast.literal_eval(keywords["description"]).strip()


def test_every_argument_is_in_the_documentation():
    text = (ROOT / "docs" / "ros.md").read_text()
    assert [name for name in ARGUMENTS if f"| `{name}` |" not in text] == []


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
def launch_file(monkeypatch):
    """The launch file, loaded over the stand-in."""
    modules = [
        stand_in("ament_index_python"),
        stand_in("ament_index_python.packages", get_package_share_directory=lambda name: f"/share/{name}"),
        stand_in("launch", LaunchContext=dict, LaunchDescription=Recorded),
        stand_in("launch.actions", DeclareLaunchArgument=Recorded, OpaqueFunction=Recorded),
        stand_in("launch.substitutions", LaunchConfiguration=RecordedConfiguration),
        stand_in("launch_ros"),
        stand_in("launch_ros.actions", Node=Recorded),
        stand_in("launch_ros.parameter_descriptions", ParameterValue=Recorded),
    ]
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    spec = importlib.util.spec_from_file_location("tracker_launch", LAUNCH_FILE)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def node_of(launch_file, **given):
    """The node that the launch file makes of some arguments."""
    *arguments, function = launch_file.generate_launch_description().args[0]
    context = {argument.args[0]: argument.default_value for argument in arguments}
    (node,) = function.function({**context, **given})
    return node


def test_defaults_leave_every_parameter_to_the_file(launch_file):
    node = node_of(launch_file)
    assert node.parameters == ["/share/gradnet_ros/config/tracker.yaml"]
    assert (node.package, node.executable, node.name, node.namespace) == (
        "gradnet_ros",
        "tracker",
        "tracker_node",
        "",
    )
    assert node.remappings == [("image", "image")]
    assert node.ros_arguments == ["--log-level", "info"]


def test_given_arguments_come_after_the_file_and_keep_their_types(launch_file):
    node = node_of(
        launch_file,
        device="cuda:0",
        weights="7",
        autostart="False",
        use_sim_time="true",
        params_file="/p.yaml",
    )
    path, values = node.parameters
    assert path == "/p.yaml"
    assert set(values) == {"device", "weights", "autostart", "use_sim_time"}
    assert (values["autostart"], values["use_sim_time"]) == (False, True)
    assert (values["device"].args, values["device"].value_type) == (("cuda:0",), str)
    assert (values["weights"].args, values["weights"].value_type) == (("7",), str)


def test_defaults_are_among_the_choices(launch_file):
    *arguments, _ = launch_file.generate_launch_description().args[0]
    for argument in arguments:
        assert argument.default_value in getattr(argument, "choices", [argument.default_value])


def test_real_launch_loads_it():
    pytest.importorskip("launch_ros")
    from launch import LaunchContext
    from launch.actions import DeclareLaunchArgument
    from launch.launch_description_sources import get_launch_description_from_python_launch_file

    description = get_launch_description_from_python_launch_file(str(LAUNCH_FILE))
    context = LaunchContext()
    for entity in description.entities:
        if isinstance(entity, DeclareLaunchArgument):
            entity.execute(context)
    (node,) = description.entities[-1].execute(context)
    assert type(node).__name__ == "Node"
