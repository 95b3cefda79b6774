"""Problems of a draft, each with the form that mends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.db import models

from orchestrator.admin.parts import page_of
from orchestrator.definitions import format as file
from orchestrator.definitions import transitions
from orchestrator.models import Connection, WorkflowVersion
from orchestrator.pointers import Problem, split

COLUMNS: Mapping[str, str] = {
    **file.STEP,
    **file.STEP_TIMES,
    **file.RIGHT,
    **file.RIGHT_TIMES,
    "rework": "rework_to",
}
TABLES = {
    "when": "#when",
    "rights": "#decisionright",
    "steps": "#step",
    "evidence": "#evidence",
    "reasons": "#reasons",
    "pend": "#pend",
    "schema": "#schema",
    "data": "#schema",
}
OF_WORKFLOW = frozenset({"workflow", "name", "description", "owner", "groups"})


class Finding(NamedTuple):
    """``where`` names the row in words, ``url`` is its form, "" where there is none."""

    path: str
    where: str
    url: str
    message: str


def findings(version: WorkflowVersion, problems: Sequence[Problem]) -> list[Finding]:
    """The problems with their places. Two queries, and one for each connection named."""
    steps = list(version.steps.prefetch_related("rights").order_by("position", "pk"))
    links = transitions(version)

    def place(path: str) -> tuple[models.Model, Sequence[str], str]:
        parts = split(path)
        match parts:
            case ("steps", index, "rights", rule, *rest):
                step = steps[int(index)]
                right = list(step.rights.all())[int(rule)]
                return right, rest, f"{step.name}: {right}"
            case ("steps", index, *rest):
                return steps[int(index)], rest, steps[int(index)].name
            case ("transitions", index, *rest):
                return links[int(index)], rest, str(links[int(index)])
            case ("connections", name, *rest):
                found = Connection.objects.filter(name=name).first()
                return found or version, rest, name
            case _:
                row = version.workflow if set(parts[:1]) & OF_WORKFLOW else version
                return row, parts, str(row)

    def finding(problem: Problem) -> Finding:
        row, rest, words = place(problem.path)
        return Finding(problem.path, words, page_of(row, _anchor(rest)), problem.message)

    return [finding(problem) for problem in problems]


def _anchor(rest: Sequence[str]) -> str:
    """The field of the form, or the table on its page, that the rest of a path leads to."""
    if not rest:
        return ""
    first = rest[0]
    if first == "flow":
        inner = "".join(rest[1:2])
        return f"#{inner}" if inner == "rows" else f"#id_flow_{inner}"
    return TABLES.get(first) or f"#id_{COLUMNS.get(first, first)}"
