"""When a post comes too late: what happened is shown, and nothing that was typed is lost."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator import authority, engine
from orchestrator.exceptions import Refusal
from orchestrator.models import Actor, Decision, Task
from orchestrator.pages import name_of
from review.answer import typed_changes
from review.colleagues import Earlier, earlier
from review.screens import CLAIM_SECONDS, Refused, holder_of, screen_of, task_urls
from review.seats import open_seats
from review.showing import shown
from review.typed import Typed
from review.views.answers import show_task
from review.views.doors import ReviewRequest, wanted_by

AGAIN = gettext_noop(
    "Your claim had ended. It is yours again, with what you typed: look once more and decide."
)
DECIDED = gettext_noop("This was decided while you worked on it.")
CHANGED = gettext_noop("What you saw has changed since. Your text is kept beside it as it is now.")


def claim_lost(request: ReviewRequest, task_id: int, actor: Actor) -> HttpResponse:
    """Take the seat again with all that was typed, or say who has it or what was decided."""
    task = authority.access_task(actor, task_id)
    typed = Typed.posted(request.POST.dict())
    try:
        seat = engine.claim(task_id, actor=actor, seconds=CLAIM_SECONDS)
    except Refusal:
        return show_conflict(request, task, typed, _lost_to(task, actor))
    keep(typed, task_id, actor, str(seat.claim_token))
    began = request.POST.get("shown_at", "")
    screen = screen_of(
        shown(seat, actor),
        actor,
        wanted_by(request),
        typed=typed,
        refused=Refused(_(AGAIN)),
        began=began,
    )
    return show_task(request, screen, status=409)


def show_conflict(
    request: ReviewRequest,
    task: Task,
    typed: Typed,
    explanation: str,
    refusal: Refusal | None = None,
) -> HttpResponse:
    """What happened, what stands, and what was typed; the page of the task as it is now."""
    wanted = wanted_by(request)
    context: dict[str, Any] = {
        "title": _("Your decision was not taken"),
        "case_id": task.case_id,
        "case_key": task.case.key,
        "explanation": explanation,
        "standing": _standing(task),
        "changed": refusal.details.get("diff") if refusal else [],
        "news": refusal.details.get("news") if refusal else [],
        "typed": {
            "word": request.POST.get("decision", ""),
            "comment": typed.comment(request.POST.get("decision", "")),
            "changes": typed_changes(task, typed),
        },
        "again_url": task_urls(task.pk, wanted)["task"],
        "next_url": wanted.on(reverse("review:next")),
    }
    part = "#conflict" if request.htmx else ""
    response = render(request, f"review/conflict.html{part}", context, status=409)
    if request.htmx:
        response["HX-Retarget"], response["HX-Reswap"] = "#main", "innerHTML"
    return response


def keep(typed: Typed, task_id: int, actor: Actor, token: str) -> None:
    """Keep what was typed as the seat's draft. Raises StaleClaim."""
    engine.save_draft(task_id, actor=actor, token=token, draft=typed.as_draft(actor))


def _lost_to(task: Task, actor: Actor) -> str:
    """What became of a seat that cannot be claimed again."""
    seats = list(open_seats(task.pk))
    if not seats:
        return _(DECIDED)
    for handed in (seat for seat in seats if seat.assigned_to_id not in {None, actor.pk}):
        said = _("%(by)s has handed this to %(to)s. What you typed is kept below.")
        return said % {"by": name_of(handed.assigned_by), "to": name_of(handed.assigned_to)}
    holder = next(filter(None, map(holder_of, seats)), _("somebody else"))
    return _("Your claim ended, and %s works on this now.") % holder


def _standing(task: Task) -> Earlier | None:
    """The latest decision that stands, unless it is hidden: somebody has to decide blindly yet."""
    if any(seat.blind for seat in open_seats(task.pk)):
        return None
    decisions = Decision.objects.filter(task=task, filled__isnull=False)
    decision = decisions.select_related("actor__user").order_by("-id").first()
    return earlier(decision, task.proposal) if decision else None
