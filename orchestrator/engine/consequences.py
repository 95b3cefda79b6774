"""What a decision leads to: the next level, a new round, more deciders, or an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from orchestrator import authority, routing
from orchestrator.diffing import diff, material, same
from orchestrator.engine.acts import Act
from orchestrator.engine.bench import Bench, routed_to
from orchestrator.engine.clocks import wind
from orchestrator.engine.deciders import are_enough
from orchestrator.engine.finishing import CONSENT, settle
from orchestrator.engine.incidents import open_incident, withdraw_seats
from orchestrator.engine.judging import asked_right
from orchestrator.engine.rounds import (
    approvals_of,
    facts_of,
    lane_at,
    new_seat,
    offer,
    record_route,
    seats_of,
)
from orchestrator.engine.saying import BEHIND, Said, check_block, parties_of, write
from orchestrator.engine.tally import Ballot, tally
from orchestrator.models import (
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
from orchestrator.models.rows import store


def count(bench: Bench, decision: Decision, *, final: bool = False) -> None:
    """Let a decision have its consequence: the next level, a new round, or an outcome."""
    if decision.word == Word.ESCALATED:
        _escalate(bench, decision)
    elif bench.seat.purpose in (SeatPurpose.ADJUDICATE, SeatPurpose.RECONCILE):
        _conclude(bench, decision.word, decision.output, final=final)
    elif decision.word == Word.CORRECTED and _is_first(bench):
        _judge_again(bench, decision, final=final)
    elif seats_of(bench.right) == 1:
        _conclude(bench, decision.word, decision.output, final=final, only=_alone(bench, decision))
    else:
        _tally(bench, decision, final=final)


def _alone(bench: Bench, decision: Decision) -> list[Decision]:
    """The decision where no other can stand beside it: nobody was asked before. Else none."""
    if bench.task.round > 1 or bench.seat.level:
        return []
    routed_to(decision, bench.routed, bench.routed.attempt)
    return [decision]


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


def _tally(bench: Bench, decision: Decision, *, final: bool) -> None:
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
        _bar(open_seats, decision)


def _side(word: str) -> str:
    """Approving a value and correcting to it are one side."""
    return Word.APPROVED if word == Word.CORRECTED else word


def _bar(seats: QuerySet[Seat], decision: Decision) -> None:
    """Nobody counts twice in a round, neither by itself nor by who stands in for it."""
    for seat in seats.select_for_update(no_key=True).order_by("id"):
        seat.barred = sorted({*seat.barred, *parties_of(decision)})
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
    offer(act, task, routed, right, taken=int(consents), barred=sorted(parties_of(decision)))


def _consents(bench: Bench, right: DecisionRight, output: Any) -> bool:
    """Whether the author may decide the corrected value under the rule it now falls under.

    Whoever corrects on the next level decides there: it does not go back to the first one.
    """
    now = bench.task.proposal
    bench.task.proposal = output
    level = bench.seat.level
    probe = new_seat(bench.act, bench.task, bench.routed, right, number=1, barred=[], level=level)
    bench.task.proposal = now
    return authority.may(bench.act.actor, "decide", probe).allowed


def _carry(bench: Bench, decision: Decision) -> None:
    """Take the author's consent over into the round that the correction opened."""
    act, task, level = bench.act, bench.task, bench.seat.level
    seat = new_seat(act, task, bench.routed, bench.right, number=1, barred=[], level=level)
    seat.save(force_insert=True)
    behind = {name: ids for name, ids in decision.proof.items() if name == BEHIND}
    said = Said(Word.APPROVED, via=CONSENT, digest=decision.shown_digest, proof=behind)
    carried = Bench(act, task, seat, bench.routed, bench.right)
    write(carried, said, decision.output)


def _conclude(
    bench: Bench, word: str, output: Any, *, final: bool, only: Sequence[Decision] = ()
) -> None:
    """What the task comes to; it takes effect when the undo window is over.

    ``only`` are all decisions that stand, where the caller knows them.
    """
    act, task = bench.act, bench.task
    if seats_of(bench.right) > 1:
        withdraw_seats(act, task)
    task.output, task.word = output, _word(bench, word, output)
    settle_later(act, task, final=final, only=only)


def settle_later(
    act: Act, task: Task, *, final: bool = False, only: Sequence[Decision] = ()
) -> None:
    """Settle a task when its undo window is over: at once where there is none, or ``final``."""
    if final or task.step.undo_seconds == 0:
        settle(act, task, only)
        return
    task.state = TaskState.DECIDED
    task.settle_at = act.now + timedelta(seconds=task.step.undo_seconds)
    store(task, "state", "output", "word", "settle_at")


def _word(bench: Bench, word: str, output: Any) -> str:
    attempt = bench.routed.attempt
    if word not in (Word.APPROVED, Word.CORRECTED) or attempt is None:
        return word
    return Word.APPROVED if same(attempt.output, output) else Word.CORRECTED


def _escalate(bench: Bench, decision: Decision) -> None:
    """Bring the seat before the next level; without one it is an incident."""
    act, task, seat = bench.act, bench.task, bench.seat
    barred = sorted({*seat.barred, *parties_of(decision)})
    if seat.level or bench.right.escalates_to_id is None:
        open_incident(act, task, "escalated", "It was escalated, and no next level is named.")
    elif not _can(bench, bench.right.escalates_to_id, barred):
        message = f"It was escalated, and nobody in {bench.right.escalates_to} may decide it."
        open_incident(act, task, "escalated", message)
    else:
        up = new_seat(
            act,
            task,
            bench.routed,
            bench.right,
            number=seat.number,
            barred=barred,
            purpose=SeatPurpose(seat.purpose),
            level=_next_level(bench, SeatPurpose(seat.purpose), seat.number),
        )
        up.save(force_insert=True)
        wind(act, bench.right, up)
        # Who passed one seat on has no say on another one of the round either.
        rest = Seat.objects.filter(task=task, round=task.round, state=SeatState.OPEN)
        _bar(rest.exclude(pk=up.pk), decision)


def _next_level(bench: Bench, purpose: SeatPurpose, number: int) -> int:
    """1, and one more for each time that what led there was taken back: those seats stay closed."""
    place = Seat.objects.filter(task=bench.task, round=bench.task.round, number=number)
    return 1 + place.filter(purpose=purpose, level__gt=0).count()


def _can(bench: Bench, group: int | None, barred: list[int]) -> bool:
    """Whether somebody is there who may decide in this group's place."""
    return are_enough(lane_at(bench.act, bench.task.step_key, group), 1, barred)


def _adjudicate(bench: Bench) -> None:
    """They differ: somebody else sees all sides and says what holds."""
    act, task, right = bench.act, bench.task, bench.right
    withdraw_seats(act, task)
    standing = task.decisions.filter(round=task.round, filled__isnull=False)
    barred = sorted({*bench.seat.barred}.union(*map(parties_of, standing)))
    if not _can(bench, right.escalates_to_id or right.group_id, barred):
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
        level=_next_level(bench, SeatPurpose.ADJUDICATE, 1),
    )
    seat.save(force_insert=True)
    wind(act, right, seat)
