"""Deciding and taking it back, each with the next screen in the same answer."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from orchestrator import authority, engine
from orchestrator.exceptions import (
    AlreadyDecided,
    Invalid,
    NotAllowed,
    NotFound,
    Refusal,
    StaleClaim,
    StaleDigest,
    UndoClosed,
)
from orchestrator.models import Actor, Decision, Seat
from orchestrator.templatetags.rewire import word as told_word
from review.answer import Answer, answer_of, finding_of
from review.done import done_of, latest_done
from review.doubts import doubt_of
from review.screens import Refused, screen_of, task_urls
from review.seats import decided_with, held_seat
from review.showing import shown
from review.timing import seconds_since
from review.typed import Typed
from review.views.answers import go_on, show_task, too_late
from review.views.conflicts import CHANGED, claim_lost, keep, show_conflict
from review.views.doors import ReviewRequest, actor_of, deed, wanted_by


@deed
def decide(request: ReviewRequest, task_id: int) -> HttpResponse:
    """Decide the seat that the token claims. What is refused comes back as it was typed."""
    actor = actor_of(request)
    token = request.POST.get("claim_token", "")
    seat = held_seat(task_id, actor, token)
    if seat is None:
        before = decided_with(task_id, actor, token)
        return _twice(request, actor, before) if before else claim_lost(request, task_id, actor)
    typed = Typed.posted(request.POST.dict())
    answer = _answered(seat, request.POST.get("decision", ""), typed)
    if answer.refused:
        return _again(request, seat, actor, typed, answer.refused, status=422)
    try:
        decided = _decide(request, seat, actor, answer)
    except Refusal as refusal:
        return refused(request, seat, actor, typed, refusal)
    done = done_of(decided.decision, seat.task, decided.settle_at)
    word = f"{told_word(decided.decision.word)} {done.case_key}."
    return go_on(request, actor, wanted_by(request), done=done, announcement=word)


def _answered(seat: Seat, word: str, typed: Typed) -> Answer:
    doubt = doubt_of(seat)
    if doubt is None:
        gives = engine.is_handed(seat, seat.task.step)
        return answer_of(seat.task, word, typed, gives=gives)
    return finding_of(seat.task, word, typed, doubt.answer)


def _twice(request: ReviewRequest, actor: Actor, decision_id: int) -> HttpResponse:
    """The same form once more, as by a double click: say what stands, and go on."""
    return go_on(request, actor, wanted_by(request), done=latest_done(decision_id, actor))


def _decide(request: ReviewRequest, seat: Seat, actor: Actor, answer: Answer) -> engine.Decided:
    return engine.decide(
        seat.task_id,
        actor=actor,
        claim_token=request.POST["claim_token"],
        digest=request.POST.get("digest", ""),
        word=answer.word,
        output=answer.output,
        reasons=answer.reasons,
        comment=answer.comment,
        seconds=seconds_since(seat.task_id, request.POST.get("shown_at", "")),
        via="page",
    )


def refused(
    request: ReviewRequest, seat: Seat, actor: Actor, typed: Typed, refusal: Refusal
) -> HttpResponse:
    """The page that fits a refusal of the engine, with all that was typed."""
    match refusal:
        case StaleClaim():
            return claim_lost(request, seat.task_id, actor)
        case StaleDigest():
            keep(typed, seat.task_id, actor, str(seat.claim_token))
            return show_conflict(request, seat.task, typed, _(CHANGED), refusal)
        case AlreadyDecided():
            return show_conflict(request, seat.task, typed, refusal.message)
        case Invalid() | NotAllowed():
            said = Refused(refusal.message, _at_fields(refusal))
            return _again(request, seat, actor, typed, said, status=refusal.status)
    raise refusal


def _at_fields(refusal: Refusal) -> dict[str, str]:
    """What is wrong by place in the output; the engine's paths lead from the whole decision."""
    problems = refusal.details.get("problems", [])
    return {row["path"].removeprefix("/output"): row["message"] for row in problems}


def _again(
    request: ReviewRequest, seat: Seat, actor: Actor, typed: Typed, refused: Refused, *, status: int
) -> HttpResponse:
    screen = screen_of(
        shown(seat, actor),
        actor,
        wanted_by(request),
        typed=typed,
        refused=refused,
        began=request.POST.get("shown_at", ""),
    )
    return show_task(request, screen, status=status)


def undo(request: ReviewRequest, decision_id: int) -> HttpResponse:
    """Take a decision back: its seat is open again, claimed, with what was said of it."""
    if request.method != "POST":
        return redirect("review:queue")
    actor, wanted = actor_of(request), wanted_by(request)
    decision = _visible(decision_id, actor)
    try:
        seat = engine.undo(decision_id, actor=actor)
    except UndoClosed as refusal:
        if not request.htmx:
            raise
        return too_late(request, refusal)
    typed = _said(decision)
    keep(typed, seat.task_id, actor, str(seat.claim_token))
    if not request.htmx:
        return redirect(task_urls(seat.task_id, wanted)["task"])
    screen = screen_of(shown(seat, actor), actor, wanted, typed=typed)
    return show_task(request, screen, announcement=_("Taken back. It is yours again."))


def _visible(decision_id: int, actor: Actor) -> Decision:
    """The decision with its task and step. Raises NotFound where its task is none for the actor."""
    decision = Decision.objects.select_related("task__step").filter(pk=decision_id).first()
    if decision is None:
        raise NotFound
    authority.access_task(actor, decision.task_id)
    return decision


def _said(decision: Decision) -> Typed:
    """What the decision said, as its form: nobody types a correction twice."""
    said = decision.word in {"corrected", "responded"} and decision.output is not None
    output = decision.output if said else decision.task.proposal
    return Typed.of_output(decision.task.step.schema, output, decision.comment)
