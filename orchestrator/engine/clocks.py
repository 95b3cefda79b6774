"""The clocks of a seat: when it is due, when to remind of it, and when it should be begun.

They count in the hours of the version's calendar.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from orchestrator import calendars
from orchestrator.engine.acts import Act
from orchestrator.models import Actor, DecisionRight, Seat, Timer

START: Final = "start"
"""By then somebody should have begun."""

REMIND: Final = "remind"
"""From then on the seat is due soon."""

KEPT: Final = "kept"
"""Until then the seat is kept for who waited with it."""

KEPT_SECONDS: Final = 4 * 3600
"""How long it is kept where the rule does not say within what time to begin."""


def due_in(act: Act, seconds: float) -> datetime:
    """The moment after so much working time from now."""
    return calendars.due(act.now, seconds, act.definition.version.calendar)


def wind(act: Act, right: DecisionRight, *seats: Seat) -> None:
    """Set the timers that the rule asks for; ``seats`` are saved."""
    moments = {}
    if right.start_within:
        moments[START] = due_in(act, right.start_within)
    if right.remind_before:
        moments[REMIND] = due_in(act, right.decide_within - right.remind_before)
    if moments:
        Timer.objects.bulk_create(
            Timer(seat=seat, kind=kind, due_at=moment)
            for seat in seats
            for kind, moment in moments.items()
        )


def keep_for(act: Act, seat: Seat, right: DecisionRight, person: Actor) -> None:
    """Let a person have the seat before others, but not for ever; saved."""
    seat.assigned_to = seat.assigned_by = person
    seat.skipped = [pk for pk in seat.skipped if pk != person.pk]
    seat.save(update_fields=["assigned_to", "assigned_by", "skipped"])
    slot = Timer.objects.filter(seat=seat, kind=KEPT).count()
    due_at = due_in(act, right.start_within or KEPT_SECONDS)
    Timer.objects.create(seat=seat, kind=KEPT, slot=slot, due_at=due_at)
