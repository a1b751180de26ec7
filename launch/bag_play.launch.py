"""Launch the tracker node and `ros2 bag play` together.

`ros2 bag play` publishes a whole bag, every topic of it, at its own pace: what the tracker node is too slow
for is dropped. The player starts paused, so that no picture is gone before the network is loaded; it goes on
by

    ros2 service call /rosbag2_player/resume rosbag2_interfaces/srv/Resume

and the target is given as on a live robot, by the service init_target of the node. For a run that gives the
target by itself, waits for every picture and writes a report, see replay.launch.py.
"""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from gradnet_ros.ros.transport import large_image_variables

TRACKER_ARGUMENTS = (
    *("name", "namespace", "params_file", "image_transport"),
    *("device", "network", "engine", "weights", "log_level"),
)
"""Passed on to tracker.launch.py; the defaults are its own, for what this file has set counts there too."""


def generate_launch_description() -> LaunchDescription:
    default_params = str(Path(get_package_share_directory("gradnet_ros")) / "config" / "tracker.yaml")
    flag = ["true", "false"]
    return LaunchDescription(
        [
            DeclareLaunchArgument("bag", description="The bag: its folder, or one file of it."),
            DeclareLaunchArgument(
                "image",
                description="Topic of the pictures in the bag; without /compressed where it ends so.",
            ),
            DeclareLaunchArgument("rate", default_value="1.0", description="Times the recorded rate."),
            DeclareLaunchArgument(
                "paused",
                default_value="true",
                choices=flag,
                description="Whether the player waits for /rosbag2_player/resume.",
            ),
            DeclareLaunchArgument(
                "loop",
                default_value="false",
                choices=flag,
                description="Whether the bag starts over at its end.",
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
        launch_arguments=list({**given, "image": value("image"), "use_sim_time": "true"}.items()),
    )
    command = ["ros2", "bag", "play", value("bag"), "--clock", "--rate", value("rate")]
    command += ["--start-paused"] if value("paused") == "true" else []
    command += ["--loop"] if value("loop") == "true" else []
    player = ExecuteProcess(
        cmd=command,
        output="screen",
        additional_env=large_image_variables(),  # The player is the one that sends the images.
        on_exit=_shut_down,
    )
    return [tracker, player]


def _shut_down(event: ProcessExited, context: LaunchContext) -> list[EmitEvent]:
    """End the launch with the player, and say how that ended."""
    if context.is_shutdown:  # Ctrl-C has ended it.
        return []
    failure = f"ros2 bag play has failed with exit status {event.returncode}"
    return [EmitEvent(event=Shutdown(reason=failure if event.returncode else "the bag has ended"))]
