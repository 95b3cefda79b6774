"""In which row of its lane a box or a desk stands, and where a line may pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from orchestrator.workflow_map.shapes import Place, Way

Row = tuple[int, int]  # number of the lane, number of the row in it
Item = tuple[str, str]  # key of the step; "" for its box, else the lane of a desk


@dataclass(slots=True)
class Rows:
    """The rows of all lanes. ``taken`` are the cells, a row at a rank, that hold something."""

    of: dict[Item, Row] = field(default_factory=dict)
    taken: set[tuple[Row, int]] = field(default_factory=set)

    def put(self, item: Item, lane: int, rank: int, wish: int) -> None:
        """Into the wished row of the lane, or the first one that is free at this rank."""
        wished = (lane, wish)
        numbers = (lane_row for number in count() if (lane_row := (lane, number)) != wished)
        row = wished
        while (row, rank) in self.taken:
            row = next(numbers)
        self.of[item] = row
        self.taken.add((row, rank))

    def is_free(self, row: Row, after: int, before: int) -> bool:
        """Whether nothing stands in the row at the ranks between these two."""
        return all((row, rank) not in self.taken for rank in range(after + 1, before))


def rows_of(
    places: Sequence[Place], ways: Sequence[Way], rank: Mapping[str, int], lanes: Mapping[str, int]
) -> Rows:
    """Rows for all boxes, left to right: in line with the step before where that is possible."""
    rows, asked = Rows(), {place.key: place for place in places}
    before: dict[str, dict[tuple[str, bool], list[str]]] = {}
    for way in ways:
        if rank[way.source] < rank[way.target]:
            kinds = before.setdefault(way.target, {})
            kinds.setdefault((way.look, way.dashed), []).append(way.source)
    aside = {way.target for way in ways if way.look == "undo"}
    for key in sorted(asked, key=lambda key: (rank[key], key in aside)):
        lane = lanes[asked[key].lane]
        plainest = before[key][min(before[key])] if key in before else []
        wish = _wish(rows, lane, plainest) + (key in aside)
        rows.put((key, ""), lane, rank[key], wish)
    for place in places:
        for name in place.asks:
            rows.put((place.key, name), lanes[name], rank[place.key], 0)
    return rows


def _wish(rows: Rows, lane: int, before: Sequence[str]) -> int:
    """The uppermost row of the steps before that stand in this lane."""
    there = (rows.of[key, ""] for key in before)
    return min((row for its, row in there if its == lane), default=0)
