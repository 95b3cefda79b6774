"""The way back: what was done is undone, newest first, before a case is cancelled."""

from __future__ import annotations

from django.db.models import QuerySet

from orchestrator.engine.acts import Act
from orchestrator.engine.closing import OPEN, close_case
from orchestrator.engine.definition import Definition, definition_of
from orchestrator.engine.opening import open_task
from orchestrator.models import Case, CaseState, Step, Task, TaskState, Word


def unwind(act: Act) -> None:
    """Have the newest step undone that names its undo; the case ends when none is left.

    One after the other: what was done later may rest on what was done before.
    """
    if Task.objects.filter(case=act.case, state__in=OPEN).exists():
        return
    done = _newest(act)
    if done is None:
        close_case(act, CaseState.CANCELLED, "cancelled")
        return
    step = act.definition.steps[act.definition.steps[done.step_key].compensated_by]
    open_task(act, step, scope=done.scope, compensates=done)


def _newest(act: Act) -> Task | None:
    return undoable(act.case, act.definition).first()


def undoable(case: Case, definition: Definition) -> QuerySet[Task]:
    """What was done in a case and names its undo that was not made yet, newest first."""
    keys = [key for key, step in definition.steps.items() if step.compensated_by]
    rows = Task.objects.filter(
        case=case,
        state=TaskState.COMPLETED,
        step_key__in=keys,
        compensation=None,
        compensates=None,
        output__isnull=False,
    ).exclude(word=Word.REJECTED)
    return rows.order_by("-finished_at", "-id")


def undone_by_cancelling(case: Case) -> list[Step]:
    """The steps that would be undone if the case were cancelled now, newest first."""
    definition = definition_of(case.version_id)
    if not any(step.compensated_by for step in definition.steps.values()):
        return []
    return [definition.steps[task.step_key] for task in undoable(case, definition)]
