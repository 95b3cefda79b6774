"""The bodies that the core's routes take and give, as the documentation shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.api.answers import MOST

CaseStates = Literal["open", "cancelling", "completed", "cancelled"]
TaskStates = Literal[
    "waiting", "ready", "running", "in_review", "decided", "completed", "failed", "cancelled"
]
Words = Literal["approved", "corrected", "rejected", "responded", "escalated"]


class Body(BaseModel):
    """What is sent to the API: no member more, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class OutputIn(Body):
    """What an agent made that has done the first step already."""

    value: Any = Field(description="The output, by the step's JSON Schema.")
    confidence: float | None = Field(
        None, description="0 to 1. Anything else is unknown, and a person looks."
    )
    field_confidence: dict[str, Any] | None = Field(
        None, description="Confidence by JSON pointer, such as /amount."
    )
    model: str | None = Field(None, max_length=200)
    cost_micros: int | None = Field(None, description="Millionths of the currency.")
    currency: str | None = Field(None, max_length=3)
    tokens_in: int | None = None
    tokens_out: int | None = None
    latency_ms: int | None = None


class CaseIn(Body):
    key: str = Field(description="Names the case in its workflow, once; 1 to 200 characters.")
    data: dict[str, Any] = Field(description="The case file, by the workflow's JSON Schema.")
    output: OutputIn | None = None


class CasesIn(Body):
    cases: list[Any] = Field(
        max_length=MOST, description="Each as it would be sent alone, judged on its own."
    )


class CancelIn(Body):
    reason: str = Field(min_length=1, max_length=500)


class SignalIn(Body):
    name: str = Field(description="What a step of the version waits for, or its news.")
    id: str = Field(description="Names the message: the same id is taken once.")
    data: dict[str, Any] = Field({}, description="By the JSON Schema of the step.")


class SignalOut(BaseModel):
    """``taken``: a step went on, or the case file was written; ``kept``: no step waits yet."""

    status: Literal["taken", "kept", "existing"]
    tasks: list[int] = Field(description="The tasks that went on by it.")


class WorkflowOut(BaseModel):
    slug: str
    name: str
    version: int | None = Field(description="The published version's number.")
    open: int = Field(description="Open cases.")
    in_review: int = Field(description="Tasks that wait for a person.")


class TaskOut(BaseModel):
    id: int
    step: str
    state: TaskStates
    decision: Words | None = Field(None, description="Absent until something was decided.")


class CaseOut(BaseModel):
    """``state`` and ``completed_at`` are null while you have a blind review to do in it."""

    id: int
    key: str
    workflow: str
    version: int
    state: CaseStates | None
    data: dict[str, Any] | None
    tasks: list[TaskOut]
    created_at: datetime
    completed_at: datetime | None


class OutcomeOut(BaseModel):
    status: Literal["created", "existing", "conflict", "invalid"]
    id: int | None
    problems: list[dict[str, str]]


class EventOut(BaseModel):
    seq: int
    at: datetime
    type: str
    actor: str
    refs: dict[str, Any]
    payload: dict[str, Any]
    hash: str


class Workflows(BaseModel):
    items: list[WorkflowOut]
    cursor: str | None


class Outcomes(BaseModel):
    items: list[OutcomeOut]
    cursor: None


class Events(BaseModel):
    items: list[EventOut]
    cursor: str | None
