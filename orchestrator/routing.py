"""Where an output goes: the ordered rules of a step, first match wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.comparing import Truth
from orchestrator.conditions import ALWAYS, Trace, evaluate

_BY_SEVERAL: Final = frozenset({"dual", "panel"})


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
    refusals: list[str] = []
    for rule in rules:
        trace = evaluate(rule.condition, facts)
        matched = _matches(rule.mode, trace.truth)
        why.append(_entry(rule, trace, matched=matched))
        if matched:
            mode = "review" if _is_doubtful_block(rule, trace) else rule.mode
            return Route(mode, rule.position, _reason(rule, trace, refusals), why)
        if rule.mode == "auto":
            refusals.append(trace.text)
    return Route("review", None, _refused(refusals) or _no_rule(why), why)


def _matches(mode: str, truth: Truth) -> bool:
    return truth is True or (truth is None and mode != "auto")


def _is_doubtful_block(rule: Rule, trace: Trace) -> bool:
    return rule.mode == "block" and trace.truth is None


def _entry(rule: Rule, trace: Trace, *, matched: bool) -> dict[str, Any]:
    return {
        "position": rule.position,
        "name": rule.name,
        "mode": rule.mode,
        "matched": matched,
        "truth": trace.truth,
        "trace": trace.as_json(),
    }


def _reason(rule: Rule, trace: Trace, refusals: list[str]) -> str:
    if _is_doubtful_block(rule, trace):
        return f"whether to block is not certain: {trace.text}"
    catches_all = trace is ALWAYS
    if refusals and (rule.mode == "review" or (catches_all and rule.mode in _BY_SEVERAL)):
        return _refused(refusals)
    return f"{rule.name or 'this rule'} takes every output" if catches_all else trace.text


def _refused(refusals: list[str]) -> str:
    """Why nothing approved the output: what kept each auto rule from matching, once each."""
    return "; ".join(dict.fromkeys(refusals))


def _no_rule(why: list[dict[str, Any]]) -> str:
    return "no rule matches this output" if why else "this step has no rules"
