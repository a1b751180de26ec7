"""The GPU's engine on a CPU: the same operations, with the recording replaced by a stand-in."""

import warnings
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gradnet_ros.engines.crop_buffer import CropBuffer
from gradnet_ros.engines.cuda_graph_crops import RegionBuffer, cut_region, sample_crops
from gradnet_ros.engines.cuda_graph_engine import CudaGraphEngine
from gradnet_ros.engines.cuda_graph_record import EagerFallback, record_cuda_graph
from gradnet_ros.engines.protocol import Look, Query, Region
from gradnet_ros.engines.select import make_engine
from gradnet_ros.engines.torch_engine import TorchEngine
from gradnet_ros.nn.checkpoint import load_network, shipped_weights
from gradnet_ros.tracking.config import TrackerConfig
from gradnet_ros.tracking.locate import locate
from gradnet_ros.tracking.rehearsal import rehearsal_views
from gradnet_ros.tracking.target import Target
from support import moving_scene, need_weights, random_network, texture

CPU = torch.device("cpu")
BORDER = (10.4, 20.5, 29.7)


class FakeRecorder:
    """Does what is recorded at every replay, and keeps count."""

    def __init__(self):
        self.recorded = self.replayed = 0

    def __call__(self, work):
        self.recorded += 1

        def replay():
            self.replayed += 1
            return work()

        return replay


def device_crops(image, regions, size):
    cuts = [(cut_region(image, region, size), BORDER) for region in regions]
    side = max(max(cut.pixels.shape[:2]) for cut, _ in cuts)
    buffer = RegionBuffer(size, len(regions), len(regions[0].sides), side, CPU)
    buffer.upload(cuts)
    return sample_crops(buffer.places).numpy()


def host_crops(image, regions, size):
    return CropBuffer(size).cut(image, [(region, BORDER) for region in regions]).numpy()


# --- crops


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(-40, 360),
    y=st.floats(-40, 280),
    side=st.floats(8, 1500),
    step=st.floats(1.0, 1.2),
    size=st.sampled_from([95, 128, 241]),
)
def test_crops_are_those_of_the_host(x, y, side, step, size):
    image = texture(np.random.default_rng(0), 240, 320, 8)
    regions = [Region((x, y), (side / step, side, side * step)), Region((160.0, 120.0), (90.0, 100.0, 110.0))]
    crops = device_crops(image, regions, size)
    assert crops.shape == (6, size, size, 3)
    np.testing.assert_array_equal(crops, host_crops(image, regions, size))


def test_a_crop_beyond_the_picture_is_border():
    image = np.full((64, 64, 3), 200, np.uint8)
    crops = device_crops(image, [Region((500.0, 500.0), (50.0,))], 33)
    assert (crops == np.array([10, 20, 30])).all()


def test_a_buffer_is_used_again():
    """What an earlier, larger region left behind must not be seen."""
    image = np.full((200, 200, 3), 90, np.uint8)
    buffer = RegionBuffer(65, 1, 1, 200, CPU)
    for region in (Region((100.0, 100.0), (65.0,)), Region((0.0, 0.0), (65.0,))):
        buffer.upload([(cut_region(image, region, 65), BORDER)])
        crops = sample_crops(buffer.places).numpy()
        np.testing.assert_array_equal(crops, host_crops(image, [region], 65))


# --- recording


def test_a_fallback_is_told_once():
    def fail(work):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    fallback = EagerFallback(fail)
    work = lambda: (torch.ones(1),)  # noqa: E731
    with pytest.warns(RuntimeWarning, match="running eagerly: operation not permitted"):
        assert fallback(work) is work
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fallback(work) is work
    assert fallback.failed == "operation not permitted when stream is capturing"


def test_a_failure_is_told_by_what_came_first():
    def fail(work):
        try:
            raise RuntimeError("the operation that cannot be recorded")
        finally:
            raise RuntimeError("operation failed due to a previous error during capture")

    fallback = EagerFallback(fail)
    with pytest.warns(RuntimeWarning, match="the operation that cannot be recorded"):
        fallback(lambda: ())


