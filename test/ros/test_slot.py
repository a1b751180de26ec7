from threading import Thread

from gradnet_ros.ros.slot import LatestSlot


def test_newest_item_replaces_the_one_before():
    slot = LatestSlot()
    assert slot.put("old") is None
    assert slot.put("new") == "old"
    assert slot.take() == "new"
    assert slot.take() is None


def test_wait_returns_at_once_when_there_is_an_item_and_leaves_it():
    slot = LatestSlot()
    slot.put(1)
    assert slot.wait()
    assert slot.wait()
    assert slot.take() == 1


def test_nudge_wakes_once():
    slot = LatestSlot()
    slot.nudge()
    assert slot.wait()
    consumer = Thread(target=slot.wait)
    consumer.start()
    consumer.join(0.05)
    assert consumer.is_alive()
    slot.close()
    consumer.join(10)
    assert not consumer.is_alive()


def test_closed_slot_takes_nothing_more():
    slot = LatestSlot()
    slot.close()
    assert slot.put("late") == "late"
    assert not slot.wait()


def test_every_item_is_either_taken_or_handed_back():
    slot = LatestSlot()
    taken, replaced = [], []

    def consume():
        while slot.wait():
            item = slot.take()
            if item is not None:
                taken.append(item)

    consumer = Thread(target=consume)
    consumer.start()
    for item in range(1, 2001):
        old = slot.put(item)
        if old is not None:
            replaced.append(old)
    slot.close()
    consumer.join(10)
    last = slot.take()
    rest = [last] if last is not None else []
    assert sorted(taken + replaced + rest) == list(range(1, 2001))
    assert taken == sorted(taken)
