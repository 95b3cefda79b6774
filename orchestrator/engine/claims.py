"""Claims: leases on seats. A claim locks one row, touches no case and writes no event; only
who ends the claim of somebody else does.

All deadlines are compared with the database's clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, Literal, cast
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F, Func, Value
from django.db.models.expressions import Combinable
from django.utils.translation import gettext as _

from orchestrator import authority
from orchestrator.engine.acts import acting
from orchestrator.engine.bench import routed_to
from orchestrator.engine.definition import definition_of
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
from orchestrator.models import Actor, Attempt, Case, Routing, Seat, Task, TaskState, Workflow
from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.querysets import SeatQuerySet
from orchestrator.models.queues import (
    COLUMNS,
    DECIDABLE,
    LANES,
    WAYS,
    NamedLane,
    named_lanes,
    served,
)
from orchestrator.models.standing import Beside, Standing, standing
from orchestrator.models.statements import ID, Joined, Kept

Order = Literal["due", "confidence", "created"]

SECONDS: Final = range(30, 3601)

# Other claims under way lock at most one row each; more rows than that are never in the way.
# Written into the statement: a plan that does not know the limit sorts the whole queue.
REACH: Final = (8, 64, 512)

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

# The candidates are the first free seats of each lane, in the order of its index. One of them
# is locked, and looked at again once it is: who was faster may have committed meanwhile.
NEXT: Final = """
WITH {ways}, mine AS MATERIALIZED (
    SELECT ARRAY(
        SELECT task_id FROM orchestrator_seat WHERE state = 'open'
        AND claimed_by_id = %(actor)s AND claim_expires_at > clock_timestamp()
    ) AS tasks
), candidate AS MATERIALIZED (
    SELECT first.id, first.place, way.without FROM way CROSS JOIN LATERAL (
        SELECT s.id, s.{column} AS place FROM orchestrator_seat s
        WHERE {decidable}
            AND (s.claimed_by_id IS NULL OR s.claim_expires_at <= clock_timestamp())
            AND (%(actor)s = ANY(s.skipped)) = %(skipped)s
            AND {assigned}
            AND s.task_id <> ALL ((SELECT tasks FROM mine)::bigint[])
        ORDER BY s.{column}, s.id LIMIT {reach}
    ) AS first
), chosen AS MATERIALIZED (
    SELECT s.id FROM candidate c JOIN orchestrator_seat s ON s.id = c.id
    WHERE s.state = 'open' AND s.back_at IS NULL AND NOT s.barred && c.without AND {assigned}
        AND (s.claimed_by_id IS NULL OR s.claim_expires_at <= clock_timestamp())
    ORDER BY c.place, s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED
), taken AS (
    UPDATE orchestrator_seat s SET {takes}
    FROM chosen WHERE s.id = chosen.id RETURNING s.*
)
SELECT {{seat}}, {{task}}, {{case}}, {{routed}}, {{attempt}}, looked.are_there
FROM (SELECT EXISTS (SELECT FROM candidate) AS are_there) AS looked
LEFT JOIN taken AS seat ON true
LEFT JOIN orchestrator_task AS task ON task.id = seat.task_id
LEFT JOIN orchestrator_case AS "case" ON "case".id = task.case_id
LEFT JOIN orchestrator_routing AS routed
    ON routed.task_id = seat.task_id AND routed.round = seat.round
