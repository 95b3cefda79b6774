"""The feedback reader: a classifier trained on 3,600 texts, its probabilities as confidence."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from time import perf_counter
from typing import Any

from integrations.demo.feedback import STORE
from orchestrator.connectors import PermanentError, Result


def read(case: Mapping[str, Any]) -> Result:
    """Judge ``{"text": words}``. Raises PermanentError where there are no words."""
    started = perf_counter()
    words = case.get("text")
    if not isinstance(words, str) or not words.strip():
        raise PermanentError("There is no text to read.")
    sentiment, confidence = judge(words)
    return Result(
        output={"sentiment": sentiment},
        confidence=confidence,
        field_confidence={"/sentiment": confidence},
        model=STORE.reader,
        latency_ms=round((perf_counter() - started) * 1000),
    )


def judge(words: str) -> tuple[str, float]:
    """The likeliest sentiment and its probability."""
    chances = model().predict_proba([words])[0]
    place = int(chances.argmax())
    return str(model().classes_[place]), round(float(chances[place]), 4)


@cache
def model() -> Any:
    """The trained classifier, loaded once per process."""
    return STORE.load()["sentiment"]
