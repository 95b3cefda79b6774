"""How due rows are taken: each in a transaction of its own, and none in the way of the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final

from django.db import connection

MOST: Final = 1000

logger = logging.getLogger(__name__)

_broken: dict[Callable[..., bool], int] = {}


def reach(verb: Callable[..., bool], limit: int) -> int:
    """How many rows to read for so many: those that broke last time still stand first, and take
    nobody's place."""
    return limit + min(_broken.get(verb, 0), MOST)


def swept(verb: Callable[..., bool], rows: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Call ``verb`` with each row; returns those that it says it took.

    A row that breaks, as one that somebody holds locked for long, is left to the next sweep.
    Without a database there is none: then the error is raised.
    """
    taken, broken = [], 0
    for row in rows:
        try:
            if verb(*row):
                taken.append(row)
        except Exception:
            if connection.connection is None or not connection.is_usable():
                raise
            broken += 1
            logger.exception("%s %s broke; the next sweep tries again", verb.__name__, row)
    _broken[verb] = broken
    return taken
