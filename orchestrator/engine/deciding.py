"""A person decides a seat: one door for the page, the API and whatever comes later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from orchestrator import authority
from orchestrator.diffing import Change, diff, digest
from orchestrator.engine.acts import Act, acting_on
from orchestrator.engine.bench import Bench, bench_of
from orchestrator.engine.consequences import count
from orchestrator.engine.saying import Said, checked_output, fill, write
from orchestrator.engine.scopes import data_of
from orchestrator.exceptions import AlreadyDecided, StaleClaim, StaleDigest
from orchestrator.models import Actor, Case, Decision, Seat, SeatState, Task, TaskState
from orchestrator.models.statements import ID, TOKEN, Kept


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision did. ``settle_at``: until when it can be undone, None when it cannot."""

    decision: Decision
    task_state: str
    case_state: str
    settle_at: datetime | None


def screen_digest(task: Task, case: Case) -> str:
    """The digest of what a decider looks at: the case file and the value under review."""
    return digest({"data": data_of(task, case), "output": task.proposal, "round": task.round})


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
    with acting_on(task_id, actor) as (act, task):
        seat = _claimed_seat(act, task, claim_token)
        return _decide(bench_of(act, task, seat), said)


def _claimed_seat(act: Act, task: Task, token: UUID | str) -> Seat:
    """The seat that the token names, locked, with the claim still live."""
    seat = seat_of(task, token)
    if seat is None:
        raise AlreadyDecided if task.state != TaskState.IN_REVIEW else StaleClaim
    if seat.state in (SeatState.DECIDED, SeatState.EXPIRED):
        raise AlreadyDecided
    if seat.state == SeatState.WITHDRAWN:
        raise StaleClaim("This was taken back meanwhile: there is nothing to decide here any more.")
    expired = seat.claim_expires_at is None or seat.claim_expires_at <= act.now
    if expired or seat.claimed_by_id != act.actor.pk:
        raise StaleClaim
    return seat


CLAIMED: Final = Kept(
    lambda task, token: Seat.objects.select_for_update(no_key=True).filter(
        task_id=task, claim_token=token
    ),
    *(ID, TOKEN),
)


def seat_of(task: Task, token: UUID | str) -> Seat | None:
    """The task's seat of this claim, locked."""
    try:
        wanted = UUID(str(token))
    except ValueError:
        return None
    return CLAIMED.first(task.pk, wanted)


def _decide(bench: Bench, said: Said) -> Decided:
    answer = authority.require(bench.act.actor, "decide", bench.seat)
    _check_digest(bench, said.digest)
    output = checked_output(bench, said)
    grant = answer.grant.pk if answer.grant else None
    decision = write(bench, said, output, grant=grant)
    fill(bench, decision)
    count(bench, decision, final=said.final)
    task = bench.task
    return Decided(decision, task.state, bench.act.case.state, task.settle_at)


def _check_digest(bench: Bench, shown: str) -> None:
    task, case = bench.task, bench.act.case
    if shown != screen_digest(task, case):
        raise StaleDigest(diff=[change.as_json() for change in _moved_on(task, case, shown)])


def _moved_on(task: Task, case: Case, shown: str) -> list[Change]:
    """What changed since the decider looked: told by the earlier value with that digest."""
    outputs = [
        *task.tries.order_by("number").values_list("output", flat=True),
        *task.decisions.order_by("id").values_list("output", flat=True),
    ]
    data = data_of(task, case)
    for output in outputs:
        for number in range(1, task.round + 1):
            if digest({"data": data, "output": output, "round": number}) == shown:
                return diff(output, task.proposal)
    return []
