"""The steps of a version as a graph: which leads to which, and which stand in branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.models import Step, StepKind, Transition

OPENERS: Final = frozenset({StepKind.FORK, StepKind.FOR_EACH})


@dataclass(frozen=True)
class Graph:
    """Steps by key, and the keys that each leads to."""

    steps: Mapping[str, Step]
    index: Mapping[str, int]
    ways: Mapping[str, Sequence[Transition]]

    @classmethod
    def of(cls, steps: Sequence[Step], links: Sequence[Transition]) -> Graph:
        ways: dict[str, list[Transition]] = {step.key: [] for step in steps}
        for link in links:
            ways[link.source.key].append(link)
        index = {step.key: place for place, step in enumerate(steps)}
        return cls({step.key: step for step in steps}, index, ways)

    def region(self, start: str, join: str) -> set[str]:
        """The steps from ``start`` on, up to the join."""
        found: set[str] = set()
        ahead = {start} - {join}
        while ahead:
            found |= ahead
            ahead = {way.target.key for key in ahead for way in self.ways[key]} - found - {join}
        return found
