"""What a condition comes to with certain facts, and the words for it in any tongue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, Final

from orchestrator import wording
from orchestrator.comparing import COMPARISONS, Truth, join, kind_of
from orchestrator.pointers import MISSING, split, step_into
from orchestrator.tongue import ENGLISH, Tongue, gettext_noop

_KEPT: Final = 200
_KEPT_ITEMS: Final = 20
_GROUPS: Final = frozenset({"all", "any"})
EQUALITY: Final = frozenset({"eq", "ne"})


@dataclass(frozen=True, slots=True)
class Trace:
    """What a condition came to, and why, with the values it saw.

    ``op`` is the comparison, or all, any, not. ``actual`` and ``expected`` are JSON that can
    be stored; long texts are cut, and objects and long lists left out.
    """

    truth: Truth
    text: str
    children: tuple[Trace, ...] = ()
    fact: str = ""
    op: str = ""
    expected: Any = None
    actual: Any = None
    fact2: str = ""

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"truth": self.truth, "text": self.text}
        if self.op:
            found["op"] = self.op
        if self.fact:
            found |= {"fact": self.fact, "expected": self.expected, "actual": self.actual}
        if self.fact2:
            found["fact2"] = self.fact2
        if self.children:
            found["children"] = [child.as_json() for child in self.children]
        return found


ALWAYS: Final = Trace(truth=True, text=gettext_noop("always"))
NEVER: Final = gettext_noop("never")
UNREADABLE: Final = Trace(truth=None, text=gettext_noop("the condition cannot be read"))


def evaluate(condition: Any, facts: Mapping[str, Any]) -> Trace:
    """The truth of a condition with its full trace. Never raises: the unreadable is unknown."""
    try:
        return _evaluate(condition, facts)
    except RecursionError:
        return UNREADABLE


def _evaluate(condition: Any, facts: Mapping[str, Any]) -> Trace:
    # Plain tests, for this is the hot path and mapping patterns are five times as slow.
    if condition is None or condition == {}:
        return ALWAYS
    if not isinstance(condition, dict):
        return UNREADABLE
    if "fact" in condition:
        return _compare(condition, facts)
    if len(condition) != 1:
        return UNREADABLE
    ((op, inner),) = condition.items()
    if op == "not":
        return _negate(_evaluate(inner, facts))
    return _group(op, inner, facts) if op in _GROUPS and isinstance(inner, list) else UNREADABLE


def _negate(inner: Trace) -> Trace:
    truth = None if inner.truth is None else not inner.truth
    return Trace(truth, inner.text, (inner,), op="not")


def _group(op: str, parts: list[Any], facts: Mapping[str, Any]) -> Trace:
    children = tuple([_evaluate(part, facts) for part in parts])
    truth = join([child.truth for child in children], settles=op == "any")
    text = " and ".join([child.text for child in children if child.truth is truth])
    return Trace(truth, text or (ALWAYS.text if truth else NEVER), children, op=op)


def _compare(condition: dict[str, Any], facts: Mapping[str, Any]) -> Trace:
    if not is_comparison(condition):
        return UNREADABLE
    fact, op, fact2 = condition["fact"], condition["op"], condition.get("fact2", "")
    actual = _value(fact, facts)
    expected = _value(fact2, facts) if fact2 else condition.get("value")
    truth, text = _found(fact, op, actual, expected, fact2)
    return Trace(truth, text, (), fact, op, _kept(expected), _kept(actual), fact2)


def is_comparison(condition: dict[str, Any]) -> bool:
    fact, op = condition.get("fact"), condition.get("op")
    if not isinstance(fact, str) or not isinstance(op, str):
        return False
    if op == "exists":
        return len(condition) == 2
    fact2 = condition.get("fact2")
    operand = "value" in condition or (isinstance(fact2, str) and fact2 != "")
    return op in COMPARISONS and len(condition) == 3 and operand


def _found(
    fact: str, op: str, actual: Any, expected: Any, fact2: str, *, tongue: Tongue = ENGLISH
) -> tuple[Truth, str]:
    why, name = wording.unusable(fact, actual, tongue), wording.label(fact, tongue)
    if op == "exists":
        return not why, wording.clause(name, op, holds=not why, tongue=tongue)
    if expected is None and not fact2 and (actual is None or not why):
        truth = (actual is None) is (op == "eq") if op in EQUALITY else None
    elif why := why or (fact2 and wording.unusable(fact2, expected, tongue)):
        return None, why
    else:
        truth = COMPARISONS[op](actual, expected)
    both = wording.sides(fact, actual, expected, fact2, tongue)
    return truth, wording.outcome(name, op, truth, both, tongue)


def retold(trace: Mapping[str, Any], tongue: Tongue) -> str:
    """The text of a stored trace in another tongue, as it is stored where that is not known."""
    text, op = str(trace["text"]), trace.get("op", "")
    if tongue == ENGLISH:
        return text
    if op == "not":
        return retold(trace["children"][0], tongue)
    if op in _GROUPS:
        parts = [part for part in trace.get("children", ()) if part["truth"] is trace["truth"]]
        told = [retold(part, tongue) for part in parts]
        return tongue.say(gettext_noop(" and ")).join(told) or tongue.say(text)
    return _compared_again(trace, text, tongue) if op else tongue.say(text)


def _compared_again(trace: Mapping[str, Any], text: str, tongue: Tongue) -> str:
    """A stored null may stand for nothing at all: it is what gives the stored text again."""
    fact, op, fact2 = trace["fact"], trace["op"], trace.get("fact2", "")
    for actual, expected in product(_stored(trace["actual"]), _stored(trace["expected"])):
        if _found(fact, op, actual, expected, fact2) == (trace["truth"], text):
            return _found(fact, op, actual, expected, fact2, tongue=tongue)[1]
    return text


def _stored(value: Any) -> tuple[Any, ...]:
    return (None, MISSING) if value is None else (value,)


@lru_cache(maxsize=4096)
def _path(name: str) -> tuple[str, tuple[str, ...]]:
    first, slash, rest = name.partition("/")
    return first, split(slash + rest)


def _value(name: str, facts: Mapping[str, Any]) -> Any:
    first, parts = _path(name)
    value = facts.get(first, MISSING)
    if parts and first == "field_confidence":
        return step_into(value, name.removeprefix(first))
    for part in parts:
        value = step_into(value, part)
    return value


def _kept(value: Any) -> Any:
    """What of a value is stored in a trace."""
    if isinstance(value, list) and len(value) <= _KEPT_ITEMS:
        return [_kept_scalar(item) for item in value]
    return _kept_scalar(value)


def _kept_scalar(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_KEPT]
    return value if kind_of(value) else None
