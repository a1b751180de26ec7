"""A report on screen."""

from __future__ import annotations

from collections.abc import Iterator

from gradnet_ros.bench.node import NodeFigures, NodeReport
from gradnet_ros.bench.report import Floor, Report, SizeReport, TargetsReport
from gradnet_ros.bench.timing import Timing

_NAME = 36


def format_report(report: Report) -> str:
    """The whole report as text, a block for every network and size."""
    rates = report.ceilings
    lines = [
        report.hardware,
        f"{report.date}, gradnet_ros {report.version}, networks on {report.device}"
        + "".join(f", {name}={value}" for name, value in report.settings.items()),
        f"ceilings, float32: {rates.flops / 1e9:.0f} GFLOP/s, {rates.cache_bytes / 1e9:.0f} GB/s in cache,"
        f" {rates.memory_bytes / 1e9:.0f} GB/s in memory",
    ]
    for size in report.sizes:
        lines += ["", *_format_size(size)]
    if report.targets:
        lines += ["", *_format_targets(report.targets)]
    return "\n".join(lines)


def _format_size(size: SizeReport) -> Iterator[str]:
    yield f"{size.network}, {size.size}, {size.engine}"
    yield f"  {'ms':{_NAME}s}{'p50':>9s}{'p95':>9s}{'p99':>9s}{'mean':>9s}"
    yield _row("tracker, every frame", size.frame.every)
    if size.frame.plain is not None:
        yield _row("  without an update", size.frame.plain)
    if size.frame.update is not None:
        yield _row("  with an update", size.frame.update)
    yield _row("decoding and tracker", size.decoded)
    stages = size.stages
    for name, timing in (
        ("crop", stages.crop),
        ("upload", stages.upload),
        ("network", stages.network),
        ("host sync", stages.host_sync),
        ("response", stages.response),
        ("comparing sizes", stages.compare),
        ("update", stages.update),
        ("box fit, first frames", stages.box_fit),
    ):
        if timing is not None:
            yield _row(f"stage: {name}", timing)
    for name, floor in size.floors.items():
        yield _floor(name, floor)
    for rival in size.rivals:
        if rival.frame is None:
            yield f"  {rival.name}: not measured: {rival.reason}"
        else:
            yield f"{_row(rival.name, rival.frame)}   {rival.ratio:.2f} x ours"
    if size.node is not None:
        yield from _format_node(size.node)


def _format_node(node: NodeReport) -> Iterator[str]:
    for own in node.own:
        if own.latency is None:
            yield f"  node without tracking, {own.executor}: not measured: {own.reason}"
            continue
        yield (
            f"{_row(f'node without tracking, {own.executor}', own.latency)}"
            f"   {own.cpu_ms:.2f} ms of processor time an image"
        )
    yield from _format_camera("calm", node.calm)
    yield from _format_camera("busy", node.busy)
    yield f"  share of a frame's processor time outside the tracker: {100 * node.share_outside:.1f} %"


def _format_camera(name: str, figures: NodeFigures) -> Iterator[str]:
    yield _row(f"node, stamp to subscriber, {figures.rate:g} Hz", figures.latency)
    counts = ", ".join(f"{count} {what}" for what, count in figures.counts.items())
    yield (
        f"    {name}: {counts}; {figures.fps:.1f} results/s;"
        f" {figures.cpu_ms:.1f} ms of processor time an image"
    )
    yield (
        f"    in the node: detection p50 {figures.detection_p50:.1f}, processing p50"
        f" {figures.processing_p50:.1f} p95 {figures.processing_p95:.1f} ms; latency p95 / twice the"
        f" processing p50: {figures.latency.p95 / (2 * figures.processing_p50):.2f}"
    )
    yield _row("    a service's answer meanwhile", figures.answers)


def _format_targets(reports: tuple[TargetsReport, ...]) -> Iterator[str]:
    heads = "".join(f"{head:>9s}" for head in ("p50", "p95", "target", "single", "ratio"))
    yield f"  {'many targets in one pass, ms':{_NAME}s}{heads}"
    for each in reports:
        name = f"{each.network}, {each.size}, {each.count} targets"
        yield (
            f"  {name:{_NAME}s}{each.frame.p50:9.2f}{each.frame.p95:9.2f}{each.target_ms:9.2f}"
            f"{each.single_ms:9.2f}{each.ratio:9.2f}"
        )


def _row(name: str, timing: Timing) -> str:
    values = (timing.p50, timing.p95, timing.p99, timing.mean)
    return f"  {name:{_NAME}s}" + "".join(f"{value:9.2f}" for value in values)


def _floor(name: str, floor: Floor) -> str:
    work = f"{floor.gflop:.2f} GFLOP, {floor.source_mb:.1f} MB"
    layers = f"layer by layer {floor.layered_ms:.2f} ms ({floor.moved_mb:.0f} MB)"
    return f"  floor of {name}: {floor.ms:.2f} ms ({work}); {layers}; median / floor {floor.ratio:.2f}"
