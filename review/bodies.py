"""The bodies that the review routes take and give, as the documentation shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from orchestrator.api.answers import MOST
from orchestrator.api.shapes import Body, CaseStates, TaskStates, Words
from review.feedback import FORMATS

Orders = Literal["due", "confidence", "created"]
Seconds = Annotated[int, Field(ge=30, le=3600, description="How long the claim lasts.")]
Token = Annotated[UUID, Field(strict=False, description="From the claim; it names the seat.")]


class ClaimIn(Body):
    workflow: str | None = None
    step: str | None = None
    order: Orders = Field("due", description="Due first, least confident first, oldest first.")
    seconds: Seconds = 600


class HeartbeatIn(Body):
    claim_token: Token
    seconds: Seconds = 600


class ReleaseIn(Body):
    claim_token: Token


class DecisionIn(Body):
    decision: Words
    output: Any = Field(None, description="The whole value, where it was corrected or given.")
    reasons: dict[str, str] = Field({}, description="A code by JSON pointer.")
    comment: str = Field("", max_length=4000)
    claim_token: Token
    digest: str = Field(max_length=64, description="From the claim: what was on the screen.")
    final: bool = Field(False, description="Waives the time to undo.")


class QueueFilters(BaseModel):
    """Which part of the queue, and which page of it."""

    workflow: str = Field("", max_length=80, description="A slug.")
    step: str = Field("", max_length=80, description="A step's key.")
    order: Orders = "due"
    limit: int = Field(100, ge=1, le=MOST, description="Items of a page.")
    cursor: str = Field("", max_length=500, description="The cursor of the page before.")


class CaseOfTask(BaseModel):
    id: int
    key: str
    workflow: str
    data: dict[str, Any]


class Claim(BaseModel):
    token: UUID
    expires_at: datetime


class WriteInDoubt(BaseModel):
    connection: str
    idempotency_key: str
    sent: Any
    sent_at: datetime | None
    error: str = Field(description="What came back.")
    answer: Any = Field(description="What the system of record had when somebody last looked.")


class TaskToReview(BaseModel):
    """On a blind seat ``confidence``, ``field_confidence`` and ``why`` are null."""

    id: int
    case: CaseOfTask
    step: str
    purpose: str
    due_at: datetime
    output: Any = Field(description="The value under review.")
    confidence: float | None
    field_confidence: dict[str, float] | None
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema of the output.")
    why: str | None = Field(description="Why this came to a person.")
    instructions: str
    reasons: list[Any] = Field(description="The codes that reasons may use.")
    pend: list[Any] = Field(description="The reasons to wait for somebody.")
    rework: list[str] = Field(description="The steps that this can be sent back to.")
    allowed_decisions: list[Words]
    digest: str
    doubt: WriteInDoubt | None = Field(
        description="On a seat of purpose reconcile: approved or corrected say that the write "
        "happened, rejected sends it again."
    )
    claim: Claim


class CaseInQueue(BaseModel):
    id: int
    key: str
    workflow: str


class TaskInQueue(BaseModel):
    id: int
    case: CaseInQueue
    step: str
    purpose: str
    confidence: float | None
    claimed: bool
    due_at: datetime
    created_at: datetime


class Queue(BaseModel):
    items: list[TaskInQueue]
    cursor: str | None


class Extended(BaseModel):
    expires_at: datetime


class DecisionOut(BaseModel):
    """On a blind seat both states are null."""

    decision_id: int
    workflow: str
    task_state: TaskStates | None
    case_state: CaseStates | None
    settle_at: datetime | None = Field(description="Until then the decision can be undone.")


class FeedbackFilters(BaseModel):
    """What is asked for; an empty value is no filter."""

    workflow: str = Field("", description="A slug; without it all that you may export.")
    format: str = Field("jsonl", description=f"One of {', '.join(FORMATS)}.")
    since: str = Field("", description="A cursor: only what came after it.")
    from_: str = Field("", alias="from", description="Decided at this time or later.")
    until: str = Field("", description="Decided before this time, or on this day at the latest.")
    decision: Words | Literal[""] = ""
    reviewer: str = Field("", description="A user name, or the name of a program.")
    limit: str = Field("", description="At most so many rows.")
