"""Opening bags: sound ones, damaged ones, and what is no bag."""

import shutil
import sqlite3
import subprocess
import sys

import pytest

pytest.importorskip("rosbags")
from bags.recordings import STORAGES, TOPIC, TRUTH, cut, film, image, noise, stamp_of, storage_file, write
from gradnet_ros.bags.bag import Bag
from gradnet_ros.bags.errors import BagError, DamagedBagError

FRAMES = noise(40)
BOXES = [(1, 2, 20, 20)] * len(FRAMES)


def read(path, topic=TOPIC, salvage=False):
    """Times of recording, and notes."""
    with Bag(path, salvage) as bag:
        times = [record.recorded for record in bag.messages(topic)]
        return times, bag.notes


ALL = [stamp_of(number) + 2_000_000 for number in range(len(FRAMES))]


@pytest.fixture(params=STORAGES)
def bag(request, tmp_path):
    return write(tmp_path / "drive", film(FRAMES, BOXES), request.param)


def test_a_folder_and_its_file_hold_the_same(bag):
    assert read(bag) == (ALL, [])
    assert read(storage_file(bag)) == (ALL, [])
    with Bag(bag) as opened:
        found = [(each.name, each.type, each.count) for each in opened.topics]
        assert (opened.name, opened.storage_id) == (
            "drive",
            storage_file(bag).suffix.replace(".db3", ".sqlite3")[1:],
        )
    assert found == [
        (TOPIC, "sensor_msgs/msg/Image", 40),
        (TRUTH, "vision_msgs/msg/Detection2D", 40),
    ]


@pytest.mark.parametrize(
    ("storage", "mode"), [("sqlite3", "file"), ("sqlite3", "message"), ("mcap", "file"), ("mcap", "storage")]
)
def test_compressed_bags(storage, mode, tmp_path):
    path = write(tmp_path / "bag", film(FRAMES), storage, mode)
    assert read(path) == (ALL, [])


def test_a_compressed_file_by_itself_names_its_folder(tmp_path):
    path = write(tmp_path / "bag", film(FRAMES), "mcap", "file")
    with pytest.raises(BagError, match=r"bag\.mcap\.zstd: a compressed file of a bag: give the folder"):
        Bag(path / "bag.mcap.zstd")
    (path / "metadata.yaml").unlink()
    with pytest.raises(BagError, match=r"decompress it first \(zstd -d\)"):
        Bag(path, salvage=True)


@pytest.mark.parametrize("share", [0.5, 0.97])
def test_a_cut_file_is_named_and_read_as_far_as_it_goes(bag, share):
    file = storage_file(bag)
    cut(file, share)
    for path in (bag, file):
        with pytest.raises(DamagedBagError, match=rf"^{file}: .*--salvage uses what can still be read"):
            read(path)
        times, notes = read(path, salvage=True)
        assert times == ALL[: len(times)]
        # Records of MCAP lie in chunks of a megabyte; all of this one's but the last are lost with it.
        assert len(times) > 0.5 * share * len(ALL) or file.suffix == ".mcap"
        assert notes
        assert all(str(file) in note for note in notes)


def test_a_long_cut_mcap_loses_the_last_chunk_only(tmp_path):
    frames = noise(60, (160, 200))  # 96 kB each
    bag = write(tmp_path / "bag", film(frames), "mcap")
    cut(storage_file(bag), 0.9)
    times, notes = read(bag, salvage=True)
    assert 60 * 0.9 - 12 <= len(times) < 60 * 0.9
    assert any("cut off; its last" in note for note in notes)


@pytest.mark.parametrize("share", [0, 0.00005, 0.001])
def test_what_is_cut_to_nothing_is_an_error_or_empty(bag, share):
    file = storage_file(bag)
    cut(file, share)
    with pytest.raises(BagError, match=rf"^{file}"):
        read(bag)
    try:
        times, _ = read(bag, salvage=True)
    except BagError as error:
        assert str(file) in str(error)  # noqa: PT017  (either end is right: the file may begin well)
    else:
        assert times == []


@pytest.mark.parametrize("tail", [b"", b"\0" * 5000], ids=["cut", "zeros"])
def test_an_mcap_without_index_is_read_to_its_end(tail, tmp_path):
    bag = write(tmp_path / "bag", film(FRAMES), "mcap")
    file = storage_file(bag)
    data = file.read_bytes()
    file.write_bytes(data[: data.rindex(b"\x0f" + (4).to_bytes(8, "little"))] + tail)
    assert read(bag, salvage=True)[0] == ALL


