"""What a lead hands to people: seats that are late and that nobody holds, and those handed out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from orchestrator.models import Seat
from orchestrator.models.fields import ClockTimestamp
from orchestrator.waits import Unheld, unheld

SHOWN: Final = 10


def late(places: Iterable[int]) -> list[Unheld]:
    """Past due, free and assigned to nobody, the latest first. One query."""
    found = Seat.objects.open().free().filter(workflow__in=places, assigned_to=None)
    return unheld(found.filter(due_at__lt=ClockTimestamp()), SHOWN)


def assigned(places: Iterable[int]) -> list[Unheld]:
    """Assigned and not begun, first due first. One query."""
    found = Seat.objects.open().free().filter(workflow__in=places, assigned_to__isnull=False)
    return unheld(found, SHOWN)
