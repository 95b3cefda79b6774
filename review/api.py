"""The review routes: the queue, a claim and what ends it, and the stream of feedback."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import Query, Router

from orchestrator import authority, engine
from orchestrator.api.access import reads, writes
from orchestrator.api.answers import answer, nothing, page, place_of
from orchestrator.api.keys import actor_of
from orchestrator.exceptions import NotAllowed, StaleClaim
from orchestrator.models import Actor, Seat
from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.queues import COLUMNS
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
from review.feedback import format_of, given_once, stream
from review.seats import open_seats
from review.showing import shown

router = Router(tags=["Review"])
LISTED: Final = (
    "pk", "task_id", "task__case_id", "task__case__key", "workflow__slug", "step_key", "purpose",
    "blind", "rank", "claim_expires_at", "due_at", "created_at", "now",
)  # fmt: skip


@router.get("/review/tasks", response=Queue, summary="Look at the queue", **reads("review"))
def list_tasks(request: HttpRequest, filters: Query[QueueFilters]) -> HttpResponse:
    """The tasks that you may decide, whoever has claimed them."""
    actor, order, limit = actor_of(request), filters.order, filters.limit
    workflow = filters.workflow and authority.access_workflow(actor, filters.workflow).pk
    seats = Seat.objects.annotate(now=ClockTimestamp()).queue(
        actor,
        order,
        after=_place(order, filters.cursor) if filters.cursor else None,
        size=limit + 1,
        workflow=workflow or None,
        step=filters.step or None,
    )
    rows = list(seats.values(*LISTED))
    last = rows[limit - 1] if rows[limit:] else None
    place = last and [last[COLUMNS[order]], last["pk"]]
    return page([_line(row) for row in rows[:limit]], place)


def _place(order: Orders, cursor: str) -> tuple[Any, int]:
    """Where the page before ended."""
    value, pk = place_of(cursor, float if order == "confidence" else datetime, int)
    return value, pk


def _line(row: dict[str, Any]) -> dict[str, Any]:
    until, is_known = row["claim_expires_at"], not row["blind"] and row["rank"] >= 0
    return {
        "id": row["task_id"],
        "case": {
            "id": row["task__case_id"],
            "key": row["task__case__key"],
            "workflow": row["workflow__slug"],
        },
        "step": row["step_key"],
        "purpose": row["purpose"],
        "confidence": row["rank"] if is_known else None,
        "claimed": until is not None and until > row["now"],
        "due_at": row["due_at"],
        "created_at": row["created_at"],
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
    return answer(decided_out(decided))


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


def decided_out(decided: engine.Decided) -> dict[str, Any]:
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
            "data": sight.data,
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
        "pend": sight.step.pend,
        "rework": sight.step.rework.get("to", []),
        "allowed_decisions": sight.allowed,
        "digest": sight.digest,
        "doubt": sight.doubt and sight.doubt.as_json(),
        "claim": {"token": seat.claim_token, "expires_at": seat.claim_expires_at},
    }


@router.get("/feedback", tags=["Feedback"], summary="Stream what was learned", **reads("feedback"))
def stream_feedback(request: HttpRequest, filters: Query[FeedbackFilters]) -> StreamingHttpResponse:
    """Settled decisions, one a line. The last line of jsonl is ``{"cursor": …}``: ask with it
    as ``since`` for what came after."""
    query = FeedbackQuery.parse(given_once(request.GET), actor_of(request))
    response = StreamingHttpResponse(
        stream(filters.format, query), content_type=format_of(filters.format).content_type
    )
    response["Cache-Control"] = "no-store"
    return response
