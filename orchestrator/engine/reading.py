"""What an agent says of its own output, read so that nonsense never counts in its favour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orchestrator.diffing import canonical

MOST_FIELDS: Final = 5000
MOST_MICROS: Final = (1 << 63) - 1
MOST_SMALL: Final = (1 << 31) - 1


def attempt_fields(said: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an Attempt beside its output, from what was said under the same names."""
    return {
        "confidence": confidence_of(said.get("confidence")),
        "field_confidence": confidences_of(said.get("field_confidence")),
        "model": text_of(said.get("model"), 200),
        **spent_fields(said),
    }


def spent_fields(said: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an Attempt that say what it has cost, whatever came of it."""
    return {
        "cost_micros": count_of(said.get("cost_micros"), MOST_MICROS),
        "currency": text_of(said.get("currency"), 3),
        "tokens_in": count_of(said.get("tokens_in"), MOST_SMALL),
        "tokens_out": count_of(said.get("tokens_out"), MOST_SMALL),
        "latency_ms": count_of(said.get("latency_ms"), MOST_SMALL),
    }


def is_json(value: Any) -> bool:
    """Whether a value has a canonical JSON text: NaN and infinity have none."""
    try:
        canonical(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def confidence_of(value: Any) -> float | None:
    """A number from 0 to 1, or None: NaN, infinity, texts and 1.2 are unknown, never high."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


def confidences_of(value: Any) -> dict[str, float]:
    """Pointer -> confidence; what is no confidence is left out."""
    if not isinstance(value, Mapping):
        return {}
    pairs = ((str(path), confidence_of(number)) for path, number in value.items())
    found = {path: number for path, number in pairs if number is not None}
    return found if len(found) <= MOST_FIELDS else {}


def text_of(value: Any, longest: int) -> str:
    return value[:longest] if isinstance(value, str) and "\x00" not in value else ""


def count_of(value: Any, most: int) -> int | None:
    """A whole number from 0 to ``most``, or None."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
    return int(value) if is_count else None
