"""What one event adds to which counter.

Everything is read from rows that do not change any more, so that the log, played again, gives
the same numbers. What can be taken back is taken back in the hour in which it was done.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from django.db import connection

from orchestrator.engine.finishing import CONSENT
from orchestrator.histograms import bucket
from orchestrator.models import ASKING, MACHINE

UNKNOWN: Final = "unknown"
EDGES: Final = tuple(number / 10 for number in range(1, 10))
# Cases that only try reviewers or versions out are not counted.
READ: Final = """
SELECT e.type, e.at, c.workflow_id, v.number, c.created_at, p.kind,
    d.word, d.via, d.created_at, d.seconds, d.seat_id IS NOT NULL, who.kind, s.created_at,
    r.right_id, r.action, r.round, r.created_at,
    a.finished_at, a.cost_micros, a.currency, a.latency_ms,
    judged.error, judged.confidence, judged.created_at, c.outcome, agent.id
FROM orchestrator_event e
LEFT JOIN orchestrator_task t ON t.id = (e.refs->>'task')::bigint
LEFT JOIN orchestrator_step p ON p.id = t.step_id
JOIN orchestrator_case c ON c.id = COALESCE(t.case_id, (e.refs->>'case')::bigint)
JOIN orchestrator_workflowversion v ON v.id = c.version_id
LEFT JOIN orchestrator_decision d ON d.id = (e.refs->>'decision')::bigint
LEFT JOIN orchestrator_actor who ON who.id = d.actor_id
LEFT JOIN orchestrator_seat s ON s.id = d.seat_id
LEFT JOIN orchestrator_routing r ON r.id = (e.refs->>'routing')::bigint
LEFT JOIN orchestrator_routing o ON o.task_id = d.task_id AND o.round = d.round
LEFT JOIN orchestrator_attempt a
    ON a.id = COALESCE((e.refs->>'attempt')::bigint, r.attempt_id, o.attempt_id)
LEFT JOIN LATERAL (
    SELECT y.error, y.created_at, x.confidence, x.actor_id
    FROM orchestrator_routing z JOIN orchestrator_verdict y ON y.routing_id = z.id AND y.evidence
    JOIN orchestrator_attempt x ON x.id = z.attempt_id
    WHERE z.task_id = t.id
) AS judged ON e.type = 'task.settled'
LEFT JOIN orchestrator_actor agent
    ON agent.id = COALESCE(judged.actor_id, a.actor_id) AND agent.kind = 'agent'
WHERE e.id > %s AND e.id <= %s AND e.type = ANY(%s) AND c.origin = 'live'
"""


class Happened(NamedTuple):
    """An event with what the rows that it refers to say; None where it refers to none.

    ``agent`` is whose output it is about, or whose try; milliseconds of ``latency``.
    """

    type: str
    at: datetime
    workflow: int
    version: int
    case_at: datetime
    step_kind: str | None
    word: str | None
    via: str | None
    decided_at: datetime | None
    seconds: float | None
    seated: bool
    decider: str | None
    seat_at: datetime | None
    right: int | None
    action: str | None
    round: int | None
    routed_at: datetime | None
    tried_at: datetime | None
    cost: int | None
    currency: str | None
    latency: int | None
    error: bool | None
    confidence: float | None
    judged_at: datetime | None
    outcome: str
    agent: int | None


class Mark(NamedTuple):
    """So much more of a measure at a time, and under ``key`` in its histogram."""

    measure: str
    at: datetime
    key: str = ""
    amount: int = 1


def happened(after: int, until: int) -> list[Happened]:
    """What counts of the events with ids above ``after`` up to ``until``."""
    with connection.cursor() as cursor:
        cursor.execute(READ, [after, until, list(MARKS)])
        return [Happened(*row) for row in cursor.fetchall()]


def marks(row: Happened) -> Iterator[Mark]:
    """What an event adds."""
    return MARKS[row.type](row)


def opens(row: Happened) -> int:
    """By how much an event changes the number of open cases."""
    if row.type == "case.started":
        return 1
    return -1 if row.type in ("case.completed", "case.cancelled") else 0


def band(confidence: float | None) -> str:
    """``0`` to ``9``, tenths of a confidence; 1 is in the last one."""
    return UNKNOWN if confidence is None else str(bisect_right(EDGES, confidence))


def _lasted(measure: str, at: datetime, start: datetime, end: datetime, amount: int = 1) -> Mark:
    return Mark(measure, at, str(bucket((end - start).total_seconds())), amount)


def _started(row: Happened) -> Iterator[Mark]:
    yield Mark("started", row.case_at)


def _completed(row: Happened) -> Iterator[Mark]:
    yield Mark("completed", row.at)
    yield Mark("ended", row.at, row.outcome or "completed")
    yield _lasted("lead", row.at, row.case_at, row.at)


def _cancelled(row: Happened) -> Iterator[Mark]:
    yield Mark("cancelled", row.at)
    yield Mark("ended", row.at, row.outcome or "cancelled")


def _tried(row: Happened) -> Iterator[Mark]:
    """Tries of agents, automations and systems: a decision table always comes out."""
    if row.step_kind not in MACHINE:
        return
    yield Mark("tries", row.tried_at or row.at)
    if row.cost is not None:
        yield Mark("cost", row.tried_at or row.at, row.currency or "", row.cost)
    if row.agent is not None and row.latency is not None:
        yield Mark("latency", row.tried_at or row.at, str(bucket(row.latency / 1000)))


def _failed(row: Happened) -> Iterator[Mark]:
    yield from _tried(row)
    if row.step_kind in MACHINE:
        yield Mark("failed", row.tried_at or row.at)


def _routed(row: Happened) -> Iterator[Mark]:
    asks = row.round == 1 and row.action in ASKING and row.step_kind in MACHINE
    if asks and row.routed_at:
        yield Mark("asked", row.routed_at, str(row.right))


def _decided(row: Happened, amount: int = 1) -> Iterator[Mark]:
    at = row.decided_at
    if at is None or row.via == CONSENT:
        return
    if not row.seated:
        yield Mark("auto" if row.word == "approved" else "blocked", at, amount=amount)
    elif row.decider == "human":
        yield from _said(row, at, amount)


def _said(row: Happened, at: datetime, amount: int) -> Iterator[Mark]:
    measure = "said" if row.step_kind in MACHINE else "answered"
    yield Mark(measure, at, row.word or "", amount)
    if row.seconds is not None:
        yield Mark("seconds", at, str(bucket(row.seconds)), amount)
    if row.seat_at is not None:
        yield _lasted("waited", at, row.seat_at, at, amount)


def _undone(row: Happened) -> Iterator[Mark]:
    return _decided(row, -1)


def _judged(row: Happened) -> Iterator[Mark]:
    if row.judged_at is None:
        return
    yield Mark("judged", row.judged_at, band(row.confidence))
    if not row.error:
        yield Mark("agreed", row.judged_at, band(row.confidence))


MARKS: Final[Mapping[str, Callable[[Happened], Iterator[Mark]]]] = {
    "case.started": _started,
    "case.completed": _completed,
    "case.cancelled": _cancelled,
    "attempt.finished": _tried,
    "attempt.failed": _failed,
    "output.routed": _routed,
    "decision.made": _decided,
    "decision.undone": _undone,
    "task.settled": _judged,
}


def touched(after: int, until: int) -> list[int]:
    """Ids of the tasks of which these events tell."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT (refs->>'task')::bigint FROM orchestrator_event"
            " WHERE id > %s AND id <= %s AND refs ? 'task'",
            [after, until],
        )
        return [row[0] for row in cursor.fetchall()]