def test_no_metadata(bag):
    (bag / "metadata.yaml").unlink()
    with pytest.raises(DamagedBagError, match=r"drive: no metadata\.yaml: the recording was not ended"):
        Bag(bag)
    times, notes = read(bag, salvage=True)
    assert times == ALL
    assert len(notes) == 1
    assert read(storage_file(bag)) == (ALL, [])  # the file by itself is whole


def test_files_of_a_split_recording_are_joined(tmp_path):
    half = len(FRAMES) // 2
    messages = list(film(FRAMES))
    folder = tmp_path / "split"
    folder.mkdir()
    for number, part in ((9, messages[:half]), (10, messages[half:])):
        bag = write(tmp_path / f"part_{number}", part, "sqlite3")
        shutil.move(storage_file(bag), folder / f"split_{number}.db3")
    assert read(folder, salvage=True)[0] == ALL
    cut(folder / "split_9.db3", 0.5)
    times, notes = read(folder, salvage=True)
    assert times[-half:] == ALL[half:]
    assert 0 < len(times) - half < half
    assert any("split_9.db3" in note for note in notes)


def test_a_database_that_was_never_closed(tmp_path):
    bag = write(tmp_path / "bag", film(FRAMES[:3]), "sqlite3")
    file = storage_file(bag)
    # Another process writes on and dies, so that nobody moves its log into the database.
    script = (
        "import os, sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1])\n"
        "database.execute('PRAGMA journal_mode=WAL')\n"
        "database.execute('INSERT INTO messages (topic_id, timestamp, data)"
        " SELECT topic_id, timestamp + 9, data FROM messages')\n"
        "database.commit()\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(file)], check=True)
    with pytest.raises(DamagedBagError, match=r"bag\.db3-wal: it was never closed"):
        Bag(bag)
    times, notes = read(bag, salvage=True)
    assert len(times) == 6
    assert "never closed" in notes[0]


def test_damage_in_the_middle_is_noted_where_it_is(tmp_path):
    bag = write(tmp_path / "bag", film(FRAMES), "sqlite3")
    file = storage_file(bag)
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20_000] = b"\xff" * 20_000
    file.write_bytes(data)
    with pytest.raises(DamagedBagError, match=f"{TOPIC} cannot be read after|malformed"):
        read(bag)
    times, notes = read(bag, salvage=True)
    assert 0 < len(times) <= len(ALL)
    assert notes


def test_what_is_no_bag(tmp_path):
    def error_of(path):
        with pytest.raises(BagError) as caught:
            Bag(path, salvage=True)
        assert str(caught.value).startswith(str(path))
        return str(caught.value)

    assert "no such bag" in error_of(tmp_path / "none")
    (tmp_path / "folder").mkdir()
    assert "no .db3 or .mcap file in this folder" in error_of(tmp_path / "folder")
    files = {
        "old.bag": (b"#ROSBAG V2.0\n" + bytes(50), "a bag of ROS 1; convert it"),
        "clip.mp4": (b"\0\0\0 ftypisom", "expected a folder, or a .db3 or .mcap file"),
        "empty.mcap": (b"", "an empty file"),
        "text.mcap": (b"not a bag at all", "it does not begin as an MCAP file"),
        "text.db3": (b"not a bag at all, and that for more than a hundred bytes" * 9, "not a database"),
    }
    for name, (content, message) in files.items():
        (tmp_path / name).write_bytes(content)
        assert message in error_of(tmp_path / name)


def test_a_database_of_something_else(tmp_path):
    path = tmp_path / "songs.db3"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE songs (title TEXT)")
    database.close()
    with pytest.raises(DamagedBagError, match=r"songs\.db3: .*missing tables"):
        Bag(path)
    with pytest.raises(
        BagError, match=r"songs\.db3: nothing can be read of this file: no such table: topics"
    ):
        Bag(path, salvage=True)


def test_metadata_that_is_none(bag):
    (bag / "metadata.yaml").write_text("rosbag2_bagfile_information: [")
    with pytest.raises(DamagedBagError, match=r"metadata\.yaml"):
        Bag(bag)
    assert read(bag, salvage=True)[0] == ALL


def test_a_missing_topic_lists_those_that_there_are(bag):
    with (
        Bag(bag) as opened,
        pytest.raises(BagError, match=r"no topic /none; it has /camera/image_raw \(sensor_"),
    ):
        opened.topic("/none")


def test_messages_are_read_one_at_a_time(tmp_path):
    import tracemalloc

    bag = write(
        tmp_path / "bag",
        ((TOPIC, stamp_of(n), image(f, stamp_of(n))) for n, f in enumerate(noise(60, (200, 300)))),
        "mcap",
    )
    size = storage_file(bag).stat().st_size
    tracemalloc.start()
    with Bag(bag) as opened:
        assert sum(1 for _ in opened.messages(TOPIC)) == 60
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.6 * size
