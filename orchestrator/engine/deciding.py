"""A person decides a seat: one door for the page, the API and whatever comes later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from orchestrator import authority, logs
from orchestrator.engine.acts import Act, act_at
from orchestrator.engine.bench import Bench, bench_of, routed_to
from orchestrator.engine.consequences import count
from orchestrator.engine.saying import Said, checked_output, write
from orchestrator.engine.staleness import check_digest
from orchestrator.exceptions import AlreadyDecided, NotFound, Refusal, StaleClaim
from orchestrator.models import (
    Actor,
    Attempt,
    Case,
    Decision,
    Routing,
    Seat,
    SeatState,
    Task,
    TaskState,
)
from orchestrator.models.statements import Joined


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision did. ``settle_at``: until when it can be undone, None when it cannot."""

    decision: Decision
    task_state: str
    case_state: str
    settle_at: datetime | None


def decide(
    task_id: int,
    *,
    actor: Actor,
    claim_token: UUID | str,
    digest: str,
    word: str,
    output: Any = None,
    reasons: Mapping[str, str] | None = None,
    comment: str = "",
    seconds: float | None = None,
    final: bool = False,
    via: str = "page",
) -> Decided:
    """Say of a task's output, on the seat that ``claim_token`` names, what is to become of it.

    ``output`` is the whole value for corrected and responded; ``reasons`` maps pointers to
    the step's codes; ``final`` waives the undo window. Raises NotFound, StaleClaim,
    AlreadyDecided, StaleDigest (with the diff), NotAllowed and Invalid; then nothing changed.
    """
    said = Said(word, output, reasons or {}, comment, seconds, final, via, digest)
    with bench_for(task_id, claim_token, actor) as bench:
        return _decide(bench, said)


# Case, task and seat are locked in this order; why the seat is there never changes.
BENCH: Final = Joined(
    """
    SELECT {task}, {case}, {seat}, {routed}, {attempt}, clock_timestamp()
    FROM orchestrator_task AS task JOIN orchestrator_case AS "case" ON "case".id = task.case_id
    JOIN orchestrator_seat AS seat ON seat.task_id = task.id AND seat.claim_token = %(token)s
    JOIN orchestrator_routing AS routed
        ON routed.task_id = seat.task_id AND routed.round = seat.round
    LEFT JOIN orchestrator_attempt AS attempt ON attempt.id = routed.attempt_id
    WHERE task.id = %(task)s FOR NO KEY UPDATE OF "case", task, seat
    """,
    task=Task,
    case=Case,
    seat=Seat,
    routed=Routing,
    attempt=Attempt,
)


@contextmanager
def bench_for(task_id: int, token: UUID | str, actor: Actor) -> Iterator[Bench]:
    """One transaction that holds the seat which the token names, its claim still live."""
    with logs.about(task=task_id), transaction.atomic():
        wanted = _uuid(token)
        found = BENCH.first({"task": task_id, "token": wanted}) if wanted else None
        if found is None:
            raise _no_seat(task_id)
        task, case, seat, routed, attempt, now = found
        act = act_at(task, case, now, actor)
        _check_claim(act, seat)
        routed_to(seat, routed, attempt)
        yield bench_of(act, task, seat)
        act.finish()


def _uuid(token: UUID | str) -> UUID | None:
    try:
        return UUID(str(token))
    except ValueError:
        return None


def _no_seat(task_id: int) -> Refusal:
    """Why a task has no seat of this claim."""
    state = Task.objects.filter(pk=task_id).values_list("state", flat=True).first()
    if state is None:
        return NotFound()
    return StaleClaim() if state == TaskState.IN_REVIEW else AlreadyDecided()


def _check_claim(act: Act, seat: Seat) -> None:
    if seat.state in (SeatState.DECIDED, SeatState.EXPIRED):
        raise AlreadyDecided
    if seat.state == SeatState.WITHDRAWN:
        raise StaleClaim(
            _("This was taken back meanwhile: there is nothing to decide here any more.")
        )
    expired = seat.claim_expires_at is None or seat.claim_expires_at <= act.now
    if expired or seat.claimed_by_id != act.actor.pk:
        raise StaleClaim


def _decide(bench: Bench, said: Said) -> Decided:
    answer = authority.require(bench.act.actor, "decide", bench.seat)
    check_digest(bench.task, bench.act.case, said.digest)
    output = checked_output(bench, said)
    decision = write(bench, said, output, by=answer)
    count(bench, decision, final=said.final)
    task = bench.task
    return Decided(decision, task.state, bench.act.case.state, task.settle_at)
