"""A person decides a seat: one door for the page, the API and whatever comes later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from orchestrator import authority, routing
from orchestrator.diffing import Change, diff, digest, material, patch, same
from orchestrator.engine.acts import Act, acting_on
from orchestrator.engine.bench import Bench, bench_of
from orchestrator.engine.finishing import CONSENT, settle
from orchestrator.engine.incidents import open_incident, withdraw_seats
from orchestrator.engine.judging import asked_right, note_decision, proof_of
from orchestrator.engine.opening import (
    approvals_of,
    eligible,
    facts_of,
    new_seat,
    offer,
    record_route,
    seats_of,
)
from orchestrator.engine.saying import Said, check_block, checked_output
from orchestrator.engine.tally import Ballot, tally
from orchestrator.exceptions import AlreadyDecided, StaleClaim, StaleDigest
from orchestrator.models import (
    Actor,
    Case,
    Correction,
    Decision,
    DecisionRight,
    Mode,
    Seat,
    SeatPurpose,
    SeatState,
    Task,
    TaskState,
    Word,
)
from orchestrator.models.statements import ID, TOKEN, Kept, insert, store

MOST_SECONDS: Final = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision did. ``settle_at``: until when it can be undone, None when it cannot."""

    decision: Decision
    task_state: str
    case_state: str
    settle_at: datetime | None


def screen_digest(task: Task, case: Case) -> str:
    """The digest of what a decider looks at: the case file and the value under review."""
    return digest({"data": case.data, "output": task.proposal, "round": task.round})


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
    for output in outputs:
        for number in range(1, task.round + 1):
            if digest({"data": case.data, "output": output, "round": number}) == shown:
                return diff(output, task.proposal)
    return []


def write(bench: Bench, said: Said, output: Any, *, grant: int | None = None) -> Decision:
    """The decision with its proof and its corrections, written for ever."""
    changes = diff(bench.task.proposal, output) if said.word == Word.CORRECTED else []
    seconds = None if said.seconds is None else min(MOST_SECONDS, max(0.0, said.seconds))
    decision = Decision(
        task=bench.task,
        seat=bench.seat,
        round=bench.seat.round,
        actor=bench.act.actor,
        via=said.via,
        word=said.word,
        output=output,
        patch=patch(changes),
        reasons=dict(said.reasons),
        comment=said.comment,
        proof=proof_of(bench.act, bench.routed, grant=grant, group=bench.seat.group_id),
        shown_digest=said.digest,
        seconds=seconds,
        created_at=bench.act.now,
    )
    insert(decision)
    Correction.objects.bulk_create(
        Correction(decision=decision, reason=_reason(change, said), **change.as_json())
        for change in changes
    )
    note_decision(bench.act, decision)
    return decision


def _reason(change: Change, said: Said) -> str:
    """The code given for the field, or for what the field is part of."""
    path = change.path
    while path:
        if path in said.reasons:
            return said.reasons[path]
        path = path.rpartition("/")[0]
    return said.reasons.get("", "")


def fill(bench: Bench, decision: Decision, state: SeatState = SeatState.DECIDED) -> None:
    """Close the seat with its decision, and keep its decider from the round's other seats."""
    seat = bench.seat
    seat.state, seat.decision, seat.draft = state, decision, None
    # The policy may have to close several seats of a round; people decide one each.
    seat.decided_by = decision.actor if state == SeatState.DECIDED else None
    store(seat, "state", "decision", "decided_by", "draft")


def count(bench: Bench, decision: Decision, *, final: bool = False) -> None:
    """Let a decision have its consequence: the next level, a new round, or an outcome."""
    if decision.word == Word.ESCALATED:
        escalate(bench, decision)
    elif bench.seat.purpose == SeatPurpose.ADJUDICATE:
        _conclude(bench, decision.word, decision.output, final=final)
    elif decision.word == Word.CORRECTED and _is_first(bench):
        _judge_again(bench, decision, final=final)
    elif seats_of(bench.right) == 1:
        _conclude(bench, decision.word, decision.output, final=final)
    else:
        _tally(bench, final=final)


def _is_first(bench: Bench) -> bool:
    """Whether this correction meets nobody's consent; blind seats never change the proposal."""
    if bench.seat.blind:
        return False
    return seats_of(bench.right) == 1 or len(_ballots(bench)) == 1


def _ballots(bench: Bench) -> list[Decision]:
    """The standing decisions of the round's gate seats, corrections first."""
    seats = Seat.objects.filter(
        task=bench.task,
        round=bench.task.round,
        purpose=SeatPurpose.GATE,
        decision__isnull=False,
    )
    rows = [seat.decision for seat in seats.select_related("decision").order_by("id")]
    found = [row for row in rows if row is not None and row.word != Word.ESCALATED]
    return sorted(found, key=lambda row: row.word != Word.CORRECTED)


