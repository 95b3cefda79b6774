"""What is wrong with branches: where they begin, where they end, and what they write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from django.utils.translation import gettext as _

from orchestrator.definitions.graphs import OPENERS, Graph
from orchestrator.models import Step, StepKind
from orchestrator.pointers import Problem, child

MOST_PATH: Final = 200
NUMBERS: Final = len(".100.9999/")
"""What a path of branches has beside each key: the visit and the branch."""


def branch_problems(graph: Graph) -> Iterator[Problem]:
    """Branches begin at their opening step, end at its join, and touch nothing else."""
    openers = [step for step in graph.steps.values() if step.kind in OPENERS]
    named: dict[str, str] = {}
    yield from _deep(graph, openers)
    for step in openers:
        place = f"/steps/{graph.index[step.key]}/flow"
        join = graph.steps.get(str(step.flow.get("join")))
        if join is None or join.kind != StepKind.JOIN:
            yield Problem(f"{place}/join", _("Name a step of kind join."))
        elif join.key in named:
            message = _("%(key)s ends there already; give each its own join.") % {
                "key": named[join.key]
            }
            yield Problem(f"{place}/join", message)
        else:
            named[join.key] = step.key
            yield from _branches(graph, step, join.key, place)
    for key, step in graph.steps.items():
        if step.kind == StepKind.JOIN and key not in named:
            message = _("No fork and no for-each names this as its join.")
            yield Problem(f"/steps/{graph.index[key]}", message)


def _deep(graph: Graph, openers: Sequence[Step]) -> Iterator[Problem]:
    """The path of branches is a text of limited length, made of the keys of what opens them."""
    regions = {step.key: graph.region(step.key, str(step.flow.get("join"))) for step in openers}
    for key in regions:
        around = [other for other, inside in regions.items() if key in inside]
        if sum(len(other) + NUMBERS for other in around) > MOST_PATH:
            message = _("These branches are too deep in others: give what opens them shorter keys.")
            yield Problem(f"/steps/{graph.index[key]}/flow", message)


def _branches(graph: Graph, opener: Step, join: str, path: str) -> Iterator[Problem]:
    regions = [graph.region(way.target.key, join) for way in graph.ways[opener.key]]
    inside = set().union(*regions)
    yield from _body(graph, opener, path)
    yield from _fenced(graph, opener, join, inside)
    if opener.kind == StepKind.FORK:
        for key in sorted({key for key in inside if sum(key in one for one in regions) > 1}):
            message = _("Two branches of %(key)s lead here; give each its own steps.") % {
                "key": opener.key
            }
            yield Problem(f"/steps/{graph.index[key]}", message)
        yield from _clashes(graph, opener, regions, path)


def _body(graph: Graph, opener: Step, path: str) -> Iterator[Problem]:
    if opener.kind != StepKind.FOR_EACH:
        return
    ways = graph.ways[opener.key]
    if len(ways) != 1 or ways[0].condition:
        yield Problem(path, _("One transition without a condition leads to what is done for each."))


def _fenced(graph: Graph, opener: Step, join: str, inside: set[str]) -> Iterator[Problem]:
    """Nothing leads into the branches but their opening step, and nothing out but the join."""
    for key in sorted(inside):
        place = f"/steps/{graph.index[key]}"
        if graph.steps[key].kind == StepKind.END:
            yield Problem(
                place,
                _("A branch of %(key)s ends at %(join)s, not at an end.")
                % {"key": opener.key, "join": join},
            )
        elif key == opener.key:
            yield Problem(
                place,
                _("A branch of %(key)s leads back before its join %(join)s.")
                % {"key": opener.key, "join": join},
            )
    own = inside | {opener.key}
    for key, ways in graph.ways.items():
        for way in ways:
            target = way.target.key
            if key not in own and (target in inside or target == join):
                message = _("%(target)s is in the branches of %(key)s: lead to that instead.") % {
                    "target": target,
                    "key": opener.key,
                }
                yield Problem(f"/steps/{graph.index[key]}", message)


def _clashes(
    graph: Graph, opener: Step, regions: Sequence[set[str]], path: str
) -> Iterator[Problem]:
    """Two branches that write one place: without a rule the last one would win by chance."""
    rules = opener.flow.get("merge", {})
    written = [_writes(graph, region) for region in regions]
    for index, paths in enumerate(written):
        for other in written[index + 1 :]:
            for here in sorted(paths):
                for there in sorted(other):
                    if here == there and here not in rules:
                        message = _("Two branches write this: say first, last or append.")
                        yield Problem(child(f"{path}/merge", here), message)
                    elif here != there and _nested(here, there):
                        message = _(
                            "Two branches write %(here)s and %(there)s: one is in the other."
                        ) % {"here": here, "there": there}
                        yield Problem(child(f"{path}/merge", here), message)


def _nested(here: str, there: str) -> bool:
    return here.startswith(f"{there}/") or there.startswith(f"{here}/")


def _writes(graph: Graph, region: set[str]) -> set[str]:
    """Where the steps of a branch write; what is done for each item is collected in one place."""
    found: set[str] = set()
    local: set[str] = set()
    for key in region:
        step = graph.steps[key]
        if step.kind == StepKind.FOR_EACH and graph.ways[key]:
            found.add(str(step.flow.get("collect")))
            local |= graph.region(graph.ways[key][0].target.key, str(step.flow.get("join")))
    for key in region - local:
        found |= set(graph.steps[key].outputs)
    return found
