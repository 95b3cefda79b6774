"""How sure a model was of each value, from the probabilities of the tokens that spell it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from numbers import Real
from typing import Any

from integrations.agents.spans import spans

# Rounding makes a certain token a little more than certain.
SLACK = 1e-4


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer; ``logprob`` is its natural log-probability, None if unknown."""

    text: bytes
    logprob: float | None


def token(told: Any) -> Token:
    """One entry of ``logprobs.content``. ``bytes`` counts where the token is no whole text."""
    told = told if isinstance(told, dict) else {}
    return Token(_bytes(told), _logprob(told.get("logprob")))


def confidences(text: bytes, start: int, tokens: Sequence[Token]) -> dict[str, float]:
    """Pointer -> product of the probabilities of the tokens that spell what is there.

    ``""`` is the whole. ``text`` is all that the model said and its JSON begins at
    ``start``; a token counts once, however many values it touches. Empty when the tokens
    do not spell the text; a value with a token of unknown probability is left out.
    """
    ends = list(accumulate(len(part.text) for part in tokens))
    # What comes before the text is the model's thinking, what follows are marks of the end.
    before = b"".join(part.text for part in tokens).rfind(text)
    if before < 0:
        return {}
    shift = before + start
    touched: defaultdict[str, set[int]] = defaultdict(set)
    for span in spans(text[start:]):
        first = bisect_right(ends, shift + span.start)
        last = bisect_left(ends, min(shift + span.end, before + len(text)))
        for pointer in _upwards(span.pointer):
            touched[pointer].update(range(first, last + 1))
    sums = {
        pointer: _sum(tokens[index].logprob for index in indexes)
        for pointer, indexes in touched.items()
    }
    return {pointer: math.exp(total) for pointer, total in sums.items() if total is not None}


def _upwards(pointer: str) -> Iterator[str]:
    """The pointer and those of all that hold its value."""
    while pointer:
        yield pointer
        pointer = pointer.rpartition("/")[0]
    yield ""


def _sum(logprobs: Iterable[float | None]) -> float | None:
    known = list(logprobs)
    # Exact, so that the whole is never surer than a part by rounding in another order.
    return None if None in known else math.fsum(filter(None, known))


def _bytes(told: dict[str, Any]) -> bytes:
    # Only a list: of a number, bytes() makes as many zeros.
    given, text = told.get("bytes"), str(told.get("token", "")).encode()
    try:
        return bytes(given) if isinstance(given, list) else text
    except (TypeError, ValueError):
        return text


def _logprob(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    number = float(value)
    return min(number, 0.0) if number <= SLACK else None