def _tally(bench: Bench, *, final: bool) -> None:
    task = bench.task
    ballots = [Ballot(_side(row.word), row.output) for row in _ballots(bench)]
    open_seats = Seat.objects.filter(
        task=task, round=task.round, purpose=SeatPurpose.GATE, state=SeatState.OPEN
    )
    found = tally(
        ballots,
        waiting=open_seats.count() if len(ballots) < seats_of(bench.right) else 0,
        approvals=approvals_of(bench.right),
        equal=lambda left, right: not material(diff(left, right), task.step.material),
    )
    if found.ballot is not None:
        _conclude(bench, found.ballot.word, found.ballot.output, final=final)
    elif found.state == "split":
        _adjudicate(bench)
    else:
        _bar(open_seats, bench.act.actor)


def _side(word: str) -> str:
    """Approving a value and correcting to it are one side."""
    return Word.APPROVED if word == Word.CORRECTED else word


def _bar(seats: QuerySet[Seat], actor: Actor) -> None:
    """Nobody counts twice in a round."""
    for seat in seats.select_for_update(no_key=True).order_by("id"):
        seat.barred = sorted({*seat.barred, actor.pk})
        seat.save(update_fields=["barred"])


def _judge_again(bench: Bench, decision: Decision, *, final: bool) -> None:
    """The rules look at the corrected value: enough for its author alone, or for others too."""
    act, task, attempt = bench.act, bench.task, bench.routed.attempt
    facts = facts_of(act, task, attempt, decision.output)
    route = routing.route(act.definition.rules[task.step_key], facts)
    check_block(route)
    right = asked_right(act, task, route)
    if route.mode == Mode.AUTO or right is None:
        _conclude(bench, Word.CORRECTED, decision.output, final=final)
        return
    consents = _consents(bench, right, decision.output)
    if consents and approvals_of(right) == 1:
        _conclude(bench, Word.CORRECTED, decision.output, final=final)
        return
    withdraw_seats(act, task)
    task.proposal = decision.output
    routed = record_route(
        act, task, route, right, attempt=attempt, action=Mode(right.mode), facts=facts
    )
    if consents:
        _carry(Bench(act, task, bench.seat, routed, right), decision)
    offer(act, task, routed, right, taken=int(consents), barred=[decision.actor_id])


def _consents(bench: Bench, right: DecisionRight, output: Any) -> bool:
    """Whether the author may decide the corrected value under the rule it now falls under."""
    now = bench.task.proposal
    bench.task.proposal = output
    probe = new_seat(bench.act, bench.task, bench.routed, right, number=1, barred=[])
    bench.task.proposal = now
    return authority.may(bench.act.actor, "decide", probe).allowed


def _carry(bench: Bench, decision: Decision) -> None:
    """Take the author's consent over into the round that the correction opened."""
    seat = new_seat(bench.act, bench.task, bench.routed, bench.right, number=1, barred=[])
    seat.save(force_insert=True)
    said = Said(Word.APPROVED, via=CONSENT, digest=decision.shown_digest)
    carried = Bench(bench.act, bench.task, seat, bench.routed, bench.right)
    fill(carried, write(carried, said, decision.output))


def _conclude(bench: Bench, word: str, output: Any, *, final: bool) -> None:
    """What the task comes to; it takes effect when the undo window is over."""
    act, task = bench.act, bench.task
    if seats_of(bench.right) > 1:
        withdraw_seats(act, task)
    task.output, task.word = output, _word(bench, word, output)
    if final or task.step.undo_seconds == 0:
        settle(act, task)
        return
    task.state = TaskState.DECIDED
    task.settle_at = act.now + timedelta(seconds=task.step.undo_seconds)
    store(task, "state", "output", "word", "settle_at")


def _word(bench: Bench, word: str, output: Any) -> str:
    attempt = bench.routed.attempt
    if word not in (Word.APPROVED, Word.CORRECTED) or attempt is None:
        return word
    return Word.APPROVED if same(attempt.output, output) else Word.CORRECTED


def escalate(bench: Bench, decision: Decision) -> None:
    """Bring the seat before the next level; without one it is an incident."""
    act, task, seat = bench.act, bench.task, bench.seat
    barred = [*seat.barred, decision.actor_id]
    if seat.level or bench.right.escalates_to_id is None:
        open_incident(act, task, "escalated", "It was escalated, and no next level is named.")
    elif not eligible(bench.right.escalates_to_id, barred):
        message = f"It was escalated, and nobody in {bench.right.escalates_to} may decide it."
        open_incident(act, task, "escalated", message)
    else:
        up = new_seat(
            act, task, bench.routed, bench.right, number=seat.number, barred=barred, level=1
        )
        up.save(force_insert=True)


def _adjudicate(bench: Bench) -> None:
    """They differ: somebody else sees all sides and says what holds."""
    act, task, right = bench.act, bench.task, bench.right
    withdraw_seats(act, task)
    deciders = task.decisions.filter(round=task.round).values_list("actor_id", flat=True)
    barred = sorted({*deciders, *bench.seat.barred})
    if not eligible(right.escalates_to_id or right.group_id, barred):
        open_incident(act, task, "split", "They differ, and nobody is left who may settle it.")
        return
    seat = new_seat(
        act,
        task,
        bench.routed,
        right,
        number=1,
        barred=barred,
        purpose=SeatPurpose.ADJUDICATE,
        level=1,
    )
    seat.save(force_insert=True)
