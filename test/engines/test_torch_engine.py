"""The reference engine: several queries in one pass, what outlives a search, learning from several frames."""

import numpy as np
import pytest
import torch

from gradnet_ros.engines.protocol import Look, Query, Region
from gradnet_ros.engines.torch_engine import TorchEngine
from gradnet_ros.nn.correlation import cross_correlate
from gradnet_ros.tracking.crops import crop_matrix, warp_crops
from support import moving_scene, random_network

BORDER = (10.0, 20.0, 30.0)
SIZE = (48.0, 40.0)


@pytest.fixture(scope="module")
def frames():
    return moving_scene(3)[0]


@pytest.fixture(scope="module", params=["lite", "alexnet"])
def engine(request):
    return TorchEngine(random_network(request.param), torch.device("cpu"))


PLACE = Region((160.0, 120.0), (100.0,))


def start(engine, image):
    return engine.start(image, PLACE, SIZE, BORDER)


def places(*offsets):
    return np.array(offsets, np.float32)


def equal(one, other):
    np.testing.assert_allclose(one.fixed, other.fixed, atol=1e-4, rtol=1e-4)
    for name in ("adaptive", "edges"):
        mine, its = getattr(one, name), getattr(other, name)
        assert (mine is None) == (its is None)
        if mine is not None:
            np.testing.assert_allclose(mine, its, atol=1e-4, rtol=1e-4)


def test_many_queries_are_answered_as_one_by_one(engine, frames):
    whole, narrow = engine.spec.search_size, engine.spec.narrow_size
    first, second = start(engine, frames[0]), start(engine, frames[1])
    kept = engine.keep(
        engine.search(frames[0], [Query(second, Region((150.0, 130.0), (170.0,)), whole, True, False)])[
            0
        ].features,
        0,
    )
    engine.teach(second, [kept], places((0.0, 0.0)), 1.0, False)
    queries = [
        Query(first, Region((150.0, 120.0), (160.0, 170.0, 180.0)), whole, True, False),
        Query(second, Region((100.0, 90.0), (150.0,)), whole, True, engine.has_boxes),
        Query(first, Region((150.0, 120.0), (120.0,)), narrow, False, engine.has_boxes),
        Query(second, Region((100.0, 90.0), (150.0,)), whole, False, False),
    ]
    together = engine.search(frames[2], queries)
    together = [
        type(answer)(*(None if part is None else part.copy() for part in parts), None)
        for answer in together
        for parts in [(answer.fixed, answer.adaptive, answer.edges)]
    ]
    assert [answer.fixed.shape[0] for answer in together] == [3, 1, 1, 1]
    assert [answer.adaptive is None for answer in together] == [
        True,
        False,
        True,
        True,
    ]  # the first was not taught
    for query, answer in zip(queries, together, strict=True):
        equal(answer, engine.search(frames[2], [query])[0])


@torch.no_grad()
def test_a_narrow_crop_is_searched_as_the_network_searches_it(engine, frames):
    spec, side = engine.spec, 120.0
    state, cells = start(engine, frames[0]), spec.response_side(spec.narrow_size)
    query = Query(state, Region((150.0, 120.0), (side,)), spec.narrow_size, False, engine.has_boxes)
    (answer,) = engine.search(frames[1], [query])
    out = np.empty((1, spec.narrow_size, spec.narrow_size, 3), np.uint8)
    warp_crops(frames[1], [crop_matrix((150.0, 120.0), side, spec.narrow_size)], BORDER, out)
    features, levels = engine._net.search.search(torch.from_numpy(out).permute(0, 3, 1, 2).float())
    expected = cross_correlate(features, state.fixed)
    assert answer.fixed.shape == expected[0].shape == (1, cells, cells)
    np.testing.assert_allclose(answer.fixed, expected[0].numpy(), atol=1e-4, rtol=1e-4)
    if engine.has_boxes:
        assert answer.edges.shape == (4, cells, cells)
        edges = engine._net.box(levels, state.box)
        np.testing.assert_allclose(answer.edges, edges[0].numpy(), atol=1e-3, rtol=1e-3)


def test_sizes_are_compared_with_the_exemplar(engine, frames):
    exemplar, searched = Region((160.0, 120.0), (90.0, 100.0, 115.0)), Region((150.0, 120.0), (160.0,))
    first, second = start(engine, frames[0]), start(engine, frames[1])
    (answer,) = engine.search(frames[0], [Query(first, searched, engine.spec.search_size, True, False)])
    before = answer.fixed.copy()
    cosines, single = engine.compare(frames[0], [Look(first, exemplar), Look(second, PLACE)])
    np.testing.assert_array_equal(answer.fixed, before)  # left as it was
    assert (cosines.shape, single.shape) == ((3,), (1,))
    # The middle square is the exemplar itself.
    assert cosines[1] == pytest.approx(1.0, abs=1e-5)
    assert cosines[1] > max(cosines[0], cosines[2], single[0])
    np.testing.assert_allclose(engine.compare(frames[0], [Look(second, PLACE)])[0], single, atol=1e-5)
    for index, side in enumerate(exemplar.sides):  # by way of a template of its own
        other = engine.start(frames[0], Region(exemplar.centre, (side,)), SIZE, BORDER)
        expected = torch.nn.functional.cosine_similarity(other.fixed.flatten(), first.fixed.flatten(), dim=0)
        assert cosines[index] == pytest.approx(float(expected), abs=1e-5)


def test_kept_features_do_not_change_with_the_next_frame(engine, frames):
    region = Region((150.0, 120.0), (150.0, 160.0, 170.0))
    query = Query(start(engine, frames[0]), region, engine.spec.search_size, False, False)
    (answer,) = engine.search(frames[1], [query])
    kept = engine.keep(answer.features, 1)
    before = kept.clone()
    assert before.shape[0] == 1
    torch.testing.assert_close(before[0], answer.features[1])
    engine.search(frames[2], [query])
    torch.testing.assert_close(kept, before)


def test_a_step_on_several_frames_sums_their_gradients(engine, frames):
    """Twice the same frame: twice its gradient, which is another step; and the order does not matter."""
    region = Region((150.0, 120.0), (160.0,))
    kept, kernels = [], []
    for frame in frames[1:]:
        state, whole = start(engine, frames[0]), engine.spec.search_size
        (answer,) = engine.search(frame, [Query(state, region, whole, False, False)])
        kept.append(engine.keep(answer.features, 0))
    offsets = ((8.0, 0.0), (-16.0, 8.0))
    for order in ((0, 1), (1, 0), (0,)):
        state = start(engine, frames[0])
        samples, marks = [kept[i] for i in order], places(*(offsets[i] for i in order))
        engine.teach(state, samples, marks, 1.0, False)
        kernels.append(state.adaptive.kernel)
    torch.testing.assert_close(kernels[0], kernels[1], atol=1e-5, rtol=1e-3)
    assert not torch.allclose(kernels[0], kernels[2], atol=1e-6, rtol=1e-3)
