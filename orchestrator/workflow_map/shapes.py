"""What goes into the map and what comes out of it. Lengths are pixels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

BOX_WIDTH: Final = 180
BOX_HEIGHT: Final = 60
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
    """A step. ``asks`` are the lanes of the people who may have to decide on what it puts out."""

    key: str
    name: str
    lane: str
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """A transition; ``title`` says in full what ``label`` may have cut."""

    source: str
    target: str
    label: str = ""
    title: str = ""
    dashed: bool = False


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

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


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
