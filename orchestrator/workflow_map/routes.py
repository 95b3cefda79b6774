"""Which way a line takes: along a free row, or through the corridor between two lanes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from orchestrator.workflow_map.rows import Row, Rows
from orchestrator.workflow_map.shapes import Way

Kind = Literal["straight", "source", "target", "corridor"]


@dataclass(frozen=True, slots=True)
class Route:
    """One way. ``port`` is how many steps below the middle of its box it leaves.

    It moves up or down in the gap right of its source, in the one left of its target, or in
    both, with ``corridor`` and ``track`` in between. Gap ``n`` lies left of rank ``n``.
    """

    way: Way
    kind: Kind
    first: int
    last: int
    corridor: int = 0
    track: int = 0
    port: int = 0


def routes_of(ways: Sequence[Way], rank: Mapping[str, int], rows: Rows) -> list[Route]:
    """A route for each way, in their order."""
    kinds = [_kind(way, rank, rows) for way in ways]
    ports = _ports(ways, kinds, rows)
    plain = [
        Route(
            way,
            kind,
            first=rank[way.source] + 1,
            last=rank[way.target],
            corridor=_corridor(rows.of[way.source, ""], rows.of[way.target, ""]),
            port=port,
        )
        for way, kind, port in zip(ways, kinds, ports, strict=True)
    ]
    return _tracked(plain)


def _kind(way: Way, rank: Mapping[str, int], rows: Rows) -> Kind:
    source, target = rows.of[way.source, ""], rows.of[way.target, ""]
    start, end = rank[way.source], rank[way.target]
    if start >= end:
        return "corridor"
    if rows.is_free(source, start, end):
        return "straight" if source == target else "source"
    return "target" if rows.is_free(target, start, end) else "corridor"


def _corridor(source: Row, target: Row) -> int:
    """The corridor next to the target's lane, on the side of the source. Number n lies above
    lane n."""
    return target[0] if source[0] < target[0] else target[0] + 1


def _ports(ways: Sequence[Way], kinds: Sequence[Kind], rows: Rows) -> list[int]:
    """The straight way leaves in the middle; the others above or below, the furthest outmost."""
    found = [0] * len(ways)
    leaving: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for number, (way, kind) in enumerate(zip(ways, kinds, strict=True)):
        if kind != "straight":
            leaving[way.source, rows.of[way.target, ""] < rows.of[way.source, ""]].append(number)
    for (_source, up), numbers in leaving.items():
        nearest_first = sorted(numbers, key=lambda number: _far(ways[number], rows))
        for place, number in enumerate(nearest_first, start=1):
            found[number] = -place if up else place
    return found


def _far(way: Way, rows: Rows) -> tuple[int, int]:
    source, target = rows.of[way.source, ""], rows.of[way.target, ""]
    return abs(source[0] - target[0]), abs(source[1] - target[1])


def _tracked(routes: Iterable[Route]) -> list[Route]:
    """Give each line in a corridor a track of its own wherever two would meet."""
    ends: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    found = []
    for route in routes:
        track = 0
        if route.kind == "corridor":
            span = (min(route.first, route.last), max(route.first, route.last))
            while any(_meet(span, other) for other in ends[route.corridor, track]):
                track += 1
            ends[route.corridor, track].append(span)
        found.append(replace(route, track=track))
    return found


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
