#!/usr/bin/env python3
"""Make the project's environment in ``.venv``: Python packages, ROS 2 and the interface packages.

For machines without a ROS distribution. ROS 2 itself comes as Python wheels, which makes the virtual
environment a ROS prefix: the interface packages are built into it, and the project is installed into it in
editable mode.

Each step leaves a stamp that carries a hash of all it was made from. A step whose stamp is current is
skipped, so a second run returns at once. A step that failed has no stamp and is done again. Where pip was
killed at work, everything is done again, for it takes half-installed packages for installed.

Standard library only, and for Python 3.8 or newer, so that users of an unsupported Python are told so in
plain words.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable, Mapping, Sequence, TextIO

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"

OLDEST = (3, 10)
NEWEST = (3, 13)
OLDEST_GLIBC = (2, 28)  # of the ROS wheels

RECIPE = "1"  # Part of every stamp; raise it when the steps below change what they make.

TOOLS = {  # command -> (Debian and Ubuntu package, what it is needed for)
    "cmake": ("cmake", "configures the ROS interface packages"),
    "g++": ("g++", "compiles the ROS interface packages"),
    "make": ("make", "builds the ROS interface packages"),
}

# All four install the same folder, cv2: only one of them may be there.
OPENCV_WHEELS = tuple(
    f"opencv{contrib}-python{headless}" for contrib in ("", "-contrib") for headless in ("", "-headless")
)

# Where the wheels were built; 21 of their exported CMake files name it instead of this machine's folders.
BUILD_PYTHON = re.compile(r"/opt/python/cp3\d+-cp3\d+/include/python3\.\d+")
BUILD_NUMPY = re.compile(r"/opt/python/cp3\d+-cp3\d+/lib/python3\.\d+/site-packages/numpy/_core/include")

PROBE = """
import importlib.util, json, os, platform, sys, sysconfig
header = os.path.join(sysconfig.get_paths()["include"], "Python.h")
cpython = platform.python_implementation() == "CPython"
print(json.dumps({
    "version": sys.version_info[:2],
    "cpython": cpython and not sysconfig.get_config_var("Py_GIL_DISABLED"),
    "venv": importlib.util.find_spec("venv") is not None,
    "pip": importlib.util.find_spec("ensurepip") is not None,
    "headers": os.path.exists(header),
}))
"""


class SetupError(Exception):
    """A step failed; the message is for the user."""


@dataclass(frozen=True)
class Missing:
    """Something the machine lacks, and the packages that bring it (none: nothing to install helps)."""

    what: str
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Interpreter:
    """A Python that was started and asked about itself."""

    path: str
    version: tuple[int, int]
    cpython: bool = True
    venv: bool = True
    pip: bool = True
    headers: bool = True

    @property
    def supported(self) -> bool:
        """Whether wheels exist for it."""
        return self.cpython and OLDEST <= self.version <= NEWEST

    def lacks(self) -> list[Missing]:
        """Name the parts of it that Linux distributions package separately and that are not here."""
        name = f"python{dotted(self.version)}"
        missing = []
        if not self.venv:
            missing.append(Missing(f"the venv module of {self.path}", (f"{name}-venv",)))
        if not self.pip:
            missing.append(Missing(f"pip (the ensurepip module of {self.path})", (f"{name}-venv",)))
        if not self.headers:
            missing.append(Missing(f"Python.h of {self.path}", (f"{name}-dev",)))
        return missing


@dataclass(frozen=True)
class Step:
    """One part of the work: what it is made from, how, and whether it can be repeated after a kill."""

    name: str
    title: str
    inputs: Callable[[], str]
    make: Callable[[TextIO], None]
    repeatable: bool = False


def dotted(version: Sequence[int]) -> str:
    """Write a version tuple as text."""
    return ".".join(str(part) for part in version)


# What the machine has -----------------------------------------------------------------------------


def probe(path: str) -> Interpreter | None:
    """Ask the Python at ``path`` about itself; None if it does not run (a version manager's shim may not)."""
    command = [path, "-I", "-c", PROBE]
    try:
        answer = subprocess.run(
            command, env=clean_environment(), capture_output=True, text=True, timeout=60, check=True
        )
        facts = json.loads(answer.stdout)
        facts["version"] = tuple(facts["version"])
        return Interpreter(path=path, **facts)
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return None


def candidates(search_path: str) -> Iterable[str]:
    """Name the Pythons to try: the calling one, then all of the path, python3 before newer before older."""
    names = ["python3"] + [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    found = [sys.executable] if sys.executable else []
    for name in names:
        for folder in search_path.split(os.pathsep):
            path = os.path.join(folder or os.curdir, name)
            if os.access(path, os.X_OK) and os.path.isfile(path):
                found.append(path)
    for path in dict.fromkeys(found):
        if VENV not in Path(os.path.abspath(path)).parents:  # It cannot be made from itself.
            yield path


def find_interpreter(paths: Iterable[str]) -> tuple[Interpreter | None, list[Interpreter]]:
    """Choose the first supported Python, by preference one that lacks nothing; also tell which ones ran."""
    seen: list[Interpreter] = []
    for path in paths:
        interpreter = probe(path)
        if interpreter is None:
            continue
        seen.append(interpreter)
        if interpreter.supported and not interpreter.lacks():
            return interpreter, seen
    return next((each for each in seen if each.supported), None), seen


def check_platform(system: str, machine: str, libc: tuple[str, str]) -> list[Missing]:
    """Tell what of the platform no package can mend."""
    missing = []
    if (system, machine) != ("Linux", "x86_64"):
        missing.append(
            Missing(f"x86-64 Linux, which the ROS wheels are built for (here: {system}, {machine})")
        )
    elif libc[0] != "glibc" or tuple(int(part) for part in re.findall(r"\d+", libc[1])[:2]) < OLDEST_GLIBC:
        here = " ".join(libc).strip() or "another C library"
        missing.append(Missing(f"glibc {dotted(OLDEST_GLIBC)} or newer for the ROS wheels (here: {here})"))
    return missing


def check_python(chosen: Interpreter | None, seen: Sequence[Interpreter]) -> list[Missing]:
    """Tell what of Python is missing."""
    if chosen is not None:
        return chosen.lacks()
    found = ", ".join(f"{dotted(each.version)} at {each.path}" for each in seen) or "none that runs"
    return [
        Missing(
            f"CPython {dotted(OLDEST)} to {dotted(NEWEST)} (found: {found}); if the system's packages do not "
            "have one, install it by other means and call: make setup PYTHON=/path/to/python",
            ("python3", "python3-venv", "python3-dev"),
        )
    ]


def check_tools(which: Callable[[str], str | None] = shutil.which) -> list[Missing]:
    """Tell which build tools are missing."""
    return [
        Missing(f"{command} ({purpose})", (package,))
        for command, (package, purpose) in TOOLS.items()
        if which(command) is None
    ]


def missing_message(missing: Sequence[Missing]) -> str:
    """List all that is missing, and one command that installs what can be installed."""
    lines = ["The environment cannot be made on this machine yet. Missing:"]
    lines += [f"  - {each.what}" for each in missing]
    packages = list(dict.fromkeys(package for each in missing for package in each.packages))
    if packages:
        lines += ["Install on Debian or Ubuntu with:", f"  sudo apt-get install {' '.join(packages)}"]
    return "\n".join(lines)


def check_machine() -> Interpreter:
    """Return the Python to use; raise with everything that is missing at once."""
    chosen, seen = find_interpreter(candidates(os.environ.get("PATH", os.defpath)))
    missing = check_platform(platform.system(), platform.machine(), platform.libc_ver())
    missing += check_python(chosen, seen)
    missing += check_tools()
    if missing or chosen is None:
        raise SetupError(missing_message(missing))
    return chosen


# Running commands ---------------------------------------------------------------------------------


def clean_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the process environment without what lets another Python, ROS or make reach into this one."""
    environment = dict(os.environ if environ is None else environ)
    prefixes = [each for each in environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if each]
    libraries = [
        each
        for each in environment.get("LD_LIBRARY_PATH", "").split(os.pathsep)
        if each and not any(each == prefix or each.startswith(prefix + os.sep) for prefix in prefixes)
    ]
    for name in (
        *("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "LD_LIBRARY_PATH"),
        *("AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "COLCON_PREFIX_PATH", "ROS_DISTRO"),
        *("MAKEFLAGS", "MFLAGS", "MAKELEVEL"),
        "_ROS_WHEELS_BOOTSTRAP_COMPLETE",  # Set by the wheels once they have set the library path: not ours.
    ):
        environment.pop(name, None)
    if libraries:
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)
    return environment


def venv_environment() -> dict[str, str]:
    """Return the environment in which commands of the virtual environment run."""
    environment = clean_environment()
    environment["PATH"] = os.pathsep.join([str(VENV / "bin"), environment.get("PATH", os.defpath)])
    environment["VIRTUAL_ENV"] = str(VENV)
    environment["AMENT_PREFIX_PATH"] = str(VENV)
    environment["CMAKE_PREFIX_PATH"] = str(VENV)
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    return environment


def run(command: Sequence[str], log: TextIO, environment: Mapping[str, str] | None = None) -> None:
    """Run a command in the project folder with all its output in the log; raise if it fails."""
    log.write(f"\n$ {' '.join(shlex.quote(part) for part in command)}\n")
    log.flush()
    result = subprocess.run(
        command,
        cwd=ROOT,
        env=dict(environment or venv_environment()),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    if result.returncode != 0:
        raise SetupError(f"{os.path.basename(command[0])} failed with exit status {result.returncode}.")


def python(*arguments: str) -> list[str]:
    """Compose a command for the environment's Python."""
    return [str(VENV / "bin" / "python"), *arguments]


def pip_install(log: TextIO, *arguments: str) -> None:
    """Install packages at the versions of the constraints file.

    Source packages are built with the environment's own pinned setuptools, not with one fetched for it.
    """
    extra = shlex.split(os.environ.get("PIP_ARGS", ""))
    constraints = str(ROOT / "constraints.txt")
    run(python("-m", "pip", "install", "--no-build-isolation", *extra, "-c", constraints, *arguments), log)


# The steps ----------------------------------------------------------------------------------------


def make_venv(interpreter: Interpreter, log: TextIO) -> None:
    """Make the bare virtual environment with the build tools that everything else is installed with."""
    run([interpreter.path, "-m", "venv", str(VENV)], log, clean_environment())
    pip_install(log, "setuptools", "wheel")


def install_torch(log: TextIO) -> None:
    """Install torch before everything else, so that no other package chooses its version or its build."""
    pip_install(log, "torch")


def install_packages(log: TextIO) -> None:
    """Install all other packages, then mend the ROS wheels' CMake files."""
    unwanted = unwanted_opencv()
    if unwanted:
        run(python("-m", "pip", "uninstall", "--yes", *unwanted), log)
    arguments = [part for path in requirement_files() for part in ("-r", str(path))]
    pip_install(log, *arguments)
    include, numpy_include = include_folders()
    log.write(f"\n{patch_cmake_files(VENV / 'share', include, numpy_include)} CMake files mended\n")


def build_interfaces(log: TextIO) -> None:
    """Build the interface packages into the environment, and see that they can be imported."""
    # CMake's cache of an earlier build may name another Python.
    shutil.rmtree(VENV / "build", ignore_errors=True)
    command = [str(VENV / "bin" / "colcon"), "--log-base", str(VENV / "log"), "build"]
    command += ["--merge-install", "--install-base", str(VENV), "--build-base", str(VENV / "build")]
    command += ["--base-paths", "gradnet_interfaces", "overlay/vision_msgs"]
    command += ["--event-handlers", "console_direct+"]
    command += ["--cmake-args", "-DBUILD_TESTING=OFF", f"-DPython3_EXECUTABLE={VENV / 'bin' / 'python'}"]
    run(command, log)
    run(python("-c", "import rclpy, gradnet_interfaces.srv as s; s.InitTarget.Request()"), log)


def install_project(log: TextIO) -> None:
    """Install the project itself, so that edits of its sources count at once."""
    pip_install(log, "--no-deps", "-e", str(ROOT))


def unwanted_opencv() -> list[str]:
    """Name the OpenCV wheels to remove before the required one is installed: none if it is there alone.

    The required one is among them where another is there too, for that one's removal takes its files along.
    """
    wanted = {line.strip() for path in requirement_files() for line in path.read_text().splitlines()}
    found = [
        name
        for name in OPENCV_WHEELS
        if any((VENV / "lib").glob(f"python*/site-packages/{name.replace('-', '_')}-[0-9]*.dist-info"))
    ]
    return found if set(found) - wanted else []


def include_folders() -> tuple[str, str]:
    """Return the folders of the C headers of the environment's Python and of its NumPy."""
    code = "import sysconfig, numpy; print(sysconfig.get_paths()['include']); print(numpy.get_include())"
    answer = subprocess.run(python("-c", code), env=venv_environment(), capture_output=True, text=True)
    lines = answer.stdout.split("\n")
    if answer.returncode != 0 or len(lines) < 2:
        raise SetupError(f"The environment's NumPy cannot be imported.\n{answer.stderr}")
    return lines[0], lines[1]


def patch_cmake_files(folder: Path, include: str, numpy_include: str) -> int:
    """Let the wheels' CMake files name this machine's header folders; return how many were changed."""
    changed = 0
    for path in sorted(folder.rglob("*.cmake")):
        text = path.read_text(encoding="utf-8")
        mended = BUILD_PYTHON.sub(lambda _: include, BUILD_NUMPY.sub(lambda _: numpy_include, text))
        if mended != text:
            path.write_text(mended, encoding="utf-8")
            changed += 1
    return changed


def requirement_files() -> list[Path]:
    """List the requirements files."""
    return sorted((ROOT / "requirements").glob("*.txt"))


def interface_files() -> list[Path]:
    """List the sources of the interface packages."""
    folders = (ROOT / "gradnet_interfaces", ROOT / "overlay" / "vision_msgs")
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


def project_files() -> list[Path]:
    """List what decides how the project is installed; its modules are used where they stand."""
    return [ROOT / name for name in ("pyproject.toml", "setup.cfg", "setup.py")]


def steps(interpreter: Interpreter | None = None) -> list[Step]:
    """List the steps in order. Without an interpreter the list serves to compare stamps only."""

    def make_this_venv(log: TextIO) -> None:
        if interpreter is None:
            raise SetupError("No Python to make the environment with.")
        make_venv(interpreter, log)

    def versions() -> str:
        return digest([ROOT / "constraints.txt", *requirement_files()])

    return [
        Step("venv", "virtual environment", lambda: f"{VENV} {environment_version()}", make_this_venv),
        Step("torch", "torch", lambda: digest([ROOT / "constraints.txt"]), install_torch),
        Step("packages", "Python packages and ROS 2", versions, install_packages),
        Step(
            "interfaces", "ROS interface packages", lambda: digest(interface_files()), build_interfaces, True
        ),
        Step("project", "gradnet_ros", lambda: digest(project_files()), install_project, True),
    ]


# Stamps -------------------------------------------------------------------------------------------


def digest(paths: Iterable[Path]) -> str:
    """Hash names and contents of files of the project."""
    total = hashlib.sha256()
    for path in paths:
        total.update(str(path.relative_to(ROOT)).encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def environment_version() -> str:
    """Return the Python version of the environment, or nothing if it has none that runs.

    An upgrade of the system may put another Python behind the environment's link.
    """
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:  # Without site, which would load the ROS wheels' start-up hook and take long.
        answer = subprocess.run(python("-I", "-S", "-c", code), capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ""
    version = answer.stdout.strip()
    return version if (VENV / "lib" / f"python{version}" / "site-packages").is_dir() else ""


def key_of(step: Step, previous: str) -> str:
    """Hash all that a step's result depends on, the steps before it included."""
    return hashlib.sha256("\n".join([RECIPE, step.name, previous, step.inputs()]).encode()).hexdigest()


def stamp_path(step: Step) -> Path:
    """Say where a step's stamp lies."""
    return VENV / "stamps" / step.name


def has_stamp(step: Step, key: str) -> bool:
    """Tell whether a step was finished with these inputs."""
    try:
        return stamp_path(step).read_text(encoding="utf-8") == key
    except OSError:
        return False


def cut_off_path() -> Path:
    """Say where the name of the step at work lies while it is at work, and stays if it is killed."""
    return VENV / "stamps" / "at_work"


def must_start_over(all_steps: Sequence[Step]) -> bool:
    """Tell whether an earlier run was killed in a step that cannot just be repeated."""
    try:
        name = cut_off_path().read_text(encoding="utf-8")
    except OSError:
        return False
    return not any(step.name == name and step.repeatable for step in all_steps)


def first_stale(all_steps: Sequence[Step]) -> int:
    """Return the index of the first step that must be done; the number of steps if none must."""
    if must_start_over(all_steps):
        return 0
    key = ""
    for index, step in enumerate(all_steps):
        key = key_of(step, key)
        if not has_stamp(step, key):
            return index
    return len(all_steps)


# The run ------------------------------------------------------------------------------------------


def do_steps(all_steps: Sequence[Step], first: int, log: TextIO) -> None:
    """Do the steps from ``first`` on, with one line each."""
    for step in all_steps[first:]:
        if stamp_path(step).exists():
            stamp_path(step).unlink()
    cut_off_path().parent.mkdir(exist_ok=True)
    key = ""
    for index, step in enumerate(all_steps):
        if index >= first:
            start = time.monotonic()
            print(f"[{index + 1}/{len(all_steps)}] {step.title} ...", end=" ", flush=True)
            log.write(f"\n=== {step.title} ===\n")
            cut_off_path().write_text(step.name, encoding="utf-8")
            try:
                step.make(log)
            except SetupError:
                print("failed")
                cut_off_path().unlink()
                raise
            print(f"{time.monotonic() - start:.1f} s", flush=True)
        key = key_of(step, key)  # After the work: the first step's inputs include the version that it made.
        if index >= first:
            stamp_path(step).write_text(key, encoding="utf-8")
            cut_off_path().unlink()


def set_up() -> None:
    """Bring the environment up to date."""
    start = time.monotonic()
    with open(__file__, encoding="utf-8") as lock:  # One at a time; the file itself serves as the lock.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if first_stale(steps()) == len(steps()):
            return
        all_steps = steps(check_machine())
        first = first_stale(all_steps)
        if first == 0:
            if VENV.is_symlink() or VENV.is_file():
                VENV.unlink()
            elif VENV.exists():
                # The stamps first, in case that the removal itself is cut off.
                shutil.rmtree(VENV / "stamps", ignore_errors=True)
                shutil.rmtree(VENV)
        VENV.mkdir(exist_ok=True)
        log_path = VENV / "setup.log"
        print(f"Setting up {VENV.relative_to(ROOT)}; details in {log_path.relative_to(ROOT)}", flush=True)
        try:
            with log_path.open("w", encoding="utf-8") as log:
                do_steps(all_steps, first, log)
        except SetupError as error:
            tail = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-40:]
            raise SetupError("\n".join([*tail, "", f"{error} The whole output is in {log_path}."])) from None
        print(f"Environment ready after {time.monotonic() - start:.0f} s", flush=True)


def main() -> int:
    """Run from the command line."""
    try:
        if first_stale(steps()) < len(steps()):
            set_up()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; call it again to complete the environment.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
