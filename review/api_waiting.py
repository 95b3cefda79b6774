"""The review routes besides deciding: wait for somebody, go on, and send a case back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import BaseModel, Field

from orchestrator import authority, engine
from orchestrator.api.access import writes
from orchestrator.api.answers import answer, nothing
from orchestrator.api.keys import actor_of
from orchestrator.api.shapes import Body
from orchestrator.exceptions import Invalid
from orchestrator.models import Seat
from review.api import decided_out
from review.bodies import DecisionOut, Token

router = Router(tags=["Review"])
Moment = Annotated[datetime, Field(strict=False, description="With its offset from UTC.")]


class PendIn(Body):
    """Why, for whom and how long to wait with a claimed task."""

    claim_token: Token
    reason: str = Field(max_length=200, description="A code of the step's reasons to wait.")
    until: Moment | None = Field(
        None, description="When it comes back at the latest; else as late as the reason allows."
    )
    party: str = Field("", max_length=200, description="Who is waited for.")
    note: str = Field("", max_length=2000)
    signal: str = Field("", max_length=200, description="A signal that brings it back earlier.")


class PendOut(BaseModel):
    back_at: datetime
    due_at: datetime = Field(description="Later than before where the reason stops the clock.")


class SendBackIn(Body):
    """Which earlier step is done anew, and with what instructions."""

    claim_token: Token
    digest: str = Field(max_length=64, description="From the claim: what was on the screen.")
    to: str = Field(max_length=80, description="The key of one of the step's rework steps.")
    instructions: str = Field(max_length=4000, description="What whoever performs it gets.")
    comment: str = Field("", max_length=4000)
    reasons: dict[str, str] = Field({}, description="A code by JSON pointer.")


@router.post(
    "/review/tasks/{int:task_id}/pend",
    response=PendOut,
    summary="Wait for somebody",
    **writes("review"),
)
def pend(request: HttpRequest, task_id: int, body: PendIn) -> HttpResponse:
    """Nobody is offered the task meanwhile; what was typed stays. It comes back to you first: on
    its day, on the signal, or when you resume it."""
    until = body.until
    if until is not None and until.tzinfo is None:
        raise _naive()
    seat = engine.pend(task_id, actor=actor_of(request), **body.model_dump())
    return answer(_pended(seat))


def _naive() -> Exception:
    message = "Give the time with its offset, as 2026-11-24T09:00:00Z."
    return Invalid(message, problems=[{"path": "/until", "message": message}])


def _pended(seat: Seat) -> dict[str, Any]:
    return {"back_at": seat.back_at, "due_at": seat.due_at}


@router.post(
    "/review/tasks/{int:task_id}/resume",
    response={204: None},
    summary="Go on after a wait",
    **writes("review"),
)
def resume(request: HttpRequest, task_id: int) -> HttpResponse:
    """Ends your own wait; who leads there ends anybody's. Claim the task to go on with it."""
    actor = actor_of(request)
    authority.access_task(actor, task_id)
    engine.unpend(task_id, actor=actor)
    return nothing()


@router.post(
    "/review/tasks/{int:task_id}/send-back",
    response=DecisionOut,
    summary="Send back",
    **writes("review"),
)
def send_back(request: HttpRequest, task_id: int, body: SendBackIn) -> HttpResponse:
    """An earlier step is done anew, with your instructions. It is a rejection of what is there,
    and can be undone like one. 422 where the case was sent back as often as the step allows."""
    decided = engine.send_back(task_id, actor=actor_of(request), via="api", **body.model_dump())
    return answer(decided_out(decided))
