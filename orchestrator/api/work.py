"""Work for programs outside: fetched under a lease, kept by a heartbeat, handed in with its fence.

Nobody's connection to the database is held while it waits, and a quarter of the web's threads
at most wait at once: whoever comes after them is told to ask again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import BoundedSemaphore
from typing import Any, Final, Literal

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import BaseModel, Field

from orchestrator import engine
from orchestrator.api.access import writes
from orchestrator.api.answers import answer, nothing
from orchestrator.api.keys import actor_of
from orchestrator.api.shapes import Body, OutputIn, TaskStates
from orchestrator.models import Actor

router = Router(tags=["Work"])
Kinds = Literal["agent", "automation"]

LONGEST_WAIT: Final = 5.0
BETWEEN_LOOKS: Final = 0.2
MOST: Final = 100
_waiting = BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


class FetchIn(Body):
    kinds: list[Kinds] = Field(
        ["agent", "automation"], min_length=1, description="Which kinds of steps you perform."
    )
    max: int = Field(1, ge=1, le=MOST, description="At most so many tasks.")
    seconds: float = Field(
        0, ge=0, le=LONGEST_WAIT, strict=False, description="How long to wait for work."
    )


class FenceIn(Body):
    fence: int = Field(description="From the claim; a later claim has a higher one.")


class CompleteIn(FenceIn):
    output: OutputIn


class FailIn(FenceIn):
    error: str = Field(min_length=1, max_length=2000, description="For the people who look at it.")
    transient: bool = Field(True, description="Whether another try may help.")
    retry_after: float | None = Field(
        None, ge=0, le=3600, strict=False, description="Seconds until then."
    )


class CaseOfWork(BaseModel):
    id: int
    key: str
    workflow: str


class WorkOut(BaseModel):
    id: int
    fence: int
    kind: Kinds
    step: str
    case: CaseOfWork
    attempt: int = Field(description="1 for the first try.")
    input: Any
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema of the output.")
    instructions: str
    call: dict[str, Any] = Field(description="The step's own settings.")
    brief: Any = Field(description="Why it was sent back, and what was said before; or null.")
    idempotency_key: str = Field(description="The same for every try: send it with what you do.")
    deadline: datetime = Field(description="When the lease ends; a heartbeat renews it.")


class Renewed(BaseModel):
    deadline: datetime


class HandedIn(BaseModel):
    id: int
    state: TaskStates


@router.post(
    "/work/claim",
    response={200: list[WorkOut], 204: None},
    summary="Fetch work",
    **writes("work"),
)
def claim_work(request: HttpRequest, body: FetchIn | None = None) -> HttpResponse:
    """Tasks of steps that no connection performs, where you hold a Grant to work. They are yours
    until their deadlines. 204 when there is none, or when too many wait: Retry-After says when
    to ask again."""
    wanted = body or FetchIn()
    found = _fetched(actor_of(request), wanted)
    if found:
        return answer([_told(one) for one in found])
    response = nothing()
    response["Retry-After"] = "1"
    return response


def _fetched(actor: Actor, wanted: FetchIn) -> list[engine.Fetched]:
    """What is there now, or comes while somebody may wait."""
    found = engine.fetch_work(actor, wanted.kinds, wanted.max)
    # Inside a transaction, as under an Idempotency-Key, waiting would hold it open.
    if found or not wanted.seconds or connection.in_atomic_block:
        return found
    end = time.monotonic() + wanted.seconds
    with _place() as there_is:
        while there_is and not found and time.monotonic() < end:
            _rest(end)
            found = engine.fetch_work(actor, wanted.kinds, wanted.max)
    return found


@contextmanager
def _place() -> Iterator[bool]:
    """Whether one more may wait in this process."""
    there_is = _waiting.acquire(blocking=False)
    try:
        yield there_is
    finally:
        if there_is:
            _waiting.release()


def _rest(end: float) -> None:
    if "pool" in connection.settings_dict.get("OPTIONS", {}):
        connection.close()
    time.sleep(max(0.0, min(BETWEEN_LOOKS, end - time.monotonic())))


def _told(found: engine.Fetched) -> dict[str, Any]:
    task, given = engine.tell_work(found)
    return {
        "id": task.pk,
        "fence": found.work.fence,
        "kind": task.step.kind,
        "step": task.step_key,
        "case": {
            "id": task.case_id,
            "key": task.case.key,
            "workflow": task.case.workflow.slug,
        },
        "attempt": found.work.attempt,
        "input": given,
        "schema": task.step.schema,
        "instructions": task.step.instructions,
        "call": task.step.call,
        "brief": engine.brief_of(task),
        "idempotency_key": task.effect_key,
        "deadline": found.deadline,
    }


@router.post(
    "/work/{int:task_id}/heartbeat",
    response=Renewed,
    summary="Keep work",
    **writes("work"),
)
def renew_work(request: HttpRequest, task_id: int, body: FenceIn) -> HttpResponse:
    """The lease lasts anew from now. 409 when somebody else holds the task."""
    until = engine.renew_work(task_id, body.fence, actor=actor_of(request))
    return answer({"deadline": until})


@router.post(
    "/work/{int:task_id}/complete",
    response=HandedIn,
    summary="Hand in work",
    **writes("work"),
)
def complete_work(request: HttpRequest, task_id: int, body: CompleteIn) -> HttpResponse:
    """The rules of the step say what comes of it. 422 where the output does not fit: it is still
    yours to mend. 409 when somebody else holds the task; then this changes nothing."""
    said = body.output.model_dump()
    task = engine.complete_work(task_id, body.fence, said, actor=actor_of(request))
    return answer({"id": task.pk, "state": task.state})


@router.post(
    "/work/{int:task_id}/fail",
    response=HandedIn,
    summary="Give work up",
    **writes("work"),
)
def fail_work(request: HttpRequest, task_id: int, body: FailIn) -> HttpResponse:
    """Another try later, by the step's own count, or an incident that people see."""
    task = engine.fail_work(
        task_id,
        body.fence,
        body.error,
        actor=actor_of(request),
        transient=body.transient,
        retry_after=body.retry_after,
    )
    return answer({"id": task.pk, "state": task.state})
