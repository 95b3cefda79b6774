"""The start page: what waits for me, what I hold, what needs a hand, what I did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Final
from urllib.parse import urlencode

from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from orchestrator.models import Actor, Decision, Incident, Seat, Step, Workflow
from orchestrator.models.querysets import lanes
from orchestrator.models.standing import standing
from orchestrator.pages import incident_text, person
from orchestrator.views.incidents import ALONG, may_resolve
from orchestrator.views.requests import actor_of, user_of
from orchestrator.views.workflows import everywhere

COUNTED: Final = 100  # seats that are looked at in one lane; more are "99+"
SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits at one step for this person."""

    url: str
    workflow_name: str
    step_name: str
    count: int
    more: bool
    due_at: datetime
    late: bool


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    queues = waiting(actor)
    context = {
        "greeting": f"Hello {person(user_of(request)).split()[0]}",
        "summary": summary(queues),
        "queues": queues,
        "claimed": claimed(actor),
        "incidents": troubles(actor),
        "recent": decided(actor),
        "halted": Workflow.objects.visible_to(actor).exclude(halted_at=None),
        "everywhere": everywhere(actor),
    }
    return render(request, "orchestrator/home.html", context)


def summary(queues: list[Queue]) -> str:
    """One line under the greeting: how much waits, and whether it is late."""
    count, more = sum(queue.count for queue in queues), any(queue.more for queue in queues)
    if count == 0:
        return "Nothing waits for you."
    tasks = "1 task waits" if count == 1 else f"{count:,}{'+' if more else ''} tasks wait"
    late = any(queue.late for queue in queues)
    return f"{tasks} for you{', some of them late' if late else ''}."


def waiting(actor: Actor) -> list[Queue]:
    """Queues with something the actor may claim now, first due first. Six queries."""
    due_at: dict[tuple[int, str], list[datetime]] = defaultdict(list)
    for workflow, step_key, due in first_seats(actor):
        due_at[workflow, step_key].append(due)
    steps = steps_of(due_at)
    queues = [_queue(steps[place], sorted(found)) for place, found in due_at.items()]
    return sorted(queues, key=lambda queue: queue.due_at)


def first_seats(actor: Actor) -> Iterable[tuple[int, str, datetime]]:
    """The first ``COUNTED`` free seats of each lane that the actor serves, by due time.

    One query for all lanes, each read along its index: the same however many seats wait.
    """
    held = standing(actor)
    mine = Seat.objects.open().free().for_actor(actor).one_a_task(actor).order_by("due_at", "pk")
    parts = [
        mine.filter(workflow=lane.workflow, step_key=lane.step_key, group=lane.group).values_list(
            "workflow_id", "step_key", "due_at"
        )[:COUNTED]
        for lane in lanes()
        if held.ways(lane)
    ]
    first, *more = parts or [mine.none().values_list("workflow_id", "step_key", "due_at")]
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


def _queue(step: Step, due: list[datetime]) -> Queue:
    workflow = step.version.workflow
    query = urlencode({"workflow": workflow.slug, "step": step.key})
    return Queue(
        url=f"{reverse('review:queue')}?{query}",
        workflow_name=workflow.name,
        step_name=step.name,
        count=min(len(due), COUNTED - 1),
        more=len(due) >= COUNTED,
        due_at=due[0],
        late=due[0] < timezone.now(),
    )


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


def troubles(actor: Actor) -> list[dict[str, object]]:
    """Open incidents that the actor may resolve, newest first."""
    found = Incident.objects.visible_to(actor).filter(state="open").select_related(*ALONG)
    newest = list(found.order_by("-pk")[:SHOWN])
    may = may_resolve(actor, newest)
    return [
        {
            "url": reverse("case", args=[incident.task.case_id]) + f"#incident-{incident.pk}",
            "case_key": incident.task.case.key,
            "text": incident_text(incident),
            "at": incident.opened_at,
        }
        for incident in newest
        if may[incident.task.case.workflow_id]
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
