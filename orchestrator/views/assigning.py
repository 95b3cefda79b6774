"""The page on which a lead hands a seat to somebody, and what it leads to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from orchestrator import authority, engine
from orchestrator.exceptions import NotAllowed, NotFound
from orchestrator.models import Actor, Case, Seat
from orchestrator.models.fields import ClockTimestamp
from orchestrator.pages import name_of, person
from orchestrator.views.requests import actor_of, came_from, ours
from orchestrator.whereabouts import step_and_branch

PEOPLE: Final = 50
ALONG: Final = (
    *("task__case__workflow", "task__step", "group", "claimed_by__user"),
    *("assigned_to__user", "assigned_by__user"),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody of the seat's group. ``why_not`` are the reasons against; ``held`` counts seats."""

    username: str
    name: str
    held: int
    why_not: str


@require_http_methods(["GET", "HEAD", "POST"])
def assign_seat(request: HttpRequest, seat_id: int) -> HttpResponse:
    """Who could decide this, and how much each holds. A POST names one of them as ``to``."""
    actor = actor_of(request)
    seat = _open_seat(seat_id, actor)
    if request.method != "POST":
        return _show(request, seat)
    to = User.objects.filter(username=request.POST.get("to", ""), groups=seat.group_id).first()
    if to is None:
        return _show(request, seat, _("Choose somebody of the group."), status=422)
    try:
        engine.assign(seat_id, actor=actor, to=Actor.objects.for_user(to))
    except NotAllowed as refusal:
        return _show(request, seat, refusal.message, status=refusal.status)
    said = _("%(key)s is assigned to %(name)s.")
    messages.success(request, said % {"key": seat.task.case.key, "name": person(to)})
    return redirect(ours(request, request.POST.get("next", "")) or "home")


@require_POST
def unassign_seat(request: HttpRequest, seat_id: int) -> HttpResponse:
    """Let the whole group have the seat again."""
    seat = engine.unassign(seat_id, actor=actor_of(request))
    said = _("%(key)s waits for %(group)s again.")
    messages.success(request, said % {"key": seat.task.case.key, "group": seat.group})
    return redirect(came_from(request) or "home")


def _open_seat(seat_id: int, actor: Actor) -> Seat:
    """Raises NotFound and NotAllowed; a seat that is over is found no more."""
    seats = Seat.objects.visible_to(actor).open().select_related(*ALONG)
    seat = seats.filter(pk=seat_id).first()
    if seat is None:
        raise NotFound
    authority.require(actor, "assign", seat)
    return seat


def _show(
    request: HttpRequest, seat: Seat, problem: str = "", *, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "seat": seat,
        "held_by": name_of(seat.claimed_by) if seat.is_held(timezone.now()) else "",
        "assigned_to": name_of(seat.assigned_to),
        "assigned_by": name_of(seat.assigned_by),
        "people": candidates(seat),
        "problem": problem,
        "next": came_from(request) if request.method != "POST" else request.POST.get("next", ""),
    }
    return render(request, "orchestrator/assign.html", context, status=status)


def seats_of(case: Case, actor: Actor, tasks: Iterable[int]) -> list[dict[str, Any]]:
    """Whom the open seats of these tasks wait for, and whether the actor hands them out."""
    seats = Seat.objects.open().filter(task__case=case, task__in=tasks)
    found = list(seats.select_related(*ALONG).order_by("pk"))
    may = bool(found) and authority.may(actor, "assign", found[0]).allowed
    return [
        {
            "id": seat.pk,
            "step_name": step_and_branch(seat.task),
            "group": seat.group.name,
            "held_by": name_of(seat.claimed_by) if seat.is_held(timezone.now()) else "",
            "assigned_to": name_of(seat.assigned_to),
            "can_assign": may,
        }
        for seat in found
    ]


def candidates(seat: Seat) -> list[Candidate]:
    """The active people of the seat's group: who may decide it first, then by what they hold."""
    users = User.objects.filter(groups=seat.group_id, is_active=True).order_by("username")
    actors = [Actor.objects.for_user(user) for user in users[:PEOPLE]]
    counts = _held_by(actors)
    found = [
        Candidate(
            username=actor.user.get_username() if actor.user else "",
            name=name_of(actor),
            held=counts.get(actor.pk, 0),
            why_not=" ".join(engine.hindrances(seat, actor)),
        )
        for actor in actors
    ]
    return sorted(found, key=lambda one: (bool(one.why_not), one.held, one.name))


def _held_by(actors: Iterable[Actor]) -> dict[int, int]:
    """Actor -> how many seats it has claimed now. One query."""
    live = Seat.objects.open().filter(claimed_by__in=actors, claim_expires_at__gt=ClockTimestamp())
    return dict(live.values_list("claimed_by").annotate(Count("pk")))
