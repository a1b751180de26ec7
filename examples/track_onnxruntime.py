#!/usr/bin/env python3
"""Track one target with ONNX Runtime alone: numpy, OpenCV and what `gradnet export` wrote.

    gradnet export exported
    python examples/track_onnxruntime.py exported video.mp4 --init 100,80,48,40 > boxes.txt

It shows how the graphs go together: crop, search, peak, size, and every few frames a template update. The
package's tracker has more rules (early failure, targets lost and found again); see docs/export.md.
"""

import argparse
import json
import sys
from math import exp, sqrt
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

Array = np.ndarray


class Descent:
    """Numbers on their way down a gradient: steps of Adam that shrink to none."""

    def __init__(self, shape: tuple[int, ...], steps: int, rate: float, floor: float) -> None:
        self.moved, self.mean, self.square = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.done, self.steps, self.rate, self.floor = 0, steps, rate, floor

    def step(self, slope: Array) -> None:
        """Move down a slope."""
        rate = self.rate * (1 - self.done / self.steps)
        self.done += 1
        self.mean += 0.1 * (slope - self.mean)
        self.square += 0.001 * (slope**2 - self.square)
        size = np.sqrt(self.square / (1 - 0.999**self.done)) + self.floor
        self.moved -= rate * self.mean / (1 - 0.9**self.done) / size


