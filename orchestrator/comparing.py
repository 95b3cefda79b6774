"""Comparisons of JSON values that answer True, False or None: these cannot be compared."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from math import isfinite
from typing import Any, Final

Truth = bool | None

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATE_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def join(truths: Iterable[Truth], *, settles: bool) -> Truth:
    """Kleene's any (``settles`` True) or all (False): one such settles it, else one unknown."""
    joined: Truth = not settles
    for truth in truths:
        if truth is settles:
            return settles
        if truth is None:
            joined = None
    return joined


def kind_of(value: Any) -> str:
    """The kind of a value that can be compared, "" for all else."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "bool"
    # A wide integer has no float, so isfinite() would raise for it.
    if isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return "number"
    return ""


def _equal(actual: Any, expected: Any) -> Truth:
    kind = kind_of(actual)
    return actual == expected if kind and kind == kind_of(expected) else None


def _unequal(actual: Any, expected: Any) -> Truth:
    equal = _equal(actual, expected)
    return None if equal is None else not equal


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Truth]:
    def compare(actual: Any, expected: Any) -> Truth:
        kind = kind_of(actual)
        if kind == "bool" or kind != kind_of(expected):
            return None
        if kind == "number":
            return holds(actual, expected)
        left, right = moment(actual), moment(expected)
        return holds(left, right) if left and type(left) is type(right) else None

    return compare


def moment(text: Any) -> date | datetime | None:
    """The day, or the moment with its zone, that an ISO text names, else None."""
    if not isinstance(text, str):
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _DATE_TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper())
    except ValueError:
        pass
    return None


def _among(item: Any, items: Any) -> Truth:
    if not isinstance(items, list) or not kind_of(item):
        return None
    return join((_equal(other, item) for other in items), settles=True)


def _contains(holder: Any, part: Any) -> Truth:
    if isinstance(holder, str) and isinstance(part, str):
        return part in holder
    return _among(part, holder)


def _starts_with(text: Any, start: Any) -> Truth:
    return text.startswith(start) if isinstance(text, str) and isinstance(start, str) else None


COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Truth]]] = {
    "eq": _equal,
    "ne": _unequal,
    "lt": _ordered(operator.lt),
    "le": _ordered(operator.le),
    "gt": _ordered(operator.gt),
    "ge": _ordered(operator.ge),
    "in": _among,
    "contains": _contains,
    "starts_with": _starts_with,
}
