"""The message types of vision_msgs in use are those of the distributions, down to the type hash."""

import json
import os
import sys
from pathlib import Path

import pytest

# Published with the distributions' vision_msgs 4. A hash covers the nested types too.
EXPECTED = {
    "Detection2D": "RIHS01_0d12b69df5c593b3455b7346fac8205437a7d4bcb09b9e0e0b2dde787ded38ea",
    "Detection2DArray": "RIHS01_214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968",
}


def message_folder():
    """Find the installed vision_msgs: the first in the order in which ROS looks."""
    prefixes = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    folders = [Path(prefix) / "share" / "vision_msgs" / "msg" for prefix in prefixes if prefix]
    return next((folder for folder in folders if folder.is_dir()), None)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_type_hash_equals_the_distributions(name):
    folder = message_folder()
    if folder is None:
        pytest.skip("no vision_msgs is installed")
    description = folder / f"{name}.json"
    if not description.exists() and (folder / f"{name}.msg").exists():
        pytest.skip("this ROS generation has no type hashes (they came after Humble)")
    hashes = {
        each["type_name"]: each["hash_string"] for each in json.loads(description.read_text())["type_hashes"]
    }
    assert hashes[f"vision_msgs/msg/{name}"] == EXPECTED[name]
