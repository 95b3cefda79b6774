"""Seats whose time is up: the published version decides as it says, escalation by default."""

from __future__ import annotations

from django.db.models import Q

from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.bench import bench_of
from orchestrator.engine.consequences import count
from orchestrator.engine.saying import Said, write
from orchestrator.engine.sweeping import swept
from orchestrator.models import Seat, SeatState, TaskState
from orchestrator.models.fields import ClockTimestamp


def expire_seats(limit: int = 200) -> int:
    """Close open seats that are past due, but for those somebody is looking at right now.

    Returns how many were closed. Silence never approves: what the rule names is a rejection
    or, by default, an escalation, and the decision is the policy's own.
    """
    rows = Seat.objects.filter(_is_free(), state=SeatState.OPEN, due_at__lte=ClockTimestamp())
    due = rows.order_by("due_at").values_list("id", "task_id", "task__case_id")[:limit]
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
        said = Said(bench.right.on_timeout, via="timeout", comment="")
        decision = write(bench, said, None, state=SeatState.EXPIRED)
        count(bench, decision)
        return True
