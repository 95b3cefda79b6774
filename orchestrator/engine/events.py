"""The record: one hash chain per case and per workflow.

The row that a stream hangs on carries ``seq`` and ``head``. Whoever appends holds its lock, so
the numbers have no gaps; the caller's transaction makes act and record one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from django.db import models

from orchestrator.diffing import canonical
from orchestrator.models import Actor, Case, Event, Workflow
from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.statements import insert_beside, store

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
    events = []
    for entry in entries:
        event = Event(
            stream=stream_of(holder),
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
    events = Event.objects.filter(stream=stream_of(holder)).order_by("seq")
    return _break_in(holder, events.iterator())


def first_breaks(holders: Collection[Case | Workflow]) -> dict[str, int]:
    """The same for several chains, by stream, only those that are broken. One query.

    What was appended after the holders were read is not looked at.
    """
    events: dict[str, list[Event]] = {stream_of(holder): [] for holder in holders}
    for event in Event.objects.filter(stream__in=list(events)).order_by("seq"):
        events[event.stream].append(event)
    found = {}
    for holder in holders:
        stream = stream_of(holder)
        known = (event for event in events[stream] if event.seq <= holder.seq)
        if (link := _break_in(holder, known)) is not None:
            found[stream] = link
    return found


def _break_in(holder: Case | Workflow, events: Iterable[Event]) -> int | None:
    seq, head = 0, ""
    for event in events:
        if event.seq != seq + 1 or event.prev != head or event.hash != hash_of(event):
            return seq + 1
        seq, head = event.seq, event.hash
    return None if (seq, head) == (holder.seq, holder.head) else seq + 1
