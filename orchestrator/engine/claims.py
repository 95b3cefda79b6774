"""Claims: leases on seats. A claim locks one row, touches no case and writes no event; only
who ends the claim of somebody else does.

All deadlines are compared with the database's clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F, Func, Value
from django.db.models.expressions import Combinable
from django.utils.translation import gettext as _

from orchestrator import authority
from orchestrator.engine.acts import acting
from orchestrator.exceptions import (
    AlreadyDecided,
    CaseClosed,
    Invalid,
    NotAllowed,
    NotFound,
    Pended,
    Refusal,
    StaleClaim,
)
from orchestrator.models import Actor, Seat, Task, TaskState
from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.querysets import SeatQuerySet
from orchestrator.models.standing import Standing, standing
from orchestrator.models.statements import ID, Joined, Kept

SECONDS: Final = range(30, 3601)

# The first number of the pair keeps these locks apart from others.
LOCKS: Final = 7062

ASSIGNED: Final = ("assigned_to", "assigned_by")
FREE: Final[dict[str, None]] = dict.fromkeys(
    ("claimed_by", "claim_token", "claimed_at", "claim_expires_at", "draft", *ASSIGNED)
)

LEASE: Final = "claim_expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)"
TAKES: Final = f"""
    claimed_by_id = %(actor)s, claim_token = %(token)s, claimed_at = clock_timestamp(), {LEASE},
    draft = CASE WHEN claimed_by_id = %(actor)s THEN draft END
"""


@transaction.atomic
def claim(task_id: int, *, actor: Actor, seconds: int = 600) -> Seat:
    """Claim a seat of this task. An own live claim is renewed and keeps its token.

    Raises NotFound, NotAllowed, AlreadyDecided, CaseClosed, Invalid, and StaleClaim when
    others hold all seats.
    """
    check_seconds(seconds)
    one_at_a_time(actor)
    held = standing(actor)
    task = authority.access_task(actor, task_id, held=held)
    asked = {"task": task_id, "actor": actor.pk, "seconds": seconds}
    if renewed := RENEWED.first(asked):
        return _of(task, *renewed)
    return _free_seat(task, actor, held, asked)


RENEWED: Final = Joined(
    f"""
    UPDATE orchestrator_seat AS seat SET {LEASE}
    WHERE state = 'open' AND task_id = %(task)s
        AND claimed_by_id = %(actor)s AND claim_expires_at > clock_timestamp()
    RETURNING {{seat}}
    """,  # noqa: S608
    seat=Seat,
)

# Waits for whoever has the row, and takes it only if it is free still.
CLAIMED: Final = Joined(
    f"""
    UPDATE orchestrator_seat AS seat SET {TAKES}
    WHERE id = %(seat)s AND state = 'open' AND back_at IS NULL
        AND (claimed_by_id IS NULL OR claim_expires_at <= clock_timestamp())
        AND (assigned_to_id IS NULL OR assigned_to_id = %(actor)s)
        AND NOT %(actor)s = ANY(barred)
    RETURNING {{seat}}
    """,  # noqa: S608
    seat=Seat,
)
WAITING: Final = Kept(
    lambda task: (
        Seat.objects.open().filter(task=task, back_at=None).order_by("level", "number", "id")
    ),
    ID,
)


def _of(task: Task, seat: Seat) -> Seat:
    seat.task = task
    return seat


def _free_seat(task: Task, actor: Actor, held: Standing, asked: dict[str, Any]) -> Seat:
    waiting = [_of(task, seat) for seat in WAITING.all(task.pk)]
    if not waiting:
        raise _nothing_waits(task)
    answers = {seat: authority.may(actor, "decide", seat, held=held) for seat in waiting}
    allowed = [seat for seat, answer in answers.items() if answer.allowed]
    if not allowed:
        raise NotAllowed(reasons=answers[waiting[0]].reasons)
    for seat in allowed:
        if claimed := CLAIMED.first(asked | {"seat": seat.pk, "token": uuid4()}):
            return _of(task, *claimed)
    assigned = next(filter(None, (authority.assigned(seat, actor) for seat in allowed)), "")
    raise StaleClaim(assigned or _("Somebody else is deciding this."))


def _nothing_waits(task: Task) -> Refusal:
    if task.state in {TaskState.DECIDED, TaskState.COMPLETED}:
        return AlreadyDecided()
    if task.state == TaskState.CANCELLED:
        return CaseClosed()
    if Seat.objects.pended().filter(task=task).exists():
        return Pended()
    return NotFound(_("Nothing waits for a decision here."))


@transaction.atomic
def heartbeat(task_id: int, *, actor: Actor, token: UUID | str, seconds: int = 600) -> datetime:
    """Let the claim last ``seconds`` from now; returns until when. Raises StaleClaim, Invalid."""
    check_seconds(seconds)
    held = _held(task_id, actor, token)
    _changed(held.update(claim_expires_at=_in(seconds)))
    return cast("datetime", held.values_list("claim_expires_at", flat=True).get())


def release(task_id: int, *, actor: Actor, token: UUID | str) -> None:
    """End the claim; whoever comes next starts afresh. Raises StaleClaim."""
    _changed(_held(task_id, actor, token).update(**FREE))


def skip(task_id: int, *, actor: Actor, token: UUID | str) -> None:
    """End the claim and let others have the seat first. Raises StaleClaim."""
    before = Func(F("skipped"), Value(actor.pk), function="array_remove")
    skipped = Func(before, Value(actor.pk), function="array_append")
    _changed(_held(task_id, actor, token).update(**FREE, skipped=skipped))


def save_draft(task_id: int, *, actor: Actor, token: UUID | str, draft: Any) -> None:
    """Keep what was typed so far; it goes with the claim's holder. Raises StaleClaim."""
    _changed(_held(task_id, actor, token).update(draft=draft))


