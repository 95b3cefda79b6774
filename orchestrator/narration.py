"""What happened, in words: one entry for each type of event that the engine writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext_noop


@dataclass(frozen=True, slots=True)
class Words:
    """How an event is told. ``text`` may name {step}, {group}, {person}, {outcome}, {way},
    {number}, {signal}.

    ``acted`` says whether the sentence begins with the name of whoever acted.
    """

    text: str
    icon: str
    tone: str = ""
    acted: bool = True


EVENTS: Final[Mapping[str, Words]] = {
    "case.started": Words(gettext_noop("started the case"), "case"),
    "case.completed": Words(
        gettext_noop("The case is complete{outcome}"), "end", "ok", acted=False
    ),
    "case.cancelled": Words(gettext_noop("cancelled the case"), "cancelled", "warn"),
    "case.cancelling": Words(gettext_noop("called the case off"), "cancelled", "warn"),
    "case.called": Words(gettext_noop("{step} began a case of its own"), "branch", acted=False),
    "case.migrated": Words(gettext_noop("took the case to version {number}"), "arrow"),
    "signal.received": Words(gettext_noop("brought the signal {signal}"), "message"),
    "signal.matched": Words(
        gettext_noop("The signal that {step} waited for is there"), "check", "ok", acted=False
    ),
    "task.opened": Words(gettext_noop("{step} is next"), "open", acted=False),
    "attempt.finished": Words(gettext_noop("gave a result for {step}"), "arrow"),
    "attempt.failed": Words(gettext_noop("failed at {step}"), "failed", "bad"),
    "attempt.lost": Words(
        gettext_noop("The worker at {step} went away; the step is tried again"),
        "retry",
        "warn",
        acted=False,
    ),
    "output.routed": Words(gettext_noop("{step}: {way}"), "branch", acted=False),
    "decision.made": Words(gettext_noop("decided {step}"), "done", "ok"),
    "decision.undone": Words(gettext_noop("took back the decision on {step}"), "undo", "warn"),
    "task.settled": Words(gettext_noop("The decision on {step} took effect"), "check", acted=False),
    "seat.withdrawn": Words(
        gettext_noop("{step} no longer waits for {group}"), "cancelled", acted=False
    ),
    "seat.released": Words(gettext_noop("gave {step} back to {group}"), "release"),
    "seat.assigned": Words(gettext_noop("assigned {step} to {person}"), "user"),
    "seat.unassigned": Words(gettext_noop("withdrew {step} from {person}"), "release"),
    "delivery.in_doubt": Words(
        gettext_noop("{step} may have happened: a person finds out"), "warning", "warn", acted=False
    ),
    "delivery.reconciled": Words(
        gettext_noop("What people found of {step} took effect"), "check", acted=False
    ),
    "seat.reminded": Words(
        gettext_noop("{step} is due soon, and waits for {group}"), "clock", "warn", acted=False
    ),
    "seat.start_missed": Words(
        gettext_noop("Nobody of {group} has begun {step} in time"), "warning", "warn", acted=False
    ),
    "seat.pended": Words(gettext_noop("waits for somebody with {step}"), "pause", "warn"),
    "seat.resumed": Words(gettext_noop("{step} goes on after a wait"), "play", acted=False),
    "incident.opened": Words(
        gettext_noop("{step} cannot go on by itself"), "warning", "bad", acted=False
    ),
    "incident.resolved": Words(gettext_noop("resolved the trouble at {step}"), "retry", "ok"),
    "incident.assigned": Words(
        gettext_noop("asked {person} to look after the trouble at {step}"), "user"
    ),
    "incident.unassigned": Words(
        gettext_noop("asks {person} no longer to look after the trouble at {step}"), "release"
    ),
    "input.replaced": Words(gettext_noop("gave {step} another input"), "edit", "warn"),
    "workflow.halted": Words(gettext_noop("stopped automatic approval"), "stop", "bad"),
    "workflow.resumed": Words(gettext_noop("let automatic approval go on"), "play", "ok"),
    "agent.changed": Words(
        gettext_noop("answered for the first time, as another version"), "agent", "warn"
    ),
    "agent.acknowledged": Words(
        gettext_noop("took note of another version of an agent"), "check", "ok"
    ),
    "record.pruned": Words(gettext_noop("removed old months of the record"), "info"),
    "version.published": Words(gettext_noop("published version {number}"), "done", "ok"),
}
UNKNOWN: Final = Words("{type}", "info")

# kind of a step that nobody performs -> how its end is told, instead of a decision's effect
OVER: Final[Mapping[str, Words]] = {
    "decision": Words(gettext_noop("{step} is decided"), "check", acted=False),
    "timer": Words(gettext_noop("The wait at {step} is over"), "clock", acted=False),
    "event": Words(gettext_noop("The wait at {step} is over"), "clock", acted=False),
    "join": Words(gettext_noop("The branches have come together at {step}"), "plus", acted=False),
    "subflow": Words(gettext_noop("The case that {step} began has ended"), "branch", acted=False),
}

# decision word -> what its actor did, the drawing, the tone
DEEDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "approved": (gettext_noop("approved {step}"), "done", "ok"),
    "corrected": (gettext_noop("corrected {step}"), "edit", "accent"),
    "rejected": (gettext_noop("rejected {step}"), "failed", "bad"),
    "responded": (gettext_noop("answered {step}"), "message", "accent"),
    "escalated": (gettext_noop("escalated {step}"), "up", "warn"),
}

SENT_BACK: Final = (gettext_noop("sent {step} back"), "left", "warn")
"""Instead of a rejection's, where the case goes back to an earlier step."""

# mode of the rule -> where the output goes
WAYS: Final[Mapping[str, str]] = {
    "auto": gettext_noop("a rule approves it"),
    "review": gettext_noop("a person decides"),
    "dual": gettext_noop("two people decide"),
    "panel": gettext_noop("a panel decides"),
    "block": gettext_noop("a rule rejects it"),
}


def words_for(event_type: str, kind: str = "") -> Words:
    """The words of an event; a type that nobody gave words to is told by its name.

    ``kind`` is that of the step which the event is about.
    """
    if event_type == "task.settled" and kind in OVER:
        return OVER[kind]
    return EVENTS.get(event_type, UNKNOWN)
