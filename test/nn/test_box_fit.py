"""The gradient of the box branch's loss in closed form against autograd, and what descent does with it."""

from copy import deepcopy
from subprocess import run
from sys import executable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gradnet_ros.nn.box import BoxHead, BoxTemplate
from gradnet_ros.nn.box_fit import FLOOR, STEP, BoxFit, box_gradient
from gradnet_ros.nn.checkpoint import load_network, shipped_weights
from gradnet_ros.nn.losses import box_iou_loss
from support import need_weights

DEPTHS, STRIDE, MARGIN = (6, 10), 8, 3
CELLS = 9


def small_head():
    torch.manual_seed(0)
    head = BoxHead(DEPTHS, STRIDE, MARGIN)
    nn.init.normal_(head.edges.weight, std=0.1)
    return head.double().requires_grad_(False)


def random_case(views, seed=0, parts=49, cells=CELLS + 2 * MARGIN, spread=1.0, dtype=torch.float64):
    """Features of views, a template, and where the target is in each view."""
    random = torch.Generator().manual_seed(seed)

    def noise(*shape):
        return spread * torch.randn(shape, generator=random, dtype=dtype)

    template = BoxTemplate(
        noise(1, parts, 64), noise(1, 64), noise(1, 64), torch.tensor([[30.0, 22.0]], dtype=dtype)
    )
    offsets = (torch.rand(views, 2, generator=random) * 24 - 12).to(dtype)
    sizes = (torch.rand(views, 2, generator=random) * 30 + 14).to(dtype)
    return noise(views, 64, cells, cells), template, offsets, sizes


def error(head, features, template, offsets, sizes):
    everywhere = BoxTemplate(*(part.expand(len(features), *part.shape[1:]) for part in template))
    edges = head.edges_from(head.ratios(features, everywhere), template.size)
    return box_iou_loss(edges, offsets, sizes, STRIDE)[0]


def by_autograd(head, features, template, offsets, sizes):
    moving = [part.clone().requires_grad_() for part in template[:3]]
    return torch.autograd.grad(
        error(head, features, BoxTemplate(*moving, template.size), offsets, sizes), moving
    )


def assert_equal(found, expected, tolerance):
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() <= tolerance * other.abs().max()
        assert other.any()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(views=st.integers(1, 4), seed=st.integers(0, 2**32 - 1), spread=st.floats(0.1, 3.0))
def test_the_gradient_is_autograds(views, seed, spread):
    head, case = small_head(), random_case(views, seed, spread=spread)
    assert_equal(box_gradient(head, *case, STRIDE), by_autograd(head, *case), 1e-9)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_shipped_branchs_gradient_is_autograds(layout):
    need_weights()
    head = load_network(shipped_weights("lite")).net.box
    features, *rest = random_case(4, cells=31, dtype=torch.float32)
    case = (features.contiguous(memory_format=layout), *rest)
    assert_equal(box_gradient(head, *case, STRIDE), by_autograd(head, *case), 1e-5)


def two_targets(views=4):
    """Features, offsets and sizes of both, one after the other, and their templates together and apart."""
    cases = [random_case(views, seed) for seed in (1, 2)]
    features, offsets, sizes = (torch.cat([case[part] for case in cases]) for part in (0, 2, 3))
    apart = [case[1] for case in cases]
    return features, BoxTemplate(*map(torch.cat, zip(*apart, strict=True))), offsets, sizes, apart


def test_several_targets_gradients_are_those_of_each():
    head = small_head()
    features, together, offsets, sizes, apart = two_targets()
    found = box_gradient(head, features, together, offsets, sizes, STRIDE)
    for number, template in enumerate(apart):
        own = slice(4 * number, 4 * number + 4)
        expected = box_gradient(head, features[own], template, offsets[own], sizes[own], STRIDE)
        assert_equal([part[number : number + 1] for part in found], expected, 1e-9)


def test_several_targets_are_fitted_each_on_its_own():
    _, together, *_, apart = two_targets()

    def gradient(batch, now):
        return [(batch + 1.5) * part.square() for part in now[:3]]

    fits = [BoxFit(template, gradient, steps=3) for template in (together, *apart)]
    for _ in range(2):
        found, *expected = (fit.step() for fit in fits)
    for number, each in enumerate(expected):
        for one, other in zip(found, each, strict=True):
            torch.testing.assert_close(one[number : number + 1], other)


