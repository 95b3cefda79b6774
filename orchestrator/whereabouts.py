"""In which branch of its case a task stands, in words: "Pick each line · item 3 of 8"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from django.utils.translation import gettext as _

from orchestrator import engine
from orchestrator.models import Case, Step, StepKind, Task
from orchestrator.spelling import number

BETWEEN: Final = " › "


def branch_of(task: Task) -> str:
    """The innermost branch in a word or two, "" outside: "item 3". Queries nothing.

    The task comes with its step.
    """
    if not task.scope:
        return ""
    key, _visit, place = task.scope.rpartition("/")[2].rsplit(".", 2)
    opener = engine.definition_of(task.step.version_id).steps.get(key)
    said = {"number": number(int(place) + 1)}
    return _("item %(number)s") % said if _repeats(opener) else _("branch %(number)s") % said


def step_and_branch(task: Task) -> str:
    """The step with its branch: "Pick the line, item 3"."""
    return ", ".join(filter(None, (task.step.name, branch_of(task))))


def branches_of(case: Case, scopes: Iterable[str]) -> dict[str, str]:
    """Scope -> the whole way to it, with how many branches there are. One query, or none."""
    wanted = set(scopes) - {""}
    parts = {part for scope in wanted for part in _parts(scope)}
    counts = _counts(case, parts)
    steps = engine.definition_of(case.version_id).steps
    return {
        scope: BETWEEN.join(_told(steps, outer, part, counts) for outer, part in _parts(scope))
        for scope in wanted
    }


def _parts(scope: str) -> Iterator[tuple[str, str]]:
    """The scope around each part of the path, and the part."""
    outer = ""
    for part in scope.split("/"):
        yield outer, part
        outer = f"{outer}/{part}".removeprefix("/")


def _counts(case: Case, parts: set[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
    """(scope, wait key) of a join -> how many branches lead to it."""
    if not parts:
        return {}
    steps = engine.definition_of(case.version_id).steps.values()
    rows = Task.objects.filter(
        case=case,
        step_key__in=[step.key for step in steps if step.kind == StepKind.JOIN],
        scope__in={outer for outer, _part in parts},
        wait_key__in={part.rpartition(".")[0] for _outer, part in parts},
    )
    return {
        (scope, wait_key): expects
        for scope, wait_key, expects in rows.values_list("scope", "wait_key", "expects")
    }


def _told(
    steps: Mapping[str, Step], outer: str, part: str, counts: Mapping[tuple[str, str], int]
) -> str:
    key, _visit, place = part.rsplit(".", 2)
    opener = steps.get(key)
    said = {
        "step": opener.name if opener else key,
        "number": number(int(place) + 1),
        "count": number(counts.get((outer, part.rpartition(".")[0]), 0)) or "?",
    }
    if _repeats(opener):
        return _("%(step)s · item %(number)s of %(count)s") % said
    return _("%(step)s · branch %(number)s of %(count)s") % said


def _repeats(opener: Step | None) -> bool:
    return opener is not None and opener.kind == StepKind.FOR_EACH
