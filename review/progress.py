"""How far a download is, for the page that began it: kept in the cache, for its owner alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_urlsafe
from time import monotonic
from typing import Final

from django.core.cache import cache

from orchestrator.models import Actor
from review.feedback import Outgoing

SECONDS: Final = 1.0
"""Between two words about one download."""
KEPT: Final = 3600
TICKET: Final = re.compile(r"[\w-]{20,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Progress:
    """Rows that were written so far, and the share of what is looked at, 0 to 100."""

    rows: int
    percent: int
    done: bool = False


def new_ticket() -> str:
    """What a page calls the download that may be begun on it."""
    return token_urlsafe(16)


def _key(actor: Actor, ticket: str) -> str:
    return f"export:{actor.pk}:{ticket}"


def progress_of(actor: Actor, ticket: str) -> Progress | None:
    """None where nothing was written yet, or nobody has such a download."""
    if not TICKET.fullmatch(ticket):
        return None
    found: Progress | None = cache.get(_key(actor, ticket))
    return found


def follow(outgoing: Outgoing, actor: Actor, ticket: str, last: int) -> None:
    """Say once a second how far it is on the way to the cursor ``last``."""
    if TICKET.fullmatch(ticket):
        cache.set(_key(actor, ticket), Progress(0, 0), KEPT)
        outgoing.told = _teller(outgoing, _key(actor, ticket), last)


def _teller(outgoing: Outgoing, key: str, last: int) -> Callable[[int], None]:
    first, told_at = outgoing.query.since, 0.0

    def tell(rows: int) -> None:
        nonlocal told_at
        if monotonic() - told_at < SECONDS:
            return
        told_at = monotonic()
        share = (outgoing.cursor - first) / max(1, last - first)
        cache.set(key, Progress(rows, round(100 * min(1.0, share))), KEPT)

    return tell


def finish(outgoing: Outgoing, actor: Actor, ticket: str) -> None:
    if TICKET.fullmatch(ticket):
        cache.set(_key(actor, ticket), Progress(outgoing.rows, 100, done=True), KEPT)
