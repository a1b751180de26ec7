"""A batch holds what its samples hold."""

import numpy as np
import pytest
import torch

from gradnet_ros.training.batch import Batch, Sample, View, collate


def sample(number, views, rehearsals=()):
    rng = np.random.default_rng(number)

    def image(side):
        return rng.integers(0, 256, (side, side, 3), dtype=np.uint8)

    def crops(numbers):
        return tuple(View(image(13), (number + 0.5, -n - 0.25), (30.0 + number, 40.0 + n)) for n in numbers)

    own, other = crops(views), crops(rehearsals)
    return Sample(image(9), (10.0 + number, 20.0 + number), own, origin=7 + number, rehearsals=other)


@pytest.fixture
def samples():
    return [sample(number, range(2)) for number in range(3)]


def test_shapes_and_types(samples):
    batch = collate(samples)
    assert len(batch) == 3
    assert batch.exemplars.shape == (3, 3, 9, 9)
    assert batch.searches.shape == (3, 2, 3, 13, 13)
    assert batch.exemplars.dtype == batch.searches.dtype == torch.uint8
    assert batch.exemplar_sizes.shape == (3, 2)
    assert batch.offsets.shape == batch.sizes.shape == (3, 2, 2)
    assert batch.origins.dtype == torch.int64
    assert batch.exemplar_sizes.dtype == batch.offsets.dtype == batch.sizes.dtype == torch.float32


def test_one_view_keeps_its_axis():
    assert collate([sample(0, range(1))]).searches.shape == (1, 1, 3, 13, 13)


def test_rehearsals_are_stacked_as_views_are(samples):
    batch = collate(samples)
    assert batch.rehearsals.shape[:3] == (3, 0, 3)
    assert batch.rehearsal_offsets.shape == batch.rehearsal_sizes.shape == (3, 0, 2)
    batch = collate([sample(number, range(1), range(4)) for number in range(2)])
    assert batch.searches.shape == (2, 1, 3, 13, 13)
    for n in range(2):
        one = sample(n, range(1), range(4))
        for r, view in enumerate(one.rehearsals):
            np.testing.assert_array_equal(batch.rehearsals[n, r].permute(1, 2, 0).numpy(), view.image)
            assert tuple(batch.rehearsal_offsets[n, r].tolist()) == view.offset
            assert tuple(batch.rehearsal_sizes[n, r].tolist()) == view.size


def test_every_value_is_where_it_belongs(samples):
    batch = collate(samples)
    for n, one in enumerate(samples):
        np.testing.assert_array_equal(batch.exemplars[n].permute(1, 2, 0).numpy(), one.exemplar)
        assert tuple(batch.exemplar_sizes[n].tolist()) == one.exemplar_size
        assert int(batch.origins[n]) == one.origin
        for v, view in enumerate(one.views):
            np.testing.assert_array_equal(batch.searches[n, v].permute(1, 2, 0).numpy(), view.image)
            assert tuple(batch.offsets[n, v].tolist()) == view.offset
            assert tuple(batch.sizes[n, v].tolist()) == view.size


def test_a_batch_owns_its_pictures(samples):
    batch = collate(samples)
    before = batch.exemplars.clone(), batch.searches.clone()
    for one in samples:
        one.exemplar[:] = 0
        one.views[0].image[:] = 0
    assert torch.equal(batch.exemplars, before[0])
    assert torch.equal(batch.searches, before[1])


def test_to_another_device(samples):
    """``meta`` stands for any other device."""
    batch = collate(samples)
    moved = batch.to(torch.device("meta"))
    assert isinstance(moved, Batch)
    for name in ("exemplars", "exemplar_sizes", "searches", "offsets", "sizes"):
        here, there = getattr(batch, name), getattr(moved, name)
        assert there.device.type == "meta"
        assert here.device.type == "cpu"
        assert (there.shape, there.dtype) == (here.shape, here.dtype)
    same = batch.to(torch.device("cpu"))
    assert torch.equal(same.searches, batch.searches)
