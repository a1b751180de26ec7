"""Engines of compiled graphs answer and learn as PyTorch does, within rounding."""

import numpy as np
import pytest
import torch

from gradnet_ros.engines.protocol import MAX_SAMPLES, Look, Query, Region
from gradnet_ros.engines.torch_engine import TorchEngine
from gradnet_ros.nn.gradnet import GradNet
from gradnet_ros.tracking.rehearsal import rehearsal_views
from support import moving_scene, random_network

pytest.importorskip("onnx")
BORDER = (10.0, 20.0, 30.0)
PLACE = Region((160.0, 120.0), (100.0,))


def openvino(net):
    module = pytest.importorskip("gradnet_ros.engines.openvino_engine", exc_type=ImportError)
    return module.OpenVinoEngine(net)


def onnxruntime(net):
    module = pytest.importorskip("gradnet_ros.engines.onnxruntime_engine", exc_type=ImportError)
    return module.OnnxRuntimeEngine(net)


@pytest.fixture(scope="module")
def frames():
    return moving_scene(4)[0]


@pytest.fixture(scope="module", params=["lite", "alexnet"])
def reference(request):
    return TorchEngine(random_network(request.param), torch.device("cpu"))


@pytest.fixture(scope="module", params=[openvino, onnxruntime], ids=lambda make: make.__name__)
def engine(request, reference):
    return request.param(random_network(reference.spec.name))


def start(engine, frames):
    return engine.start(frames[0], PLACE, (48.0, 40.0), BORDER)


def offsets(count):
    return np.array([(8.0 * i, -4.0 * i) for i in range(1, count + 1)], np.float32)


def close(mine, its):
    assert (mine is None) == (its is None)
    if its is not None:
        np.testing.assert_allclose(mine, its, rtol=1e-3, atol=1e-4 * np.abs(its).max())


def compare(engine, reference, frame, states, sides, adaptive=True, boxes=False, narrow=False):
    region, spec = Region((150.0, 122.0), sides), engine.spec
    pixels = spec.narrow_size if narrow else spec.search_size
    (mine,), (its,) = (
        one.search(frame, [Query(state, region, pixels, adaptive, boxes)])
        for one, state in zip((engine, reference), states, strict=True)
    )
    for name in ("fixed", "adaptive", "edges"):
        close(getattr(mine, name), getattr(its, name))
    return mine, its


def test_it_describes_the_network_as_torch_does(engine, reference):
    for name in ("spec", "has_boxes", "adjust", "device"):
        assert getattr(engine, name) == getattr(reference, name)


@pytest.mark.parametrize("sides", [(150.0,), (150.0, 156.0, 162.0)])
def test_answers_are_torchs(engine, reference, frames, sides):
    states = [start(one, frames) for one in (engine, reference)]
    mine, _ = compare(engine, reference, frames[1], states, sides)
    assert mine.adaptive is None  # not taught yet
    assert mine.fixed.shape == (len(sides),) + (engine.spec.response_size,) * 2
    if len(sides) == 1 and engine.has_boxes:
        compare(engine, reference, frames[1], states, sides, boxes=True)


def test_narrow_answers_are_torchs(engine, reference, frames):
    states, spec = [start(one, frames) for one in (engine, reference)], engine.spec
    mine, _ = compare(engine, reference, frames[1], states, (110.0,), boxes=engine.has_boxes, narrow=True)
    assert mine.fixed.shape == (1,) + (spec.response_side(spec.narrow_size),) * 2
    compare(engine, reference, frames[1], states, (105.0, 110.0, 115.0), narrow=True)
    compare(engine, reference, frames[1], states, (150.0,), boxes=engine.has_boxes)


@pytest.mark.parametrize("make", [openvino, onnxruntime])
def test_fitting_boxes_is_torchs(make, frames):
    net = random_network("lite")
    engine, reference = make(net), TorchEngine(net, torch.device("cpu"))
    views = rehearsal_views(PLACE.centre, (48.0, 40.0), 150.0, engine.spec.search_size)
    states = [start(one, frames) for one in (engine, reference)]
    before = [np.array(part) for part in states[0].box]
    for one, state in zip((engine, reference), states, strict=True):
        one.rehearse(state, frames[0], views, 3)
        for _ in range(3):
            one.fit_boxes(state)
        one.forget_views(state)
        assert state.fit is None
    for mine, its, old in zip(states[0].box, states[1].box, before, strict=True):
        np.testing.assert_allclose(mine, its.numpy(), atol=2e-3)  # a first step is 0.06
        # Steps of 0.06, 0.04 and 0.02 at most: of a mean's number, or of the parts' gain.
        assert (np.abs(mine - old) <= 0.121 * np.maximum(1.0, np.abs(old))).all()
    *learned, size = (np.abs(mine - old) for mine, old in zip(states[0].box, before, strict=True))
    assert min(moved.max() for moved in learned) > 0.01
    assert learned[0].mean() > 0.01
    assert not size.any()
    compare(engine, reference, frames[1], states, (150.0,), boxes=True)


