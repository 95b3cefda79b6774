"""The next seat for somebody, in queue order: assigned to it first, skipped by it last."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Literal
from uuid import uuid4

from django.db import transaction

from orchestrator.engine.bench import routed_to
from orchestrator.engine.claims import LOCKS, TAKES, check_seconds, invalid, one_at_a_time
from orchestrator.engine.definition import definition_of
from orchestrator.exceptions import NotFound
from orchestrator.models import Actor, Attempt, Case, Routing, Seat, Task, Workflow
from orchestrator.models.queues import (
    COLUMNS,
    DECIDABLE,
    LANES,
    WAYS,
    NamedLane,
    named_lanes,
    served,
)
from orchestrator.models.standing import Beside, Standing
from orchestrator.models.statements import Joined

Order = Literal["due", "confidence", "created"]

# Other claims under way lock at most one row each; more rows than that are never in the way.
# Written into the statement: a plan that does not know the limit sorts the whole queue.
REACH: Final = (8, 64, 512)

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
    check_seconds(seconds)
    if order not in COLUMNS:
        raise invalid("/order", f"One of {', '.join(COLUMNS)}.")
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
        one_at_a_time(actor)
        held, found = BEGUN.read(actor, LOCKS, actor.pk)
    return held, named_lanes(found[1] or []), found[2]
