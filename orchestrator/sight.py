"""What of a case a blind reviewer may see before deciding: nothing that came after the output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet

from orchestrator.models import Actor, Case, Event, Seat, Task

AFTER_OUTPUT: Final = ("output.routed", "decision.made")


@dataclass(frozen=True, slots=True)
class Sight:
    """All of a case, unless a blind review in it waits for this actor.

    ``task`` is the first task under blind review; events are seen below number ``until``.
    """

    task: Task | None = None
    until: int | None = None

    @property
    def is_blind(self) -> bool:
        return self.task is not None

    @property
    def data_hidden(self) -> bool:
        """What was decided is in the case file once the task is over."""
        return self.task is not None and self.task.finished_at is not None

    def tasks(self, found: QuerySet[Task]) -> QuerySet[Task]:
        return found if self.task is None else found.filter(pk__lte=self.task.pk)

    def events(self, found: QuerySet[Event]) -> QuerySet[Event]:
        return found if self.until is None else found.filter(seq__lt=self.until)

    def parts(self, found: QuerySet[Any]) -> QuerySet[Any]:
        """Decisions, attempts or deliveries: those of the tasks before the blind one."""
        return found if self.task is None else found.filter(task__lt=self.task.pk)


def sight_of(case: Case, actor: Actor) -> Sight:
    """What ``actor`` sees of a case now. One query, but where a blind seat is open."""
    seat = blind_seats(actor, [case.pk]).first()
    if seat is None:
        return Sight()
    told = events_of(case).filter(refs__task=seat.task_id, type__in=AFTER_OUTPUT)
    return Sight(seat.task, told.order_by("seq").values_list("seq", flat=True).first())


def blind_seats(actor: Actor, cases: Iterable[int]) -> QuerySet[Seat]:
    """Open blind seats in these cases that the actor may still come to decide.

    One query where no blind seat is open, as nearly everywhere.
    """
    blind = Seat.objects.open().filter(blind=True, task__case__in=cases)
    if not blind.exists():
        return blind.none()
    return blind.for_actor(actor).select_related("task").order_by("task_id")


def events_of(case: Case) -> QuerySet[Event]:
    return Event.objects.filter(stream=f"case:{case.pk}")
