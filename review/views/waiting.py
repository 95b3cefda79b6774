"""Waiting for somebody with a seat, and sending a case back; each goes on with the next one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from orchestrator import authority, engine
from orchestrator.exceptions import Invalid, Refusal
from orchestrator.models import Actor, Seat
from review.done import done_of, latest_done
from review.screens import CLAIM_SECONDS, screen_of, task_urls
from review.seats import decided_with, held_seat
from review.showing import shown
from review.timing import seconds_since
from review.typed import Typed
from review.views.answers import go_on, show_task
from review.views.conflicts import claim_lost, keep
from review.views.deciding import refused
from review.views.doors import ReviewRequest, actor_of, deed, wanted_by

Act = Callable[[Seat, Actor, str, Typed], Any]


def _acted(request: ReviewRequest, task_id: int, act: Act) -> tuple[Seat, Any] | HttpResponse:
    """The seat and what came of it; what is refused comes back as it was typed."""
    actor, token = actor_of(request), request.POST.get("claim_token", "")
    seat = held_seat(task_id, actor, token)
    if seat is None:
        before = decided_with(task_id, actor, token)
        if before is None:
            return claim_lost(request, task_id, actor)
        return go_on(request, actor, wanted_by(request), done=latest_done(before, actor))
    if seat.back_at is not None:  # The same form once more, as by a double click.
        return go_on(request, actor, wanted_by(request))
    typed = Typed.posted(request.POST.dict())
    try:
        keep(typed, task_id, actor, token)
        return seat, act(seat, actor, token, typed)
    except Refusal as refusal:
        return refused(request, seat, actor, typed, refusal)


@deed
def pend(request: ReviewRequest, task_id: int) -> HttpResponse:
    """Wait for somebody: the seat comes back by itself, with what was typed."""

    def act(_seat: Seat, actor: Actor, token: str, typed: Typed) -> Seat:
        asked = typed.pend
        until = _moment(asked["until"])
        names = ("reason", "party", "note", "signal")
        said = {name: asked[name] for name in names}
        return engine.pend(task_id, actor=actor, claim_token=token, until=until, **said)

    done = _acted(request, task_id, act)
    if isinstance(done, HttpResponse):
        return done
    told = _("You wait with %s: it comes back by itself.") % done[0].task.case.key
    return go_on(request, actor_of(request), wanted_by(request), announcement=told)


def _moment(text: str) -> datetime | None:
    """A time as a browser's control gives it, in the zone of whoever typed it. Raises Invalid."""
    if not text:
        return None
    try:
        return timezone.make_aware(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        message = _("Give a day and a time.")
        raise Invalid(message, problems=[{"path": "/until", "message": message}]) from error


@deed
def send_back(request: ReviewRequest, task_id: int) -> HttpResponse:
    """Have an earlier step done anew, and go on with the next seat; it can be undone."""

    def act(seat: Seat, actor: Actor, token: str, typed: Typed) -> engine.Decided:
        return engine.send_back(
            task_id,
            actor=actor,
            claim_token=token,
            digest=request.POST.get("digest", ""),
            to=typed.back["to"],
            instructions=typed.back["instructions"],
            comment=typed.comment(),
            seconds=seconds_since(seat.task_id, request.POST.get("shown_at", "")),
        )

    done = _acted(request, task_id, act)
    if isinstance(done, HttpResponse):
        return done
    seat, decided = done
    told = done_of(decided.decision, seat.task, decided.settle_at)
    announcement = _("Sent back: %s.") % told.case_key
    return go_on(
        request, actor_of(request), wanted_by(request), done=told, announcement=announcement
    )


@deed
def resume(request: ReviewRequest, task_id: int) -> HttpResponse:
    """Go on with what was waiting; who may decide it has it at once."""
    actor, wanted = actor_of(request), wanted_by(request)
    authority.access_task(actor, task_id)
    engine.unpend(task_id, actor=actor)
    try:
        seat = engine.claim(task_id, actor=actor, seconds=CLAIM_SECONDS)
    except Refusal:
        return redirect("home")
    if not request.htmx:
        return redirect(task_urls(task_id, wanted)["task"])
    screen = screen_of(shown(seat, actor), actor, wanted)
    return show_task(request, screen, announcement=_("This task is yours now."))
