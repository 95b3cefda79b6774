"""Breakers and bulkheads: no more calls than a connection bears, and none while it fails.

Their state is the connection's row. A call that succeeds where none has failed writes nothing
there; calls that succeed side by side with the first failures do not count against them.
"""

from __future__ import annotations

import logging
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.db.models import BooleanField, F
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from orchestrator import authority
from orchestrator.connectors import CallError
from orchestrator.engine.lanes import ROOM
from orchestrator.engine.leasing import GRACE
from orchestrator.exceptions import NotFound
from orchestrator.models import Actor, Breaker, Connection
from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.statements import ID, NUMBER, Kept

logger = logging.getLogger(__name__)

# Those under way beside the caller's own, counted after its claim was committed: of several
# claims at once the last one sees them all, so never are there more than the bulkhead allows.
_FULL: Final = f"""
(SELECT count(*) FROM (
    SELECT FROM orchestrator_task r
    WHERE r.state = 'running' AND r.lane = orchestrator_connection.id AND r.id <> %s
    LIMIT orchestrator_connection.bulkhead
) AS few) >= {ROOM}
"""  # noqa: S608 constants
_PAUSED: Final = "breaker <> 'closed' AND breaker_until > clock_timestamp()"
HELD: Final = Kept(
    lambda pk, task: Connection.objects.filter(pk=pk).annotate(
        full=RawSQL(_FULL, (task,), BooleanField()),  # noqa: S611 constant
        paused=Coalesce(RawSQL(_PAUSED, (), BooleanField()), False),  # noqa: S611 constant
    ),
    *(ID, NUMBER),
)

# Of all who see that the pause is over one gets the row.
PROBE: Final = """
UPDATE orchestrator_connection SET breaker = 'half_open',
    breaker_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = %s AND breaker <> 'closed'
    AND COALESCE(breaker_until <= clock_timestamp(), true)
"""
FAILED: Final = """
WITH before AS (
    SELECT id, breaker,
        %(probes)s OR breaker = 'closed' AND breaker_after > 0 AND failures + 1 >= breaker_after
            AS opens
    FROM orchestrator_connection WHERE id = %(id)s FOR NO KEY UPDATE
)
UPDATE orchestrator_connection c SET failures = c.failures + 1,
    breaker = CASE WHEN before.opens THEN 'open' ELSE c.breaker END,
    breaker_until = CASE WHEN before.opens
        THEN clock_timestamp() + make_interval(secs => c.breaker_seconds)
        ELSE c.breaker_until END
FROM before WHERE c.id = before.id
RETURNING before.opens, c.failures, c.breaker_until
"""
BUSY: Final = """
SELECT c.id, count(t.id) FROM orchestrator_connection c
LEFT JOIN orchestrator_task t ON t.lane = c.id AND t.state = 'running' GROUP BY c.id
"""


class Admitted(NamedTuple):
    """A connection that may be called now; ``probes``: the one call that tries after a pause."""

    connection: Connection
    probes: bool = False


def admitted(connection_id: int, task_id: int, seconds: int) -> Admitted | None:
    """The connection for the call of a claimed task of at most so many seconds.

    None while it is paused or has as many calls under way as it bears.
    """
    held: Any = HELD.first(connection_id, task_id)
    if held is None or held.paused or held.full:
        return None
    if held.breaker == Breaker.CLOSED:
        return Admitted(held)
    return Admitted(held, probes=True) if _is_prober(held, seconds) else None


def _is_prober(held: Connection, seconds: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(PROBE, [seconds + GRACE, held.pk])
        return bool(cursor.rowcount)


def answered(through: Admitted) -> None:
    """The other side is there: what failed before it counts no more."""
    held = through.connection
    if not (through.probes or held.failures):
        return
    rows = Connection.objects.filter(pk=held.pk)
    if not through.probes:
        # A late answer from before the pause does not end it.
        rows = rows.filter(breaker=Breaker.CLOSED)
    rows.update(breaker=Breaker.CLOSED, breaker_until=None, failures=0)
    if through.probes:
        logger.warning("connection %s answers again: its calls go on", held.name)


def failed(through: Admitted, error: CallError) -> None:
    """Count a failure that may pass against the connection. What the request itself is to blame
    for is none: it only shows, when one call tries after a pause, that somebody answers."""
    if not error.transient:
        if through.probes:
            answered(through)
        return
    held = through.connection
    with connection.cursor() as cursor:
        cursor.execute(FAILED, {"id": held.pk, "probes": through.probes})
        row = cursor.fetchone()
    if row and row[0]:
        logger.warning(
            "connection %s failed %d times: no calls until %s", held.name, row[1], row[2]
        )


def close_breaker(connection_id: int, *, actor: Actor) -> Connection:
    """Let calls go on at once. For who may resolve incidents. Raises NotFound and NotAllowed."""
    authority.require(actor, "resolve", None)
    with transaction.atomic():
        held = Connection.objects.select_for_update(no_key=True).filter(pk=connection_id).first()
        if held is None:
            raise NotFound
        held.breaker, held.breaker_until, held.failures = Breaker.CLOSED, None, 0
        held.save(update_fields=["breaker", "breaker_until", "failures"])
    logger.warning("connection %s: its calls go on, by %s", held.name, actor)
    return held


def under_way() -> dict[int, int]:
    """Calls under way by connection, over all workers."""
    with connection.cursor() as cursor:
        cursor.execute(BUSY)
        return dict(cursor.fetchall())


def paused() -> list[Connection]:
    """Connections whose calls pause now or wait for one that tries, by name."""
    rows = Connection.objects.exclude(breaker=Breaker.CLOSED).annotate(clock=ClockTimestamp())
    return list(rows.order_by(F("breaker_until").asc(nulls_last=True), "name"))
