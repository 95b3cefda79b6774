"""The record: one hash chain per case and per workflow.

The row that a stream hangs on carries ``seq`` and ``head``. Whoever appends holds its lock, so
the numbers have no gaps; the caller's transaction makes act and record one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

from django.db import models

from orchestrator.diffing import canonical
from orchestrator.models import Actor, Case, Checkpoint, Cut, Event, Workflow
from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.partitions import Month
from orchestrator.models.rows import insert_beside, new, store

Holder = TypeVar("Holder", Case, Workflow)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    ``refs`` holds ids; ``payload`` ids, digests, words of the model and the reasons that
    operators give, never content of cases.
    """

    type: str
    actor: Actor
    refs: Mapping[str, int] = field(default_factory=dict)
    payload: Mapping[str, Any] = field(default_factory=dict)


def stream_of(holder: Case | Workflow) -> str:
    """``case:12`` or ``workflow:3``."""
    return f"{type(holder).__name__.lower()}:{holder.pk}"


def locked(model: type[Holder], pk: int) -> tuple[Holder, datetime]:
    """The row, locked until the transaction ends, and the database's time."""
    rows = cast("models.QuerySet[Any]", model.objects.all())
    # No key: rows that refer to this one are written meanwhile without waiting.
    row = rows.select_for_update(no_key=True).annotate(clock=ClockTimestamp()).get(pk=pk)
    return row, row.clock


def append(
    holder: Case | Workflow, at: datetime, entries: Iterable[Entry], also: Collection[str] = ()
) -> list[Event]:
    """Add entries to the chain of a locked row.

    ``seq`` and ``head`` are saved with them, and the columns named by ``also``.
    """
    events = linked(holder, at, entries)
    if events:
        insert_beside(holder, *sorted({"seq", "head", *also}), new=events)
    elif also:
        store(holder, *sorted(also))
    return events


def linked(holder: Case | Workflow, at: datetime, entries: Iterable[Entry]) -> list[Event]:
    """The next links of a chain, not saved yet; the holder's ``seq`` and ``head`` move on."""
    events, stream = [], stream_of(holder)
    for entry in entries:
        event = new(
            Event,
            stream=stream,
            seq=holder.seq + 1,
            at=at,
            type=entry.type,
            actor=entry.actor,
            refs=dict(entry.refs),
            payload=dict(entry.payload),
            prev=holder.head,
        )
        event.hash = hash_of(event)
        holder.seq, holder.head = event.seq, event.hash
        events.append(event)
    return events


def hash_of(event: Event) -> str:
    """SHA-256 over the RFC 8785 JSON of everything that the row says but its own hash."""
    said = {
        "stream": event.stream,
        "seq": event.seq,
        "at": event.at.astimezone(UTC).isoformat(),
        "type": event.type,
        "actor": event.actor_id,
        "refs": event.refs,
        "payload": event.payload,
        "prev": event.prev,
    }
    return hashlib.sha256(canonical(said)).hexdigest()


def first_break(holder: Case | Workflow) -> int | None:
    """The number of the first event that is missing or altered; None when the chain holds."""
    stream = stream_of(holder)
    events = Event.objects.filter(stream=stream).order_by("seq")
    return _break_in(holder, events.iterator(), cuts([stream]).get(stream, BEGINNING))


def first_breaks(holders: Collection[Case | Workflow]) -> dict[str, int]:
    """The same for several chains, by stream, only those that are broken.

    One query, and another where a chain does not begin with its first event.

    What was appended after the holders were read is not looked at.
    """
    events: dict[str, list[Event]] = {stream_of(holder): [] for holder in holders}
    for event in Event.objects.filter(stream__in=list(events)).order_by("seq"):
        events[event.stream].append(event)
    starts = cuts(stream for stream, rows in events.items() if not rows or rows[0].seq > 1)
    found = {}
    for holder in holders:
        stream = stream_of(holder)
        known = (event for event in events[stream] if event.seq <= holder.seq)
        link = _break_in(holder, known, starts.get(stream, BEGINNING))
        if link is not None:
            found[stream] = link
    return found


Link = tuple[int, str]
BEGINNING: Final[Link] = (0, "")
"""Before the first event there is no number and no hash."""


def cuts(streams: Iterable[str]) -> dict[str, Link]:
    """Stream -> number and hash of its last event that was removed under a checkpoint."""
    gone = Checkpoint.objects.filter(table="event").values("month")
    # Django asks nothing where no stream is given.
    rows = Cut.objects.filter(stream__in=list(streams), month__in=gone).order_by("seq")
    return {
        stream: (seq, hash_) for stream, seq, hash_ in rows.values_list("stream", "seq", "hash")
    }


def pruned_until() -> datetime | None:
    """From when on all events are there; None where none were removed."""
    newest = Checkpoint.objects.filter(table="event").order_by("month").last()
    if newest is None:
        return None
    end = Month("event", newest.month, 0, 0).end
    return datetime(end.year, end.month, end.day, tzinfo=UTC)


def follows(event: Event, link: Link) -> bool:
    """Whether an event is what it was, and comes right after that link."""
    seq, head = link
    return event.seq == seq + 1 and event.prev == head and event.hash == hash_of(event)


def _break_in(holder: Case | Workflow, events: Iterable[Event], start: Link) -> int | None:
    link = start
    for event in events:
        if not follows(event, link):
            return link[0] + 1
        link = (event.seq, event.hash)
    return None if link == (holder.seq, holder.head) else link[0] + 1
