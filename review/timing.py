"""How long a page was looked at: the moment it was shown travels in it, signed."""

from __future__ import annotations

import time
from typing import Final

from django.core.signing import BadSignature, Signer

LONGEST: Final = 24 * 60 * 60.0


def shown_at(task_id: int) -> str:
    """The present moment as a text that only this server can make, for this task alone."""
    return _signer(task_id).sign(str(int(time.time() * 1000)))


def is_genuine(task_id: int, text: str) -> bool:
    return _read(task_id, text) is not None


def seconds_since(task_id: int, text: str) -> float | None:
    """Seconds since ``shown_at``, at most a day; None for a text that is not from here."""
    began = _read(task_id, text)
    if began is None:
        return None
    return min(max(round(time.time() - began, 1), 0.0), LONGEST)


def _read(task_id: int, text: str) -> float | None:
    try:
        return int(_signer(task_id).unsign(text)) / 1000
    except (BadSignature, ValueError):
        return None


def _signer(task_id: int) -> Signer:
    return Signer(salt=f"review.shown:{task_id}")
