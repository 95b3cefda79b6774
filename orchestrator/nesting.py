"""Which steps stand in the branches of which: for lists, for the map and for sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.definitions.graphs import OPENERS, Graph
from orchestrator.models import Step, StepKind


@dataclass(frozen=True, slots=True)
class Nest:
    """The branches that one step opens: the keys in each, in the order of the steps."""

    opener: str
    join: str
    branches: tuple[tuple[str, ...], ...]

    @property
    def inside(self) -> frozenset[str]:
        return frozenset(key for branch in self.branches for key in branch)


def nests_of(steps: Sequence[Step]) -> list[Nest]:
    """One for each opening step whose join is there, in the order of the steps.

    Steps as ``sentences.steps_of`` reads them; a draft may have any mistake. A for-each has one
    branch, a fork one for each exit that leads to something else than its join.
    """
    ways = [way for step in steps for way in step.transitions.all()]
    graph = Graph.of(steps, sorted(ways, key=lambda way: way.position))
    return [_nest(graph, step) for step in steps if step.kind in OPENERS and _join(graph, step)]


def _join(graph: Graph, step: Step) -> Step | None:
    join = graph.steps.get(str(step.flow.get("join")))
    return join if join is not None and join.kind == StepKind.JOIN else None


def _nest(graph: Graph, step: Step) -> Nest:
    join, seen = str(step.flow["join"]), {step.key}
    branches = []
    for way in graph.ways[step.key]:
        found = graph.region(way.target.key, join) - seen
        seen |= found
        if found:
            branches.append(tuple(sorted(found, key=graph.index.__getitem__)))
    return Nest(step.key, join, tuple(branches))


def holders(nests: Sequence[Nest]) -> Mapping[str, tuple[Nest, int]]:
    """Key -> the innermost nest that it stands in, and in which branch."""
    found: dict[str, tuple[Nest, int]] = {}
    for nest in sorted(nests, key=lambda nest: -len(nest.inside)):
        for number, branch in enumerate(nest.branches):
            found |= dict.fromkeys(branch, (nest, number))
    return found