class OnnxTracker:
    """The graphs in a folder, and one target."""

    def __init__(self, folder: Path) -> None:
        about = json.loads((folder / "network.json").read_text())
        if about.get("format") != "gradnet_ros-onnx/7":
            raise SystemExit(f"{folder}/network.json: expected format gradnet_ros-onnx/7")
        self.spec, self.rules, self.boxes = about["spec"], about["tracker"], about["tracker"]["box_branch"]
        self.scale, self.bias = about["adjust"]
        search = "search_boxes" if self.boxes else "search"
        files = {"exemplar": "exemplar", "search": search, "step": "step"}
        self.compares = self.rules["scale_by_cosine"] and not self.boxes
        if self.compares:
            files["compare"] = "compare"
        learns = self.rules["update_interval"] > 0
        self.template_steps = self.rules["template_steps"] if learns else 0
        self.box_steps = self.rules["box_steps"] if self.boxes and learns else 0
        self.views, self.box_fit, self.template_fit = (
            about[name] for name in ("views", "box_fit", "template_fit")
        )
        if self.template_steps:
            files["template_views"] = "template_views"
        if self.box_steps:
            files |= {"box_views": "box_views", "box_lesson": "box_lesson"}
        self.graphs = {
            name: onnxruntime.InferenceSession(folder / f"{file}.onnx", providers=["CPUExecutionProvider"])
            for name, file in files.items()
        }

    def run(self, graph: str, **inputs: Array) -> dict[str, Array]:
        """Run a graph: arrays by name -> arrays by name; inputs that it does not know are left out."""
        session = self.graphs[graph]
        known = {entry.name: inputs[entry.name] for entry in session.get_inputs()}
        names = [entry.name for entry in session.get_outputs()]
        return dict(zip(names, session.run(names, known), strict=True))

    def init(self, image: Array, box: list[float]) -> None:
        """Start on (x, y, w, h)."""
        x, y, w, h = box
        self.centre, self.size, self.frame = np.array([x + w / 2, y + h / 2]), np.array([w, h], float), 0
        self.border = cv2.mean(image)[:3]
        side = self.side(self.spec["exemplar_size"])
        crop = self.crop(image, side, self.spec["exemplar_size"])[None]
        size = (self.size[None] * self.spec["exemplar_size"] / side).astype(np.float32)
        self.target = self.run("exemplar", crop=crop, size=size)
        self.hidden, self.kernel = self.target["f2"], self.target["beta"]
        if self.template_steps or self.box_steps:
            self.rehearse(image)
        found, _, _ = self.search(image)
        self.learn(found["features"][len(found["features"]) // 2][None], np.zeros(2), 1.0)

    def update(self, image: Array) -> tuple[list[float], float]:
        """Find the target in the next image: [x, y, w, h], score."""
        if self.frame < self.box_steps:
            self.fit_boxes()
        self.frame += 1
        found, sides, fused = self.search(image)
        index, shift, size, score = self.peak(found, sides, fused)
        pixel = sides[index] / self.spec["search_size"]
        self.centre = np.clip(self.centre + shift * pixel, 0, image.shape[1::-1])
        if self.compares:
            size = self.compare(image)
        self.size = np.maximum(size, 2.0)
        interval = self.rules["update_interval"]
        if interval and self.frame % interval == 0 and score > 0.5:
            self.learn(found["features"][index][None], shift, self.rules["update_rate"])
        return [*(self.centre - self.size / 2), *self.size], score

    def rehearse(self, image: Array) -> None:
        """Look at views of the first image, in which the box is true, and fit the template to them."""
        pixels, side = self.spec["search_size"], self.side(self.spec["search_size"])
        growths, *shifts = (np.array(column) for column in zip(*self.views, strict=True))
        zooms, offsets = np.exp(growths)[:, None] * pixels / side, np.stack(shifts, 1)
        crops = np.stack(
            [
                self.crop(image, pixels / zoom[0], pixels, self.centre - offset / zoom)
                for zoom, offset in zip(zooms, offsets, strict=True)
            ]
        )
        if self.template_steps:
            self.fit_template(crops, offsets)
        if self.box_steps:
            self.begin_boxes(crops, offsets, zooms * self.size)

    def fit_template(self, crops: Array, offsets: Array) -> None:
        """Move a gain of each of the fixed template's channels down the gradient of its logistic loss."""
        halves = [self.run("template_views", views=half, **self.target) for half in np.split(crops, 2)]
        scores = np.concatenate([half["channel_scores"] for half in halves])
        count, channels, cells, _ = scores.shape
        rows = scores.transpose(0, 2, 3, 1).reshape(-1, channels)
        places = (np.arange(cells) - (cells - 1) / 2) * self.spec["stride"]
        across, down = places - offsets[:, :1], places - offsets[:, 1:]
        labels = np.where(np.hypot(across[:, None, :], down[:, :, None]) <= 16, 1.0, -1.0)
        # Cells on the target weigh one half in each view, all others the other.
        on = (labels > 0).sum((1, 2), keepdims=True)
        shares = np.where(labels > 0, 0.5 / on, 0.5 / (cells**2 - on)).ravel() / count
        descent = Descent((channels,), self.template_steps, **self.template_fit)
        for _ in range(self.template_steps):
            margins = labels.ravel() * (self.scale * (rows @ (1 + descent.moved)) + self.bias)
            errors = -labels.ravel() * shares / (1 + np.exp(np.clip(margins, -60, 60)))
            descent.step(self.scale * errors @ rows)
        gains = (1 + descent.moved)[None, :, None, None]
        self.target["fixed"] = (self.target["fixed"] * gains).astype(np.float32)

    def begin_boxes(self, crops: Array, offsets: Array, sizes: Array) -> None:
        """What the steps of fitting boxes look at."""
        self.batches = []
        for batch in range(self.box_fit["batches"]):
            part = slice(batch, None, self.box_fit["batches"])
            seen = self.run("box_views", views=crops[part])
            places = {"view_offsets": offsets[part], "view_sizes": sizes[part]}
            self.batches.append(seen | {name: each.astype(np.float32) for name, each in places.items()})
        self.first = {name: self.target[name] for name in ("box_parts", "box_target", "box_surround")}
        # Gain of the parts' channels, and what the two means move by.
        shape, rules = (3, self.first["box_target"].shape[1]), self.box_fit
        self.descent = Descent(shape, self.box_steps, rules["rate"], rules["floor"])

    def fit_boxes(self) -> None:
        """Move the box branch's template down the gradient of its error in the views: a step."""
        slopes = self.run("box_lesson", **self.batches[self.descent.done % len(self.batches)], **self.target)
        parts, *means = self.first.values()
        at_parts, *at_means = (slopes[f"{name}_gradient"] for name in self.first)
        self.descent.step(np.concatenate([(at_parts * parts).sum(1), *at_means]))
        gain, *moves = self.descent.moved
        now = (parts * (1 + gain), *(mean + move for mean, move in zip(means, moves, strict=True)))
        self.target |= {name: each.astype(np.float32) for name, each in zip(self.first, now, strict=True)}

    def compare(self, image: Array) -> Array:
        """The size at which the target looks most like its exemplar."""
        pixels = self.spec["exemplar_size"]
        sides = self.side(pixels) * self.factors()
        cuts = np.stack([self.crop(image, side, pixels) for side in sides])
        return self.grown(self.run("compare", cuts=cuts, **self.target)["cosines"] + 1)

    def factors(self) -> Array:
        """The pyramid: sizes against that of the last frame."""
        half = self.rules["scale_count"] // 2
        return self.rules["scale_step"] ** np.arange(-half, half + 1.0)

    def best_scale(self, heights: Array) -> int:
        """Index of the scale that fits best; all but the middle one pay a penalty."""
        middle = np.arange(len(heights)) == len(heights) // 2
        return int((heights * np.where(middle, 1, self.rules["scale_penalty"])).argmax())

    def grown(self, heights: Array) -> Array:
        """The target's size by how well each scale fits."""
        growth = self.factors()[self.best_scale(heights)] - 1
        return self.size * (1 + self.rules["scale_smoothing"] * growth)

    def side(self, pixels: int) -> float:
        """Side of the region around the target that a crop of so many pixels shows."""
        context = self.rules["context_amount"] * self.size.sum()
        return sqrt((self.size + context).prod()) / self.spec["base_size"] * pixels

    def crop(self, image: Array, side: float, pixels: int, centre: Array | None = None) -> Array:
        """A square around the target, or another place."""
        centre = self.centre if centre is None else centre
        zoom, middle = pixels / side, (pixels - 1) / 2
        shift = middle - zoom * (centre - 0.5)
        matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
        return cv2.warpAffine(image, matrix, (pixels, pixels), borderValue=self.border)

    def search(self, image: Array) -> tuple[dict[str, Array], list[float], Array]:
        """Crop and search: the graph's outputs, the regions' sides, both templates' mean response."""
        factors = [1.0] if self.boxes or self.compares else self.factors()
        sides = [self.side(self.spec["search_size"]) * factor for factor in factors]
        crops = np.stack([self.crop(image, side, self.spec["search_size"]) for side in sides])
        found = self.run("search", crops=crops, kernel=self.kernel, **self.target)
        weight = self.rules["adaptive_weight"] if self.rules["update_interval"] else 0.0
        fixed, adaptive = found["fixed_scores"][:, 0], found["adaptive_scores"][:, 0]
        return found, sides, (1 - weight) * fixed + weight * adaptive

    def peak(
        self, found: dict[str, Array], sides: list[float], fused: Array
    ) -> tuple[int, Array, Array, float]:
        """Where the target is: index of the region, pixels of the crop from its centre, size, score."""
        raw = self.scale * float(found["fixed_scores"].max()) + self.bias
        score = 1 / (1 + exp(-max(-60.0, min(60.0, raw))))
        if self.boxes:
            return 0, *self.boxed_peak(found["edges"][0], sides[0], fused[0], score), score
        zoom, cells = self.rules["response_upsampling"], fused.shape[-1]
        heights = found["fixed_scores"].max((1, 2, 3)) - found["fixed_scores"].min()
        index = self.best_scale(heights)
        large = cv2.resize(fused[index], None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
        row, column = self.windowed(large, 1.0)
        shift = ((np.array([column, row]) + 0.5) / zoom - cells / 2) * self.spec["stride"]
        return index, shift, self.size if self.compares else self.grown(heights), score

    def boxed_peak(self, edges: Array, side: float, fused: Array, score: float) -> tuple[Array, Array]:
        """Place and size by the box branch."""
        rules, pixel = self.rules, side / self.spec["search_size"]
        sizes = np.stack([edges[0] + edges[2], edges[1] + edges[3]]) * pixel
        logs = np.log(sizes / self.size[:, None, None])
        change = np.exp(abs(logs[0] - logs[1]) + abs(logs.sum(0)) / 2)  # of aspect, of size
        trust = np.exp(-rules["size_penalty"] * (change - 1))
        row, column = self.windowed(fused, trust)
        left, top, right, bottom = edges[:, row, column]
        middle = (len(fused) - 1) / 2
        shift = np.array([column - middle, row - middle]) * self.spec["stride"]
        share = rules["size_smoothing"] * trust[row, column] * score
        size = (1 - share) * self.size + share * sizes[:, row, column]
        return shift + np.array([right - left, bottom - top]) / 2, size

    def windowed(self, response: Array, trust: Array | float) -> tuple[int, int]:
        """Row and column of the highest response under the window."""
        response = (response - response.min()) / (response - response.min()).sum() * trust
        window, share = np.outer(*[np.hanning(len(response))] * 2), self.rules["window_influence"]
        return divmod(int(((1 - share) * response + share * window / window.sum()).argmax()), len(response))

    def learn(self, features: Array, offset: Array, rate: float) -> None:
        """One gradient-guided step: where the target is at ``offset`` the template shall answer, else not."""
        start = self.target["f2"] if self.rules["update_from_first"] else self.hidden
        others = np.zeros_like(self.kernel)  # with more than one frame: the sum of what "lesson" says of them
        given = {"features": features, "offset": offset[None].astype(np.float32)}
        rate = np.array([rate], np.float32)
        new = self.run("step", start=start, hidden=self.hidden, others=others, rate=rate, **given)
        self.hidden, self.kernel = new["new_hidden"], new["new_beta"]


def main() -> None:
    """Track and print x,y,w,h,score, a line a frame."""
    parser = argparse.ArgumentParser(description="Track a target in a video with ONNX Runtime alone.")
    parser.add_argument("folder", type=Path, help="what gradnet export wrote")
    parser.add_argument("video", help="video file")
    parser.add_argument("--init", required=True, metavar="X,Y,W,H", help="target in the first frame, pixels")
    arguments = parser.parse_args()
    capture, tracker, box = cv2.VideoCapture(arguments.video), OnnxTracker(arguments.folder), None
    while True:
        there, image = capture.read()
        if not there:
            break
        if box is None:
            box, score = [float(value) for value in arguments.init.split(",")], 1.0
            tracker.init(image, box)
        else:
            box, score = tracker.update(image)
        print(",".join(f"{value:.3f}" for value in (*box, score)))
    if box is None:
        sys.exit(f"{arguments.video}: no frames")


if __name__ == "__main__":
    main()
