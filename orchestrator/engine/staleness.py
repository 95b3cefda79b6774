"""What somebody looked at, and what has changed since."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

from orchestrator.diffing import Change, diff, digest
from orchestrator.engine.scopes import data_of
from orchestrator.exceptions import StaleDigest
from orchestrator.models import Case, Inbound, Task
from orchestrator.patching import apply


def screen_digest(task: Task, case: Case) -> str:
    """The digest of what a decider looks at: the case file and the value under review."""
    return _digest(data_of(task, case), task.proposal, task.round)


def _digest(data: Any, output: Any, number: int) -> str:
    return digest({"data": data, "output": output, "round": number})


def check_digest(task: Task, case: Case, shown: str) -> None:
    """Raises StaleDigest, with what differs in the output and what is new in the case file."""
    if shown != screen_digest(task, case):
        output, news = _moved_on(task, case, shown)
        raise StaleDigest(
            diff=[change.as_json() for change in output],
            news=[change.as_json() for change in news],
        )


def _moved_on(task: Task, case: Case, shown: str) -> tuple[list[Change], list[Change]]:
    """Told by the earlier value and case file with that digest; nothing where there is none."""
    now = data_of(task, case)
    for data in _earlier(task, case):
        for output in (task.proposal, *_outputs(task)):
            for number in range(task.round, 0, -1):
                if _digest(data, output, number) == shown:
                    return diff(output, task.proposal), diff(data, now)
    return [], []


def _outputs(task: Task) -> list[Any]:
    return [
        *task.tries.order_by("number").values_list("output", flat=True),
        *task.decisions.order_by("id").values_list("output", flat=True),
    ]


def _earlier(task: Task, case: Case) -> Iterator[dict[str, Any]]:
    """The case file as the task sees it, and as it saw it before each signal, newest first."""
    yield data_of(task, case)
    before = copy(case)
    news = Inbound.objects.filter(source=f"case:{case.pk}", answer__has_key="changes")
    for inbound in news.order_by("-id")[:20]:
        steps = reversed((inbound.answer or {})["changes"])
        before.data = apply(before.data, [_back(change) for change in steps])
        yield data_of(task, before)


def _back(change: dict[str, Any]) -> dict[str, Any]:
    """The JSON Patch operation that takes a change back."""
    op = {"add": "remove", "remove": "add"}.get(change["op"], "replace")
    step = {"op": op, "path": change["path"]}
    return step if op == "remove" else step | {"value": change["before"]}