def test_a_failed_recording_leaves_the_stream_as_it_was(monkeypatch):
    """With a stand-in for a GPU's streams; torch.cuda.graph is as it is where ending a recording fails."""
    streams = ["the caller's"]

    @contextmanager
    def on(stream):
        before, streams[0] = streams[0], stream
        try:
            yield
        finally:
            streams[0] = before

    class Recording:
        def __init__(self, graph, stream):
            self.stream = stream

        def __enter__(self):
            streams[0] = self.stream

        def __exit__(self, *_):
            raise RuntimeError("ending the recording")

    class Stream:
        def wait_stream(self, other): ...

    monkeypatch.setattr(torch.cuda, "device", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: _Waiting(streams[0]))
    monkeypatch.setattr(torch.cuda, "stream", lambda each: on(getattr(each, "name", each)))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", object)
    monkeypatch.setattr(torch.cuda, "graph", Recording)
    with pytest.raises(RuntimeError, match="ending the recording"):
        record_cuda_graph(lambda: (), torch.device("cuda"))
    assert streams == ["the caller's"]


class _Waiting:
    """A stream that only has a name."""

    def __init__(self, name):
        self.name = name

    def wait_stream(self, other): ...


def test_nothing_but_a_runtime_error_is_taken_for_a_failed_recording():
    def fail(work):
        raise TypeError("a defect")

    with pytest.raises(TypeError):
        EagerFallback(fail)(lambda: ())


# --- the engine


@pytest.fixture(scope="module")
def scene():
    return moving_scene(12)


def engines(network, **keywords):
    need_weights(network)
    recorder = FakeRecorder()
    mine, its = (load_network(shipped_weights(network)) for _ in range(2))  # an engine takes its own over
    config = TrackerConfig().with_overrides(mine.tracker)
    return CudaGraphEngine(mine.net, CPU, recorder, **keywords), TorchEngine(its.net, CPU), config, recorder


def follow(engine, frames, boxes, config):
    """All targets' boxes and scores in every frame, searched for together."""
    targets = [Target(engine, frames[0], tuple(box), config) for box in boxes]
    tracks = []
    for frame in frames[1:]:
        tracks.append(locate(engine, frame, targets, config))
        for target in targets:
            target.learn(config)
    return tracks


