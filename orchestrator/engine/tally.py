"""What several deciders say together. Pure: no queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["open", "agreed", "split"]


@dataclass(frozen=True, slots=True)
class Ballot:
    """One standing decision of a round: its word and the value it stands for."""

    word: str
    output: Any


@dataclass(frozen=True, slots=True)
class Tally:
    """``ballot`` is what they agreed on, None while open and when they are split."""

    state: State
    ballot: Ballot | None = None


def tally(
    ballots: Sequence[Ballot],
    *,
    waiting: int,
    approvals: int,
    equal: Callable[[Any, Any], bool],
) -> Tally:
    """Count ballots that are equal in word and value.

    ``waiting`` is how many more may come. Agreed as soon as ``approvals`` are equal; split as
    soon as that cannot happen any more.
    """
    largest = 0
    for first in ballots:
        size = sum(
            1 for other in ballots if other.word == first.word and equal(other.output, first.output)
        )
        if size >= approvals:
            return Tally("agreed", first)
        largest = max(largest, size)
    return Tally("open" if largest + waiting >= approvals else "split")
