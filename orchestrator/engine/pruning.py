"""Retention: whole months of events and inbound messages are written to files and dropped.

Before its events go, each chain is checked. Its last removed link is kept as a Cut, in the
transaction that drops the month: a try that comes to nothing leaves nothing. What was removed
stands under a Checkpoint, and in the chain of the built-in workflow.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from django.db import OperationalError, connection, transaction
from django.db.models import Q
from psycopg.errors import LockNotAvailable

from orchestrator.engine import archiving, events
from orchestrator.engine.stopping import changes
from orchestrator.exceptions import Refusal
from orchestrator.models import (
    Actor,
    ActorKind,
    Case,
    Checkpoint,
    Cut,
    Event,
    Follower,
    Workflow,
)
from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.partitions import Month, drop, months_before, strays_before

PRUNED: Final = "record.pruned"
TRIES: Final = 20
LOCK_MILLISECONDS: Final = 500
"""Whoever writes events waits behind the drop, so it does not wait for long."""

# In the order in which the month was read: the digest is over the cuts in the order of their ids.
CUTS: Final = """
INSERT INTO orchestrator_cut (stream, month, seq, hash)
SELECT stream, %s, seq, hash FROM (
    SELECT DISTINCT ON (stream) stream, seq, hash FROM "{name}" ORDER BY stream, seq DESC
) AS last ORDER BY stream
ON CONFLICT DO NOTHING
"""


@dataclass(slots=True)
class Removed:
    """What of a month has been read so far: its digest, and the last link of each stream."""

    month: Month
    rows: int = 0
    streams: int = 0
    last_id: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    @property
    def is_chained(self) -> bool:
        return self.month.table == "event"

    def end(self, stream: str, link: events.Link) -> None:
        self.streams += 1
        self.digest.update(_line(stream, *link))


def _line(stream: str, seq: int, hash_: str) -> bytes:
    return f"{stream} {seq} {hash_}\n".encode()


def held_by(bound: date, closed_for: timedelta) -> Case | None:
    """The oldest case from before the bound that is open, or has not been closed for so long."""
    open_ = Q(completed_at=None) | Q(completed_at__gt=ClockTimestamp() - closed_for)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        return Case.objects.filter(open_, created_at__lt=_midnight(bound)).order_by("pk").first()


def prune(bound: date, *, closed_for: timedelta, folder: Path | None) -> Iterator[Checkpoint]:
    """Remove the months before the bound, the oldest first, each written to the folder if given.

    Raises Refusal while a case from then is open or was closed only lately, while somebody still
    has to count the events, and where a chain is broken: what shows that stays.
    """
    _check(bound, closed_for)
    for month in months_before(bound):
        archive = archiving.Archive(month, folder) if folder else None
        removed = _read(month, archive)
        _check_followers(removed)
        yield _dropped(removed, archive.close() if archive else "")


def _check(bound: date, closed_for: timedelta) -> None:
    if bound > datetime.now(UTC).date().replace(day=1):
        raise Refusal("Only months that are over can go.")
    if case := held_by(bound, closed_for):
        state = f"was closed {case.completed_at:%Y-%m-%d}" if case.completed_at else "is open"
        raise Refusal(
            f"Case {case.pk} ({case.key}) of {case.created_at:%Y-%m-%d} {state}. "
            f"Months before {case.created_at:%Y-%m} can go."
        )
    if strays_before(bound):
        raise Refusal(
            "Rows of these months lie in a default partition, for they had none of their own."
        )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _read(month: Month, archive: archiving.Archive | None) -> Removed:
    removed = Removed(month)
    chunks = archiving.events_of(month) if removed.is_chained else archiving.inbound_of(month)
    for rows in chunks:
        removed.rows += len(rows)
        removed.last_id = max(removed.last_id, *(row.pk for row in rows))
        if archive:
            archive.add(rows)
        if removed.is_chained:
            _follow(removed, cast("list[Event]", rows))
    return removed


def _follow(removed: Removed, rows: list[Event]) -> None:
    """Check whole chains, as far as the month goes, and note where they end in it."""
    ends = events.cuts({row.stream for row in rows})
    for row in rows:
        link = ends.get(row.stream, events.BEGINNING)
        if not events.follows(row, link):
            raise Refusal(f"The chain of {row.stream} is broken at {link[0] + 1}: it stays.")
        ends[row.stream] = (row.seq, row.hash)
    for stream in dict.fromkeys(row.stream for row in rows):
        removed.end(stream, ends[stream])


def _check_followers(removed: Removed) -> None:
    """Whoever takes the log in afterwards needs what they have not seen."""
    if not removed.is_chained:
        return
    behind = Follower.objects.filter(position__lt=removed.last_id).first()
    if behind:
        raise Refusal(f"{behind.name} have not come to the end of {removed.month.name} yet.")


@transaction.atomic
def _dropped(removed: Removed, sha256: str) -> Checkpoint:
    """Drop the month once nobody holds its table; raises OperationalError where somebody does."""
    _stop_writers(removed)
    if removed.is_chained:
        _cut(removed)
    for _ in range(TRIES - 1):
        try:
            return _drop(removed, sha256)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
        time.sleep(random.uniform(0.1, 1))  # noqa: S311 jitter
    return _drop(removed, sha256)


def _stop_writers(removed: Removed) -> None:
    """The month is still read meanwhile. Raises Refusal where it has got rows since it was."""
    name = removed.month.name
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(f'LOCK TABLE "{name}" IN SHARE ROW EXCLUSIVE MODE')
        cursor.execute(f'SELECT count(*), COALESCE(max(id), 0) FROM "{name}"')  # noqa: S608
        if cursor.fetchone() != (removed.rows, removed.last_id):
            raise Refusal(f"{name} has got new rows meanwhile: try again.")


def _cut(removed: Removed) -> None:
    """Keep where each chain ends in the month. Raises Refusal where other cuts of it are there."""
    month = removed.month
    with connection.cursor() as cursor:
        cursor.execute(CUTS.format(name=month.name), [month.start])
    if _cuts_of(month.start) != (removed.digest.hexdigest(), removed.streams):
        raise Refusal(f"Cuts of {month.start:%Y-%m} are there that are not where its chains end.")


@transaction.atomic
def _drop(removed: Removed, sha256: str) -> Checkpoint:
    month = removed.month
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
    holder, now = events.locked(Workflow, changes().pk)
    checkpoint = Checkpoint.objects.create(
        table=month.table,
        month=month.start,
        rows=removed.rows,
        streams=removed.streams,
        digest=removed.digest.hexdigest() if removed.is_chained else "",
        sha256=sha256,
    )
    drop(month)
    events.append(holder, now, [_entry(checkpoint)])
    return checkpoint


def _entry(checkpoint: Checkpoint) -> events.Entry:
    actor = Actor.objects.get_or_create(
        name="maintenance", revision="", defaults={"kind": ActorKind.SYSTEM}
    )[0]
    told = {"digest": checkpoint.digest, "sha256": checkpoint.sha256, "rows": checkpoint.rows}
    month = f"{checkpoint.month:%Y-%m}"
    return events.Entry(PRUNED, actor, {}, {"table": checkpoint.table, "month": month, **told})


def broken_checkpoints() -> Iterator[Checkpoint]:
    """Those whose cuts, or whose digest in the record, are not what they were."""
    told = dict(_told())
    for checkpoint in Checkpoint.objects.filter(table="event").order_by("month"):
        digest, streams = _cuts_of(checkpoint.month)
        recorded = told.get(f"{checkpoint.month:%Y-%m}", checkpoint.digest)
        if {digest, recorded} != {checkpoint.digest} or streams != checkpoint.streams:
            yield checkpoint


def _cuts_of(month: date) -> tuple[str, int]:
    """The digest over the cuts of a month, and how many there are."""
    digest, streams = hashlib.sha256(), 0
    cuts = Cut.objects.filter(month=month).order_by("id").values_list("stream", "seq", "hash")
    for row in cuts.iterator(chunk_size=5000):
        digest.update(_line(*row))
        streams += 1
    return digest.hexdigest(), streams


def _told() -> Iterable[tuple[str, str]]:
    stream = events.stream_of(changes())
    for event in Event.objects.filter(stream=stream, type=PRUNED, payload__table="event"):
        yield event.payload["month"], event.payload["digest"]
