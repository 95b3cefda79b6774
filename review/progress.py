"""How far a download is, for the page that began it: kept in the cache, for its owner alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Final

from django.core.cache import cache

from orchestrator.models import Actor
from review.feedback import Outgoing

SECONDS: Final = 1.0
"""Between two words about one download."""
SILENT: Final = 120
"""Seconds without a word, after which a download may have broken off without anybody noticing."""
KEPT: Final = 3600
TICKET: Final = re.compile(r"[\w-]{20,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Progress:
    """Rows that were written so far, the share of what is looked at, 0 to 100, and when that was
    said, in seconds since 1970."""

    rows: int
    percent: int
    is_done: bool = False
    is_broken: bool = False
    said_at: float = field(default_factory=time)

    @property
    def is_silent(self) -> bool:
        return not self.is_over and time() - self.said_at > SILENT

    @property
    def is_over(self) -> bool:
        return self.is_done or self.is_broken


def progress_of(actor: Actor, ticket: str) -> Progress | None:
    """None where nothing was written yet, or nobody has such a download."""
    if not TICKET.fullmatch(ticket):
        return None
    found: Progress | None = cache.get(_key(actor, ticket))
    return found


def _key(actor: Actor, ticket: str) -> str:
    return f"download:{actor.pk}:{ticket}"


def followed(
    chunks: Iterator[bytes], outgoing: Outgoing, actor: Actor, ticket: str
) -> Iterator[bytes]:
    """The chunks of ``outgoing``, whose progress is said under the ticket that its page gave it."""
    if not TICKET.fullmatch(ticket):
        return chunks
    key = _key(actor, ticket)
    cache.set(key, Progress(0, 0), KEPT)
    outgoing.told = _teller(outgoing, key)
    return _ended(chunks, outgoing, key)


def _ended(chunks: Iterator[bytes], outgoing: Outgoing, key: str) -> Iterator[bytes]:
    try:
        yield from chunks
    except BaseException:  # also where nobody takes the rest
        cache.set(key, Progress(outgoing.rows, 0, is_broken=True), KEPT)
        raise
    cache.set(key, Progress(outgoing.rows, 100, is_done=True), KEPT)


def _teller(outgoing: Outgoing, key: str) -> Callable[[int], None]:
    """Say once a second how far it is on the way to the last cursor."""
    first, last, told_at = outgoing.query.since, outgoing.upto or 0, 0.0

    def tell(rows: int) -> None:
        nonlocal told_at
        if monotonic() - told_at < SECONDS:
            return
        told_at = monotonic()
        share = (outgoing.cursor - first) / max(1, last - first)
        cache.set(key, Progress(rows, round(100 * min(1.0, share))), KEPT)

    return tell
