"""Each type of event as a transition in the standard lifecycle of XES (IEEE 1849)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from orchestrator.models import Event
from orchestrator.models.fields import ASKING


class Transition(NamedTuple):
    """``aspect`` is what of a step, or of the case, moves; transitions of one aspect belong
    together, so that tools find how long it took. Empty: the step as a whole."""

    aspect: str
    transition: str
    what: str


WORK, REVIEW, INCIDENT = "work", "review", "incident"
STARTED: Final = Transition(WORK, "start", "work started")
"""Of an attempt: the log has its end only, whose row says when it began."""

TRANSITIONS: Final[Mapping[str, Transition]] = {
    "case.started": Transition("case", "start", "started"),
    "case.completed": Transition("case", "complete", "completed"),
    "case.cancelling": Transition("case", "unknown", "called off"),
    "case.cancelled": Transition("case", "pi_abort", "cancelled"),
    "case.migrated": Transition("case", "unknown", "taken to another version"),
    "signal.received": Transition("signal", "complete", "received"),
    "task.opened": Transition("", "schedule", "opened"),
    "case.called": Transition("", "start", "case called"),
    "signal.matched": Transition("", "start", "signal matched"),
    "task.settled": Transition("", "complete", "settled"),
    "attempt.finished": Transition(WORK, "complete", "work finished"),
    "attempt.failed": Transition(WORK, "ate_abort", "work failed"),
    "attempt.lost": Transition(WORK, "ate_abort", "worker lost"),
    "input.replaced": Transition(WORK, "unknown", "input replaced"),
    "delivery.in_doubt": Transition(WORK, "suspend", "effect in doubt"),
    "delivery.reconciled": Transition(WORK, "resume", "effect looked up"),
    "output.routed": Transition("routing", "complete", "routed"),
    "seat.assigned": Transition(REVIEW, "assign", "assigned"),
    "seat.unassigned": Transition(REVIEW, "reassign", "assignment withdrawn"),
    "seat.released": Transition(REVIEW, "reassign", "given back"),
    "seat.pended": Transition(REVIEW, "suspend", "pended"),
    "seat.resumed": Transition(REVIEW, "resume", "resumed"),
    "seat.withdrawn": Transition(REVIEW, "withdraw", "withdrawn"),
    "seat.reminded": Transition(REVIEW, "unknown", "reminded"),
    "seat.start_missed": Transition(REVIEW, "unknown", "not begun in time"),
    "decision.made": Transition(REVIEW, "complete", "decided"),
    "decision.undone": Transition(REVIEW, "unknown", "decision undone"),
    "incident.opened": Transition(INCIDENT, "schedule", "incident opened"),
    "incident.assigned": Transition(INCIDENT, "assign", "incident assigned"),
    "incident.unassigned": Transition(INCIDENT, "reassign", "incident assignment withdrawn"),
    "incident.resolved": Transition(INCIDENT, "complete", "incident resolved"),
}


ASKED: Final = Transition(REVIEW, "schedule", "waits for people")
"""Of an output that a rule sends to people: from then on it waits for them."""


def transition_of(event: Event) -> Transition:
    """That of its type; one that nobody gave any keeps its name."""
    if event.type == "output.routed" and event.payload.get("action") in ASKING:
        return ASKED
    return TRANSITIONS.get(event.type) or Transition("", "unknown", event.type)
