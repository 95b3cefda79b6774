"""How sure a model is, from asking it several times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from orchestrator import pointers
from orchestrator.canonical import same


def favourite(outputs: Sequence[Any]) -> Any:
    """The output that most of them equal; of several such, the first."""
    return max(outputs, key=lambda output: _count(output, outputs))


def confidences(output: Any, outputs: Sequence[Any], asked: int) -> dict[str, float]:
    """Pointer -> share of the ``asked`` answers that say the same there; ``""`` is the whole.

    ``outputs`` are the answers of use: those that were none agree with nothing.
    """
    return {
        pointer: _count(value, [pointers.lookup(other, pointer) for other in outputs]) / asked
        for pointer, value in _places(output, "")
    }


def _count(value: Any, others: Sequence[Any]) -> int:
    return sum(other is not pointers.MISSING and same(value, other) for other in others)


def _places(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    yield pointer, value
    members: Any = value.items() if isinstance(value, dict) else ()
    for part, member in enumerate(value) if isinstance(value, list) else members:
        yield from _places(member, pointers.child(pointer, part))
