"""Conditions: truth, trace, sentences and problems."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.conditions import UNREADABLE, evaluate, facts_used, sentence, validate

NAN, INF = float("nan"), float("inf")
FACTS: dict[str, Any] = {
    "confidence": 0.62,
    "field_confidence": {"/order/amount": 0.4, "/kind": NAN},
    "output": {
        "amount": 20,
        "urgent": True,
        "kind": "refund",
        "note": None,
        "tags": ["vip", "eu"],
        "mixed": ["vip", 5],
        "order": {"amount": 70.5, "a/b": "x"},
        "items": [{"sku": "A-1"}],
        "day": "2025-03-01",
        "at": "2025-03-01T12:00:00+02:00",
    },
    "case": {"total": 50, "none": None, "allowed": ["refund", "exchange"]},
    "round": 2,
}


def clause(fact: str, op: str, *value: Any) -> dict[str, Any]:
    return {"fact": fact, "op": op} | ({"value": value[0]} if value else {})


def against(fact: str, op: str, fact2: str) -> dict[str, Any]:
    return {"fact": fact, "op": op, "fact2": fact2}


COMPARED: list[tuple[dict[str, Any], bool | None, str]] = [
    # Equality, by kind.
    (clause("output/kind", "eq", "refund"), True, 'kind is "refund"'),
    (clause("output/kind", "eq", "other"), False, 'kind is "refund", not "other"'),
    (clause("output/kind", "ne", "refund"), False, 'kind is "refund"'),
    (clause("output/kind", "ne", "other"), True, 'kind is "refund", not "other"'),
    (clause("output/amount", "eq", 20.0), True, "amount is 20"),
    (clause("output/amount", "eq", "20"), None, 'amount 20 cannot be compared with "20"'),
    (clause("output/urgent", "eq", True), True, "urgent is yes"),
    (clause("output/urgent", "ne", True), False, "urgent is yes"),
    (clause("output/urgent", "eq", 1), None, "urgent yes cannot be compared with 1"),
    (clause("round", "eq", True), None, "round 2 cannot be compared with yes"),
    (clause("output/tags", "eq", "vip"), None, 'tags a list of 2 cannot be compared with "vip"'),
    (clause("output/order", "ne", "x"), None, 'order an object cannot be compared with "x"'),
    # Null, and nothing at all.
    (clause("output/note", "eq", None), True, "note is empty"),
    (clause("output/note", "ne", None), False, "note is empty"),
    (clause("output/kind", "eq", None), False, 'kind is "refund", not empty'),
    (clause("output/tags", "ne", None), True, "tags is a list of 2, not empty"),
    (clause("output/note", "eq", "x"), None, "note is empty"),
    (clause("output/note", "lt", None), None, "note empty cannot be compared with empty"),
    (clause("output/gone", "eq", None), None, "gone is missing"),
    (clause("output/gone", "ne", 1), None, "gone is missing"),
    (clause("nothing", "eq", 1), None, "nothing is missing"),
    (against("output/note", "eq", "case/none"), None, "note is empty"),
    (against("output/kind", "eq", "case/none"), None, "case none is empty"),
    (against("output/kind", "ne", "case/gone"), None, "case gone is missing"),
    # Order of numbers.
    (clause("confidence", "ge", 0.9), False, "confidence 0.62 is below 0.90"),
    (clause("confidence", "ge", 0.62), True, "confidence 0.62 is at least 0.62"),
    (clause("confidence", "gt", 0.62), False, "confidence 0.62 is at most 0.62"),
    (clause("confidence", "lt", 0.623), True, "confidence 0.620 is below 0.623"),
    (clause("confidence", "le", 0.62), True, "confidence 0.62 is at most 0.62"),
    (clause("confidence", "lt", 1), True, "confidence 0.62 is below 1.00"),
    (clause("confidence", "lt", 1.5), True, "confidence 0.62 is below 1.5"),
    (clause("confidence", "gt", 0), True, "confidence 0.62 is above 0.00"),
    (clause("confidence", "lt", 5), True, "confidence 0.62 is below 5"),
    (clause("output/amount", "gt", 500), False, "amount 20 is at most 500"),
    (clause("output/amount", "le", 12.5), False, "amount 20 is above 12.5"),
    (clause("output/order/amount", "gt", 50.0), True, "order amount 70.5 is above 50"),
    (clause("output/amount", "lt", 1e14), True, "amount 20 is below 100000000000000"),
    (clause("output/amount", "lt", 1e15), True, "amount 20 is below 1000000000000000.0"),
    (clause("output/amount", "lt", "x"), None, 'amount 20 cannot be compared with "x"'),
    (clause("output/urgent", "gt", False), None, "urgent yes cannot be compared with no"),
    (clause("output/urgent", "lt", 5), None, "urgent yes cannot be compared with 5"),
    (against("output/amount", "le", "case/total"), True, "amount 20 is at most case total 50"),
    (
        against("output/order/amount", "le", "case/total"),
        False,
        "order amount 70.5 is above case total 50",
    ),
    # Order of days and moments.
    (clause("output/day", "lt", "2025-03-02"), True, 'day "2025-03-01" is below "2025-03-02"'),
    (clause("output/day", "ge", "2025-03-01"), True, 'day "2025-03-01" is at least "2025-03-01"'),
    (
        clause("output/day", "lt", "2025-02-30"),
        None,
        'day "2025-03-01" cannot be compared with "2025-02-30"',
    ),
    (clause("output/day", "lt", "2025-03-02T00:00:00Z"), None, ""),
    (clause("output/at", "lt", "2025-03-01T11:00:00Z"), True, ""),
    (clause("output/at", "lt", "2025-03-01t09:59:59.5z"), False, ""),
    (clause("output/at", "lt", "2025-03-01T11:00:00"), None, ""),
    (clause("output/kind", "lt", "s"), None, ""),
    # Field confidence.
    (
        clause("field_confidence/order/amount", "lt", 0.5),
        True,
        "confidence of order amount 0.40 is below 0.50",
    ),
    (clause("field_confidence/kind", "lt", 0.5), None, "confidence of kind is not a finite number"),
    (clause("field_confidence/gone", "lt", 0.5), None, "confidence of gone is missing"),
    (
        clause("field_confidence", "lt", 0.5),
        None,
        "field confidence an object cannot be compared with 0.5",
    ),
    # Lists and texts.
    (clause("output/kind", "in", ["a", "refund"]), True, 'kind "refund" is one of "a", "refund"'),
    (clause("output/kind", "in", ["a", "b"]), False, 'kind "refund" is none of "a", "b"'),
    (
        clause("output/kind", "in", list("abcdefg")),
        False,
        'kind "refund" is none of "a", "b", "c", "d", "e" and 2 more',
    ),
    (clause("output/kind", "in", ["a", 5]), None, ""),
    (clause("output/kind", "in", ["refund", 5]), True, ""),
    (clause("output/kind", "in", []), False, 'kind "refund" is none of nothing'),
    (clause("output/kind", "in", "refund"), None, ""),
    (clause("output/tags", "in", []), None, ""),
    (
        against("output/kind", "in", "case/allowed"),
        True,
        'kind "refund" is one of case allowed "refund", "exchange"',
    ),
    (clause("output/tags", "contains", "vip"), True, 'tags contains "vip"'),
    (clause("output/tags", "contains", "us"), False, 'tags does not contain "us"'),
    (clause("output/tags", "contains", 5), None, ""),
    (clause("output/mixed", "contains", "us"), None, ""),
    (clause("output/mixed", "contains", 5), True, ""),
    (clause("output/kind", "contains", "fun"), True, 'kind contains "fun"'),
    (clause("output/kind", "contains", 5), None, 'kind "refund" cannot be compared with 5'),
    (clause("output/order", "contains", "amount"), None, ""),
    (clause("output/kind", "starts_with", "re"), True, 'kind "refund" starts with "re"'),
    (clause("output/kind", "starts_with", "fu"), False, 'kind "refund" does not start with "fu"'),
    (clause("output/kind", "starts_with", 5), None, ""),
    (clause("output/tags", "starts_with", "v"), None, ""),
    # Being there.
    (clause("output/kind", "exists"), True, "kind is given"),
    (clause("output/tags", "exists"), True, "tags is given"),
    (clause("output/note", "exists"), False, "note is not given"),
    (clause("output/gone/deeper", "exists"), False, "gone deeper is not given"),
    (clause("field_confidence/kind", "exists"), False, "confidence of kind is not given"),
    # Pointers.
    (clause("output/order/a~1b", "eq", "x"), True, 'order a/b is "x"'),
    (clause("output/items/0/sku", "eq", "A-1"), True, 'items 1 sku is "A-1"'),
    (clause("output/items/00/sku", "exists"), False, ""),
    (clause("output/items/1/sku", "exists"), False, ""),
    (clause("output/items/-/sku", "exists"), False, ""),
    (clause(f"output/items/{'9' * 5000}", "exists"), False, ""),
    (clause("output/kind/0", "exists"), False, ""),
]


@pytest.mark.parametrize(("condition", "truth", "text"), COMPARED)
def test_comparison(condition: dict[str, Any], truth: bool | None, text: str) -> None:
    trace = evaluate(condition, FACTS)

    assert trace.truth is truth
    assert text in {trace.text, ""}
    assert (trace.fact, trace.op) == (condition["fact"], condition["op"])


@pytest.mark.parametrize("confidence", [NAN, INF, -INF, 1.01, -0.01, 2, True, "0.99", [0.99], None])
@pytest.mark.parametrize("op", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_unsound_confidence_is_unknown_whatever_is_asked(confidence: Any, op: str) -> None:
    assert evaluate(clause("confidence", op, 0.5), {"confidence": confidence}).truth is None


def test_confidences_are_told_apart_by_as_many_decimals_as_it_takes() -> None:
    trace = evaluate(clause("confidence", "ge", 0.9), {"confidence": 0.8999})
    closest = evaluate(clause("confidence", "ge", 0.9), {"confidence": math.nextafter(0.9, 0)})

    assert trace.text == "confidence 0.8999 is below 0.9000"
    assert closest.text == "confidence 0.8999999999999999 is below 0.9000000000000000"
    assert evaluate(clause("confidence", "gt", 5e-324), {"confidence": 0}).text == (
        "confidence 0 is at most 5e-324"
    )


YES, NO = clause("round", "eq", 2), clause("round", "eq", 3)
UNKNOWN = clause("gone", "eq", 1)


@pytest.mark.parametrize(
    ("condition", "truth", "text"),
    [
        ({}, True, "always"),
        (None, True, "always"),
        ({"all": []}, True, "always"),
        ({"any": []}, False, "never"),
        ({"all": [YES, YES]}, True, "round is 2 and round is 2"),
        ({"all": [YES, NO]}, False, "round is 2, not 3"),
        ({"all": [YES, UNKNOWN]}, None, "gone is missing"),
        ({"all": [UNKNOWN, NO]}, False, "round is 2, not 3"),
        ({"any": [NO, YES]}, True, "round is 2"),
        ({"any": [NO, NO]}, False, "round is 2, not 3 and round is 2, not 3"),
        ({"any": [UNKNOWN, NO]}, None, "gone is missing"),
        ({"any": [UNKNOWN, YES]}, True, "round is 2"),
        ({"not": YES}, False, "round is 2"),
        ({"not": NO}, True, "round is 2, not 3"),
        ({"not": UNKNOWN}, None, "gone is missing"),
        ({"not": {"any": [NO, UNKNOWN]}}, None, "gone is missing"),
        ({"all": [{"any": [NO, YES]}, {"not": NO}]}, True, "round is 2 and round is 2, not 3"),
    ],
)
def test_group(condition: Any, truth: bool | None, text: str) -> None:
    trace = evaluate(condition, FACTS)

    assert (trace.truth, trace.text) == (truth, text)


def nested(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = {"not": inner}
    return inner


BROKEN: list[Any] = [
    0,
    "",
    [],
    [YES],
    "confidence > 0.9",
    {"every": [YES]},
    {"all": YES},
    {"all": None},
    {"any": "x"},
    {"all": [], "any": []},
    {"not": YES, "all": []},
    {"all": [], "fact": "round"},
    {"op": "eq", "value": 1},
    {"fact": "round"},
    {"fact": "round", "op": "eq"},
    {"fact": "round", "op": "like", "value": 2},
    {"fact": "round", "op": ["eq"], "value": 2},
    {"fact": 7, "op": "eq", "value": 2},
    {"fact": "round", "op": "eq", "fact2": ""},
    {"fact": "round", "op": "eq", "fact2": 2},
    {"fact": "round", "op": "eq", "value": 2, "fact2": "round"},
    {"fact": "round", "op": "eq", "value": 2, "note": "x"},
    {"fact": "round", "op": "exists", "value": True},
]


@pytest.mark.parametrize("condition", BROKEN, ids=lambda broken: repr(broken)[:40])
def test_what_cannot_be_read_is_unknown_and_invalid(condition: Any) -> None:
    assert evaluate(condition, FACTS) == UNREADABLE
    assert validate(condition)


@pytest.mark.parametrize(
    "condition",
    [broken for broken in BROKEN if not (isinstance(broken, dict) and "all" in broken)],
    ids=repr,
)
def test_what_cannot_be_read_has_no_sentence(condition: Any) -> None:
    assert sentence(condition) in {UNREADABLE.text, "never"}


def test_endless_nesting_is_unknown_and_invalid() -> None:
    condition = nested(5_000, YES)

    assert evaluate(condition, FACTS) == UNREADABLE
    assert [problem.message for problem in validate(condition)] == [
        "Nest conditions at most 16 deep."
    ]


def test_trace_as_json_has_every_clause_with_its_values() -> None:
    trace = evaluate({"all": [clause("confidence", "ge", 0.9), {"not": UNKNOWN}, {}]}, FACTS)

    assert trace.as_json() == {
        "truth": False,
        "text": "confidence 0.62 is below 0.90",
        "op": "all",
        "children": [
            {
                "truth": False,
                "text": "confidence 0.62 is below 0.90",
                "op": "ge",
                "fact": "confidence",
                "expected": 0.9,
                "actual": 0.62,
            },
            {
                "truth": None,
                "text": "gone is missing",
                "op": "not",
                "children": [
                    {
                        "truth": None,
                        "text": "gone is missing",
                        "op": "eq",
                        "fact": "gone",
                        "expected": 1,
                        "actual": None,
                    }
                ],
            },
            {"truth": True, "text": "always"},
        ],
    }


@pytest.mark.parametrize(
    ("actual", "kept"),
    [
        ("x" * 500, "x" * 200),
        (["vip", 5, {"a": 1}, [1], NAN], ["vip", 5, None, None, None]),
        (["x"] * 21, None),
        ({"a": 1}, None),
        (NAN, None),
        (True, True),
    ],
)
def test_trace_keeps_what_can_be_stored(actual: Any, kept: Any) -> None:
    trace = evaluate(clause("output", "contains", "x" * 70), {"output": actual})

    assert trace.actual == kept
    json.dumps(trace.as_json(), allow_nan=False)
    assert len(trace.text) < 160


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({}, "always"),
        (None, "always"),
        ({"all": []}, "always"),
        ({"any": []}, "never"),
        (
            {"all": [clause("confidence", "ge", 0.9), clause("output/amount", "le", 50)]},
            "confidence is at least 0.90 and amount is at most 50",
        ),
        (clause("confidence", "gt", 0.955), "confidence is above 0.955"),
        (clause("output/kind", "in", ["a", "b"]), 'kind is one of "a", "b"'),
        (clause("output/urgent", "eq", True), "urgent is yes"),
        (clause("output/note", "ne", None), "note is not empty"),
        (clause("output/note", "exists"), "note is given"),
        ({"not": clause("output/note", "exists")}, "note is not given"),
        ({"not": clause("output/amount", "lt", 5)}, "amount is at least 5"),
        ({"not": {"all": [YES, NO]}}, "not (round is 2 and round is 3)"),
        ({"not": {"not": YES}}, "not (round is not 2)"),
        (
            {"all": [YES, {"any": [NO, clause("case/tier", "starts_with", "g")]}]},
            'round is 2 and (round is 3 or case tier starts with "g")',
        ),
        ({"all": [{"any": [YES, NO]}]}, "round is 2 or round is 3"),
        ({"all": [YES, {"any": [NO]}]}, "round is 2 and round is 3"),
        (against("output/amount", "le", "case/order_total"), "amount is at most case order total"),
    ],
)
def test_sentence(condition: Any, words: str) -> None:
    assert sentence(condition) == words


def test_sentence_takes_labels() -> None:
    labels = {"output/amount": "Betrag", "case/total": "Summe"}

    assert (
        sentence(against("output/amount", "le", "case/total"), labels) == "Betrag is at most Summe"
    )
    assert sentence(clause("output/amount", "contains", "1"), labels) == 'Betrag contains "1"'


@pytest.mark.parametrize(
    ("condition", "path", "words"),
    [
        (5, "", "Give one of all, any and not"),
        ({"every": []}, "", "Give one of all, any and not"),
        ({"all": []}, "/all", "Add at least one condition."),
        ({"any": YES}, "/any", "Add at least one condition."),
        ({"not": {}}, "/not", "Give one of"),
        ({"all": [YES, None]}, "/all/1", "Give one of"),
        ({"any": [{"not": {"fact": "round"}}]}, "/any/0/not/op", "Choose one of eq, ne,"),
        (clause("", "exists"), "/fact", "Choose a fact."),
        (clause("/amount", "exists"), "/fact", "Choose a fact."),
        ({"op": "exists"}, "/fact", "Choose a fact."),
        (clause("output/gone", "exists"), "/fact", "There is no fact 'output/gone' here."),
        (against("round", "eq", "case/gone"), "/fact2", "There is no fact 'case/gone' here."),
        (clause("round", "exists", 1), "/value", "Leave this out"),
        (clause("round", "eq", 1) | {"fact2": "round"}, "", "either a value or another fact"),
        (clause("round", "eq"), "", "either a value or another fact"),
        (clause("round", "eq", 1) | {"a/b": 1}, "/a~1b", "A comparison has no 'a/b'."),
        (clause("round", "gt", "many"), "/value", "Give a number, or a date like 2025-01-31."),
        (clause("round", "gt", True), "/value", "Give a number"),
        (clause("round", "lt", None), "/value", "Give a number"),
        (clause("confidence", "ge", 90), "/value", "Give a confidence between 0 and 1"),
        (clause("round", "in", []), "/value", "Give a list of"),
        (clause("round", "in", 2), "/value", "Give a list of"),
        (clause("round", "in", [1, None]), "/value", "Give a list of"),
        (clause("round", "starts_with", 2), "/value", "Give a text."),
        (clause("round", "starts_with", ""), "/value", "Give a text."),
        (clause("round", "contains", ""), "/value", "Give a text."),
        (clause("round", "contains", None), "/value", "Give a text, a number, or yes or no."),
        (clause("round", "eq", [1]), "/value", "Give a text, a number, or yes or no."),
        (nested(16, YES), "/not" * 16, "at most 16 deep"),
    ],
)
def test_problem_names_its_place(condition: Any, path: str, words: str) -> None:
    known = {"confidence", "round", "output/amount", "output/items/-/sku"}

    (problem,) = validate(condition, known)

    assert problem.path == path
    assert words in problem.message


@pytest.mark.parametrize(
    "condition",
    [
        None,
        {},
        {"all": [YES, {"any": [NO, {"not": YES}]}]},
        clause("round", "eq", None),
        clause("round", "eq", ""),
        clause("round", "ne", "x"),
        clause("round", "lt", "2025-01-31"),
        clause("round", "ge", "2025-01-31T10:00:00Z"),
        clause("round", "in", ["a", 5, True]),
        clause("round", "contains", 5),
        clause("round", "starts_with", "x"),
        clause("confidence", "lt", 1),
        clause("output/items/0/sku", "exists"),
        clause("output/items/-/sku", "exists"),
        against("output/amount", "le", "round"),
        nested(15, YES),
    ],
)
def test_sound_condition_has_no_problem(condition: Any) -> None:
    known = {"confidence", "round", "output/amount", "output/items/-/sku"}

    assert validate(condition, known) == []
    assert validate(condition) == []


def test_facts_used() -> None:
    condition = {
        "all": [
            clause("confidence", "ge", 1),
            {"not": {"any": [against("output/a", "eq", "case/b"), {"fact": 7}, 5]}},
        ]
    }

    assert facts_used(condition) == {"confidence", "output/a", "case/b"}
    assert facts_used(None) == set()


# A second evaluator, written from the module's docstring alone and with other means:
# Kleene's values are 0, 1 and 2, so all is min, any is max and not is 2 - x.
FALSE, MAYBE, TRUE = 0, 1, 2


def naive(condition: Any, facts: dict[str, Any]) -> int:
    if not condition:
        return TRUE
    if "all" in condition:
        return min([TRUE, *(naive(part, facts) for part in condition["all"])])
    if "any" in condition:
        return max([FALSE, *(naive(part, facts) for part in condition["any"])])
    if "not" in condition:
        return 2 - naive(condition["not"], facts)
    return naive_clause(condition, facts)


def naive_clause(c: dict[str, Any], facts: dict[str, Any]) -> int:
    there, left = naive_fact(c["fact"], facts)
    if c["op"] == "exists":
        return TRUE if there and left is not None else FALSE
    if not there:
        return MAYBE
    if "value" in c:
        right = c["value"]
        if right is None and c["op"] in {"eq", "ne"}:
            return TRUE if (left is None) == (c["op"] == "eq") else FALSE
    else:
        there, right = naive_fact(c["fact2"], facts)
        if not there:
            return MAYBE
    if left is None or right is None:
        return MAYBE
    return naive_compare(c["op"], left, right)


def naive_compare(op: str, left: Any, right: Any) -> int:
    if op == "in":
        return naive_compare("contains", right, left) if isinstance(right, list) else MAYBE
    if op == "contains" and isinstance(left, list):
        found = [naive_compare("eq", item, right) for item in left]
        return MAYBE if naive_kind(right) is None else max([FALSE, *found])
    kind = naive_kind(left)
    if kind is None or kind is not naive_kind(right):
        return MAYBE
    if op in {"eq", "ne"}:
        return TRUE if (left == right) == (op == "eq") else FALSE
    if op in {"contains", "starts_with"}:
        return naive_search(op, left, right) if kind is str else MAYBE
    return naive_order(op, left, right, kind)


def naive_search(op: str, text: str, part: str) -> int:
    found = text.find(part)
    return TRUE if found == 0 or (found > 0 and op == "contains") else FALSE


def naive_order(op: str, left: Any, right: Any, kind: type) -> int:
    if kind is str:
        left, right = naive_day(left), naive_day(right)
    if kind is bool or left is None or (type(left) is not type(right) and kind is str):
        return MAYBE
    holds = {"lt": left < right, "le": left <= right, "gt": left > right, "ge": left >= right}
    return TRUE if holds[op] else FALSE


def naive_kind(value: Any) -> type | None:
    if type(value) in {int, float}:
        return float if value == value and value not in {INF, -INF} else None  # noqa: PLR0124
    return type(value) if type(value) in {bool, str} else None


def naive_day(text: str) -> date | datetime | None:
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"):
        try:
            found = datetime.strptime(text, form)  # noqa: DTZ007
        except ValueError:
            continue
        return found if found.tzinfo else found.date()
    return None


def naive_fact(name: str, facts: dict[str, Any]) -> tuple[bool, Any]:
    words = name.split("/")
    value: Any = facts
    if words[0] == "field_confidence" and len(words) > 1:
        words = ["field_confidence", "/" + "/".join(words[1:])]
    for word in words:
        if isinstance(value, dict) and word in value:
            value = value[word]
        elif isinstance(value, list) and word in [str(n) for n in range(len(value))]:
            value = value[int(word)]
        else:
            return False, None
    confident = words == ["confidence"] or (words[0] == "field_confidence" and len(words) == 2)
    if isinstance(value, float) and (math.isnan(value) or math.isinf(value)):
        return False, None
    if confident and isinstance(value, int | float) and (value < 0 or value > 1):
        return False, None
    return True, value


days = st.sampled_from(
    ["2025-01-31", "2025-02-01", "2025-02-30", "2025-01-31T10:00:00+01:00", "2025-01-31T10:00:00Z"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.5, 0.9, 1.0, -0.5, NAN, INF, -INF, 10**400])
    | st.text("ab", max_size=2)
    | days
)
values = scalars | st.lists(scalars, max_size=3)
names = st.sampled_from(
    [
        "confidence",
        "field_confidence/a",
        "field_confidence/a/b",
        "field_confidence",
        "output",
        "output/a",
        "output/b/0",
        "output/b/1",
        "case/a",
        "round",
    ]
)
ops = st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge", "in", "contains", "starts_with"])
clauses = (
    st.fixed_dictionaries({"fact": names, "op": ops, "value": values})
    | st.fixed_dictionaries({"fact": names, "op": ops, "fact2": names})
    | st.fixed_dictionaries({"fact": names, "op": st.just("exists")})
)
conditions = st.recursive(
    clauses | st.sampled_from([{}, None]),
    lambda inner: (
        st.fixed_dictionaries({"not": inner})
        | st.fixed_dictionaries({"all": st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"any": st.lists(inner, max_size=3)})
    ),
    max_leaves=8,
)
worlds = st.fixed_dictionaries(
    {},
    optional={
        "confidence": values,
        "field_confidence": st.dictionaries(st.sampled_from(["/a", "/a/b"]), values),
        "output": st.dictionaries(st.sampled_from(["a", "b"]), values) | values,
        "case": st.dictionaries(st.just("a"), values),
        "round": values,
    },
)


@settings(max_examples=300)
@given(conditions, worlds)
@example({"any": [clause("round", "eq", 1), clause("gone", "eq", 1)]}, {"round": 2})
def test_truth_agrees_with_a_naive_evaluator(condition: Any, facts: dict[str, Any]) -> None:
    trace = evaluate(condition, facts)

    assert trace.truth is [False, None, True][naive(condition, facts)]
    assert trace.text
    assert sentence(condition)


@given(conditions, worlds)
def test_trace_can_be_stored_whatever_the_facts(condition: Any, facts: dict[str, Any]) -> None:
    stored = json.dumps(evaluate(condition, facts).as_json(), allow_nan=False)

    assert json.loads(stored)["text"]


unsettled = conditions.filter(lambda condition: "exists" not in json.dumps(condition))


@given(unsettled, worlds, st.data())
def test_knowing_less_never_turns_an_answer_round(
    condition: Any, facts: dict[str, Any], data: st.DataObject
) -> None:
    kept = data.draw(st.sets(st.sampled_from(sorted(facts)))) if facts else set()
    fewer = {name: facts[name] for name in kept}

    assert evaluate(condition, fewer).truth in {evaluate(condition, facts).truth, None}