LEFT JOIN orchestrator_attempt AS attempt ON attempt.id = routed.attempt_id
"""
ASSIGNED_TO_ACTOR: Final = "s.assigned_to_id = %(actor)s"
FOR_ACTOR: Final = f"(s.assigned_to_id IS NULL OR {ASSIGNED_TO_ACTOR})"


@cache
def _next(order: Order, assigned: str, reach: int) -> Joined:
    column = COLUMNS[order]
    return Joined(
        NEXT.format(
            takes=TAKES,
            ways=WAYS,
            decidable=DECIDABLE,
            column=column,
            assigned=assigned,
            reach=reach,
        ),
        seat=Seat,
        task=Task,
        case=Case,
        routed=Routing,
        attempt=Attempt,
    )


@transaction.atomic
def claim_next(
    *,
    actor: Actor,
    workflow: str | None = None,
    step: str | None = None,
    order: Order = "due",
    seconds: int = 600,
) -> Seat | None:
    """Claim the first free seat that the actor may decide, in queue order; None when none is.

    What is assigned to the actor comes first, what it skipped last. Raises Invalid, and NotFound
    for an unknown workflow. The seat comes with its task, step, case and workflow.
    """
    _check(seconds)
    if order not in COLUMNS:
        raise _invalid("/order", f"One of {', '.join(COLUMNS)}.")
    held, lanes, is_assigned = _begun(actor)
    ways = served(held, workflow, step, lanes)
    if not ways["workflows"]:
        _check_there(held, workflow)
        return None
    ways |= {"actor": actor.pk, "seconds": seconds, "token": uuid4()}
    tries = [(FOR_ACTOR, False), (FOR_ACTOR, True)]
    if is_assigned:
        tries.insert(0, (ASSIGNED_TO_ACTOR, False))
    found = (_taken(order, assigned, ways | {"skipped": skipped}) for assigned, skipped in tries)
    return next(filter(None, found), None)


def _check_there(held: Standing, slug: str | None) -> None:
    """Raises NotFound for a workflow that is not there for these eyes."""
    if slug and not Workflow.objects.seen_by(held).filter(slug=slug).exists():
        raise NotFound


def _taken(order: Order, assigned: str, ways: dict[str, Any]) -> Seat | None:
    """The seat that was claimed. Looks further each time that others had locked all in reach."""
    for reach in REACH:
        found = _next(order, assigned, reach).first(ways)
        assert found is not None, "it says at least that nothing is there"  # noqa: S101
        *seat, are_there = found
        if seat[0] is not None:
            return _whole(*seat)
        if not are_there:
            return None
    return None


def _whole(
    seat: Seat, task: Task, case: Case, routed: Routing | None, attempt: Attempt | None
) -> Seat:
    """The seat with its task, step, case and workflow, and why it is there."""
    definition = definition_of(case.version_id)
    task.case, task.step = case, definition.steps[task.step_key]
    seat.task, seat.workflow = task, definition.version.workflow
    case.workflow = seat.workflow
    if routed:
        routed_to(seat, routed, attempt)
    return seat


@transaction.atomic
def claim(task_id: int, *, actor: Actor, seconds: int = 600) -> Seat:
    """Claim a seat of this task. An own live claim is renewed and keeps its token.

    Raises NotFound, NotAllowed, AlreadyDecided, CaseClosed, Invalid, and StaleClaim when
    others hold all seats.
    """
    _check(seconds)
    _one_at_a_time(actor)
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
    _check(seconds)
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


# Planning the statements of a claim takes longer than running them, and their plans do not
# depend on the values: this transaction keeps the plans that it has. A bitmap would visit the
# ended claims of the actor again and again; an index scan marks them as dead. Seats that the
# actor decided long ago make it look as if it held many: then a scan of the table looks cheap.
BEGUN: Final = Beside(
    f""",
    pg_try_advisory_xact_lock(%s, %s),
    (SELECT json_agg(json_build_array(workflow_id, step_key, group_id, slug)) FROM ({LANES}) AS w),
    EXISTS (SELECT FROM orchestrator_seat WHERE state = 'open' AND assigned_to_id = h.id),
    set_config('plan_cache_mode', 'force_generic_plan', true),
    set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true)
    """  # noqa: S608
)


def _begun(actor: Actor) -> tuple[Standing, list[NamedLane], bool]:
    """What the actor holds, the lanes where seats wait, and whether one is assigned to it.

    Nobody else claims for this actor until the transaction ends; where somebody does, this
    waits first, and reads what is true then.
    """
    held, found = BEGUN.read(actor, LOCKS, actor.pk)
    if not found[0]:
        _one_at_a_time(actor)
        held, found = BEGUN.read(actor, LOCKS, actor.pk)
    return held, named_lanes(found[1] or []), found[2]


def _one_at_a_time(actor: Actor) -> None:
    """Until the transaction ends: two claims of one person at once could take both seats of a
    task that asks two people."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCKS, actor.pk])


def _check(seconds: int) -> None:
    if isinstance(seconds, bool) or seconds not in SECONDS:
        raise _invalid("/seconds", f"A whole number from {SECONDS[0]} to {SECONDS[-1]}.")


def _invalid(path: str, message: str) -> Invalid:
    return Invalid(message, problems=[{"path": path, "message": message}])
