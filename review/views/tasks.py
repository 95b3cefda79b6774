"""One task on the screen, and what can be done with the claim on it."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

from orchestrator import authority, engine, schema
from orchestrator.exceptions import Refusal, StaleClaim
from orchestrator.models import Actor
from orchestrator.pages import moments
from orchestrator.sight import events_of, sight_of
from review.screens import CLAIM_SECONDS, Refused, claim_of, screen_of, task_urls
from review.seats import held_seat, seat_for
from review.showing import shown
from review.typed import Typed
from review.views.answers import done_before, go_on, show_decided, show_queue, show_task
from review.views.conflicts import claim_lost, keep
from review.views.doors import ReviewRequest, actor_of, deed, is_ahead, wanted_by

MOST_MOMENTS: Final = 50
SAYS: Final = {
    "there": gettext_noop("It is there."),
    "missing": gettext_noop("It is not there."),
    "unknown": gettext_noop("It cannot be told."),
}


@require_safe
def task(request: ReviewRequest, task_id: int) -> HttpResponse:
    """The seat that this person holds, may claim, or may look at; else what was decided."""
    actor = actor_of(request)
    return _task(request, task_id, actor)


def _task(
    request: ReviewRequest, task_id: int, actor: Actor, refused: Refusal | None = None
) -> HttpResponse:
    found = authority.access_task(actor, task_id)
    seat = seat_for(found, actor)
    if seat is None:
        return show_decided(request, found, wanted_by(request))
    why = Refused(refused.message) if refused else None
    screen = screen_of(shown(seat, actor), actor, wanted_by(request), refused=why)
    status = refused.status if refused else 200
    return show_task(request, screen, status=status, done=done_before(request, actor))


@require_safe
def history(request: ReviewRequest, task_id: int) -> HttpResponse:
    """The case so far, fetched when somebody opens it; who decides blindly sees less of it."""
    actor = actor_of(request)
    case = authority.access_task(actor, task_id).case
    events = sight_of(case, actor).events(events_of(case)).select_related("actor__user")
    told = moments(events.order_by("seq")[:MOST_MOMENTS])
    return render(request, "components/timeline.html", {"moments": told})


@require_safe
def look(request: ReviewRequest, task_id: int) -> HttpResponse:
    """Ask the system of record what became of a write in doubt, for who may decide it."""
    if is_ahead(request):
        return HttpResponse("Nothing is asked ahead of a click.", status=403)
    actor = actor_of(request)
    found = authority.access_task(actor, task_id)
    seat = seat_for(found, actor)
    if seat is None or seat.purpose != "reconcile":
        return redirect(task_urls(task_id, wanted_by(request))["task"])
    authority.require(actor, "decide", seat)
    seen = engine.look(found)
    screen = screen_of(shown(seat, actor), actor, wanted_by(request), seen=seen)
    return show_task(request, screen, announcement=_(SAYS[seen.state]))


@deed
def claim(request: ReviewRequest, task_id: int) -> HttpResponse:
    """Take the seat, with what was typed before the last claim ended."""
    actor, wanted = actor_of(request), wanted_by(request)
    try:
        seat = engine.claim(task_id, actor=actor, seconds=CLAIM_SECONDS)
    except Refusal as refusal:
        return _task(request, task_id, actor, refusal)
    typed = Typed.posted(request.POST.dict())
    if typed.fields:
        keep(typed, task_id, actor, str(seat.claim_token))
    if not request.htmx:
        return redirect(task_urls(task_id, wanted)["task"])
    screen = screen_of(shown(seat, actor), actor, wanted, typed=typed if typed.fields else None)
    return show_task(request, screen, announcement=_("This task is yours now."))


@deed
def heartbeat(request: ReviewRequest, task_id: int) -> HttpResponse:
    """Extend the claim. Without JavaScript what was typed is kept and the page comes again."""
    actor, urls = actor_of(request), task_urls(task_id, wanted_by(request))
    token = request.POST.get("claim_token", "")
    try:
        engine.heartbeat(task_id, actor=actor, token=token, seconds=CLAIM_SECONDS)
    except Refusal:
        if request.htmx:
            return render(request, "review/claim.html", {"again_url": urls["claim"]}, status=409)
        return claim_lost(request, task_id, actor)
    if not request.htmx:
        keep(Typed.posted(request.POST.dict()), task_id, actor, token)
        return redirect(urls["task"])
    seat = held_seat(task_id, actor, token)
    held = claim_of(seat, actor, urls["heartbeat"]) if seat else None
    return render(request, "review/claim.html", {"claim": held, "again_url": urls["claim"]})


@deed
def release(request: ReviewRequest, task_id: int) -> HttpResponse:
    """Give the seat back and return to the queue."""
    actor, wanted = actor_of(request), wanted_by(request)
    try:
        engine.release(task_id, actor=actor, token=request.POST.get("claim_token", ""))
    except StaleClaim:
        return claim_lost(request, task_id, actor)
    if not request.htmx:
        return redirect(wanted.on("/review/"))
    return show_queue(request, actor, wanted, announcement=_("Released: others can take it."))


@deed
def skip(request: ReviewRequest, task_id: int) -> HttpResponse:
    """Leave the seat to others and go on with the next."""
    actor = actor_of(request)
    try:
        engine.skip(task_id, actor=actor, token=request.POST.get("claim_token", ""))
    except StaleClaim:
        return claim_lost(request, task_id, actor)
    return go_on(request, actor, wanted_by(request), announcement=_("Skipped: others get it."))


@deed
def draft(request: ReviewRequest, task_id: int) -> HttpResponse:
    """Add, remove or drop a row of the form, or only show the changes; nothing is decided."""
    actor, wanted = actor_of(request), wanted_by(request)
    token = request.POST.get("claim_token", "")
    typed = _edited(request)
    seat = held_seat(task_id, actor, token)
    try:
        keep(typed, task_id, actor, token)
    except StaleClaim:
        return claim_lost(request, task_id, actor)
    if not request.htmx or seat is None:
        return redirect(task_urls(task_id, wanted)["task"])
    screen = screen_of(shown(seat, actor), actor, wanted, typed=typed)
    return render(request, "review/task.html#fields", {"screen": screen})


def _edited(request: ReviewRequest) -> Typed:
    """What was typed, after the button that was pressed."""
    values = Typed.posted(request.POST.dict()).values
    edits = {"add": schema.add_row, "remove": schema.remove_row, "drop": schema.drop}
    for name, edit in edits.items():
        if name in request.POST:
            return Typed(edit(values, request.POST[name]))
    return Typed(values)
