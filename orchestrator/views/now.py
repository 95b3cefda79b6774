"""What is open in a case now: branch by branch, and what each task waits for and until when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from orchestrator import engine
from orchestrator.engine import breaking
from orchestrator.models import Actor, Case, Connection, StepKind, Task, TaskState, Timer
from orchestrator.sight import Sight
from orchestrator.spelling import number as spelled
from orchestrator.views.requests import link, number
from orchestrator.whereabouts import branches_of

TASKS: Final = 50
CALLED: Final = 20
CLOSED: Final = ("completed", "cancelled")


@dataclass(frozen=True, slots=True)
class Other:
    """A case that called this one, or was called by it."""

    url: str
    key: str
    workflow: str
    state: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """An open task. ``waits`` says for what, ``until`` when that ends at the latest."""

    id: int
    url: str
    name: str
    kind: str
    state: str
    pause: Connection | None = None
    outside: bool = False
    waits: str = ""
    until: datetime | None = None
    called: Other | None = None
    undoes: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The open tasks of one branch; ``branch`` is "" outside of all."""

    branch: str
    tasks: list[Open]


@dataclass(frozen=True, slots=True)
class Now:
    """A page of what is open, in its branches."""

    groups: list[Group] = field(default_factory=list)
    next_url: str = ""
    first_url: str = ""

    @property
    def ids(self) -> list[int]:
        return [task.id for group in self.groups for task in group.tasks]


def now_in(request: HttpRequest, shown: Case, sight: Sight, actor: Actor) -> Now:
    """Fifty open tasks at a time; ``?tasks=<id>`` asks for those after one. Six queries at most."""
    after = number(request, "tasks") or 0
    rows = sight.tasks(shown.tasks.exclude(state__in=CLOSED)).filter(pk__gt=after)
    found = list(rows.select_related("step", "compensates__step").order_by("pk")[: TASKS + 1])
    tasks = found[:TASKS]
    words = branches_of(shown, (task.scope for task in tasks))
    more = _More.of(tasks, actor)
    ordered = sorted(tasks, key=lambda task: _place(task.scope))
    return Now(
        [
            Group(words.get(scope, ""), [more.open(task) for task in together])
            for scope, together in groupby(ordered, key=lambda task: task.scope)
        ],
        next_url=link(request, tasks=tasks[-1].pk) if len(found) > TASKS else "",
        first_url=link(request, tasks=None) if after else "",
    )


def _place(scope: str) -> list[tuple[str, int, int]]:
    """Branches in their order: the tenth after the ninth."""
    parts = (part.rsplit(".", 2) for part in scope.split("/") if part)
    return [(key, int(visit), int(branch)) for key, visit, branch in parts]


@dataclass(frozen=True, slots=True)
class _More:
    """What is known besides the rows of the tasks."""

    until: Mapping[int, datetime]
    called: Mapping[int, Case]
    seen: frozenset[int]
    pauses: Mapping[int, Connection]

    @classmethod
    def of(cls, tasks: Sequence[Task], actor: Actor) -> _More:
        waiting = [task.pk for task in tasks if task.state == TaskState.WAITING]
        calling = [task.pk for task in tasks if task.step.kind == StepKind.SUBFLOW]
        called = _called(calling)
        pauses = breaking.paused() if any(map(_waits_for_turn, tasks)) else []
        return cls(
            _until(waiting),
            called,
            _visible(actor, [case.pk for case in called.values()]),
            {row.pk: row for row in pauses},
        )

    def open(self, task: Task) -> Open:
        called = self.called.get(task.pk)
        return Open(
            id=task.pk,
            url=reverse("review:task", args=[task.pk]) if task.state == "in_review" else "",
            name=task.step.name,
            kind=task.step.kind,
            state=task.state,
            pause=self.pauses.get(task.lane or 0) if _waits_for_turn(task) else None,
            outside=task.state == TaskState.READY and (task.lane or 0) < 0,
            waits=waits_of(task) if task.state == TaskState.WAITING else "",
            until=self.until.get(task.pk),
            called=_other(called) if called and called.pk in self.seen else None,
            undoes=task.compensates.step.name if task.compensates else "",
            told=str((task.brief or {}).get("instructions", "")),
        )


def waits_of(task: Task) -> str:
    """For what a waiting task waits; the task comes with its step. Queries nothing."""
    flow = task.step.flow
    match task.step.kind:
        case StepKind.EVENT:
            return _("for the signal %s") % str(flow.get("signal", ""))
        case StepKind.SUBFLOW:
            return _("for a case of %s") % str(flow.get("workflow", ""))
        case StepKind.JOIN:
            return _branches(task)
    return ""


def _branches(join: Task) -> str:
    key = join.wait_key.rpartition(".")[0]
    opener = engine.definition_of(join.step.version_id).steps.get(key)
    wanted = opener.flow.get("complete_when", "all") if opener else "all"
    needed = {"all": join.expects, "any": 1}.get(wanted, wanted)
    said = {
        "needed": spelled(min(int(needed), join.expects)),
        "count": spelled(join.expects),
        "arrived": spelled(join.arrived),
    }
    return _("for %(needed)s of %(count)s branches: %(arrived)s there") % said


def _waits_for_turn(task: Task) -> bool:
    """Whether it waits for the turn of a connection."""
    return task.state == TaskState.READY and (task.lane or 0) > 0


def _until(tasks: Sequence[int]) -> dict[int, datetime]:
    rows = Timer.objects.filter(task__in=tasks, fired_at=None).order_by("-due_at")
    return (
        {task: due for task, due in rows.values_list("task_id", "due_at") if task} if tasks else {}
    )


def _called(tasks: Sequence[int]) -> dict[int, Case]:
    """Task -> the last case that it called."""
    if not tasks:
        return {}
    rows = Case.objects.filter(caller__in=tasks).select_related("workflow").order_by("pk")
    return {case.caller_id: case for case in rows if case.caller_id}


def _visible(actor: Actor, cases: Iterable[int]) -> frozenset[int]:
    wanted = list(cases)
    seen = Case.objects.visible_to(actor).filter(pk__in=wanted) if wanted else Case.objects.none()
    return frozenset(seen.values_list("pk", flat=True))


def _other(case: Case, *, step: str = "") -> Other:
    url = reverse("case", args=[case.pk])
    return Other(url, case.key, case.workflow.name, case.state, step)


def caller_of(shown: Case, actor: Actor) -> Other | None:
    """The case whose step this one is; None without one, or where the actor does not see it."""
    if shown.caller_id is None:
        return None
    task = Task.objects.select_related("step", "case__workflow").get(pk=shown.caller_id)
    if task.case_id not in _visible(actor, [task.case_id]):
        return None
    return _other(task.case, step=task.step.name)


def called_by(shown: Case, sight: Sight, actor: Actor) -> list[Other]:
    """The newest cases that steps of this one called; no query where none can."""
    steps = engine.definition_of(shown.version_id).steps.values()
    if not any(step.kind == StepKind.SUBFLOW for step in steps):
        return []
    tasks = sight.tasks(shown.tasks.filter(step__kind=StepKind.SUBFLOW))
    rows = Case.objects.visible_to(actor).filter(caller__in=tasks)
    found = rows.select_related("workflow", "caller__step").order_by("-pk")[:CALLED]
    return [_other(case, step=case.caller.step.name if case.caller else "") for case in found]
