"""The review routes: the queue, a claim and what ends it, and the stream of feedback."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import Query, Router

from orchestrator import authority, engine
from orchestrator.api.access import reads, writes
from orchestrator.api.answers import answer, nothing, page, place_of
from orchestrator.api.keys import actor_of
from orchestrator.exceptions import NotAllowed, StaleClaim
from orchestrator.models import Actor, Seat
from orchestrator.models.fields import ClockTimestamp
from review.bodies import (
    ClaimIn,
    DecisionIn,
    DecisionOut,
    Extended,
    FeedbackFilters,
    HeartbeatIn,
    Orders,
    Queue,
    QueueFilters,
    ReleaseIn,
    TaskToReview,
)
from review.feedback import Query as FeedbackQuery
from review.feedback import format_of, stream
from review.listing import COLUMNS
from review.seats import open_seats
from review.showing import shown

router = Router(tags=["Review"])


@router.get("/review/tasks", response=Queue, summary="Look at the queue", **reads("review"))
def list_tasks(request: HttpRequest, filters: Query[QueueFilters]) -> HttpResponse:
    """The tasks that you may decide, whoever has claimed them."""
    column, limit = COLUMNS[filters.order], filters.limit
    seats = Seat.objects.open().for_actor(actor_of(request))
    seats = seats.select_related("task__case", "workflow").annotate(now=ClockTimestamp())
    if filters.workflow:
        seats = seats.filter(workflow__slug=filters.workflow)
    if filters.step:
        seats = seats.filter(step_key=filters.step)
    if filters.cursor:
        seats = seats.filter(_after(filters.order, filters.cursor))
    found = list(seats.order_by(column, "pk")[: limit + 1])
    place = [getattr(found[limit - 1], column), found[limit - 1].pk] if found[limit:] else None
    return page([_line(seat) for seat in found[:limit]], place)


def _after(order: Orders, cursor: str) -> Q:
    """What comes behind the last row of the page before."""
    column = COLUMNS[order]
    value, pk = place_of(cursor, float if order == "confidence" else datetime, int)
    return Q(**{f"{column}__gt": value}) | Q(**{column: value, "pk__gt": pk})


def _line(seat: Any) -> dict[str, Any]:
    case = seat.task.case
    is_known = not seat.blind and seat.rank >= 0
    return {
        "id": seat.task_id,
        "case": {"id": case.pk, "key": case.key, "workflow": seat.workflow.slug},
        "step": seat.step_key,
        "purpose": seat.purpose,
        "confidence": seat.rank if is_known else None,
        "claimed": seat.claim_expires_at is not None and seat.claim_expires_at > seat.now,
        "due_at": seat.due_at,
        "created_at": seat.created_at,
    }


@router.post(
    "/review/claim",
    response={200: TaskToReview, 204: None},
    summary="Claim the next task",
    **writes("review"),
)
def claim_next(request: HttpRequest, body: ClaimIn | None = None) -> HttpResponse:
    """The next task that you may decide, yours until the claim ends; 204 when there is none."""
    wanted = body or ClaimIn()
    actor = actor_of(request)
    seat = engine.claim_next(actor=actor, **wanted.model_dump())
    return answer(_task(seat, actor)) if seat else nothing()


@router.post(
    "/review/tasks/{int:task_id}/claim",
    response=TaskToReview,
    summary="Claim this task",
    **writes("review"),
)
def claim(request: HttpRequest, task_id: int) -> HttpResponse:
    """A task of the queue by its id."""
    actor = actor_of(request)
    authority.access_task(actor, task_id)
    return answer(_task(engine.claim(task_id, actor=actor), actor))


@router.post(
    "/review/tasks/{int:task_id}/heartbeat",
    response=Extended,
    summary="Keep a claim",
    **writes("review"),
)
def heartbeat(request: HttpRequest, task_id: int, body: HeartbeatIn) -> HttpResponse:
    """The claim lasts ``seconds`` from now."""
    until = engine.heartbeat(
        task_id, actor=actor_of(request), token=body.claim_token, seconds=body.seconds
    )
    return answer({"expires_at": until})


@router.post(
    "/review/tasks/{int:task_id}/release",
    response={204: None},
    summary="Release a claim",
    **writes("review"),
)
def release(request: HttpRequest, task_id: int, body: ReleaseIn) -> HttpResponse:
    """The task goes back to the queue."""
    engine.release(task_id, actor=actor_of(request), token=body.claim_token)
    return nothing()


@router.post(
    "/review/tasks/{int:task_id}/decision",
    response=DecisionOut,
    summary="Decide",
    **writes("review"),
)
def decide(request: HttpRequest, task_id: int, body: DecisionIn) -> HttpResponse:
    """What you say of the output. 403 names the right that is missing, 409 says why not:
    a stale claim, a stale digest with the difference, or already decided."""
    actor = actor_of(request)
    try:
        decided = engine.decide(
            task_id,
            actor=actor,
            claim_token=body.claim_token,
            digest=body.digest,
            word=body.decision,
            output=body.output,
            reasons=body.reasons,
            comment=body.comment,
            final=body.final,
            via="api",
        )
    except StaleClaim:
        _check_right(task_id, actor)
        raise
    return answer(_decided(decided))


def _check_right(task_id: int, actor: Actor) -> None:
    """Who holds no claim because it has no right is told of the right.

    Raises NotFound and NotAllowed.
    """
    authority.access_task(actor, task_id)
    seats = list(open_seats(task_id))
    for seat in seats:
        seat.claim_expires_at = None
    answers = [authority.may(actor, "decide", seat) for seat in seats]
    if answers and not any(one.allowed for one in answers):
        raise NotAllowed(reasons=answers[0].reasons)


def _decided(decided: engine.Decided) -> dict[str, Any]:
    decision, seat = decided.decision, decided.decision.seat
    assert seat is not None, "people decide on seats"  # noqa: S101
    definition = engine.definition_of(decision.task.step.version_id)
    return {
        "decision_id": decision.pk,
        "workflow": definition.version.workflow.slug,
        "task_state": None if seat.blind else decided.task_state,
        "case_state": None if seat.blind else decided.case_state,
        "settle_at": None if seat.blind else decided.settle_at,
    }


@router.post(
    "/review/decisions/{int:decision_id}/undo",
    response=TaskToReview,
    summary="Undo a decision",
    **writes("review"),
)
def undo(request: HttpRequest, decision_id: int) -> HttpResponse:
    """Takes back your own decision before it settles; the task is yours again."""
    actor = actor_of(request)
    return answer(_task(engine.undo(decision_id, actor=actor), actor))


def _task(seat: Seat, actor: Actor) -> dict[str, Any]:
    sight = shown(seat, actor)
    case = sight.case
    return {
        "id": seat.task_id,
        "case": {
            "id": case.pk,
            "key": case.key,
            "workflow": sight.workflow.slug,
            "data": case.data,
        },
        "step": sight.step.key,
        "purpose": seat.purpose,
        "due_at": seat.due_at,
        "output": sight.output,
        "confidence": sight.confidence,
        "field_confidence": sight.field_confidence,
        "schema": sight.schema,
        "why": sight.why,
        "instructions": sight.instructions,
        "reasons": sight.reasons,
        "allowed_decisions": sight.allowed,
        "digest": sight.digest,
        "claim": {"token": seat.claim_token, "expires_at": seat.claim_expires_at},
    }


@router.get("/feedback", tags=["Feedback"], summary="Stream what was learned", **reads("feedback"))
def stream_feedback(request: HttpRequest, filters: Query[FeedbackFilters]) -> StreamingHttpResponse:
    """Settled decisions, one a line. The last line of jsonl is ``{"cursor": …}``: ask with it
    as ``since`` for what came after."""
    query = FeedbackQuery.parse(request.GET.dict(), actor_of(request))
    response = StreamingHttpResponse(
        stream(filters.format, query), content_type=format_of(filters.format).content_type
    )
    response["Cache-Control"] = "no-store"
    return response
