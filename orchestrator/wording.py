"""Facts, values and comparisons in plain words, for traces and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from orchestrator.pointers import MISSING, split

_SHOWN: Final = 60
_LISTED: Final = 5
_MOST_DECIMALS: Final = 17

# What each comparison says when it holds, and when it does not.
PHRASES: Final[Mapping[str, tuple[str, str]]] = {
    "eq": ("is", "is not"),
    "ne": ("is not", "is"),
    "lt": ("is below", "is at least"),
    "le": ("is at most", "is above"),
    "gt": ("is above", "is at most"),
    "ge": ("is at least", "is below"),
    "in": ("is one of", "is none of"),
    "contains": ("contains", "does not contain"),
    "starts_with": ("starts with", "does not start with"),
    "exists": ("is given", "is not given"),
}
_EQUALITY: Final = frozenset({"eq", "ne"})


def is_confidence(fact: str) -> bool:
    return fact == "confidence" or fact.startswith("field_confidence/")


@lru_cache(maxsize=1024)
def label(fact: str) -> str:
    """A readable name: ``output/order/amount`` is "order amount", ``case/tier`` "case tier"."""
    first, _, rest = fact.partition("/")
    words = " ".join(_word(part) for part in split(f"/{rest}")) if rest else ""
    if first == "output" and words:
        return words
    if first == "field_confidence" and words:
        return f"confidence of {words}"
    return f"{first} {words}".rstrip().replace("_", " ")


def _word(part: str) -> str:
    return str(int(part) + 1) if part.isdecimal() and len(part) < 10 else part.replace("_", " ")


def shown(value: Any) -> str:
    """A value as a reader sees it; long ones are cut."""
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return f'"{value[:_SHOWN]}…"' if len(value) > _SHOWN else f'"{value}"'
        case float():
            whole = value.is_integer() and abs(value) < 1e15
            return str(int(value)) if whole else repr(value)
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "an object"
    return "empty" if value is None else str(value)


def unusable(fact: str, actual: Any) -> str:
    """Why ``actual`` cannot be compared with anything, "" when it can."""
    if actual is MISSING:
        return f"{label(fact)} is missing"
    if actual is None:
        return f"{label(fact)} is empty"
    if isinstance(actual, float) and not abs(actual) < float("inf"):
        return f"{label(fact)} is not a finite number"
    if is_confidence(fact) and isinstance(actual, int | float) and not 0 <= actual <= 1:
        return f"{label(fact)} {shown(actual)} is not between 0 and 1"
    return ""


def outcome(name: str, op: str, truth: bool | None, left: str, right: str) -> str:
    """What a comparison found: "amount 700 is above 500"; the sides are those of ``sides``."""
    if truth is None:
        return f"{name} {left} cannot be compared with {right}"
    if op in _EQUALITY:
        same = truth is (op == "eq")
        return f"{name} is {right}" if same else f"{name} is {left}, not {right}"
    words = PHRASES[op][not truth]
    return f"{name} {words} {right}" if op == "contains" else f"{name} {left} {words} {right}"


def clause(name: str, op: str, right: str = "", *, holds: bool = True) -> str:
    """A comparison as part of a sentence: "confidence is at least 0.90"."""
    words = PHRASES[op][not holds]
    return f"{name} {words}" if op == "exists" else f"{name} {words} {right}"


def sides(fact: str, actual: Any, expected: Any, fact2: str = "") -> tuple[str, str]:
    """Both sides of a comparison as a reader sees them, named where the right is a fact too."""
    if is_confidence(fact) and _is_share(actual) and _is_share(expected):
        left, right = _figures(actual, expected)
    else:
        left = shown(actual)
        right = _listed(expected) if isinstance(expected, list) else shown(expected)
    return left, f"{label(fact2)} {right}" if fact2 else right


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _listed(values: list[Any]) -> str:
    more = len(values) - _LISTED
    listed = ", ".join(shown(value) for value in values[:_LISTED])
    return f"{listed} and {more} more" if more > 0 else listed or "nothing"


def _figures(actual: float, expected: float) -> tuple[str, str]:
    """Two numbers with as many decimals as tell them apart, but two at least."""
    for decimals in range(2, _MOST_DECIMALS):
        left, right = f"{actual:.{decimals}f}", f"{expected:.{decimals}f}"
        if float(right) == expected and (left == right) == (actual == expected):
            return left, right
    return repr(actual), repr(expected)
