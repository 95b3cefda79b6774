"""Seats whose time is up: the published version decides as it says, escalation by default.

Before that, timers tell: that nobody has begun, that a seat is due soon, and that who it was
kept for has not come back to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.db.models import Q

from orchestrator.engine import clocks
from orchestrator.engine.acts import Act, acting, locked_task
from orchestrator.engine.bench import Bench, bench_of
from orchestrator.engine.consequences import count
from orchestrator.engine.saying import Said, write
from orchestrator.engine.sweeping import reach, swept
from orchestrator.models import Seat, SeatPurpose, SeatState, TaskState, Timer, Word
from orchestrator.models.fields import ClockOnce, ClockTimestamp


def expire_seats(limit: int = 200) -> int:
    """Close open seats that are past due, but for those somebody is looking at right now.

    Returns how many were closed. Silence never approves: what the rule names is a rejection
    or, by default, an escalation, and the decision is the policy's own.
    """
    rows = Seat.objects.filter(_is_free(), state=SeatState.OPEN, due_at__lte=ClockOnce())
    due = rows.order_by("due_at").values_list("id", "task_id", "task__case_id")[
        : reach(_expire, limit)
    ]
    return len(swept(_expire, list(due)))


def _is_free() -> Q:
    return Q(claim_expires_at=None) | Q(claim_expires_at__lte=ClockTimestamp())


def _expire(seat_id: int, task_id: int, case_id: int) -> bool:
    with acting(case_id) as act:
        task = locked_task(act, task_id)
        seats = Seat.objects.select_for_update(no_key=True).filter(_is_free(), state=SeatState.OPEN)
        seat = seats.filter(pk=seat_id, due_at__lte=act.now).first()
        if seat is None or task.state != TaskState.IN_REVIEW:
            return False
        bench = bench_of(act, task, seat)
        said = Said(_word(bench), via="timeout")
        decision = write(bench, said, None, state=SeatState.EXPIRED)
        count(bench, decision)
        return True


def _word(bench: Bench) -> str:
    """Nobody's silence has a write sent again."""
    is_doubt = bench.seat.purpose == SeatPurpose.RECONCILE
    return Word.ESCALATED if is_doubt else bench.right.on_timeout


def fire_seat_timers(limit: int = 200) -> int:
    """Tell what the timers of open seats are for, oldest first; returns how many told something.

    Each fires once. Those of seats that are closed by now have nothing to tell any more.
    """
    rows = Timer.objects.filter(seat__isnull=False, fired_at=None, due_at__lte=ClockOnce())
    due = rows.order_by("due_at", "id")[: reach(_fire, limit)]
    found = list(due.values_list("id", "seat_id", "seat__task__case_id", "seat__state"))
    idle = [pk for pk, *_, state in found if state != SeatState.OPEN]
    Timer.objects.filter(pk__in=idle, fired_at=None).update(fired_at=ClockTimestamp())
    return len(swept(_fire, [row[:3] for row in found if row[3] == SeatState.OPEN]))


def _fire(timer_id: int, seat_id: int, case_id: int) -> bool:
    with acting(case_id) as act:
        seat = Seat.objects.select_for_update(no_key=True).get(pk=seat_id)
        timer = Timer.objects.select_for_update(no_key=True).get(pk=timer_id)
        if timer.fired_at is not None or timer.due_at > act.now:
            return False
        if timer.kind == clocks.KEPT and seat.is_held(act.now):
            # Who began in time keeps it while the claim lasts, and no longer.
            Timer.objects.filter(pk=timer_id).update(due_at=seat.claim_expires_at)
            return False
        timer.fired_at = act.now
        timer.save(update_fields=["fired_at"])
        return seat.state == SeatState.OPEN and _TELLS[timer.kind](act, seat)


def _remind(act: Act, seat: Seat) -> bool:
    act.note("seat.reminded", seat.refs, {"due_at": seat.due_at.isoformat()})
    return True


def _start_missed(act: Act, seat: Seat) -> bool:
    """Who passed it on is offered it again, in its place of the queue."""
    if seat.claimed_at is not None or seat.back_at is not None:
        return False
    act.note("seat.start_missed", seat.refs, {"group": seat.group_id})
    seat.skipped = []
    seat.save(update_fields=["skipped"])
    return True


def _kept_in_vain(act: Act, seat: Seat) -> bool:
    """Only what somebody keeps who waited with it; what a lead assigned stays assigned."""
    is_own = seat.assigned_to_id is not None and seat.assigned_to_id == seat.assigned_by_id
    if not is_own or seat.back_at is not None:
        return False
    act.note("seat.unassigned", seat.refs | {"person": seat.assigned_to_id or 0})
    seat.assigned_to = seat.assigned_by = None
    seat.save(update_fields=["assigned_to", "assigned_by"])
    return True


_TELLS: Final[dict[str, Callable[[Act, Seat], bool]]] = {
    clocks.REMIND: _remind,
    clocks.START: _start_missed,
    clocks.KEPT: _kept_in_vain,
}
