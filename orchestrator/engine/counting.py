"""The counters: folded from the log by one follower, at most seconds behind.

A fold takes the events after its position and writes sums and position in one transaction. It
may be stopped anywhere and run twice at once.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from django.db import connection, transaction
from django.db.models import Q

from orchestrator.engine.events import pruned_until
from orchestrator.engine.measuring import Happened, Mark, happened, marks, opens, touched
from orchestrator.histograms import beginning
from orchestrator.models import Counter, Follower, Waiting

NAME: Final = "counters"
BATCH: Final = 2000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The hour of the counters that say how many there are now."""
PATIENCE: Final = 0.2
PAUSE: Final = 0.005

# Who inserts events locks the table first, draws ids then, and keeps the lock to the end.
WRITERS: Final = """
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = 'orchestrator_event'::regclass
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND mode = 'RowExclusiveLock' AND granted AND pid IS DISTINCT FROM pg_backend_pid()
"""
END: Final = """
SELECT max(id) FROM (
    SELECT id FROM orchestrator_event WHERE id > %s AND id <= %s ORDER BY id LIMIT %s
) AS batch
"""
ENTER: Final = """
INSERT INTO orchestrator_waiting (task_id, workflow_id)
SELECT t.id, c.workflow_id FROM orchestrator_task t JOIN orchestrator_case c ON c.id = t.case_id
WHERE t.id = ANY(%s) AND t.state = 'in_review' AND c.origin = 'live'
ON CONFLICT DO NOTHING RETURNING workflow_id
"""
LEAVE: Final = """
DELETE FROM orchestrator_waiting w USING orchestrator_task t
WHERE t.id = w.task_id AND w.task_id = ANY(%s) AND t.state <> 'in_review' RETURNING w.workflow_id
"""
# A stream that was cut began before; whoever closed its case since is still in the log.
OPENED: Final = """
SELECT c.workflow_id, count(*) FROM orchestrator_case c
WHERE c.completed_at >= %s AND c.origin = 'live' AND EXISTS (
    SELECT FROM orchestrator_cut k WHERE k.stream = 'case:' || c.id
)
GROUP BY c.workflow_id
"""

_Key = tuple[str, str, datetime]
_Place = tuple[int, int, int | None]
"""A workflow, a version of it, and the agent that it is about."""


@dataclass(slots=True)
class Sum:
    """What is added to one counter."""

    count: int = 0
    histogram: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, key: str, amount: int) -> None:
        self.count += amount
        if key:
            self.histogram[key] += amount


def fold_counters(limit: int = BATCH) -> int:
    """Take in at most ``limit`` events; returns how many ids further the counters are.

    0 when nothing is new, another fold is under way, or a writer does not come to its end.
    """
    until = event_watermark()
    if until is None:
        return 0
    with transaction.atomic():
        follower = _held()
        end = _end(follower, until, limit) if follower else None
        if follower is None or end is None:
            return 0
        _fold(follower.position, end)
        passed = end - follower.position
        Follower.objects.filter(pk=NAME).update(position=end)
    return passed


def rebuild_counters() -> None:
    """Forget all counters and count the whole log again. Pages show too little meanwhile.

    What was counted from events that have been removed since stays.
    """
    since = pruned_until()
    with transaction.atomic():
        Follower.objects.get_or_create(pk=NAME)
        Follower.objects.select_for_update().get(pk=NAME)
        Counter.objects.filter(Q(hour__gte=since) | Q(hour=EPOCH) if since else Q()).delete()
        Waiting.objects.all().delete()
        _write(_opened_before(since))
        Follower.objects.filter(pk=NAME).update(position=0)
    while fold_counters():
        continue


def event_watermark(patience: float = PATIENCE) -> int | None:
    """The event id up to which nothing can appear any more, None if that takes too long.

    The order of ids is not the order of commits: the largest id counts once everybody has
    ended who was writing events when it was read. A rolled-back id leaves a gap and is not
    waited for.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(max(id), 0) FROM orchestrator_event")
        largest = int(cursor.fetchone()[0])
    writing, end = _writers(), time.monotonic() + patience
    while writing and time.monotonic() < end:
        time.sleep(PAUSE)
        writing &= _writers()
    return None if writing else largest


def _writers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(WRITERS)
        return {row[0] for row in cursor.fetchall()}


def _held() -> Follower | None:
    """The follower's row, locked; None while another fold has it."""
    rows = Follower.objects.select_for_update(skip_locked=True).filter(pk=NAME)
    found = rows.first()
    if found is None:
        Follower.objects.bulk_create([Follower(name=NAME)], ignore_conflicts=True)
        found = rows.first()
    return found


