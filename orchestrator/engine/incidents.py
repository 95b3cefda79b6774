"""What cannot go on by itself becomes a row that a person resolves."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from django.utils.translation import gettext as _

from orchestrator.engine.acts import Act, locked_task
from orchestrator.engine.clocks import due_in
from orchestrator.exceptions import Invalid, NotFound
from orchestrator.models import Incident, Seat, SeatState, Task, TaskState

# An order, an amount, a day; not a status like 503, which is a cause.
NAMED: Final = re.compile(r"\b(?=\w*\d)\w{4,}\b")

DUE_SECONDS: Final = 24 * 3600
"""The working time that an incident may take where no rule of its step asks people."""


def open_incident(act: Act, task: Task, kind: str, message: str, **detail: Any) -> Incident:
    """Stop a task, saved with state failed, and say why. ``message`` is for people.

    Incidents with one fingerprint have one cause: kind, step and the words of the message,
    whatever numbers and ids stand in it. It is due when people should have decided the step.
    """
    task.state = TaskState.FAILED
    task.lease_expires_at = task.settle_at = None
    task.save(update_fields=["state", "lease_expires_at", "settle_at"])
    withdraw_seats(act, task)
    cause = f"{act.case.workflow_id}:{task.step_key}:{kind}:{NAMED.sub('#', message[:200])}"
    incident = Incident.objects.create(
        task=task,
        kind=kind,
        fingerprint=hashlib.sha256(cause.encode("utf-8", "replace")).hexdigest(),
        detail={"message": message[:2000], **detail},
        due_at=due_in(act, _seconds(act, task)),
    )
    act.note("incident.opened", {"task": task.pk, "incident": incident.pk}, {"kind": kind})
    return incident


def _seconds(act: Act, task: Task) -> float:
    """What the last rule that asks people gives them."""
    right = act.definition.right_at(task.step_key, None)
    return right.decide_within if right else DUE_SECONDS


def withdraw_seats(act: Act, task: Task) -> None:
    """Close the seats that nobody has decided yet."""
    seats = Seat.objects.filter(task=task, state=SeatState.OPEN)
    closed = list(seats.select_for_update(no_key=True).order_by("id").values_list("id", flat=True))
    if closed:
        Seat.objects.filter(id__in=closed).update(state=SeatState.WITHDRAWN)
        act.note("seat.withdrawn", {"task": task.pk}, {"seats": closed})


def begin(act: Act, incident_id: int) -> tuple[Incident, Task]:
    """The incident and its task, locked and still open. Raises NotFound otherwise."""
    incident = Incident.objects.filter(pk=incident_id, task__case=act.case).first()
    if incident is None:
        raise NotFound
    task = locked_task(act, incident.task_id)
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
    if incident.state != "open":
        raise NotFound(_("This incident was resolved meanwhile."))
    incident.task = task
    return incident, task


def close(act: Act, incident: Incident, resolution: str, reason: str = "") -> None:
    incident.state, incident.resolution, incident.reason = "resolved", resolution, reason
    incident.resolved_at, incident.resolved_by = act.now, act.actor
    incident.save(update_fields=["state", "resolution", "reason", "resolved_at", "resolved_by"])
    act.note(
        "incident.resolved",
        {"task": incident.task_id, "incident": incident.pk},
        {"resolution": resolution},
    )


def case_of(incident_id: int) -> int:
    """The id of the incident's case. Raises NotFound."""
    found = Incident.objects.filter(pk=incident_id).values_list("task__case_id", flat=True).first()
    if found is None:
        raise NotFound
    return int(found)


def reason_given(reason: str) -> str:
    """The reason without the spaces around it. Raises Invalid when nothing is left."""
    if not (reason := reason.strip()):
        problem = {"path": "/reason", "message": "Say why."}
        raise Invalid(_("A reason is missing: say why."), problems=[problem])
    return reason[:2000]
