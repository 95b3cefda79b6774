"""Frames around what belongs to one branch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from orchestrator.workflow_map.shapes import FRAME, LANE_PAD, Box, Desk, Frame

WIDEST: Final = LANE_PAD - 4


def frames_of(
    branches: Sequence[frozenset[str]], boxes: Sequence[Box], desks: Sequence[Desk]
) -> list[Frame]:
    """A frame for each branch that stands by itself; none where others stand among its steps."""
    return list(_frames(branches, [*boxes, *desks]))


def _frames(branches: Sequence[frozenset[str]], things: Sequence[Box]) -> Iterator[Frame]:
    for keys in branches:
        mine = [thing for thing in things if thing.key in keys]
        if not mine:
            continue
        inner = sum(other < keys for other in branches)
        frame = _around(mine, min(FRAME + 4 * inner, WIDEST))
        if not any(frame.holds(thing) for thing in things if thing.key not in keys):
            yield frame


def _around(mine: Sequence[Box], pad: float) -> Frame:
    left, top = min(box.x for box in mine) - pad, min(box.y for box in mine) - pad
    right, bottom = max(box.right for box in mine) + pad, max(box.bottom for box in mine) + pad
    return Frame(left, top, right - left, bottom - top)