def compare(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        for track, reference in zip(ours, theirs, strict=True):
            assert track.box == pytest.approx(reference.box, abs=0.02)
            assert track.score == pytest.approx(reference.score, abs=1e-3)
            assert track.updated == reference.updated


@pytest.mark.parametrize(
    ("network", "overrides", "count"),
    [
        ("lite", {"update_interval": 2}, 1),
        ("lite", {"update_interval": 2}, 3),
        ("lite", {"box_branch": False, "update_from_first": True}, 2),
        ("alexnet", {"update_interval": 3}, 1),
    ],
)
def test_it_tracks_as_eager_pytorch_does(scene, network, overrides, count):
    engine, reference, config, _ = engines(network)
    config = config.with_overrides(overrides)
    boxes = [(136, 100, 48, 40), (20, 30, 60, 50), (230, 150, 40, 70)][:count]
    compare(follow(engine, scene[0][:7], boxes, config), follow(reference, scene[0][:7], boxes, config))


def test_a_graph_for_frames_and_one_for_updates(scene):
    engine, _, config, recorder = engines("lite")
    settings = {"update_interval": 2, "early_frames": 0, "refind_at_centre": False, "update_samples": 1}
    config = config.with_overrides(settings)
    follow(engine, scene[0][:8], [(136, 100, 48, 40)], config)
    # Narrow, whole, a step, and one to search in two places, should that be needed.
    assert recorder.recorded == 4
    # Searches and steps; the first frame has a search of each kind.
    assert recorder.replayed == (3 + 7) + (1 + 3)
    assert engine.detail == "float32, graphs"


def test_a_graph_more_where_sizes_are_compared(scene):
    engine, _, config, recorder = engines("alexnet")
    assert config.scale_by_cosine
    follow(engine, scene[0][:4], [(136, 100, 48, 40)], config.with_overrides({"update_interval": 0}))
    assert recorder.recorded == 3
    assert recorder.replayed == 1 + (1 + 3) * 2  # the first frame's included


@pytest.mark.parametrize("network", ["lite", "alexnet"])
def test_sizes_of_several_targets_are_compared_together(scene, network):
    engine, reference, _, recorder = engines(network)
    places = [((160.0, 120.0), 100.0), ((60.0, 60.0), 80.0), ((250.0, 180.0), 90.0)]
    numbers, found = (3, 1, 3), []
    for each in (engine, reference):
        looks = []
        for (centre, side), number in zip(places, numbers, strict=True):
            state = each.start(scene[0][0], Region(centre, (side,)), (48.0, 40.0), BORDER)
            sides = tuple(side * 1.1 ** (index - number // 2) for index in range(number))
            looks.append(Look(state, Region(centre, sides)))
        found.append(each.compare(scene[0][1], looks))
    for ours, theirs, number in zip(*found, numbers, strict=True):
        assert ours.shape == theirs.shape == (number,)
        np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert (recorder.recorded, recorder.replayed) == (2, 2)


def test_a_few_graphs_serve_every_number_of_places(scene):
    engine, reference, _, recorder = engines("lite")
    image, square = scene[0][0], Region((160.0, 120.0), (100.0,))
    states = [each.start(image, square, (48.0, 40.0), BORDER) for each in (engine, reference)]
    recorded = []
    for count in (1, 2, 3, 4, 2, 3):
        regions = [Region((150.0 + 5 * number, 120.0), (180.0,)) for number in range(count)]
        ours, theirs = (
            each.search(image, [Query(state, region, 241, adaptive=False, boxes=True) for region in regions])
            for each, state in zip((engine, reference), states, strict=True)
        )
        assert len(ours) == count
        for found, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(found.fixed, expected.fixed, atol=0.01)
        recorded.append(recorder.recorded)
    assert recorded == [2, 2, 3, 3, 3, 3]


def test_it_goes_on_eagerly_where_nothing_can_be_recorded(scene):
    need_weights()

    def fail(work):
        raise RuntimeError("no graphs here")

    engine = CudaGraphEngine(load_network(shipped_weights("lite")).net, CPU, fail)
    config = TrackerConfig(box_branch=True, update_interval=1)
    with pytest.warns(RuntimeWarning, match="no graphs here") as warned:
        follow(engine, scene[0][:3], [(136, 100, 48, 40)], config)
    assert len([each for each in warned if "no graphs here" in str(each.message)]) == 1
    assert engine.detail == "float32, eager: no graphs here"


def test_a_target_that_grows_gets_more_room_to_be_compared_in(scene):
    engine, reference, _, recorder = engines("alexnet")
    place, sides = Region((160.0, 120.0), (60.0,)), ((40.0, 60.0, 70.0), (180.0, 200.0, 210.0))
    found = []
    for each in (engine, reference):
        state = each.start(scene[0][0], place, (48.0, 40.0), BORDER)
        found.append([each.compare(scene[0][0], [Look(state, Region((160.0, 120.0), s))])[0] for s in sides])
    np.testing.assert_allclose(found[0], found[1], atol=2e-3)
    assert recorder.recorded == 2


def test_a_target_that_grows_gets_more_room(scene):
    engine, reference, _, recorder = engines("lite")
    image = scene[0][0]
    states = [
        each.start(image, Region((160.0, 120.0), (100.0,)), (48.0, 40.0), BORDER)
        for each in (engine, reference)
    ]
    for side in (60.0, 230.0):
        region = Region((160.0, 120.0), (side,))
        (ours,), (theirs,) = (
            each.search(image, [Query(state, region, 241, adaptive=False, boxes=True)])
            for each, state in zip((engine, reference), states, strict=True)
        )
        np.testing.assert_allclose(ours.fixed, theirs.fixed, atol=0.01)
        np.testing.assert_allclose(ours.edges, theirs.edges, atol=3.0)
        assert ours.adaptive is None
    assert recorder.recorded == 3  # 1 and 2 places, and 1 with more room


def test_boxes_are_fitted_as_by_eager_pytorch(scene):
    """Also for a target that was searched for before: its templates lie elsewhere then."""
    engine, reference, _, _ = engines("lite")
    image, place = scene[0][0], Region((160.0, 120.0), (180.0,))
    found = []
    for each in (engine, reference):
        state = each.start(image, Region((160.0, 120.0), (100.0,)), (72.0, 60.0), BORDER)
        query = Query(state, place, 241, adaptive=False, boxes=True)
        before = each.search(image, [query])[0].edges.copy()
        each.rehearse(state, image, rehearsal_views((160.0, 120.0), (72.0, 60.0), 180.0, 241), 3)
        for _ in range(4):
            each.fit_boxes(state)
        each.forget_views(state)
        assert each.search(image, [replace(query, adaptive=True)])[0].adaptive is None  # not taught by that
        assert np.abs(each.search(image, [query])[0].edges - before).max() > 3.0  # it is searched with them
        found.append(state.box)
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-3)  # a first step is 0.06


@pytest.mark.parametrize("network", ["lite", "alexnet"])
def test_the_template_is_fitted_as_by_eager_pytorch(scene, network):
    engine, reference, _, _ = engines(network)
    image, size = scene[0][0], engine.spec.search_size
    found = []
    for each in (engine, reference):
        state = each.start(image, Region((160.0, 120.0), (100.0,)), (48.0, 40.0), BORDER)
        query = Query(state, Region((160.0, 120.0), (180.0,)), size, adaptive=False, boxes=False)
        before = each.search(image, [query])[0].fixed.copy()
        each.fit_template(state, image, rehearsal_views((160.0, 120.0), (48.0, 40.0), 180.0, size), 5)
        after = each.search(image, [query])[0].fixed.copy()
        assert np.abs(after - before).max() > 0.02 * np.abs(before).max()
        found.append(after)
    np.testing.assert_allclose(*found, rtol=0.02, atol=0.01 * np.abs(found[0]).max())


def test_templates_of_several_targets_are_not_mixed_up(scene):
    engine, _, _, _ = engines("lite")
    image = scene[0][0]
    places = [(160.0, 120.0), (60.0, 60.0)]
    states = [engine.start(image, Region(place, (100.0,)), (48.0, 40.0), BORDER) for place in places]
    queries = [
        Query(state, Region(place, (180.0,)), 241, adaptive=True, boxes=True)
        for state, place in zip(states, places, strict=True)
    ]
    alone = [engine.search(image, [query])[0].fixed.copy() for query in queries]
    for order in ([0, 1], [1, 0], [1, 1]):
        answers = engine.search(image, [queries[number] for number in order])
        for number, answer in zip(order, answers, strict=True):
            np.testing.assert_allclose(answer.fixed, alone[number], atol=1e-5)
    offsets = np.zeros((1, 2), np.float32)
    kept = engine.keep(engine.search(image, [queries[1]])[0].features, 0)
    engine.teach(states[1], [kept], offsets, 1.0, False)
    first, second = engine.search(image, queries)
    assert first.adaptive is None
    assert second.adaptive is not None
    taught = second.adaptive.copy()
    engine.teach(states[1], [kept], offsets, 1.0, False)
    assert np.abs(engine.search(image, queries)[1].adaptive - taught).max() > 1e-6


def test_queries_of_several_kinds_in_one_call(scene):
    engine, reference, _, _ = engines("lite")
    image = scene[0][0]
    state, its_state = (
        each.start(image, Region((160.0, 120.0), (100.0,)), (48.0, 40.0), BORDER)
        for each in (engine, reference)
    )
    single = Query(state, Region((160.0, 120.0), (180.0,)), 241, adaptive=False, boxes=True)
    pyramid = Query(state, Region((150.0, 110.0), (170.0, 180.0, 190.0)), 241, adaptive=False, boxes=False)
    narrow = Query(state, Region((160.0, 120.0), (132.0,)), 177, adaptive=False, boxes=True)
    answers = engine.search(image, [single, pyramid, narrow, single])
    assert [len(answer.fixed) for answer in answers] == [1, 3, 1, 1]
    np.testing.assert_allclose(answers[0].fixed, answers[3].fixed, atol=1e-6)
    assert [answer.edges is None for answer in answers] == [False, True, False, False]
    for query, answer in ((pyramid, answers[1]), (narrow, answers[2])):
        (expected,) = reference.search(image, [replace(query, state=its_state)])
        assert answer.fixed.shape == expected.fixed.shape
        np.testing.assert_allclose(answer.fixed, expected.fixed, atol=0.01)


def test_a_step_from_several_frames_is_that_of_eager_pytorch(scene):
    engine, reference, _, _ = engines("lite")
    frames = scene[0]
    kernels = []
    for each in (engine, reference):
        state = each.start(frames[0], Region((160.0, 120.0), (100.0,)), (48.0, 40.0), BORDER)
        query = Query(state, Region((160.0, 120.0), (180.0,)), 241, adaptive=True, boxes=True)
        samples = [each.keep(each.search(frame, [query])[0].features, 0) for frame in frames[1:4]]
        offsets = np.array([[0.0, 0.0], [8.0, 3.0], [-5.0, 9.0]], np.float32)
        each.teach(state, samples, offsets, 0.6, False)
        each.teach(state, samples[:1], offsets[:1], 0.6, True)
        kernels.append(each.search(frames[5], [query])[0].adaptive.copy())
    np.testing.assert_allclose(kernels[0], kernels[1], atol=0.01)


class Watch(TorchDispatchMode):
    """Finds what a graph cannot hold: values read by the host, and tensors made of the host's values."""

    def __init__(self, known):
        super().__init__()
        self.known = {each.untyped_storage().data_ptr() for each in known}
        self.kept = []  # so that no address is given out twice
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        inputs = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        strange = [each for each in inputs if each.untyped_storage().data_ptr() not in self.known]
        if "local_scalar" in str(func) or "lift" in str(func) or any(each.dim() for each in strange):
            self.found.append(str(func))
        result = func(*args, **(kwargs or {}))
        outputs = [each for each in tree_leaves(result) if isinstance(each, torch.Tensor)]
        self.kept += inputs + outputs
        self.known |= {each.untyped_storage().data_ptr() for each in outputs}
        return result


def test_the_watch_sees_what_it_is_for():
    values = torch.arange(6.0)
    with Watch([values]) as watch:
        values[[1, 0]].sum().item()
    assert watch.found == ["aten.lift_fresh.default", "aten._local_scalar_dense.default"]


@pytest.mark.parametrize("network", ["lite", "alexnet"])
def test_what_is_recorded_neither_waits_nor_reads_the_hosts_memory(network, scene):
    """PyTorch refuses both while a graph is recorded; here it is seen without a GPU."""
    engine, _, config, _ = engines(network)
    seen = []

    def record(work):
        owner = work.__self__
        given = [each for value in vars(owner).values() for each in tree_leaves(value)]
        given += tree_leaves(owner._regions.places) if hasattr(owner, "_regions") else []
        modules = [each for each in given if isinstance(each, torch.nn.Module)]
        for module in modules:
            given += [*module.parameters(), *module.buffers()]
        with Watch([each for each in given if isinstance(each, torch.Tensor)]) as watch:
            work()
        seen.append((type(owner).__name__, watch.found))
        return work

    engine._record = record
    boxes = [(136, 100, 48, 40), (20, 30, 60, 50)]
    follow(engine, scene[0][:3], boxes, config.with_overrides({"update_interval": 2}))
    compares = set() if config.box_branch else {"CompareWork"}
    assert {name for name, _ in seen} == {"SearchWork", "UpdateWork"} | compares
    assert [found for _, found in seen if found] == []


# --- number format


def test_float32_keeps_all_its_digits_on_a_gpu_too(scene, monkeypatch):
    """PyTorch would round what goes into convolutions to ten binary digits; so it does again afterwards."""
    engine, _, config, _ = engines("alexnet")
    seen, convolve = [], torch.nn.functional.conv2d

    def watched(*arguments, **keywords):
        seen.append(torch.backends.cudnn.allow_tf32)
        return convolve(*arguments, **keywords)

    monkeypatch.setattr(torch.nn.functional, "conv2d", watched)
    follow(engine, scene[0][:2], [(136, 100, 48, 40)], config.with_overrides({"update_interval": 1}))
    assert seen
    assert not any(seen)
    assert torch.backends.cudnn.allow_tf32


def test_a_head_of_its_own_is_refused():
    net = deepcopy(random_network("lite"))
    net.unshare_head()
    with pytest.raises(ValueError, match="engine torch only"):
        CudaGraphEngine(net, CPU, FakeRecorder())


def test_it_is_chosen_by_name_on_a_cuda_device_alone():
    with pytest.raises(ValueError, match="engine cuda-graph runs on a CUDA device, but the device is cpu"):
        make_engine(random_network("lite"), "cpu", "cuda-graph")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("network", ["lite", "alexnet"])
def test_on_a_gpu(scene, network):
    need_weights(network)
    device = torch.device("cuda")
    mine, its = (load_network(shipped_weights(network)) for _ in range(2))  # an engine takes its own over
    config = TrackerConfig().with_overrides(mine.tracker).with_overrides({"update_interval": 2})
    engine = CudaGraphEngine(mine.net, device)
    boxes = [(136, 100, 48, 40), (20, 30, 60, 50)]
    found = follow(engine, scene[0], boxes, config)
    compare(found, follow(TorchEngine(its.net, device), scene[0], boxes, config))
    assert engine.detail.endswith("graphs")


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device: nothing else fails as it does; above is a stand-in"
)
def test_a_failed_recording_on_a_gpu_leaves_the_stream_as_it_was():
    device, before = torch.device("cuda"), torch.cuda.current_stream()
    number = torch.ones(1, device=device)
    with pytest.raises(RuntimeError):
        record_cuda_graph(lambda: (number * number.item(),), device)  # It waits for the device.
    assert torch.cuda.current_stream() == before
