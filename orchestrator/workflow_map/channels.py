"""Where a line moves up or down: in a channel of its own in the gap between two ranks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

Move = tuple[int, str]  # the gap, and what moves: a way's number, or the target lines join for


@dataclass(frozen=True, slots=True)
class Span:
    """From where to where something moves."""

    low: float
    high: float

    def meets(self, other: Span) -> bool:
        return self.low <= other.high and other.low <= self.high


def channels_of(moves: Iterable[tuple[Move, float, float]]) -> dict[Move, int]:
    """The channel of each move, from the left: two that would touch never share one.

    Moves of one name in one gap are one line. The longest comes first, nearest to its source.
    """
    spans: dict[Move, Span] = {}
    for move, start, end in moves:
        low, high = min(start, end), max(start, end)
        known = spans.get(move, Span(low, high))
        spans[move] = Span(min(low, known.low), max(high, known.high))
    used: dict[tuple[int, int], list[Span]] = defaultdict(list)
    found = {}
    for move in sorted(spans, key=lambda move: spans[move].low - spans[move].high):
        channel = 0
        while any(spans[move].meets(other) for other in used[move[0], channel]):
            channel += 1
        used[move[0], channel].append(spans[move])
        found[move] = channel
    return found
