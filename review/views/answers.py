"""How these views answer: a whole page, or the part of it that HTMX swaps in."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from orchestrator import engine
from orchestrator.exceptions import Refusal
from orchestrator.models import Actor, Decision, Seat, Task
from orchestrator.proofs import decision_views
from review.done import Done, latest_done
from review.listing import listing
from review.screens import CLAIM_SECONDS, Screen, screen_of
from review.seats import own_seat
from review.showing import shown
from review.views.doors import ReviewRequest, wanted_by
from review.wanted import Wanted


def show_task(
    request: ReviewRequest,
    screen: Screen,
    *,
    status: int = 200,
    done: Done | None = None,
    announcement: str = "",
) -> HttpResponse:
    """The task page. A refusal is announced even where nobody says what else happened."""
    context = {
        "screen": screen,
        "done": done,
        "announcement": announcement or screen.refused.message,
    }
    return _answer(request, "task", context, url=screen.urls["task"], status=status)


def show_queue(
    request: ReviewRequest,
    actor: Actor,
    wanted: Wanted,
    *,
    done: Done | None = None,
    announcement: str = "",
) -> HttpResponse:
    found = listing(actor, wanted, request.GET.get("after", ""))
    context = {"done": done, "announcement": announcement, **found}
    return _answer(request, "queue", context, url=wanted.on(reverse("review:queue")))


def show_decided(request: ReviewRequest, task: Task, wanted: Wanted) -> HttpResponse:
    decisions = decision_views(Decision.objects.filter(task=task).order_by("-id"))
    context = {
        "title": task.step.name,
        "case_id": task.case_id,
        "case_key": task.case.key,
        "task_state": task.state,
        "decisions": decisions,
        "next_url": wanted.on(reverse("review:next")),
    }
    url = wanted.on(reverse("review:task", args=[task.pk]))
    return _answer(request, "decided", context, url=url)


def go_on(
    request: ReviewRequest,
    actor: Actor,
    wanted: Wanted,
    *,
    done: Done | None = None,
    announcement: str = "",
) -> HttpResponse:
    """The next seat in the same answer; without HTMX the address that claims it."""
    if not request.htmx:
        more = {"done": done.decision_id} if done else {}
        return redirect(wanted.on(reverse("review:next"), **more))
    seat = next_seat(actor, wanted)
    if seat is None:
        return show_queue(request, actor, wanted, done=done, announcement=announcement)
    screen = screen_of(shown(seat, actor), actor, wanted)
    return show_task(request, screen, done=done, announcement=announcement)


def too_late(request: ReviewRequest, refusal: Refusal) -> HttpResponse:
    """Say so beside the task that somebody works on by now; the task stays as it is."""
    context = {"message": refusal.message}
    response = render(request, "components/toast.html#refused", context, status=refusal.status)
    response["HX-Reswap"] = "none"
    return response


def next_seat(actor: Actor, wanted: Wanted) -> Seat | None:
    """A seat that the actor holds already, else the next one of the queue, now claimed."""
    if wanted.is_narrow:
        return _next_listed(actor, wanted)
    return own_seat(actor, wanted) or engine.claim_next(
        actor=actor,
        workflow=wanted.workflow or None,
        step=wanted.step or None,
        order=wanted.order,
        seconds=CLAIM_SECONDS,
    )


def _next_listed(actor: Actor, wanted: Wanted) -> Seat | None:
    """The first seat of the list that the actor holds or can claim; others may be faster."""
    rows = listing(actor, wanted, "")["rows"]
    for line in (line for line in rows if line.mine or not (line.held_by or line.assigned_to)):
        try:
            return engine.claim(line.seat.task_id, actor=actor, seconds=CLAIM_SECONDS)
        except Refusal:
            continue
    return None


def done_before(request: ReviewRequest, actor: Actor) -> Done | None:
    """What the form before this page did, where it had no JavaScript to say so."""
    text = request.GET.get("done", "")
    is_number = text.isascii() and text.isdigit() and len(text) < 19
    return latest_done(int(text), actor) if is_number else None


def _answer(
    request: ReviewRequest, name: str, context: dict[str, Any], *, url: str, status: int = 200
) -> HttpResponse:
    part = f"#{name}" if request.htmx else ""
    context["wanted"] = wanted_by(request).on("")
    response = render(request, f"review/{name}.html{part}", context, status=status)
    if request.htmx:
        response["HX-Push-Url"] = url
        response["HX-Retarget"], response["HX-Reswap"] = "#main", "innerHTML"
    return response
