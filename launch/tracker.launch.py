"""Launch the tracker node.

The node configures and activates itself (parameter autostart), so this is a plain Node action: nothing here
sends transitions, and `ros2 lifecycle` works on it as on any managed node.

An argument left empty sets nothing: what the parameters file says then holds.
"""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

TEXTS = ("image_transport", "device", "network", "engine", "weights")
FLAGS = ("use_sim_time", "autostart")


def generate_launch_description() -> LaunchDescription:
    default_params = str(Path(get_package_share_directory("gradnet_ros")) / "config" / "tracker.yaml")
    flag = ["", "true", "false", "True", "False"]
    return LaunchDescription(
        [
            DeclareLaunchArgument("name", default_value="tracker_node", description="Name of the node."),
            DeclareLaunchArgument("namespace", default_value="", description="Namespace of the node."),
            DeclareLaunchArgument(
                "params_file", default_value=default_params, description="Path of a parameters file."
            ),
            DeclareLaunchArgument(
                "image",
                default_value="image",
                description="Topic of the images; without /compressed for the compressed transport.",
            ),
            DeclareLaunchArgument(
                "image_transport",
                default_value="",
                choices=["", "raw", "compressed"],
                description="How images are sent; empty: as the parameters file says.",
            ),
            DeclareLaunchArgument(
                "device",
                default_value="",
                description="auto, cpu, cuda or cuda:N; empty: as the parameters file says.",
            ),
            DeclareLaunchArgument(
                "network",
                default_value="",
                description="lite or alexnet; empty: as the parameters file says.",
            ),
            DeclareLaunchArgument(
                "engine",
                default_value="",
                description="auto, torch, cuda-graph, openvino or onnxruntime; empty: as the parameters file "
                "says.",
            ),
            DeclareLaunchArgument(
                "weights",
                default_value="",
                description="Path of a checkpoint; empty: as the parameters file says.",
            ),
            DeclareLaunchArgument(
                "log_level",
                default_value="info",
                choices=["debug", "info", "warn", "error", "fatal"],
                description="Least severity of the node's log.",
            ),
            DeclareLaunchArgument(
                "use_sim_time",
                default_value="",
                choices=flag,
                description="Whether to take time from /clock; empty: as the parameters file says.",
            ),
            DeclareLaunchArgument(
                "autostart",
                default_value="",
                choices=flag,
                description="Whether the node configures and activates itself; empty: as the parameters file "
                "says.",
            ),
            OpaqueFunction(function=_make_node),
        ]
    )


def _make_node(context: LaunchContext) -> list[Node]:
    def value(name: str) -> str:
        return str(LaunchConfiguration(name).perform(context))

    # ParameterValue keeps a text a text: without it launch would read it as YAML.
    given: dict[str, object] = {
        name: ParameterValue(value(name), value_type=str) for name in TEXTS if value(name)
    }
    given |= {name: value(name).lower() == "true" for name in FLAGS if value(name)}
    return [
        Node(
            package="gradnet_ros",
            executable="tracker",
            name=value("name"),
            namespace=value("namespace"),
            parameters=[value("params_file"), *([given] if given else [])],
            remappings=[("image", value("image"))],
            ros_arguments=["--log-level", value("log_level")],
            output="screen",
        )
    ]
