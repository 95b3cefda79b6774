"""Facts, values and comparisons in plain words, for traces and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from orchestrator.pointers import MISSING, split
from orchestrator.tongue import ENGLISH, Tongue, gettext_noop

_SHOWN: Final = 60
_LISTED: Final = 5
_MOST_DECIMALS: Final = 17

# What each comparison says when it holds, and when it does not.
PHRASES: Final[Mapping[str, tuple[str, str]]] = {
    "eq": (gettext_noop("is"), gettext_noop("is not")),
    "ne": (gettext_noop("is not"), gettext_noop("is")),
    "lt": (gettext_noop("is below"), gettext_noop("is at least")),
    "le": (gettext_noop("is at most"), gettext_noop("is above")),
    "gt": (gettext_noop("is above"), gettext_noop("is at most")),
    "ge": (gettext_noop("is at least"), gettext_noop("is below")),
    "in": (gettext_noop("is one of"), gettext_noop("is none of")),
    "contains": (gettext_noop("contains"), gettext_noop("does not contain")),
    "starts_with": (gettext_noop("starts with"), gettext_noop("does not start with")),
    "exists": (gettext_noop("is given"), gettext_noop("is not given")),
}
# The first words of facts, and what else stands alone.
FIRST: Final = (
    gettext_noop("confidence"),
    gettext_noop("output"),
    gettext_noop("case"),
    gettext_noop("decision"),
    gettext_noop("model"),
    gettext_noop("agent"),
    gettext_noop("round"),
    gettext_noop("initiator"),
    gettext_noop("branches"),
    gettext_noop("arrived"),
    gettext_noop("rejected"),
    gettext_noop("outcome"),
    gettext_noop("signal"),
)
_EQUALITY: Final = frozenset({"eq", "ne"})


def is_confidence(fact: str) -> bool:
    return fact == "confidence" or fact.startswith("field_confidence/")


@lru_cache(maxsize=1024)
def label(fact: str, tongue: Tongue = ENGLISH) -> str:
    """A readable name: ``output/order/amount`` is "order amount", ``case/tier`` "case tier"."""
    first, _, rest = fact.partition("/")
    words = " ".join(_word(part) for part in split(f"/{rest}")) if rest else ""
    if first == "output" and words:
        return words
    if first == "field_confidence" and words:
        return tongue.say(gettext_noop("confidence of %s")) % words
    first = tongue.say(first) if first in FIRST else first
    return f"{first} {words}".rstrip().replace("_", " ")


def _word(part: str) -> str:
    return str(int(part) + 1) if part.isdecimal() and len(part) < 10 else part.replace("_", " ")


def shown(value: Any, tongue: Tongue = ENGLISH) -> str:
    """A value as a reader sees it; long ones are cut."""
    match value:
        case bool():
            return tongue.say(gettext_noop("yes") if value else gettext_noop("no"))
        case str():
            return f'"{value[:_SHOWN]}…"' if len(value) > _SHOWN else f'"{value}"'
        case float():
            whole = value.is_integer() and abs(value) < 1e15
            return str(int(value)) if whole else repr(value).replace(".", tongue.point)
        case list():
            return tongue.say(gettext_noop("a list of %s")) % len(value)
        case dict():
            return tongue.say(gettext_noop("an object"))
    return tongue.say(gettext_noop("empty")) if value is None else str(value)


def unusable(fact: str, actual: Any, tongue: Tongue = ENGLISH) -> str:
    """Why ``actual`` cannot be compared with anything, "" when it can."""
    if actual is MISSING:
        return tongue.say(gettext_noop("%s is missing")) % label(fact, tongue)
    if actual is None:
        return tongue.say(gettext_noop("%s is empty")) % label(fact, tongue)
    if isinstance(actual, float) and not abs(actual) < float("inf"):
        return tongue.say(gettext_noop("%s is not a finite number")) % label(fact, tongue)
    if is_confidence(fact) and isinstance(actual, int | float) and not 0 <= actual <= 1:
        named = f"{label(fact, tongue)} {shown(actual, tongue)}"
        return tongue.say(gettext_noop("%s is not between 0 and 1")) % named
    return ""


def outcome(
    name: str, op: str, truth: bool | None, both: tuple[str, str], tongue: Tongue = ENGLISH
) -> str:
    """What a comparison found: "amount 700 is above 500"; ``both`` are those of ``sides``."""
    left, right = both
    if truth is None:
        apart = {"left": f"{name} {left}", "right": right}
        return tongue.say(gettext_noop("%(left)s cannot be compared with %(right)s")) % apart
    if op in _EQUALITY:
        if truth is (op == "eq"):
            return f"{name} {tongue.say(PHRASES['eq'][0])} {right}"
        other = {"name": name, "left": left, "right": right}
        return tongue.say(gettext_noop("%(name)s is %(left)s, not %(right)s")) % other
    words = tongue.say(PHRASES[op][not truth])
    return f"{name} {words} {right}" if op == "contains" else f"{name} {left} {words} {right}"


def clause(
    name: str, op: str, right: str = "", *, holds: bool = True, tongue: Tongue = ENGLISH
) -> str:
    """A comparison as part of a sentence: "confidence is at least 0.90"."""
    words = tongue.say(PHRASES[op][not holds])
    return f"{name} {words}" if op == "exists" else f"{name} {words} {right}"


def sides(
    fact: str, actual: Any, expected: Any, fact2: str = "", tongue: Tongue = ENGLISH
) -> tuple[str, str]:
    """Both sides of a comparison as a reader sees them, named where the right is a fact too."""
    if is_confidence(fact) and _is_share(actual) and _is_share(expected):
        left, right = _figures(actual, expected, tongue)
    else:
        listed = isinstance(expected, list)
        left = shown(actual, tongue)
        right = _listed(expected, tongue) if listed else shown(expected, tongue)
    return left, f"{label(fact2, tongue)} {right}" if fact2 else right


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _listed(values: list[Any], tongue: Tongue) -> str:
    more = len(values) - _LISTED
    listed = ", ".join(shown(value, tongue) for value in values[:_LISTED])
    if more > 0:
        told = {"listed": listed, "more": more}
        return tongue.say(gettext_noop("%(listed)s and %(more)s more")) % told
    return listed or tongue.say(gettext_noop("nothing"))


def _figures(actual: float, expected: float, tongue: Tongue) -> tuple[str, str]:
    """Two numbers with as many decimals as tell them apart, but two at least."""
    for decimals in range(2, _MOST_DECIMALS):
        left, right = f"{actual:.{decimals}f}", f"{expected:.{decimals}f}"
        if float(right) == expected and (left == right) == (actual == expected):
            return left.replace(".", tongue.point), right.replace(".", tongue.point)
    return shown(actual, tongue), shown(expected, tongue)
