"""Pairs show the same object twice, where they say."""

import numpy as np
import pytest
import torch

from gradnet_ros.nn.lite import SPEC
from gradnet_ros.nn.losses import centre_labels
from gradnet_ros.training.pairs import PairConfig, PairSampler, collate
from gradnet_ros.training.shards import open_shards
from training.fixture_shards import write_shards


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder)
    return open_shards(folder)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_labels_lie_on_the_object(index, share):
    config = PairConfig(scene_share=0.0, occlusion_share=0.0, new_background_share=share)
    sampler, rng = PairSampler(index, SPEC, config, 0), np.random.default_rng(0)
    for _ in range(25):
        pair = sampler.draw(rng)
        assert pair.exemplar.shape == (145, 145, 3)
        assert pair.search.shape == (241, 241, 3)
        x, y = (round(120 + v) for v in pair.offset)
        disc = pair.search[y - 5 : y + 6, x - 5 : x + 6].mean()
        assert disc > pair.search.mean() + 40
        assert pair.exemplar[67:78, 67:78].mean() > pair.exemplar.mean() + 30
        labels = centre_labels(torch.tensor([pair.offset]), SPEC.response_size, SPEC.stride)[0, 0]
        row, column = (labels > 0).nonzero().float().mean(0).tolist()
        assert abs((column - 9) * 8 - pair.offset[0]) < 6
        assert abs((row - 9) * 8 - pair.offset[1]) < 6
        assert pair.size[0] == pytest.approx(48, rel=0.35)


def test_scene_pairs_show_one_place_twice(index):
    config = PairConfig(
        scene_share=1.0,
        max_angle=0.0,
        max_zoom_change=0.0,
        occlusion_share=0.0,
        new_background_share=0.0,
    )
    sampler, rng = PairSampler(index, SPEC, config, 0), np.random.default_rng(3)
    likeness = []
    for _ in range(12):
        pair = sampler.draw(rng)
        x, y = (round(120 + v) for v in pair.offset)
        search = pair.search[y - 20 : y + 21, x - 20 : x + 21].mean(2).ravel()
        exemplar = pair.exemplar[52:93, 52:93].mean(2).ravel()
        likeness.append(np.corrcoef(search, exemplar)[0, 1])
    assert np.median(likeness) > 0.6


def test_the_stream_is_set_by_its_seed(index):
    def first(seed):
        return next(iter(PairSampler(index, SPEC, PairConfig(), seed)))

    np.testing.assert_array_equal(first(5).search, first(5).search)
    assert (first(5).search != first(6).search).any()


def test_offsets_stay_in_reach_and_cover_it(index):
    config = PairConfig(max_shift=64.0)
    sampler, rng = PairSampler(index, SPEC, config, 0), np.random.default_rng(0)
    offsets = np.array([sampler.draw(rng).offset for _ in range(80)])
    assert np.abs(offsets).max() <= 64
    assert np.abs(offsets).max() > 45
    assert np.abs(offsets.mean(0)).max() < 15


def test_collate(index):
    sampler, rng = PairSampler(index, SPEC, PairConfig(), 0), np.random.default_rng(0)
    pairs = [sampler.draw(rng) for _ in range(3)]
    batch = collate(pairs)
    assert batch.exemplars.shape == (3, 3, 145, 145)
    assert batch.searches.shape == (3, 3, 241, 241)
    np.testing.assert_array_equal(batch.searches[1].permute(1, 2, 0).numpy(), pairs[1].search)
    assert batch.offsets[2].tolist() == pytest.approx(pairs[2].offset)
