"""How sentences are said: in English, as records keep them, unless a page brings its own tongue."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final


def gettext_noop(text: str) -> str:
    """Marks a text for the catalogue, and leaves it as it is."""
    return text


@dataclass(frozen=True, slots=True)
class Tongue:
    """``say`` gives a text of the catalogue in the tongue; ``point`` stands before decimals."""

    say: Callable[[str], str] = gettext_noop
    point: str = "."


ENGLISH: Final = Tongue()

_SPOKEN: Final[ContextVar[Tongue]] = ContextVar("spoken", default=ENGLISH)


def speak(tongue: Tongue) -> None:
    """From now on ``say`` answers in this tongue, in this thread of the web."""
    _SPOKEN.set(tongue)


def say(text: str) -> str:
    """A text of the catalogue as whoever asked reads it; background work keeps English."""
    return _SPOKEN.get().say(text)
