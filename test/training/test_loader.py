"""Samples of a step depend on nothing but its number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradnet_ros.training.loader import BatchNumbers, draw_batches
from training.fake import FakeDataset, fake_collate


@given(
    first=st.integers(0, 50),
    count=st.integers(0, 5),
    size=st.integers(1, 8),
    world=st.sampled_from([1, 2, 4]),
)
def test_processes_share_a_batch_in_order(first, count, size, world):
    parts = [list(BatchNumbers(first, first + count, size, rank, world)) for rank in range(world)]
    together = [[n for part in parts for n in part[batch]] for batch in range(count)]
    assert together == list(BatchNumbers(first, first + count, size * world))
    flat = [n for batch in together for n in batch]
    assert flat == list(range(first * size * world, (first + count) * size * world))
    assert len(BatchNumbers(first, first + count, size)) == count


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_change_nothing(workers):
    drawn = list(draw_batches(FakeDataset(), BatchNumbers(5, 9, 2), fake_collate, workers, False))
    assert [batch.numbers for batch in drawn] == [[10, 11], [12, 13], [14, 15], [16, 17]]
    expected = fake_collate([FakeDataset()[16], FakeDataset()[17]])
    assert (drawn[3].inputs == expected.inputs).all()


def test_closing_ends_the_workers():
    from multiprocessing import active_children

    before = set(active_children())
    drawn = draw_batches(FakeDataset(), BatchNumbers(0, 1000, 2), fake_collate, 2, False)
    next(drawn)
    assert len(set(active_children()) - before) == 2
    drawn.close()
    assert set(active_children()) == before
