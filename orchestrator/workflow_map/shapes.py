"""What goes into the map and what comes out of it. Lengths are pixels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

BOX_WIDTH: Final = 180
BOX_HEIGHT: Final = 60
NOTE_HEIGHT: Final = 16  # a line of small text below the name
DIAMOND_HEIGHT: Final = 88
DIAMOND_LETTERS: Final = 13
NOTE_LETTERS: Final = 22
FRAME: Final = 10  # around the steps of a branch
DESK_INDENT: Final = 20
DESK_HEIGHT: Final = 34
PORT_STEP: Final = 16  # between two ways that leave one box; a label fits above each
ROW_GAP: Final = 32
LANE_PAD: Final = 22
TRACK: Final = 12  # between two lines side by side
SPINE: Final = 10
ARROW: Final = 22
MARGIN: Final = 16
LETTER: Final = 6.3
LABEL_LETTERS: Final = 20
NAME_LETTERS: Final = 16
CORNER: Final = 6

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Lane:
    """A participant. ``kind`` is that of an actor, or ``people``."""

    key: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Place:
    """A step. ``asks`` are the lanes of the people who may have to decide on what it puts out.

    ``note`` is a word below its name; a ``diamond`` is where ways part or meet.
    """

    key: str
    name: str
    lane: str
    asks: tuple[str, ...] = ()
    note: str = ""
    diamond: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """A transition; ``title`` says in full what ``label`` may have cut.

    ``look`` is ``back`` for one that people take to send a case back, ``undo`` for one that
    leads to the step that undoes another.
    """

    source: str
    target: str
    label: str = ""
    title: str = ""
    dashed: bool = False
    look: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """A lane as it is drawn, with its name in lines that fit."""

    lane: Lane
    lines: list[str]
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Box:
    """A step as it is drawn."""

    key: str
    x: float
    y: float
    width: float
    height: float
    lines: list[str]
    note: str = ""
    diamond: bool = False

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.y + self.height / 2

    @property
    def centre(self) -> float:
        return self.x + self.width / 2

    @property
    def inner_width(self) -> float:
        """Of the second frame, which stands four pixels inside."""
        return self.width - 8

    @property
    def inner_height(self) -> float:
        return self.height - 8

    @property
    def inner_half(self) -> float:
        return self.inner_height / 2

    def leaves(self, y: float) -> float:
        """How far right its edge is at a height."""
        aside = abs(y - self.middle) / self.height if self.diamond else 0
        return self.right - aside * self.width

    @property
    def corners(self) -> str:
        """The points of a diamond, as SVG writes them."""
        tips = (
            (self.x, self.middle),
            (self.centre, self.y),
            (self.right, self.middle),
            (self.centre, self.bottom),
        )
        return " ".join(_pair(tip) for tip in tips)


@dataclass(frozen=True, slots=True)
class Frame:
    """Around the steps of one branch, where nothing else stands among them."""

    x: float
    y: float
    width: float
    height: float

    def holds(self, box: Box) -> bool:
        """Whether any of a box lies in it."""
        across = self.x < box.right and box.x < self.x + self.width
        return across and self.y < box.bottom and box.y < self.y + self.height


@dataclass(frozen=True, slots=True)
class Desk(Box):
    """Where people decide on what a step puts out: in their lane, below or above the step."""

    lane: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A way as it is drawn, with ``label`` standing on its first piece."""

    way: Way
    points: list[Point]
    label: str = ""
    label_x: float = 0
    label_y: float = 0

    @property
    def path(self) -> str:
        """The points as an SVG path with round corners."""
        return rounded(self.points)


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole map."""

    width: float
    height: float
    bands: list[Band]
    boxes: list[Box]
    desks: list[Desk]
    lines: list[Line]
    spines: list[list[Point]]
    frames: list[Frame]

    @property
    def spine_paths(self) -> list[str]:
        return [rounded(points) for points in self.spines]


def rounded(points: list[Point]) -> str:
    parts = [f"M{_pair(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        near, far = _toward(corner, before), _toward(corner, after)
        parts.append(f"L{_pair(near)}Q{_pair(corner)} {_pair(far)}")
    return "".join([*parts, f"L{_pair(points[-1])}"])


def _toward(corner: Point, other: Point) -> Point:
    """The point at which the round corner begins: half of a short piece at most."""
    (x, y), (other_x, other_y) = corner, other
    length = abs(other_x - x) + abs(other_y - y)
    share = min(CORNER, length / 2) / length
    return (x + (other_x - x) * share, y + (other_y - y) * share)


def _pair(point: Point) -> str:
    return f"{point[0]:g} {point[1]:g}"


def without_repeats(points: list[Point]) -> list[Point]:
    """The corners alone: no point twice, none in the middle of a straight piece."""
    distinct = [points[0], *(after for before, after in pairwise(points) if after != before)]
    kept = distinct[:1]
    for here, after in zip(distinct[1:], [*distinct[2:], None], strict=True):
        before = kept[-1]
        straight = after is not None and (
            before[0] == here[0] == after[0] or before[1] == here[1] == after[1]
        )
        if not straight:
            kept.append(here)
    return kept


def shortened(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1].rstrip()}…"


def wrapped(text: str, letters: int, most: int = 2) -> list[str]:
    """The words in at most ``most`` lines; what does not fit is cut."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= letters:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [shortened(line, letters) for line in lines]