def test_another_template_is_moved_as_its_own_and_passes_gradients_on():
    _, template, *_ = random_case(1)
    fit = BoxFit(template, lambda batch, now: [torch.ones_like(part) for part in now[:3]], steps=2)
    moved = fit.step()
    assert all(torch.equal(*pair) for pair in zip(fit.apply(template), moved, strict=True))
    doubled = BoxTemplate(*(2 * part for part in template[:3]), template.size)
    doubled.parts.requires_grad_()
    parts, target, *_ = fit.apply(doubled)
    torch.testing.assert_close(parts, 2 * moved[0])
    torch.testing.assert_close(target, moved[1] + template.target)
    (slope,) = torch.autograd.grad(parts.sum(), doubled.parts)
    torch.testing.assert_close(slope, moved[0] / template.parts)


def test_answers_at_their_bound_say_nothing():
    head = small_head()
    head.edges.bias.fill_(50.0)
    assert not any(part.any() for part in box_gradient(head, *random_case(2), STRIDE))


@pytest.mark.parametrize(("steps", "share"), [(20, 0.8), (40, 0.7)])
def test_descent_lowers_the_error_and_keeps_what_it_was_given(steps, share):
    head, (features, template, offsets, sizes) = small_head(), random_case(4)
    before = deepcopy(template)
    fit = BoxFit(
        template,
        lambda batch, now: box_gradient(head, features, BoxTemplate(*now), offsets, sizes, STRIDE),
        steps=steps,
    )
    for _ in range(steps):
        fitted = fit.step()
    errors = [float(error(head, features, each, offsets, sizes)) for each in (template, BoxTemplate(*fitted))]
    assert errors[1] < share * errors[0]
    assert all(torch.equal(*pair) for pair in zip(template, before, strict=True))
    assert torch.equal(fitted[3], template.size)


def test_the_steps_are_adams_on_a_gain_and_two_means():
    """Against torch's, with the gradient by autograd."""
    head, (features, template, offsets, sizes) = small_head(), random_case(4)
    gain, target, surround = (torch.zeros(1, 64, dtype=torch.float64, requires_grad=True) for _ in range(3))
    optimiser = torch.optim.Adam([gain, target, surround], lr=STEP, eps=FLOOR)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=6)
    fit = BoxFit(
        template,
        lambda batch, now: box_gradient(head, features, BoxTemplate(*now), offsets, sizes, STRIDE),
        steps=6,
    )
    for _ in range(6):
        moved = BoxTemplate(
            template.parts * (1 + gain), template.target + target, template.surround + surround, template.size
        )
        optimiser.zero_grad()
        error(head, features, moved, offsets, sizes).backward()
        optimiser.step()
        schedule.step()
        found = fit.step()
    expected = template.parts * (1 + gain), template.target + target, template.surround + surround
    for one, other in zip(found, expected, strict=False):
        torch.testing.assert_close(one, other.detach(), rtol=1e-6, atol=1e-9)
    assert (gain.abs() > 0.1).any()


def test_more_steps_than_were_meant_move_nothing():
    _, template, *_ = random_case(1)
    fit = BoxFit(template, lambda batch, now: [torch.ones_like(part) for part in now[:3]], steps=2)
    fit.step()
    last = fit.step()
    assert all(torch.equal(*pair) for pair in zip(fit.step(), last, strict=True))


def test_the_compiler_is_not_brought_in():
    """It takes seconds, and a target would be lost in them."""
    code = (
        "import sys, torch; from gradnet_ros.nn.box_fit import BoxFit;"
        "parts = torch.ones(1, 9, 4), torch.ones(1, 4), torch.ones(1, 4), torch.ones(1, 2);"
        "BoxFit(parts, lambda batch, now: now[:3], 2).step(); assert 'torch._dynamo' not in sys.modules"
    )
    run([executable, "-c", code], check=True, timeout=100)


def test_batches_take_turns_and_a_failing_one_is_not_a_step():
    _, template, *_ = random_case(1)
    asked = []

    def gradient(batch, now):
        asked.append(batch)
        if len(asked) == 2:
            raise RuntimeError("out of memory")
        return [torch.ones_like(part) for part in now[:3]]

    fit = BoxFit(template, gradient, steps=4)
    once = fit.step()
    with pytest.raises(RuntimeError):
        fit.step()
    twice = fit.step()
    assert asked == [0, 1, 1]
    for before, first, second in zip(template[1:3], once[1:3], twice[1:3], strict=True):
        torch.testing.assert_close(first, before - STEP, rtol=0, atol=1e-4)
        torch.testing.assert_close(second, before - (1 + 3 / 4) * STEP, rtol=0, atol=1e-4)
