"""What a task sees of its case: the case file, and inside branches what its own branch wrote.

A scope is a path of branches, ``checks.1.0/lines.2.7``: the opening step's key, its visit and
the branch. Branches write the case file only when their join does, so none of them ever sees
what another one is still about to change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import Q

from orchestrator.models import Case, StepKind, Task, TaskState, Word
from orchestrator.pointers import MISSING, lookup, split

WRITES: Final = frozenset({"", Word.APPROVED, Word.CORRECTED, Word.RESPONDED})
UNDOES: Final = "undoes"
"""Where a compensating step finds what it takes back."""


def within(scope: str, opener: str, visit: int) -> str:
    """The scope of an opening step's branches, without their number."""
    return f"{scope}/{opener}.{visit}".removeprefix("/")


def data_of(task: Task, case: Case | None = None) -> dict[str, Any]:
    """The case file as this task sees it. Queries where the task is inside a branch."""
    case = case or task.case
    data: dict[str, Any] = case.data
    if task.scope:
        data = _branch_data(case, data, task.scope.split("/"))
    if task.compensates is not None:
        data = data | {UNDOES: _undone(task.compensates)}
    return data


def input_of(task: Task, case: Case | None = None) -> Any:
    """What a step is given: what a person put there, what its mapping picks, or all it sees."""
    if task.given is not None:
        return task.given
    data, mapping = data_of(task, case), task.step.input_mapping
    if mapping is None:
        return data
    found = {name: lookup(data, path) for name, path in mapping.items()}
    return {name: value for name, value in found.items() if value is not MISSING}


def _branch_data(case: Case, data: dict[str, Any], parts: list[str]) -> dict[str, Any]:
    scopes = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    done = _completed(case, ["", *scopes[:-1]], scopes)
    for scope, part in zip(scopes, parts, strict=True):
        key, visit, branch = part.rsplit(".", 2)
        outer = scope.rpartition("/")[0]
        opener = next(
            task
            for task in done
            if (task.scope, task.step_key, task.visit) == (outer, key, int(visit))
        )
        if opener.step.kind == StepKind.FOR_EACH:
            item = (opener.output or [])[int(branch)]
            data = placed(data, split(opener.step.flow.get("as", "/item")), item)
        for task in done:
            if task.scope == scope:
                data = merged(data, writes_of(task, task.word, task.output))
    return data


def _completed(case: Case, outer: list[str], scopes: list[str]) -> list[Task]:
    """What was done in these scopes, and which steps opened them, oldest first.

    In a scope one step follows the other: their ids tell the order whatever clocks did.
    """
    opened = Q(scope__in=outer, step__kind__in=(StepKind.FORK, StepKind.FOR_EACH))
    rows = Task.objects.filter(opened | Q(scope__in=scopes), case=case, state=TaskState.COMPLETED)
    return list(rows.select_related("step").order_by("id"))


def _undone(done: Task) -> dict[str, Any]:
    """What came of it: where nobody has accepted that, what the system of record answered."""
    output = done.output
    if output is None:
        output = done.deliveries.values_list("response", flat=True).first()
    return {"output": output, "idempotency_key": done.effect_key}


def writes_of(task: Task, word: str, output: Any) -> dict[str, Any]:
    """What a task's output puts into the case file: path -> value."""
    if word not in WRITES or output is None:
        return {}
    if task.step.kind == StepKind.JOIN:
        return dict(output)
    found = {target: lookup(output, source) for target, source in task.step.outputs.items()}
    return {target: value for target, value in found.items() if value is not MISSING}


def merged(data: dict[str, Any], writes: Mapping[str, Any]) -> dict[str, Any]:
    """The case file with these paths written; ``data`` itself stays as it is."""
    for target, value in writes.items():
        data = placed(data, split(target), value)
    return data


def placed(data: Any, parts: Iterable[str], value: Any) -> Any:
    """``data`` with ``value`` at the end of a path; what is in the way is replaced."""
    path = list(parts)
    if not path:
        return value
    first, *rest = path
    here = dict(data) if isinstance(data, dict) else {}
    here[first] = placed(here.get(first), rest, value)
    return here
