"""The way back: what was done is undone, newest first, before a case is cancelled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from orchestrator.engine.acts import Act
from orchestrator.engine.closing import OPEN, close_case
from orchestrator.engine.definition import definition_of
from orchestrator.engine.leasing import lease_of
from orchestrator.engine.opening import open_task
from orchestrator.models import (
    MACHINE,
    Case,
    CaseState,
    Delivery,
    DeliveryState,
    Step,
    Task,
    TaskState,
    Word,
)

DOUBTFUL: Final = (DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.IN_DOUBT)
"""Of these a system of record may have got it."""

WRITTEN: Final = (*DOUBTFUL, DeliveryState.CONFIRMED)


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
    more: dict[str, Any] = {"compensates": done}
    over = _under_way_until(done) if step.kind in MACHINE else None
    if over and over > act.now:
        more["run_at"] = over
    open_task(act, step, scope=done.scope, **more)


def _under_way_until(done: Task) -> datetime | None:
    """When the call of a write is over whose answer nobody had: an undoing that comes before the
    write undoes nothing."""
    sending = Delivery.objects.filter(task=done, state=DeliveryState.SENDING)
    sent_at = sending.values_list("sent_at", flat=True).first()
    return sent_at and sent_at + lease_of(done.step)


def _newest(act: Act) -> Task | None:
    return undoable(act.case).first()


def undoable(*cases: Case) -> QuerySet[Task]:
    """What was done in cases of one version and names its undo, not made yet; newest first.

    Also what was or may have been written outside, whatever people said of it or did not say
    yet. In order of ids, for clocks may go back, and what rests on a step came after it.
    """
    definition = definition_of(cases[0].version_id)
    keys = [key for key, step in definition.steps.items() if step.compensated_by]
    done = Q(state=TaskState.COMPLETED, output__isnull=False) & ~Q(word=Word.REJECTED)
    written = Delivery.objects.filter(task=OuterRef("pk"), state__in=WRITTEN)
    rows = Task.objects.filter(
        done | Exists(written),
        case__in=cases,
        step_key__in=keys,
        compensation=None,
        compensates=None,
    )
    return rows.order_by("-id")


def undone_by_cancelling(cases: Iterable[Case]) -> dict[int, list[Step]]:
    """Case id -> the steps that would be undone if it were cancelled now, newest first.

    One query for each version that names an undo.
    """
    found: dict[int, list[Step]] = {}
    by_version = groupby(sorted(cases, key=_version), key=_version)
    for version_id, of_version in by_version:
        steps = definition_of(version_id).steps
        if any(step.compensated_by for step in steps.values()):
            for task in undoable(*of_version):
                found.setdefault(task.case_id, []).append(steps[task.step_key])
    return found


def _version(case: Case) -> int:
    return case.version_id