def unclaim(seat_id: int, *, actor: Actor) -> Seat:
    """End somebody's claim, so that others of the group may take the seat; the record says so.

    Raises NotFound, NotAllowed, and StaleClaim when nobody holds it.
    """
    seat = _seats().visible_to(actor).filter(pk=seat_id).first()
    if seat is None:
        raise NotFound
    authority.require(actor, "resolve", seat)
    with acting(seat.task.case_id, actor) as act:
        live = Seat.objects.open().filter(pk=seat_id, claim_expires_at__gt=ClockTimestamp())
        held = live.select_for_update(no_key=True).first()
        if held is None:
            raise StaleClaim(_("Nobody holds this any more."))
        refs = {"task": held.task_id, "seat": held.pk}
        act.note("seat.released", refs, {"held_by": held.claimed_by_id})
        Seat.objects.filter(pk=held.pk).update(**FREE)
    return seat


def _held(task_id: int, actor: Actor, token: UUID | str) -> SeatQuerySet:
    try:
        named = UUID(str(token))
    except ValueError:
        raise StaleClaim from None
    seats = Seat.objects.open().claimed_by(actor)
    return seats.filter(task=task_id, claim_token=named)


def _changed(rows: int) -> None:
    if not rows:
        raise StaleClaim


def _seats() -> SeatQuerySet:
    return Seat.objects.select_related("task__step", "task__case__workflow")


def _in(seconds: int) -> Combinable:
    return ClockTimestamp() + timedelta(seconds=seconds)


def one_at_a_time(actor: Actor) -> None:
    """Until the transaction ends: two claims of one person at once could take both seats of a
    task that asks two people."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCKS, actor.pk])


def check_seconds(seconds: int) -> None:
    if isinstance(seconds, bool) or seconds not in SECONDS:
        raise invalid("/seconds", f"A whole number from {SECONDS[0]} to {SECONDS[-1]}.")


def invalid(path: str, message: str) -> Invalid:
    return Invalid(message, problems=[{"path": path, "message": message}])
