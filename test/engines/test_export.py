"""What is written can be read without PyTorch, says what it is, and gives PyTorch's numbers."""

import json

import numpy as np
import pytest
import torch

from gradnet_ros.cli.main import main
from gradnet_ros.nn.checkpoint import save_network
from gradnet_ros.nn.gradnet import GradNet
from support import random_network

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("network", ["lite", "alexnet"])
def test_files_and_description_agree(tmp_path, capsys, network):
    weights, folder = tmp_path / "net.safetensors", tmp_path / "new" / "out"
    save_network(weights, random_network(network), {"update_interval": 3})
    assert main(["export", str(folder), "--network", network, "--weights", str(weights)]) == 0
    said = capsys.readouterr().out
    about = json.loads((folder / "network.json").read_text())
    assert about["spec"]["name"] == network
    assert about["tracker"]["update_interval"] == 3
    assert about["boxes"] == (network == "lite")
    assert {path.stem for path in folder.glob("*.onnx")} == set(about["graphs"])
    for name, graph in about["graphs"].items():
        session = onnxruntime.InferenceSession(folder / f"{name}.onnx")
        assert [entry.name for entry in session.get_inputs()] == graph["inputs"]
        assert [entry.name for entry in session.get_outputs()] == graph["outputs"]
        assert f"{name}.onnx" in said
        for free in {"crops", "cuts"} & set(graph["inputs"]) if name != "search_boxes" else ():
            _check_free_axis(session, free)


def _check_free_axis(session, free):
    """Three crops at once are answered as each by itself."""
    generator, inputs = np.random.default_rng(0), {}
    for entry in session.get_inputs():
        shape = [3 if isinstance(side, str) else side for side in entry.shape]
        values = generator.uniform(0, 1, shape).astype(np.float32)
        inputs[entry.name] = (values * 255).astype(np.uint8) if entry.name == free else values
    together = session.run(None, inputs)
    for index in range(3):
        alone = session.run(None, inputs | {free: inputs[free][index : index + 1]})
        for all_of_it, single in zip(together, alone, strict=True):
            scale = np.abs(single).max()
            np.testing.assert_allclose(all_of_it[index : index + 1], single, rtol=0, atol=1e-4 * scale)


def test_a_graph_that_differs_is_not_passed_over(tmp_path, monkeypatch):
    from gradnet_ros.engines import export as module

    monkeypatch.setattr(module, "to_onnx", lambda graph, real=module.to_onnx: _spoil(graph, real))
    with pytest.raises(ValueError, match=r"lesson.onnx: gradient differs from PyTorch's"):
        module.export(random_network("lite"), {}, tmp_path)


def _spoil(graph, real):
    """The model of another network's scale in place of this one's."""
    if "gradient" not in graph.outputs:
        return real(graph)
    other = GradNet("lite").eval().requires_grad_(False)
    other.adjust_scale.data = torch.tensor(5.0)
    return real(type(graph)(other))


def test_an_unknown_network_is_told_in_one_line(tmp_path, capsys):
    assert main(["export", str(tmp_path), "--network", "vgg"]) == 2
    assert "network must be one of alexnet, lite" in capsys.readouterr().err
