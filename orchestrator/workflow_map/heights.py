"""How high everything stands: corridors, lanes and their rows, from the top."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.workflow_map.routes import Route
from orchestrator.workflow_map.rows import Row, Rows
from orchestrator.workflow_map.shapes import (
    BOX_HEIGHT,
    DESK_HEIGHT,
    DIAMOND_HEIGHT,
    LANE_PAD,
    NOTE_HEIGHT,
    PORT_STEP,
    ROW_GAP,
    TRACK,
    Place,
)


@dataclass(frozen=True, slots=True)
class Heights:
    """``middle`` of each row, ``top`` of each corridor; the last ``top`` ends the drawing."""

    middle: dict[Row, float]
    top: list[float]
    corridors: list[float]
    box: dict[str, float]

    def track(self, route: Route) -> float:
        return self.corridors[route.corridor] + route.track * TRACK


def heights_of(places: Sequence[Place], rows: Rows, routes: Sequence[Route], lanes: int) -> Heights:
    box = _boxes(places, routes)
    tall = _tall(rows, box)
    tracks = _tracks(routes)
    middle: dict[Row, float] = {}
    top, corridors, y = [], [], 0.0
    for lane in range(lanes + 1):
        top.append(y)
        corridors.append(y + TRACK)
        y += tracks.get(lane, 0) * TRACK
        if lane == lanes:
            break
        y += LANE_PAD
        mine = sorted(row for row in tall if row[0] == lane)
        for row in mine:
            middle[row] = y + tall[row] / 2
            y += tall[row] + ROW_GAP
        y += LANE_PAD - ROW_GAP if mine else 0
    top.append(y + (TRACK if tracks.get(lanes) else 0))
    return Heights(middle, top, corridors, box)


def _boxes(places: Sequence[Place], routes: Sequence[Route]) -> dict[str, float]:
    """A box is as high as its text and the ways that leave it need."""
    ports: dict[str, int] = defaultdict(int)
    for route in routes:
        ports[route.way.source] = max(ports[route.way.source], abs(route.port))
    return {
        place.key: max(_text(place), 2 * PORT_STEP * ports[place.key] + PORT_STEP)
        for place in places
    }


def _text(place: Place) -> float:
    if place.diamond:
        return DIAMOND_HEIGHT
    return BOX_HEIGHT + (NOTE_HEIGHT if place.note else 0)


def _tall(rows: Rows, box: Mapping[str, float]) -> dict[Row, float]:
    tall: dict[Row, float] = defaultdict(float)
    for (key, desk), row in rows.of.items():
        tall[row] = max(tall[row], DESK_HEIGHT if desk else box[key])
    return dict(tall)


def _tracks(routes: Sequence[Route]) -> dict[int, int]:
    tracks: dict[int, int] = defaultdict(int)
    for route in routes:
        if route.kind == "corridor":
            tracks[route.corridor] = max(tracks[route.corridor], route.track + 1)
    return tracks