def test_fitting_the_template_is_torchs(engine, reference, frames):
    views = rehearsal_views(PLACE.centre, (48.0, 40.0), 150.0, engine.spec.search_size)
    states = [start(one, frames) for one in (engine, reference)]
    before = np.array(states[0].fixed)
    for one, state in zip((engine, reference), states, strict=True):
        one.fit_template(state, frames[0], views, 5)
    assert np.abs(states[0].fixed - before).max() > 0.2 * np.abs(before).max()
    close(states[0].fixed, states[1].fixed.numpy())
    compare(engine, reference, frames[1], states, (150.0,))


@pytest.mark.parametrize("sides", [(100.0,), (96.0, 100.0, 104.0)])
def test_comparisons_are_torchs(engine, reference, frames, sides):
    looks = [
        [Look(start(one, frames), Region(centre, sides)) for centre in ((160.0, 120.0), (150.0, 122.0))]
        for one in (engine, reference)
    ]
    mine, its = (one.compare(frames[1], own) for one, own in zip((engine, reference), looks, strict=True))
    assert [each.shape for each in mine] == [(len(sides),)] * 2
    np.testing.assert_allclose(mine, its, atol=1e-5)


@pytest.mark.parametrize("count", [1, MAX_SAMPLES])
@pytest.mark.parametrize("from_first", [False, True])
def test_learning_is_torchs(engine, reference, frames, count, from_first):
    states = [start(one, frames) for one in (engine, reference)]
    for rate in (1.0, 0.3):
        answers = compare(engine, reference, frames[1], states, (150.0,))
        for one, state, answer in zip((engine, reference), states, answers, strict=True):
            kept = [one.keep(answer.features, 0)] * count
            one.teach(state, kept, offsets(count), rate, from_first)
    mine, _ = compare(engine, reference, frames[2], states, (150.0,))
    assert mine.adaptive is not None
    assert not np.allclose(mine.adaptive, mine.fixed[0], rtol=1e-3, atol=1e-6)  # it has moved
    mine, _ = compare(engine, reference, frames[2], states, (150.0,), adaptive=False)
    assert mine.adaptive is None


def test_many_queries_and_what_is_kept_outlive_the_next_search(engine, frames):
    state, whole = start(engine, frames), engine.spec.search_size
    queries = [Query(state, Region((x, 120.0), (150.0,)), whole, False, False) for x in (120.0, 200.0)]
    first, second = engine.search(frames[1], queries)
    assert not np.array_equal(first.fixed, second.fixed)
    kept = engine.keep(second.features, 0)
    before = kept.copy()
    (again,) = engine.search(frames[1], queries[:1])
    np.testing.assert_array_equal(again.fixed, first.fixed)
    np.testing.assert_array_equal(kept, before)


def test_a_failing_step_keeps_the_template(engine, frames, monkeypatch):
    state = start(engine, frames)
    (answer,) = engine.search(frames[1], [Query(state, PLACE, engine.spec.search_size, False, False)])
    sample, place = engine.keep(answer.features, 0), offsets(1)
    engine.teach(state, [sample], place, 1.0, False)
    before = state.beta.copy(), state.hidden.copy()

    def fail(inputs):
        raise RuntimeError("out of memory")

    monkeypatch.setitem(engine._compiled, ("step", 1), fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        engine.teach(state, [sample], place, 1.0, False)
    np.testing.assert_array_equal(state.beta, before[0])
    np.testing.assert_array_equal(state.hidden, before[1])


@pytest.mark.parametrize("make", [openvino, onnxruntime])
def test_a_network_with_two_heads_is_refused(make):
    net = GradNet("lite")
    net.unshare_head()
    with pytest.raises(ValueError, match="engine torch only"):
        make(net)


def test_memory_layout_of_what_goes_in_does_not_matter(engine, frames):
    """OpenVINO reads the caller's memory; what had to be copied for it must live until it is done."""
    state = start(engine, frames)
    (answer,) = engine.search(frames[1], [Query(state, PLACE, engine.spec.search_size, False, False)])
    features = engine.keep(answer.features, 0)
    scattered = np.ascontiguousarray(features.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    expected, found = (
        engine._run("lesson", [each, offsets(1), state.beta])[0].copy() for each in (features, scattered)
    )
    np.testing.assert_array_equal(found, expected)
