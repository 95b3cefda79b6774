"""A write that may have happened: nobody repeats it before the system of record was asked, or a
person was."""

from __future__ import annotations

from typing import Final

from django.core.exceptions import ImproperlyConfigured

from orchestrator import routing
from orchestrator.connectors import CallError, PermanentError, connector_class
from orchestrator.engine.acts import Act
from orchestrator.engine.deciders import are_enough
from orchestrator.engine.incidents import open_incident
from orchestrator.engine.rounds import facts_of, lane_at, new_seat, record_route
from orchestrator.models import (
    DecisionRight,
    Delivery,
    DeliveryState,
    Mode,
    SeatPurpose,
    Step,
    StepEffect,
    Task,
    TaskState,
)
from orchestrator.models.rows import insert, store

REASON: Final = "It may have happened, and nobody knows: look before it is sent again"


class CannotTell(PermanentError):
    """The system of record does not say whether a write happened."""


def verifies(step: Step) -> bool:
    """Whether the system of record can be asked what became of this step's write."""
    sent_over = step.actor.connection if step.actor else None
    if step.effect != StepEffect.VERIFY_FIRST or sent_over is None or not step.call.get("verify"):
        return False
    try:
        return hasattr(connector_class(sent_over.kind), "verify")
    except (ImportError, ImproperlyConfigured):
        return False


def is_sent(task_id: int) -> bool:
    """Whether the task's write was on the way when it was last heard of."""
    states = (DeliveryState.SENDING, DeliveryState.IN_DOUBT)
    return Delivery.objects.filter(task=task_id, state__in=states).exists()


def is_made(task_id: int) -> bool:
    """Whether the task's write has been made, and the system of record has said so."""
    return Delivery.objects.filter(task=task_id, state=DeliveryState.CONFIRMED).exists()


def may_look(task: Task, error: CallError) -> bool:
    """Whether the next try can begin by asking the system of record."""
    return verifies(task.step) and not isinstance(error, CannotTell)


def may_have_happened(task: Task) -> bool:
    """Whether some try of a write that nobody has to look into may have been carried out."""
    tries = task.tries.filter(error__may_have_happened=True)
    return task.step.effect == StepEffect.IDEMPOTENT and tries.exists()


def mark(task: Task, state: DeliveryState) -> None:
    """What is known of a task's write that did not end well."""
    Delivery.objects.filter(task=task).exclude(state=DeliveryState.CONFIRMED).update(state=state)


def ask(act: Act, task: Task, message: str) -> None:
    """Bring a write in doubt before a person, of the group that the step's rules ask.

    Without one it is an incident. ``message`` is what the other side or the worker said.
    """
    mark(task, DeliveryState.IN_DOUBT)
    right = act.definition.right_at(task.step_key, None)
    lane = lane_at(act, task.step_key, right.group_id if right else None)
    if right is None or not are_enough(lane, 1, []):
        words = f"{task.step.name} may have happened: look before trying again. {message}"
        open_incident(act, task, "in_doubt", words)
    else:
        _offer(act, task, right)


def _offer(act: Act, task: Task, right: DecisionRight) -> None:
    task.proposal = None
    route = routing.Route(Mode.REVIEW, right.position, REASON, [])
    facts = facts_of(act, task, None, None)
    routed = record_route(act, task, route, right, attempt=None, action=Mode.REVIEW, facts=facts)
    task.state, task.lease_expires_at, task.run_at = TaskState.IN_REVIEW, None, None
    store(task, "state", "lease_expires_at", "run_at", "round", "proposal")
    seat = new_seat(act, task, routed, right, number=1, barred=[], purpose=SeatPurpose.RECONCILE)
    insert(seat)
    act.note("delivery.in_doubt", seat.refs)
