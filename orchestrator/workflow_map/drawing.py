"""The map put together: ranks, rows, routes and channels become places on paper."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.workflow_map.branches import frames_of
from orchestrator.workflow_map.channels import Move, channels_of
from orchestrator.workflow_map.heights import Heights, heights_of
from orchestrator.workflow_map.ranks import ranks
from orchestrator.workflow_map.routes import Route, routes_of
from orchestrator.workflow_map.rows import Rows, rows_of
from orchestrator.workflow_map.shapes import (
    ARROW,
    BOX_WIDTH,
    DESK_HEIGHT,
    DESK_INDENT,
    DIAMOND_LETTERS,
    LABEL_LETTERS,
    LETTER,
    MARGIN,
    NAME_LETTERS,
    NOTE_LETTERS,
    PORT_STEP,
    SPINE,
    TRACK,
    Band,
    Box,
    Desk,
    Drawing,
    Lane,
    Line,
    Place,
    Point,
    Way,
    shortened,
    without_repeats,
    wrapped,
)

LANE_LETTERS = 15


def draw(
    lanes: Sequence[Lane],
    places: Sequence[Place],
    ways: Sequence[Way],
    branches: Sequence[frozenset[str]] = (),
) -> Drawing:
    """The map of these steps. Each way joins two of them, each lane named is one of ``lanes``.

    ``branches`` are the keys of the steps that stand in one branch together.
    """
    ahead = [way for way in ways if way.look != "back"]
    rank = ranks([place.key for place in places], ahead)
    numbers = {lane.key: number for number, lane in enumerate(lanes)}
    rows = rows_of(places, ahead, rank, numbers)
    routes = routes_of(ways, rank, rows)
    heights = heights_of(places, rows, routes, len(lanes))
    return Plan(places, rank, rows, routes, heights, branches).drawing(lanes)


@dataclass(slots=True)
class Plan:
    """What is known before the first place on paper is."""

    places: Sequence[Place]
    rank: dict[str, int]
    rows: Rows
    routes: Sequence[Route]
    heights: Heights
    branches: Sequence[frozenset[str]]

    def drawing(self, lanes: Sequence[Lane]) -> Drawing:
        channels = channels_of(
            (move, start, end)
            for route in self.routes
            for move, start, end in self.moves(route)
            if start != end
        )
        columns = self.columns(channels)
        boxes = {place.key: self.box(place, columns) for place in self.places}
        desks = [self.desk(place, lane, columns) for place in self.places for lane in place.asks]
        return Drawing(
            width=columns.width,
            height=self.heights.top[-1],
            bands=self.bands(lanes),
            boxes=list(boxes.values()),
            desks=desks,
            lines=[self.line(route, channels, columns, boxes) for route in self.routes],
            spines=list(self.spines(boxes, desks)),
            frames=frames_of(self.branches, list(boxes.values()), desks),
        )

    def moves(self, route: Route) -> Iterator[tuple[Move, float, float]]:
        """Where a line moves up or down; what leads into one step joins before it."""
        start, end = self.port(route), self.middle(route.way.target)
        joined = f"into {route.way.target}"
        match route.kind:
            case "source" | "straight":
                yield (route.last, joined), start, end
            case "target":
                yield (route.first, joined), start, end
            case "corridor":
                track = self.heights.track(route)
                yield (route.first, f"out {route.way.source} {route.way.target}"), start, track
                yield (route.last, joined), track, end

    def middle(self, key: str) -> float:
        return self.heights.middle[self.rows.of[key, ""]]

    def port(self, route: Route) -> float:
        return self.middle(route.way.source) + route.port * PORT_STEP

    def columns(self, channels: dict[Move, int]) -> Columns:
        gaps: dict[int, int] = defaultdict(int)
        for (gap, _name), channel in channels.items():
            gaps[gap] = max(gaps[gap], channel + 1)
        labels: dict[int, float] = defaultdict(float)
        for route in self.routes:
            if text := label_of(route.way):
                labels[route.first] = max(labels[route.first], len(text) * LETTER + 12)
        strips: dict[int, int] = defaultdict(int)
        for place in self.places:
            strips[self.rank[place.key]] += bool(place.asks)
        last = max(self.rank.values(), default=0)
        return Columns.measured(last, gaps, labels, strips)

    def box(self, place: Place, columns: Columns) -> Box:
        height = self.heights.box[place.key]
        return Box(
            place.key,
            columns.left[self.rank[place.key]],
            self.middle(place.key) - height / 2,
            BOX_WIDTH,
            height,
            wrapped(place.name, DIAMOND_LETTERS if place.diamond else NAME_LETTERS),
            shortened(place.note, NOTE_LETTERS),
            place.diamond,
        )

    def desk(self, place: Place, lane: str, columns: Columns) -> Desk:
        middle = self.heights.middle[self.rows.of[place.key, lane]]
        return Desk(
            place.key,
            columns.left[self.rank[place.key]] + DESK_INDENT,
            middle - DESK_HEIGHT / 2,
            BOX_WIDTH - DESK_INDENT,
            DESK_HEIGHT,
            [],
            lane=lane,
        )

    def bands(self, lanes: Sequence[Lane]) -> list[Band]:
        tops = [*self.heights.top[: len(lanes)], self.heights.top[-1]]
        return [
            Band(lane, wrapped(lane.name, LANE_LETTERS), top, tops[number + 1] - top)
            for number, (lane, top) in enumerate(zip(lanes, tops, strict=False))
        ]

    def line(
        self,
        route: Route,
        channels: dict[Move, int],
        columns: Columns,
        boxes: dict[str, Box],
    ) -> Line:
        source, target = boxes[route.way.source], boxes[route.way.target]
        start = self.port(route)
        points: list[Point] = [(source.leaves(start), start)]
        for move, before, after in self.moves(route):
            if before != after:
                x = columns.channel(move[0], channels[move])
                points += [(x, before), (x, after)]
        points.append((target.x, target.middle))
        return Line(
            route.way,
            without_repeats(points),
            label_of(route.way),
            columns.stub(self.rank[route.way.source]),
            start - 4,
        )

    def spines(self, boxes: dict[str, Box], desks: Sequence[Desk]) -> Iterator[list[Point]]:
        """From a step to the desks where people decide on what it puts out."""
        used: dict[int, dict[str, int]] = defaultdict(dict)
        for desk in desks:
            box, rank = boxes[desk.key], self.rank[desk.key]
            number = used[rank].setdefault(desk.key, len(used[rank]))
            x = box.right + SPINE * (number + 1)
            edge, away = (box.bottom, 10) if desk.y > box.y else (box.y, -10)
            yield without_repeats(
                [
                    (box.right - 22, edge),
                    (box.right - 22, edge + away),
                    (x, edge + away),
                    (x, desk.middle),
                    (desk.right, desk.middle),
                ]
            )


@dataclass(frozen=True, slots=True)
class Columns:
    """How far right everything stands: the boxes of each rank, the channels of each gap."""

    left: list[float]
    channels: list[float]
    stubs: list[float]
    width: float

    @classmethod
    def measured(
        cls,
        last: int,
        gaps: dict[int, int],
        labels: dict[int, float],
        strips: dict[int, int],
    ) -> Columns:
        left, channels, stubs = [], [], []
        x = float(MARGIN)
        for gap in range(last + 2):
            channels.append(x + labels[gap] + TRACK)
            x += labels[gap] + gaps[gap] * TRACK + (ARROW if gap else 0)
            x += TRACK if gaps[gap] else 0
            if gap <= last:
                left.append(x)
                x += BOX_WIDTH + (SPINE * (strips[gap] + 1) if strips[gap] else 0)
                stubs.append(x + 6)
        return cls(left, channels, stubs, x - ARROW + MARGIN)

    def channel(self, gap: int, number: int) -> float:
        return self.channels[gap] + number * TRACK

    def stub(self, rank: int) -> float:
        return self.stubs[rank]


def label_of(way: Way) -> str:
    return shortened(way.label, LABEL_LETTERS)
