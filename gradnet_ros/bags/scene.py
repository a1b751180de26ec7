"""What is played to a tracker: pictures from the first with the target on, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gradnet_ros.bags.errors import BagError
from gradnet_ros.bags.pictures import LeftOut, Picture, PictureTopic
from gradnet_ros.bags.truth import Truth, is_valid
from gradnet_ros.ros.bbox import as_received
from gradnet_ros.tracking.geometry import check_box
from gradnet_ros.tracking.track import Box


@dataclass
class Scene:
    """The pictures, the truth and the target.

    Attributes:
        topic: the pictures.
        truth: where the target is.
        init: the target in the first picture; ``None`` takes the first box of the truth, in whichever picture
            that is.

    Raises:
        BagError: no target is given, or the truth file has another number of lines than the topic pictures.
    """

    topic: PictureTopic
    truth: Truth = field(default_factory=Truth)
    init: Box | None = None
    _early: list[LeftOut] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check what can be checked without reading pictures."""
        rows, count = self.truth.by_number, self.topic.topic.count
        if self.init is None and rows is None and self.truth.by_stamp is None:
            raise BagError("no target is given: --init X,Y,W,H, --truth-topic or --truth is needed")
        if rows is not None and count is not None and len(rows) != count:
            raise BagError(
                f"{self.truth.where}: {len(rows)} lines, but {self._name} of {self.topic.bag.path} has"
                f" {count} pictures"
            )

    def play(self) -> Iterator[Picture]:
        """The pictures from the start on, all of one size.

        Raises:
            BagError: there is nothing to start on.
        """
        early: list[LeftOut] = []
        self._early = early
        size: tuple[int, ...] | None = None
        for picture in self.topic.pictures():
            if size is None:
                if self.init is None and not is_valid(self.truth.box(picture)):
                    early.append(
                        LeftOut(picture.number, picture.recorded, "before the first box of the truth")
                    )
                    continue
                size = picture.pixels.shape
            if picture.pixels.shape != size:
                shapes = [f"{shape[1]}x{shape[0]}" for shape in (picture.pixels.shape, size)]
                why = f"its size is {shapes[0]}, that of the first {shapes[1]}"
                early.append(LeftOut(picture.number, picture.recorded, why))
                continue
            yield picture
        if size is None:
            raise BagError(self._nothing())

    @property
    def left_out(self) -> list[LeftOut]:
        """Pictures that the last :meth:`play` did not give, as far as it got, and why; in their order."""
        return sorted([*self._early, *self.topic.left_out], key=lambda each: each.number)

    def start_box(self, first: Picture) -> Box:
        """The target in the first picture, as it is after a way through a message.

        Raises:
            ValueError: no target can be there.
        """
        box = self.truth.box(first) if self.init is None else self.init
        height, width = first.pixels.shape[:2]
        try:
            check_box(box, width, height)
        except ValueError as error:
            where = f"{self.topic.bag.path}: picture {first.number} of {self._name}"
            raise BagError(f"{where}: {error}") from error
        return as_received(box)

    @property
    def _name(self) -> str:
        return self.topic.topic.name

    def _nothing(self) -> str:
        """Why there is nothing to start on."""
        bag = self.topic.bag
        if not self.left_out:
            lost = "; ".join(bag.notes)
            return f"{bag.path}: {self._name} holds no pictures that can be read" + (lost and f" ({lost})")
        first = self.left_out[0]
        return (
            f"{bag.path}: none of {len(self.left_out)} pictures of {self._name} can be started on; the first,"
            f" picture {first.number}: {first.why} ({self.truth.where})"
        )
