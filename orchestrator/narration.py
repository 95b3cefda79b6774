"""What happened, in words: one entry for each type of event that the engine writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """How an event is told. ``text`` may name {step}, {did}, {group}, {outcome}, {way}, {number}.

    ``acted`` says whether the sentence begins with the name of whoever acted.
    """

    text: str
    icon: str
    tone: str = ""
    acted: bool = True


EVENTS: Final[Mapping[str, Words]] = {
    "case.started": Words("started the case", "case"),
    "case.completed": Words("The case is complete{outcome}", "end", "ok", acted=False),
    "case.cancelled": Words("cancelled the case", "cancelled", "warn"),
    "task.opened": Words("{step} is next", "open", acted=False),
    "attempt.finished": Words("gave a result for {step}", "arrow"),
    "attempt.failed": Words("failed at {step}", "failed", "bad"),
    "attempt.lost": Words(
        "The worker at {step} went away; the step is tried again", "retry", "warn", acted=False
    ),
    "output.routed": Words("{step}: {way}", "branch", acted=False),
    "decision.made": Words("{did} {step}", "done", "ok"),
    "decision.undone": Words("took back the decision on {step}", "undo", "warn"),
    "task.settled": Words("The decision on {step} took effect", "check", acted=False),
    "seat.opened": Words("{step} waits for {group}", "review", "warn", acted=False),
    "seat.withdrawn": Words("{step} no longer waits for {group}", "cancelled", acted=False),
    "seat.released": Words("gave {step} back to {group}", "release"),
    "incident.opened": Words("{step} cannot go on by itself", "warning", "bad", acted=False),
    "incident.resolved": Words("resolved the trouble at {step}", "retry", "ok"),
    "workflow.halted": Words("stopped automatic approval", "stop", "bad"),
    "workflow.resumed": Words("let automatic approval go on", "play", "ok"),
    "version.published": Words("published version {number}", "done", "ok"),
}
UNKNOWN: Final = Words("{type}", "info")

# decision word -> what its actor did, the drawing, the tone
DEEDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "approved": ("approved", "done", "ok"),
    "corrected": ("corrected", "edit", "accent"),
    "rejected": ("rejected", "failed", "bad"),
    "responded": ("answered", "message", "accent"),
    "escalated": ("escalated", "up", "warn"),
}

# mode of the rule -> where the output goes
WAYS: Final[Mapping[str, str]] = {
    "auto": "a rule approves it",
    "review": "a person decides",
    "dual": "two people decide",
    "panel": "a panel decides",
    "block": "a rule rejects it",
}


def words_for(event_type: str) -> Words:
    """The words of an event; a type that nobody gave words to is told by its name."""
    return EVENTS.get(event_type, UNKNOWN)
