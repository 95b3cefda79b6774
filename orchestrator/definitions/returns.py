"""What is wrong with the ways off the straight path: waiting for somebody, and going back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.utils.translation import gettext as _

from orchestrator.definitions import format as file
from orchestrator.definitions.graphs import OPENERS, Graph
from orchestrator.models import DECIDED, Step, StepKind
from orchestrator.pointers import Problem

DONE_ANEW: Final = frozenset({StepKind.AGENT, StepKind.AUTOMATION, StepKind.HUMAN})


def pend_problems(step: Step, path: str) -> Iterator[Problem]:
    """``path`` is the step's."""
    if step.pend and step.kind not in DECIDED:
        yield Problem(f"{path}/pend", _("Leave this out: nobody decides a step of this kind."))
    codes = [row["code"] for row in step.pend]
    for index, row in enumerate(step.pend):
        if row["code"] in codes[:index]:
            message = _("Another reason is called %(code)r.") % {"code": row["code"]}
            yield Problem(f"{path}/pend/{index}/code", message)
        if "most" in row and not file.seconds(row["most"]):
            yield Problem(f"{path}/pend/{index}/most", _("Let a wait last at least a second."))


def rework_problems(graph: Graph) -> Iterator[Problem]:
    """Steps that a case cannot be sent back to: unknown, later, or in another branch."""
    for step in graph.steps.values():
        path = f"/steps/{graph.index[step.key]}/rework"
        if step.rework and step.kind not in DECIDED:
            yield Problem(path, _("Leave this out: nobody decides a step of this kind."))
            continue
        for index, key in enumerate(step.rework.get("to", ())):
            if message := _hindrance(graph, step, key):
                yield Problem(f"{path}/to/{index}", message)


def _hindrance(graph: Graph, step: Step, key: str) -> str:
    target = graph.steps.get(key)
    if target is None:
        return _("There is no step %(key)r.") % {"key": key}
    if target.kind not in DONE_ANEW:
        kinds = "an agent, an automation or a person"
        return _("Only what %(kinds)s does can be done anew; %(key)s is of kind %(kind)s.") % {
            "kinds": kinds,
            "key": key,
            "kind": target.kind,
        }
    if not _leads(graph, key, step.key):
        return _(
            "%(key)s does not lead to %(key2)s in the same branch: a case cannot come back."
        ) % {"key": key, "key2": step.key}
    return ""


def _leads(graph: Graph, start: str, end: str) -> bool:
    """Whether a case that is at ``start`` comes to ``end`` without leaving its branch for good."""
    seen: set[tuple[str, int]] = set()
    ahead = {(start, 0)}
    while ahead:
        if (end, 0) in ahead:
            return True
        seen |= ahead
        ahead = {place for key, depth in ahead for place in _next(graph, key, depth)} - seen
    return False


def _next(graph: Graph, key: str, depth: int) -> Iterator[tuple[str, int]]:
    inside = depth + (graph.steps[key].kind in OPENERS)
    for way in graph.ways[key]:
        there = inside - (way.target.kind == StepKind.JOIN)
        if 0 <= there <= len(graph.steps):
            yield way.target.key, there
