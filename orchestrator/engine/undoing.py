"""Take a decision back before it takes effect."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.utils.translation import gettext as _

from orchestrator import routing
from orchestrator.engine.acts import Act, acting, locked_task
from orchestrator.engine.bench import Bench, bench_of
from orchestrator.engine.clocks import wind
from orchestrator.engine.incidents import withdraw_seats
from orchestrator.engine.judging import asked_right
from orchestrator.engine.rework import sent_back
from orchestrator.engine.rounds import facts_of, new_seat, offer, record_route, seats_of
from orchestrator.engine.saying import parties_of
from orchestrator.exceptions import NotAllowed, NotFound, UndoClosed
from orchestrator.models import (
    Actor,
    Decision,
    Mode,
    Seat,
    SeatPurpose,
    SeatState,
    Task,
    TaskState,
    Word,
)
from orchestrator.models.rows import insert

CLAIM_SECONDS = 600


def undo(decision_id: int, *, actor: Actor) -> Seat:
    """Open the seat of one's own decision again; it is claimed with a fresh token.

    Possible until the step's undo window ends and while nobody has built on the decision. The
    decision stays in the record; it only counts no more. Raises NotFound, NotAllowed and
    UndoClosed.
    """
    decision = Decision.objects.select_related("task").filter(pk=decision_id).first()
    if decision is None or decision.seat_id is None:
        raise NotFound
    if decision.actor_id != actor.pk:
        raise NotAllowed(reasons=[_("Only who made a decision can take it back.")])
    with acting(decision.task.case_id, actor) as act:
        task = locked_task(act, decision.task_id)
        seat = Seat.objects.select_for_update(no_key=True).get(pk=decision.seat_id)
        _check(act, task, seat, decision)
        act.note("decision.undone", {"task": task.pk, "decision": decision.pk})
        if task.state == TaskState.DECIDED:
            _reopen_task(task)
        bench = bench_of(act, task, seat)
        if task.round > decision.round or _closed_others(bench, decision):
            seat = _new_round(bench, decision)
        else:
            _withdraw_later(task, seat)
            _reopen_seat(seat)
            _unbar(task, decision)
            _ask_others_again(bench)
        return _claimed(act, seat)


def _check(act: Act, task: Task, seat: Seat, decision: Decision) -> None:
    stands = seat.decision_id == decision.pk
    window = decision.created_at + timedelta(seconds=task.step.undo_seconds)
    until = task.settle_at or window
    later = task.decisions.filter(pk__gt=decision.pk, filled__isnull=False)
    built_on = later.exclude(actor=act.actor).exists()
    is_open = task.state in (TaskState.DECIDED, TaskState.IN_REVIEW)
    # A migration has asked anew, by the rules of another version.
    asked_anew = decision.proof["version"] != act.definition.version.number
    if not stands or not is_open or built_on or asked_anew or act.now >= until:
        raise UndoClosed


def _reopen_task(task: Task) -> None:
    task.state, task.output, task.word, task.settle_at = TaskState.IN_REVIEW, None, "", None
    task.save(update_fields=["state", "output", "word", "settle_at"])


def _reopen_seat(seat: Seat) -> None:
    seat.state, seat.decision, seat.decided_by = SeatState.OPEN, None, None
    seat.save(update_fields=["state", "decision", "decided_by"])


def _unbar(task: Task, decision: Decision) -> None:
    """Who has no part in the round any more may take any of its seats, as before."""
    parties = parties_of(decision)
    others = Seat.objects.filter(
        task=task, round=task.round, purpose=SeatPurpose.GATE, state=SeatState.OPEN
    )
    for seat in others.filter(barred__overlap=list(parties)).select_for_update(no_key=True):
        seat.barred = [pk for pk in seat.barred if pk not in parties]
        seat.save(update_fields=["barred"])


def _withdraw_later(task: Task, seat: Seat) -> None:
    """Close what the decision opened: the seat's next level, or an adjudication."""
    opened = Seat.objects.filter(task=task, round=task.round, state=SeatState.OPEN, pk__gt=seat.pk)
    later = [
        row
        for row in opened
        if row.purpose != seat.purpose or (row.number == seat.number and row.level > seat.level)
    ]
    Seat.objects.filter(pk__in=[row.pk for row in later]).update(state=SeatState.WITHDRAWN)


def _ask_others_again(bench: Bench) -> None:
    """New seats for those that the decision had made needless: closed ones stay closed."""
    act, task, right, seat = bench.act, bench.task, bench.right, bench.seat
    if seat.purpose != SeatPurpose.GATE:
        return
    seats = Seat.objects.filter(task=task, round=task.round, purpose=SeatPurpose.GATE)
    said = seats.filter(decision__isnull=False).exclude(decision__word=Word.ESCALATED)
    lacking = seats_of(right) - said.count() - seats.filter(state=SeatState.OPEN).count()
    last = max(seats.values_list("number", flat=True))
    new = [
        new_seat(act, task, bench.routed, right, number=last + more, barred=seat.barred)
        for more in range(1, lacking + 1)
    ]
    insert(*new)
    wind(act, right, *new)


def _new_round(bench: Bench, decision: Decision) -> Seat:
    """Undo a correction that opened a round: the value it corrected is judged anew."""
    act, task = bench.act, bench.task
    for filled in Seat.objects.select_for_update(no_key=True).filter(
        task=task, state=SeatState.DECIDED, decided_by=act.actor
    ):
        _reopen_seat(filled)
    withdraw_seats(act, task)
    attempt, earlier = bench.routed.attempt, _correction_before(decision)
    task.proposal = earlier.output if earlier else attempt and attempt.output
    facts = facts_of(act, task, attempt, task.proposal)
    route = routing.route(act.definition.rules[task.step_key], facts)
    right = asked_right(act, task, route) or bench.right
    routed = record_route(
        act, task, route, right, attempt=attempt, action=Mode(right.mode), facts=facts
    )
    # Who decided on the next level is asked there again, and those who passed it on are not.
    level, barred = bench.seat.level, bench.seat.barred if bench.seat.level else []
    if earlier:
        barred = [*barred, *parties_of(earlier)]
    seats = offer(act, task, routed, right, barred=barred, level=min(level, 1))
    if not seats:
        raise UndoClosed
    return seats[0]


def _closed_others(bench: Bench, decision: Decision) -> bool:
    """Whether the decision sent the case back while others were still to say something."""
    return sent_back([decision]) is not None and seats_of(bench.right) > 1


def _correction_before(decision: Decision) -> Decision | None:
    """The standing correction of somebody else whose value this one was about; else None."""
    rows = Decision.objects.filter(
        task=decision.task_id, round__lt=decision.round, word=Word.CORRECTED, filled__isnull=False
    )
    return rows.exclude(actor=decision.actor_id).order_by("-pk").first()


def _claimed(act: Act, seat: Seat) -> Seat:
    seat.claimed_by, seat.claim_token, seat.claimed_at = act.actor, uuid4(), act.now
    seat.claim_expires_at = act.now + timedelta(seconds=CLAIM_SECONDS)
    seat.save(update_fields=["claimed_by", "claim_token", "claimed_at", "claim_expires_at"])
    return seat