def _end(follower: Follower, until: int, limit: int) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(END, [follower.position, until, limit])
        found = cursor.fetchone()[0]
    return None if found is None else int(found)


def _opened_before(since: datetime | None) -> dict[_Key, Sum]:
    """Cases that count as open until the events after the removed ones have closed them."""
    sums: dict[_Key, Sum] = defaultdict(Sum)
    with connection.cursor() as cursor:
        cursor.execute(OPENED, [since])
        for workflow, amount in cursor.fetchall():
            sums[(f"now/{workflow}/*", "open", EPOCH)].add("", amount)
    return sums


def _fold(after: int, until: int) -> None:
    rows, since = happened(after, until), pruned_until()
    sums: dict[_Key, Sum] = defaultdict(Sum)
    for (place, mark), amount in _tally(rows).items():
        if since and mark.at < since:
            # Its counter holds it already: it was not forgotten when the events before went.
            continue
        for key in _keys(place, mark):
            sums[key].add(mark.key, amount)
    for workflow, measure, amount in (*_opened(rows), *_waiting(touched(after, until))):
        sums[(f"now/{workflow}/*", measure, EPOCH)].add("", amount)
    _write(sums)


def _tally(rows: Iterable[Happened]) -> Mapping[tuple[_Place, Mark], int]:
    """Place and mark -> amount; a mark's time is its hour."""
    found: dict[tuple[_Place, Mark], int] = defaultdict(int)
    for row in rows:
        for mark in marks(row):
            whole = mark._replace(at=beginning(mark.at, "hour"), amount=1)
            found[(row.workflow, row.version, row.agent), whole] += mark.amount
    return found


def _keys(place: _Place, mark: Mark) -> Iterator[_Key]:
    workflow, version, agent = place
    parts = ["*", str(version)] if agent is None else ["*", str(version), f"@{agent}"]
    for grain in ("hour", "day", "month"):
        at = beginning(mark.at, grain)
        for part in parts:
            yield f"{grain}/{workflow}/{part}", mark.measure, at


def _opened(rows: Iterable[Happened]) -> Iterator[tuple[int, str, int]]:
    for row in rows:
        if change := opens(row):
            yield row.workflow, "open", change


def _waiting(tasks: list[int]) -> Iterator[tuple[int, str, int]]:
    """Tasks that came before people, or have left them, since they were looked at last.

    No event says so; but each such change comes with an event of its task, and then the task
    is looked at as it is.
    """
    with connection.cursor() as cursor:
        for sql, change in ((ENTER, 1), (LEAVE, -1)):
            cursor.execute(sql, [tasks])
            for (workflow,) in cursor.fetchall():
                yield workflow, "in_review", change


def _write(sums: Mapping[_Key, Sum]) -> None:
    """Add to what is there. The follower's lock keeps other writers away."""
    scopes = {scope for scope, _, _ in sums}
    hours = {hour for _, _, hour in sums}
    there = {
        (row.scope, row.measure, row.hour): row
        for row in Counter.objects.filter(scope__in=scopes, hour__in=hours)
    }
    rows = [_added(key, there.get(key), added) for key, added in sums.items()]
    Counter.objects.bulk_create(
        rows,
        batch_size=2000,
        update_conflicts=True,
        unique_fields=["scope", "measure", "hour"],
        update_fields=["count", "histogram"],
    )


def _added(key: _Key, before: Counter | None, added: Sum) -> Counter:
    scope, measure, hour = key
    histogram = dict(before.histogram or {}) if before else {}
    for name, amount in added.histogram.items():
        histogram[name] = histogram.get(name, 0) + amount
    return Counter(
        scope=scope,
        measure=measure,
        hour=hour,
        count=added.count + (before.count if before else 0),
        histogram={name: count for name, count in histogram.items() if count} or None,
    )
