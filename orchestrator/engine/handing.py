"""Let a person do what a machine could not, or decide what nobody was there to decide."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator import authority, routing
from orchestrator.definitions.rules import is_careful
from orchestrator.engine import doubting
from orchestrator.engine.acts import Act, act_at, acting
from orchestrator.engine.assigning import hindrances
from orchestrator.engine.definition import Definition
from orchestrator.engine.incidents import begin, case_of, close
from orchestrator.engine.judging import asked_right
from orchestrator.engine.opening import enter
from orchestrator.engine.resolving import UNDECIDED, ask_again, last_attempt
from orchestrator.engine.rounds import SEVERAL, demand_of, facts_of, offer, record_route
from orchestrator.exceptions import Invalid, NotAllowed
from orchestrator.models import (
    DECIDED,
    Actor,
    DecisionRight,
    Incident,
    Mode,
    Seat,
    SeatState,
    StepKind,
    Task,
    TaskState,
)

REASON: Final = gettext_noop("Handed over: a person does this step")


def hand_over(incident_id: int, *, actor: Actor, to: Actor | None = None) -> Seat:
    """Bring a failed step before ``to``, or before the whole group of its last rule that asks.

    What a machine failed at is done by them: there is no output, they give one. An output that
    nobody was there to decide, and a human step, are asked about once more; a write that may
    have happened is reconciled. Raises NotFound, NotAllowed with the reasons why ``to`` may
    not, and Invalid where no rule asks people or too few of them are there.
    """
    with acting(case_of(incident_id), actor) as act:
        incident, task = begin(act, incident_id)
        authority.require(actor, "resolve", incident)
        right = right_for(act.definition, task)
        close(act, incident, "handed_over")
        _bring(act, task, right, incident.kind)
        return _assigned(act, task, right, to)


def right_for(definition: Definition, task: Task) -> DecisionRight:
    """The rule that says who does it instead. Raises Invalid where there is none."""
    right = None
    if task.step.kind in DECIDED:
        right = definition.right_at(task.step_key, None)
    if right is None:
        message = _(
            "No rule of this step asks people. Try again, skip it or cancel the case; or publish "
            "a version with such a rule and take the case over to it."
        )
        raise Invalid(message)
    return right


def place_of(incident: Incident) -> Seat:
    """The seat that handing over would open, not saved: to ask who may take it.

    The incident comes with its task, step and case. Raises Invalid where no rule asks people.
    """
    task = incident.task
    act = act_at(task, task.case, incident.opened_at, None)
    right = right_for(act.definition, task)
    if keeps_output(incident):
        facts = facts_of(act, task, last_attempt(task), task.proposal)
        route = routing.route(act.definition.rules[task.step_key], facts)
        right = asked_right(act, task, route) or right
    return Seat(
        task=task,
        round=task.round + 1,
        state=SeatState.OPEN,
        workflow_id=task.case.workflow_id,
        step_key=task.step_key,
        group=right.group,
        number=1,
        demand=demand_of(task.step, task.proposal if keeps_output(incident) else None),
        barred=[task.case.initiator_id] if right.mode in SEVERAL else [],
    )


def keeps_output(incident: Incident) -> bool:
    """Whether there is an output about which people are only asked once more."""
    return incident.kind in UNDECIDED and incident.task.proposal is not None


def _bring(act: Act, task: Task, right: DecisionRight, kind: str) -> None:
    if task.step.kind == StepKind.HUMAN:
        task.state = TaskState.IN_REVIEW
        task.save(update_fields=["state"])
        enter(act, task)
    elif kind in UNDECIDED and task.proposal is not None:
        ask_again(act, task, last_attempt(task))
    elif is_careful(task.step) and doubting.is_sent(task.pk):
        doubting.ask(act, task, doubting.REASON)
    else:
        _give(act, task, right)


def _give(act: Act, task: Task, right: DecisionRight) -> None:
    """Ask for what the machine owes: a route without an attempt, a seat without an output."""
    task.proposal, task.crashes = None, 0
    route = routing.Route(Mode.REVIEW, right.position, REASON, [])
    facts = facts_of(act, task, None, None)
    routed = record_route(
        act, task, route, right, attempt=None, action=Mode(right.mode), facts=facts
    )
    task.save(update_fields=["crashes"])
    offer(act, task, routed, right)


def _assigned(act: Act, task: Task, right: DecisionRight, to: Actor | None) -> Seat:
    seats = Seat.objects.select_for_update(no_key=True).filter(task=task, state=SeatState.OPEN)
    seat = seats.order_by("number", "id").first()
    if seat is None:
        message = _("%s has too few people who may decide this: add some to the group first.")
        raise Invalid(message % (right.group or _("The rule")))
    if to is None:
        return seat
    seat.task = task
    if reasons := hindrances(seat, to):
        raise NotAllowed(reasons=reasons)
    seat.assigned_to, seat.assigned_by = to, act.actor
    seat.save(update_fields=["assigned_to", "assigned_by"])
    act.note("seat.assigned", seat.refs | {"person": to.pk}, {"held_by": None})
    return seat
