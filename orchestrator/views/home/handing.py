"""What a lead hands to people: seats that are late and that nobody holds, and those handed out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.urls import reverse
from django.utils import timezone

from orchestrator.models import Seat
from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.querysets import SeatQuerySet
from orchestrator.pages import name_of

SHOWN: Final = 10
ALONG: Final = ("task__case", "task__step", "group", "assigned_to__user")


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open seat on nobody's screen. ``assigned_to`` is a name, "" for nobody's."""

    seat: int
    url: str
    case_key: str
    step_name: str
    group: str
    due_at: datetime
    late: bool
    assigned_to: str


def late(places: Iterable[int]) -> list[Waiting]:
    """Past due, free and assigned to nobody, the latest first. One query."""
    found = Seat.objects.open().free().filter(workflow__in=places, assigned_to=None)
    return _rows(found.filter(due_at__lt=ClockTimestamp()))


def assigned(places: Iterable[int]) -> list[Waiting]:
    """Assigned and not begun, first due first. One query."""
    found = Seat.objects.open().free().filter(workflow__in=places, assigned_to__isnull=False)
    return _rows(found)


def _rows(found: SeatQuerySet) -> list[Waiting]:
    return [
        Waiting(
            seat=seat.pk,
            url=reverse("case", args=[seat.task.case_id]),
            case_key=seat.task.case.key,
            step_name=seat.task.step.name,
            group=seat.group.name,
            due_at=seat.due_at,
            late=seat.due_at < timezone.now(),
            assigned_to=name_of(seat.assigned_to),
        )
        for seat in found.select_related(*ALONG).order_by("due_at", "pk")[:SHOWN]
    ]
