"""Routing: first match wins, unknown fails closed, and the reviewer reads why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.conditions import evaluate
from orchestrator.routing import Rule, route

SURE = {"fact": "confidence", "op": "ge", "value": 0.9}
SMALL = {"fact": "output/amount", "op": "le", "value": 50}
LARGE = {"fact": "output/amount", "op": "gt", "value": 500}
FRAUD = {"fact": "case/fraud", "op": "eq", "value": True}

REFUNDS = [
    Rule(1, FRAUD, "block", "Fraud"),
    Rule(2, {"all": [SURE, SMALL]}, "auto", "Small and sure"),
    Rule(3, LARGE, "dual", "Large"),
    Rule(4, {}, "review", "Everything else"),
]


def facts(confidence: Any, amount: Any, fraud: Any = False) -> dict[str, Any]:
    return {"confidence": confidence, "output": {"amount": amount}, "case": {"fraud": fraud}}


NAN = float("nan")


@pytest.mark.parametrize(
    ("seen", "mode", "position", "reason"),
    [
        (
            facts(0.95, 20),
            "auto",
            2,
            "confidence 0.95 is at least 0.90 and amount 20 is at most 50",
        ),
        (facts(0.62, 20), "review", 4, "confidence 0.62 is below 0.90"),
        (facts(0.95, 70), "review", 4, "amount 70 is above 50"),
        (facts(0.62, 70), "review", 4, "confidence 0.62 is below 0.90 and amount 70 is above 50"),
        (facts(0.95, 700), "dual", 3, "amount 700 is above 500"),
        (facts(NAN, 20), "review", 4, "confidence is not a finite number"),
        (facts(None, 20), "review", 4, "confidence is empty"),
        (facts(1.2, 20), "review", 4, "confidence 1.2 is not between 0 and 1"),
        (facts(0.95, "20"), "dual", 3, 'amount "20" cannot be compared with 500'),
        (facts(0.95, 20, True), "block", 1, "case fraud is yes"),
        (
            facts(0.95, 20, None),
            "review",
            1,
            "whether to block is not certain: case fraud is empty",
        ),
        ({}, "review", 1, "whether to block is not certain: case fraud is missing"),
    ],
)
def test_refund_goes_where_its_rules_say(
    seen: dict[str, Any], mode: str, position: int, reason: str
) -> None:
    found = route(REFUNDS, seen)

    assert (found.mode, found.position, found.reason) == (mode, position, reason)
    assert [entry["position"] for entry in found.why] == list(range(1, position + 1))
    assert [entry["matched"] for entry in found.why] == [False] * (position - 1) + [True]


@pytest.mark.parametrize("mode", ["review", "dual", "panel"])
def test_unknown_always_matches_people(mode: str) -> None:
    found = route([Rule(1, SURE, mode)], {})

    assert (found.mode, found.position, found.reason) == (mode, 1, "confidence is missing")


@pytest.mark.parametrize("condition", [SURE, {"every": []}, "x", {"all": [{"fact": "confidence"}]}])
def test_unknown_never_matches_auto(condition: Any) -> None:
    found = route([Rule(1, condition, "auto")], {"confidence": NAN})

    assert (found.mode, found.position) == ("review", None)


def test_without_rules_a_person_looks() -> None:
    found = route([], facts(1.0, 1))

    assert (found.mode, found.position, found.why) == ("review", None, [])
    assert found.reason == "this step has no rules"


def test_no_match_says_why_nothing_approved() -> None:
    rules = [Rule(1, SURE, "auto"), Rule(2, SMALL, "auto"), Rule(3, SURE, "auto")]

    refused = route(rules, facts(0.5, 60))
    unmatched = route([Rule(1, LARGE, "dual")], facts(0.5, 60))

    assert (refused.mode, refused.position) == ("review", None)
    assert refused.reason == "confidence 0.50 is below 0.90; amount 60 is above 50"
    assert (unmatched.mode, unmatched.position) == ("review", None)
    assert unmatched.reason == "no rule matches this output"


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([Rule(1, {}, "auto", "Trusted")], "Trusted takes every output"),
        ([Rule(1, None, "review")], "this rule takes every output"),
        ([Rule(1, {}, "block", "Closed")], "Closed takes every output"),
        ([Rule(1, SURE, "auto"), Rule(2, {}, "dual")], "confidence 0.50 is below 0.90"),
        ([Rule(1, SURE, "auto"), Rule(2, {}, "panel")], "confidence 0.50 is below 0.90"),
        ([Rule(1, SURE, "auto"), Rule(2, {}, "block", "Rest")], "Rest takes every output"),
        ([Rule(1, SURE, "auto"), Rule(2, {}, "auto", "Rest")], "Rest takes every output"),
        ([Rule(1, SURE, "auto"), Rule(2, LARGE, "dual")], "amount 700 is above 500"),
        ([Rule(1, SURE, "auto"), Rule(2, LARGE, "review")], "confidence 0.50 is below 0.90"),
        ([Rule(1, LARGE, "review"), Rule(2, {}, "review")], "amount 700 is above 500"),
    ],
)
def test_reason_is_what_the_reviewer_wants_to_know(rules: list[Rule], reason: str) -> None:
    assert route(rules, facts(0.5, 700)).reason == reason


def test_why_holds_every_rule_looked_at_with_its_trace() -> None:
    rules = REFUNDS[1:]

    found = route(rules, facts(0.62, 20))

    assert found.why == [
        {
            "position": rule.position,
            "name": rule.name,
            "mode": rule.mode,
            "matched": matched,
            "truth": truth,
            "trace": evaluate(rule.condition, facts(0.62, 20)).as_json(),
        }
        for rule, matched, truth in zip(
            rules, [False, False, True], [False, False, True], strict=True
        )
    ]


numbers = st.sampled_from([None, NAN, float("inf"), -0.1, 0, 0.5, 0.9, 1, 1.1, True, "1", 60, 700])
conditions = st.sampled_from([SURE, SMALL, LARGE, FRAUD, {}, {"not": SURE}, {"any": [SURE, SMALL]}])
modes = st.sampled_from(["auto", "review", "dual", "panel", "block"])
tables = st.lists(st.tuples(conditions, modes), max_size=5).map(
    lambda rows: [Rule(number, *row) for number, row in enumerate(rows, 1)]
)


@given(tables, numbers, numbers, numbers)
def test_any_table_routes_by_its_first_match_and_fails_closed(
    rules: list[Rule], confidence: Any, amount: Any, fraud: Any
) -> None:
    seen = facts(confidence, amount, fraud)
    truths = [evaluate(rule.condition, seen).truth for rule in rules]

    found = route(rules, seen)

    fired = [
        (rule, truth)
        for rule, truth in zip(rules, truths, strict=True)
        if truth or (truth is None and rule.mode != "auto")
    ]
    if not fired:
        assert (found.mode, found.position) == ("review", None)
    else:
        rule, truth = fired[0]
        doubtful = rule.mode == "block" and truth is None
        assert (found.mode, found.position) == ("review" if doubtful else rule.mode, rule.position)
    if found.mode in {"auto", "block"}:
        assert found.why[-1]["truth"] is True
    assert found.reason
    json.dumps(found.why, allow_nan=False)
