"""The queue page: its filters and rows, by keyset pages; nothing is counted."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from django.db.models import BooleanField, Exists, OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from orchestrator.engine.clocks import REMIND
from orchestrator.models import Actor, DecisionRight, Seat, SeatPurpose, Step, Workflow
from orchestrator.models.queues import COLUMNS, Narrow, QueuePage
from orchestrator.models.standing import Standing, standing
from orchestrator.models.statements import ID, Kept
from orchestrator.pages import name_of
from orchestrator.waits import is_unstarted, told_of, waits_of
from orchestrator.whereabouts import step_and_branch
from review.forms import SURE
from review.narrowing import narrowed
from review.screens import holder_of
from review.wanted import AGES, ORDERS, Wanted
from review.wanted import SURE as BANDS

SIZE: Final = 50
ASSIGNED: Final = 200
USER: Final = ("user__username", "user__first_name", "user__last_name")
PEOPLE: Final = ("claimed_by", "assigned_to", "assigned_by")
ALONG: Final = ("task__case", "task__step", "workflow", *(f"{name}__user" for name in PEOPLE))
# A row shows none of the documents that a case, a task and a step carry.
READ: Final = (
    *("task", "workflow", "purpose", "due_at", "rank", "created_at", "blind", "claim_expires_at"),
    *("claimed_at", "back_at"),
    *("task__case__key", "task__step__name", "workflow__name"),
    *("task__scope", "task__step__version"),
    *(f"{who}__{name}" for who in PEOPLE for name in ("kind", "name", "revision", "user", *USER)),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One open seat as the queue lists it."""

    seat: Seat
    url: str
    mine: bool
    held_by: str
    assigned_by: str = ""
    assigned_to: str = ""
    kept: bool = False
    soon: bool = False
    unstarted: bool = False

    @property
    def case_key(self) -> str:
        return self.seat.task.case.key

    @property
    def step_name(self) -> str:
        return step_and_branch(self.seat.task)

    @property
    def workflow_name(self) -> str:
        return self.seat.workflow.name

    @property
    def blind(self) -> bool:
        return self.seat.blind

    @property
    def in_doubt(self) -> bool:
        """Whether it asks what became of a write. What else a seat is for is not told here: it
        would betray which of the blind ones are audits."""
        return self.seat.purpose == SeatPurpose.RECONCILE

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
    """The context of templates/review/queue.html: eight queries, nine with a workflow chosen.

    What is assigned to the actor comes first, then what nobody has begun in time.
    """
    held = standing(actor)
    workflows = list(Workflow.objects.seen_by(held))
    asked = narrowed(actor, wanted)
    rows = _seats(held, wanted, workflows, after, asked.narrow)
    queue, shown = reverse("review:queue"), rows[:SIZE]
    more = {"after": _cursor(shown[-1], wanted)} if len(rows) > SIZE else None
    first = [] if after or wanted.is_narrow else _assigned(actor, wanted)
    others = [seat for seat in shown if wanted.is_narrow or seat.assigned_to_id != actor.pk]
    told = told_of(seat.pk for seat in (*first, *others))
    url = wanted.on(reverse("review:task", args=[0]))
    lines = [_line(seat, actor, url, told) for seat in others]
    lines.sort(key=lambda line: not line.unstarted)
    return {
        "rows": [*(_line(seat, actor, url, told) for seat in first), *lines],
        "waits": [] if after else waits_of(actor),
        "filters": _filters(workflows, wanted),
        "query": wanted.query,
        "slow": asked.slow,
        "page": {
            "first_url": wanted.on(queue) if after else "",
            "next_url": wanted.on(queue, **more) if more else "",
        },
    }


def _seats(
    held: Standing, wanted: Wanted, workflows: Sequence[Workflow], after: str, narrow: Narrow
) -> list[Seat]:
    """One page of what the actor may decide, whoever holds it, and one seat more."""
    place = next((row.pk for row in workflows if row.slug == wanted.workflow), None)
    if wanted.workflow and place is None:
        return []
    order, step = wanted.order, wanted.step or None
    page = QueuePage(order, _place(after, wanted), SIZE + 1, place, step, narrow)
    return LINES[order].all(page.seats(held))


def _assigned(actor: Actor, wanted: Wanted) -> list[Seat]:
    """What leads have assigned to the actor and it may still decide, in queue order.

    One query where nothing is assigned.
    """
    seats = Seat.objects.open().filter(assigned_to=actor, back_at=None)
    if wanted.workflow:
        seats = seats.filter(workflow__slug=wanted.workflow)
    if wanted.step:
        seats = seats.filter(step_key=wanted.step)
    found = list(seats.values_list("pk", flat=True)[:ASSIGNED])
    if not found:
        return []
    decidable = Seat.objects.filter(pk__in=found).for_actor(actor).values_list("pk", flat=True)
    return LINES[wanted.order].all(list(decidable))


def _lines(order: str) -> Kept[Seat]:
    """Of the seats of some ids what a row shows, in queue order."""

    def build(ids: list[int]) -> QuerySet[Seat]:
        seats = Seat.objects.select_related(*ALONG).only(*READ)
        # An array, looked up by the key: a plan for a subquery may walk the whole queue instead.
        listed = RawSQL("orchestrator_seat.id = ANY(%s::bigint[])", (ids,), BooleanField())
        return seats.filter(listed).order_by(COLUMNS[order], "pk")

    return Kept(build, [ID])


LINES: Final = {order: _lines(order) for order in COLUMNS}


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


def _line(seat: Seat, actor: Actor, url: str, told: Mapping[int, set[str]]) -> Line:
    holder = holder_of(seat)
    mine = bool(holder) and seat.claimed_by_id == actor.pk
    own = seat.assigned_to_id == actor.pk
    kept = own and seat.assigned_by_id == actor.pk
    return Line(
        seat,
        url.replace("/0/", f"/{seat.task_id}/", 1),
        mine=mine,
        held_by="" if mine else holder,
        assigned_by=name_of(seat.assigned_by) if own and not kept else "",
        assigned_to="" if own else name_of(seat.assigned_to),
        kept=kept,
        soon=REMIND in told.get(seat.pk, ()),
        unstarted=is_unstarted(seat, told),
    )


def _filters(workflows: Sequence[Workflow], wanted: Wanted) -> dict[str, Any]:
    queue = reverse("review:queue")
    return {
        "workflows": workflows,
        "workflow": wanted.workflow,
        "steps": _steps(workflows, wanted.workflow),
        "step": wanted.step,
        "active": wanted.is_filtered,
        "q": wanted.q,
        "age": wanted.age,
        "ages": [(key, _(label)) for key, (label, _least) in AGES.items()],
        "sure": wanted.sure,
        "bands": [(key, _(label)) for key, (label, _bounds) in BANDS.items()],
        "order": wanted.order,
        "orders": [
            {"key": key, "label": _(label), "url": wanted.ordered(key).on(queue)}
            for key, label in ORDERS.items()
        ],
    }


def _steps(workflows: Sequence[Workflow], slug: str) -> Sequence[Step]:
    """The steps of the published version that people may be asked about."""
    versions = [row.published_version_id for row in workflows if row.slug == slug]
    if not versions:
        return []
    asks = DecisionRight.objects.filter(step=OuterRef("pk"), group__isnull=False)
    return list(Step.objects.filter(Exists(asks), version__in=versions).order_by("position"))
