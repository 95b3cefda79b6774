"""The home of who reviews: what waits, what is held, what was decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Final
from urllib.parse import urlencode

from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orchestrator.engine.clocks import REMIND
from orchestrator.models import Actor, Decision, Seat, Step, Timer
from orchestrator.models.queues import lanes
from orchestrator.models.standing import standing
from orchestrator.pages import name_of
from orchestrator.spelling import at_least, number
from orchestrator.views.home.sections import SHOWN, Section, listed
from orchestrator.waits import waits_of

COUNTED: Final = 100  # seats that are looked at in one lane; more are "99+"
SOON: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits at one step for this person."""

    url: str
    workflow_name: str
    step_name: str
    count: int
    more: bool
    due_at: datetime
    late: int
    soon: int


def reviewer(actor: Actor) -> Section | None:
    """None where nothing waits for the actor, is held by it or was decided by it."""
    queues, held, recent = waiting(actor), claimed(actor), decided(actor)
    mine, waits = assigned(actor), waits_of(actor)
    if not (queues or held or recent or mine or waits):
        return None
    data = {
        "queues": queues,
        "assigned": mine,
        "claimed": held,
        "recent": recent,
        "waits": waits,
    }
    return Section("reviewer", summary(queues), data=data)


def nothing_yet() -> Section:
    return Section("reviewer", summary([]), data={"queues": [], "claimed": [], "recent": []})


def summary(queues: list[Queue]) -> str:
    """How much waits, how much of it is late, and how much is due soon."""
    count, more = sum(queue.count for queue in queues), any(queue.more for queue in queues)
    if count == 0:
        return _("Nothing waits for you.")
    late, soon = (sum(getattr(queue, name) for queue in queues) for name in ("late", "soon"))
    waits = ngettext("%s task waits for you", "%s tasks wait for you", count)
    return listed(
        [
            waits % at_least(count, more=more),
            _("%s late") % number(late) if late else "",
            _("%s due soon") % number(soon) if soon else "",
        ]
    )


def waiting(actor: Actor) -> list[Queue]:
    """Queues with something the actor may claim now, first due first. Six queries."""
    due_at: dict[tuple[int, str], list[datetime]] = defaultdict(list)
    reminded: dict[tuple[int, str], int] = defaultdict(int)
    for workflow, step_key, due, is_told in first_seats(actor):
        due_at[workflow, step_key].append(due)
        reminded[workflow, step_key] += is_told and due > timezone.now() + SOON
    steps = steps_of(due_at)
    queues = [
        _queue(steps[place], sorted(found), reminded[place]) for place, found in due_at.items()
    ]
    return sorted(queues, key=lambda queue: queue.due_at)


def first_seats(actor: Actor) -> Iterable[tuple[int, str, datetime, bool]]:
    """The first ``COUNTED`` free seats of each lane that the actor serves, by due time, and
    whether people are reminded of it.

    One query for all lanes, each read along its index: the same however many seats wait.
    """
    held = standing(actor)
    mine = Seat.objects.open().free().for_nobody_but(actor).for_actor(actor).one_a_task(actor)
    told = Timer.objects.filter(seat=OuterRef("pk"), kind=REMIND, fired_at__isnull=False)
    mine = mine.annotate(told=Exists(told)).order_by("due_at", "pk")
    columns = ("workflow_id", "step_key", "due_at", "told")
    parts = [
        mine.filter(workflow=lane.workflow, step_key=lane.step_key, group=lane.group).values_list(
            *columns
        )[:COUNTED]
        for lane in lanes()
        if held.ways(lane)
    ]
    first, *more = parts or [mine.none().values_list(*columns)]
    return first.union(*more, all=True) if more else first


def steps_of(places: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Step]:
    """The step at each place, as the newest published version names it."""
    keys = [Q(version__workflow=workflow, key=key) for workflow, key in places]
    steps = (
        Step.objects.filter(reduce(or_, keys, Q(pk__in=())))
        .exclude(version__published_at=None)
        .select_related("version__workflow")
        .order_by("version__workflow_id", "key", "-version__number")
        .distinct("version__workflow_id", "key")
    )
    return {(step.version.workflow_id, step.key): step for step in steps}


def _queue(step: Step, due: list[datetime], reminded: int) -> Queue:
    workflow, now = step.version.workflow, timezone.now()
    query = urlencode({"workflow": workflow.slug, "step": step.key})
    return Queue(
        url=f"{reverse('review:queue')}?{query}",
        workflow_name=workflow.name,
        step_name=step.name,
        count=min(len(due), COUNTED - 1),
        more=len(due) >= COUNTED,
        due_at=due[0],
        late=sum(moment < now for moment in due),
        soon=sum(now <= moment < now + SOON for moment in due) + reminded,
    )


def assigned(actor: Actor) -> list[dict[str, object]]:
    """What leads have assigned to the actor and it has not begun, first due first. One query."""
    seats = Seat.objects.open().free().filter(assigned_to=actor)
    along = ("task__case", "task__step", "assigned_by__user")
    return [
        {
            "url": reverse("review:task", args=[seat.task_id]),
            "case_key": seat.task.case.key,
            "step_name": seat.task.step.name,
            "by": "" if seat.assigned_by_id == actor.pk else name_of(seat.assigned_by),
            "due_at": seat.due_at,
            "late": seat.due_at < timezone.now(),
        }
        for seat in seats.select_related(*along).order_by("due_at", "pk")[:SHOWN]
    ]


def claimed(actor: Actor) -> list[dict[str, object]]:
    seats = Seat.objects.open().claimed_by(actor).select_related("task__case", "task__step")
    return [
        {
            "url": reverse("review:task", args=[seat.task_id]),
            "case_key": seat.task.case.key,
            "step_name": seat.task.step.name,
            "until": seat.claim_expires_at,
        }
        for seat in seats.order_by("claim_expires_at")[:SHOWN]
    ]


def decided(actor: Actor) -> list[dict[str, object]]:
    """The decisions of the actor that stand, newest first."""
    decisions = Decision.objects.filter(actor=actor, seat__decision=F("pk"))
    return [
        {
            "url": reverse("case", args=[decision.task.case_id]) + f"#decision-{decision.pk}",
            "case_key": decision.task.case.key,
            "step_name": decision.task.step.name,
            "word": decision.word,
            "at": decision.created_at,
        }
        for decision in decisions.select_related("task__case", "task__step").order_by("-pk")[:SHOWN]
    ]
