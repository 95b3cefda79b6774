"""Where an output goes: the ordered rules of a step, first match wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.comparing import Truth
from orchestrator.conditions import ALWAYS, Trace, evaluate, retold
from orchestrator.tongue import ENGLISH, Tongue, gettext_noop

_BY_SEVERAL: Final = frozenset({"dual", "panel"})
_CATCHES_ALL: Final = ALWAYS.as_json()


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table of decision rights; ``mode`` is auto, review, dual, panel or block."""

    position: int
    condition: Any
    mode: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Where an output goes. ``position`` is the rule's, None when no rule matched.

    ``reason`` is one sentence for the reviewer; ``why`` has an entry for each rule looked at:
    ``{position, name, mode, matched, truth, trace}``, ready to be stored as JSON.
    """

    mode: str
    position: int | None
    reason: str
    why: list[dict[str, Any]]


def route(rules: Iterable[Rule], facts: Mapping[str, Any]) -> Route:
    """The route by the first of ``rules``, in their order, that matches ``facts``.

    Unknown never matches auto and always matches every other mode; on block it means review.
    """
    why: list[dict[str, Any]] = []
    for rule in rules:
        trace = evaluate(rule.condition, facts)
        matched = _matches(rule.mode, trace.truth)
        why.append(_entry(rule, trace, matched=matched))
        if matched:
            mode = "review" if rule.mode == "block" and trace.truth is None else rule.mode
            return Route(mode, rule.position, reason(why), why)
    return Route("review", None, reason(why), why)


def _matches(mode: str, truth: Truth) -> bool:
    return truth is True or (truth is None and mode != "auto")


def _entry(rule: Rule, trace: Trace, *, matched: bool) -> dict[str, Any]:
    return {
        "position": rule.position,
        "name": rule.name,
        "mode": rule.mode,
        "matched": matched,
        "truth": trace.truth,
        "trace": trace.as_json(),
    }


def reason(why: Sequence[Mapping[str, Any]], tongue: Tongue = ENGLISH) -> str:
    """The sentence of a route from the entries of its ``why``."""
    refused = _refused(why, tongue)
    if not why:
        return tongue.say(gettext_noop("this step has no rules"))
    last = why[-1]
    if not last["matched"]:
        return refused or tongue.say(gettext_noop("no rule matches this output"))
    text, mode = retold(last["trace"], tongue), last["mode"]
    if mode == "block" and last["truth"] is None:
        return tongue.say(gettext_noop("whether to block is not certain: %s")) % text
    catches_all = last["trace"] == _CATCHES_ALL
    if refused and (mode == "review" or (catches_all and mode in _BY_SEVERAL)):
        return refused
    if not catches_all:
        return text
    name = last["name"] or tongue.say(gettext_noop("this rule"))
    return tongue.say(gettext_noop("%s takes every output")) % name


def _refused(why: Sequence[Mapping[str, Any]], tongue: Tongue) -> str:
    """Why nothing approved the output: what kept each auto rule from matching, once each."""
    rows = (row for row in why if row["mode"] == "auto" and not row["matched"])
    return "; ".join(dict.fromkeys(retold(row["trace"], tongue) for row in rows))
