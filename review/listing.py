"""The queue page: its filters and rows, by keyset pages; nothing is counted."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from orchestrator.models import Actor, Seat, Step, Workflow
from review.forms import SURE
from review.screens import holder_of
from review.wanted import ORDERS, Order, Wanted

SIZE: Final = 50
COLUMNS: Final[Mapping[Order, str]] = {
    "due": "due_at",
    "confidence": "rank",
    "created": "created_at",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One open seat as the queue lists it."""

    seat: Seat
    url: str
    mine: bool
    held_by: str

    @property
    def case_key(self) -> str:
        return self.seat.task.case.key

    @property
    def step_name(self) -> str:
        return self.seat.task.step.name

    @property
    def workflow_name(self) -> str:
        return self.seat.workflow.name

    @property
    def blind(self) -> bool:
        return self.seat.blind

    @property
    def confidence(self) -> float | None:
        return None if self.seat.rank < 0 else self.seat.rank

    @property
    def low(self) -> bool:
        return self.seat.rank < SURE

    @property
    def since(self) -> datetime:
        return self.seat.created_at

    @property
    def due_at(self) -> datetime:
        return self.seat.due_at

    @property
    def late(self) -> bool:
        return self.seat.due_at < timezone.now()


def listing(actor: Actor, wanted: Wanted, after: str) -> dict[str, Any]:
    """The context of templates/review/queue.html. Three queries, four with a workflow chosen."""
    rows = list(_after(_seats(actor, wanted), wanted, after)[: SIZE + 1])
    queue = reverse("review:queue")
    shown = rows[:SIZE]
    return {
        "rows": [_line(seat, actor, wanted) for seat in shown],
        "filters": _filters(actor, wanted),
        "query": wanted.query,
        "page": {
            "first_url": wanted.on(queue) if after else "",
            "next_url": wanted.on(queue, after=_cursor(shown[-1], wanted))
            if len(rows) > SIZE
            else "",
        },
    }


def _seats(actor: Actor, wanted: Wanted) -> QuerySet[Seat]:
    """What the actor may claim or holds, in the order of the queue."""
    seats = Seat.objects.open().for_actor(actor)
    if wanted.workflow:
        seats = seats.filter(workflow__slug=wanted.workflow)
    if wanted.step:
        seats = seats.filter(step_key=wanted.step)
    along = ("task__case", "task__step", "workflow", "claimed_by__user")
    return seats.select_related(*along).order_by(COLUMNS[wanted.order], "id")


def _after(seats: QuerySet[Seat], wanted: Wanted, after: str) -> QuerySet[Seat]:
    place = _place(after, wanted)
    if place is None:
        return seats
    column, (value, pk) = COLUMNS[wanted.order], place
    return seats.filter(Q(**{f"{column}__gt": value}) | Q(**{column: value, "pk__gt": pk}))


def _cursor(seat: Seat, wanted: Wanted) -> str:
    place = [getattr(seat, COLUMNS[wanted.order]), seat.pk]
    return urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def _place(cursor: str, wanted: Wanted) -> tuple[Any, int] | None:
    """Where a page begins; None for the first one, and for a cursor that is none of ours."""
    try:
        value, pk = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        number = float(value) if wanted.order == "confidence" else datetime.fromisoformat(value)
        return number, int(pk)
    except (ValueError, TypeError):
        return None


def _line(seat: Seat, actor: Actor, wanted: Wanted) -> Line:
    holder = holder_of(seat)
    mine = bool(holder) and seat.claimed_by_id == actor.pk
    url = wanted.on(reverse("review:task", args=[seat.task_id]))
    return Line(seat, url, mine=mine, held_by="" if mine else holder)


def _filters(actor: Actor, wanted: Wanted) -> dict[str, Any]:
    queue = reverse("review:queue")
    workflows = list(Workflow.objects.visible_to(actor))
    return {
        "workflows": workflows,
        "workflow": wanted.workflow,
        "steps": _steps(workflows, wanted.workflow),
        "step": wanted.step,
        "active": wanted.is_filtered,
        "order": wanted.order,
        "orders": [
            {"key": key, "label": label, "url": wanted.ordered(key).on(queue)}
            for key, label in ORDERS.items()
        ],
    }


def _steps(workflows: Sequence[Workflow], slug: str) -> Sequence[Step]:
    """The steps of the published version that people may be asked about."""
    versions = [row.published_version_id for row in workflows if row.slug == slug]
    if not versions:
        return []
    asked = Step.objects.filter(version__in=versions, rights__group__isnull=False)
    return list(asked.distinct().order_by("position"))
