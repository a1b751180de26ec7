"""Convolutions against loops over every place."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from gradnet_ros.nn.correlation import cross_correlate, cross_correlate_all, template_cosines


def slow_correlation(features: np.ndarray, template: np.ndarray) -> np.ndarray:
    """(C, H, W), (C, h, w) -> (H - h + 1, W - w + 1), by definition."""
    _, height, width = features.shape
    _, h, w = template.shape
    scores = np.empty((height - h + 1, width - w + 1))
    for row in range(scores.shape[0]):
        for column in range(scores.shape[1]):
            scores[row, column] = (features[:, row : row + h, column : column + w] * template).sum()
    return scores


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 4),
    channels=st.integers(1, 5),
    side=st.integers(5, 9),
    template=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 1000),
)
def test_cross_correlate_equals_the_slow_reference(count, channels, side, template, seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(count, channels, side, side + 1, generator=generator, dtype=torch.float64)
    templates = torch.randn(count, channels, *template, generator=generator, dtype=torch.float64)
    found = cross_correlate(features, templates)
    every = cross_correlate_all(features, templates)
    for i in range(count):
        expected = slow_correlation(features[i].numpy(), templates[i].numpy())
        np.testing.assert_allclose(found[i, 0].numpy(), expected, atol=1e-10)
        for j in range(count):
            other = slow_correlation(features[i].numpy(), templates[j].numpy())
            np.testing.assert_allclose(every[i, j].numpy(), other, atol=1e-10)


def test_one_template_serves_all_regions():
    features, template = torch.randn(3, 4, 8, 8), torch.randn(1, 4, 3, 3)
    repeated = cross_correlate(features, template.expand(3, -1, -1, -1).contiguous())
    torch.testing.assert_close(cross_correlate(features, template), repeated)


def test_differing_counts_are_refused():
    with pytest.raises(ValueError, match="2 templates for 3 search regions"):
        cross_correlate(torch.randn(3, 4, 8, 8), torch.randn(2, 4, 3, 3))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_float32_and_either_layout_stay_close_to_one_large_filter(layout):
    features = torch.randn(3, 16, 12, 11).to(memory_format=layout)
    templates = torch.randn(2, 16, 5, 4)
    found = cross_correlate_all(features, templates)
    torch.testing.assert_close(found, functional.conv2d(features, templates), rtol=1e-5, atol=1e-4)


def test_gradients_are_those_of_one_large_filter():
    features = torch.randn(2, 3, 7, 8, dtype=torch.float64, requires_grad=True)
    templates = torch.randn(2, 3, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(cross_correlate_all, (features, templates))
    assert torch.autograd.gradgradcheck(cross_correlate_all, (features, templates))


def test_template_cosines_by_definition():
    torch.manual_seed(0)
    templates, others = torch.randn(3, 5, 4, 4), torch.randn(3, 5, 4, 4)
    for several in (others, others[:1]):
        found = template_cosines(templates, several)
        assert found.shape == (3,)
        for one, other, cosine in zip(templates, several.expand(3, -1, -1, -1), found, strict=True):
            expected = (one * other).sum() / (one.square().sum() * other.square().sum()).sqrt()
            torch.testing.assert_close(cosine, expected)
    torch.testing.assert_close(template_cosines(3 * others, others), torch.ones(3))
    assert not template_cosines(torch.zeros(3, 5, 4, 4), others).any()
