"""Launch the tracker node and play a bag to it: lock-step, or at the recorded rate.

Everything ends when the replay does. The node runs on simulated time, which the replay publishes. Which topic
the node listens to does not matter: the replay asks it.

An argument left empty sets nothing: the parameters file, or the default of `gradnet bag replay`, then holds.
"""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, EmitEvent, IncludeLaunchDescription, OpaqueFunction
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

TRACKER_ARGUMENTS = (
    *("name", "namespace", "params_file", "image_transport"),
    *("device", "network", "engine", "weights", "log_level"),
)
"""Passed on to tracker.launch.py; the defaults are its own, for what this file has set counts there too."""
OPTIONS = (
    *("image_topic", "truth_topic", "truth", "init", "rate", "output", "stamps"),
    *("target_id", "class_id", "timeout"),
)
"""Arguments that are options of `gradnet bag replay`, with hyphens there."""


def generate_launch_description() -> LaunchDescription:
    default_params = str(Path(get_package_share_directory("gradnet_ros")) / "config" / "tracker.yaml")
    return LaunchDescription(
        [
            DeclareLaunchArgument("bag", description="The bag: its folder, or one file of it."),
            DeclareLaunchArgument(
                "image_topic", default_value="", description="Topic of the pictures; empty: the only one."
            ),
            DeclareLaunchArgument(
                "truth_topic", default_value="", description="Topic of Detection2D with the truth."
            ),
            DeclareLaunchArgument(
                "truth", default_value="", description="File with x,y,w,h a line, one for each picture."
            ),
            DeclareLaunchArgument(
                "init",
                default_value="",
                description="Target in the first picture, X,Y,W,H; empty: the first box of the truth.",
            ),
            DeclareLaunchArgument(
                "rate", default_value="", description="Times the recorded rate; empty: lock-step."
            ),
            DeclareLaunchArgument(
                "output",
                default_value="",
                description="Folder to write, new or empty; empty: BAG_replay here.",
            ),
            DeclareLaunchArgument(
                "stamps",
                default_value="",
                choices=["", "header", "record"],
                description="Whose time a picture has; empty: its header's.",
            ),
            DeclareLaunchArgument("target_id", default_value="", description="Name of the target."),
            DeclareLaunchArgument("class_id", default_value="", description="What the target is."),
            DeclareLaunchArgument("timeout", default_value="", description="Seconds to wait for anything."),
            DeclareLaunchArgument(
                "salvage",
                default_value="false",
                choices=["true", "false"],
                description="Use what can still be read of a damaged bag.",
            ),
            DeclareLaunchArgument("name", default_value="tracker_node", description="Name of the node."),
            DeclareLaunchArgument("namespace", default_value="", description="Namespace of the node."),
            DeclareLaunchArgument(
                "params_file", default_value=default_params, description="Path of a parameters file."
            ),
            DeclareLaunchArgument(
                "image_transport",
                default_value="",
                choices=["", "raw", "compressed"],
                description="compressed for a topic of CompressedImage.",
            ),
            DeclareLaunchArgument("device", default_value="", description="auto, cpu, cuda or cuda:N."),
            DeclareLaunchArgument("network", default_value="", description="lite or alexnet."),
            DeclareLaunchArgument(
                "engine",
                default_value="",
                description="auto, torch, cuda-graph, openvino or onnxruntime.",
            ),
            DeclareLaunchArgument("weights", default_value="", description="Path of a checkpoint."),
            DeclareLaunchArgument(
                "log_level",
                default_value="info",
                choices=["debug", "info", "warn", "error", "fatal"],
                description="Least severity of the tracker node's log.",
            ),
            OpaqueFunction(function=_make),
        ]
    )


def _make(context: LaunchContext) -> list[object]:
    def value(name: str) -> str:
        return str(LaunchConfiguration(name).perform(context))

    file = Path(get_package_share_directory("gradnet_ros")) / "launch" / "tracker.launch.py"
    given = {name: value(name) for name in TRACKER_ARGUMENTS}
    tracker = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(file)),
        launch_arguments=list({**given, "use_sim_time": "true"}.items()),
    )
    # --name=value, for a value may begin with a minus.
    options = [f"--{name.replace('_', '-')}={value(name)}" for name in OPTIONS if value(name)]
    options += ["--salvage"] if value("salvage") == "true" else []
    replay = Node(
        package="gradnet_ros",
        executable="replay",
        arguments=[value("bag"), f"--node={value('namespace').rstrip('/')}/{value('name')}", *options],
        output="screen",
        on_exit=_shut_down,
    )
    return [tracker, replay]


def _shut_down(event: ProcessExited, context: LaunchContext) -> list[EmitEvent]:
    """End the launch with the replay, and say how that ended."""
    if context.is_shutdown:  # Ctrl-C has ended it.
        return []
    failure = f"replay has failed with exit status {event.returncode}"
    return [EmitEvent(event=Shutdown(reason=failure if event.returncode else "the replay has ended"))]
