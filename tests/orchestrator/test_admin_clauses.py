"""A condition as rows and back: the same condition, or no rows at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestrator import conditions, wording
from orchestrator.admin.clauses import OPS, Row, clause_of, rows_of, tree_of
from orchestrator.definitions import Facts, facts_of, import_draft

pytestmark = pytest.mark.django_db

TEXT = """
workflow: any
name: Any
data: {type: object, properties: {open: {type: object}, tier: {type: string}}}
steps:
  - key: read
    name: Read
    kind: agent
    schema:
      type: object
      properties:
        amount: {type: number}
        count: {type: integer}
        paid: {type: boolean}
        kind: {enum: [refund, "yes", 1, null]}
        note: {type: string}
        tags: {type: array, items: {type: string}}
"""
VALUES = (
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(-1e9, 1e9)
    | st.text(max_size=8) | st.sampled_from(["", "1", "true", "null", "a, b", "[1]", "1e3", " x "])
)  # fmt: skip
NAMES = st.sampled_from(
    ["confidence", "output/amount", "output/count", "output/paid", "output/kind", "output/note",
     "output/tags", "case/open/deep", "case/tier", "gone/away"]
)  # fmt: skip
CLAUSES = st.one_of(
    st.builds(
        lambda fact, op, value: {"fact": fact, "op": op, "value": value},
        NAMES, st.sampled_from(list(wording.PHRASES)),
        VALUES | st.lists(VALUES, max_size=3),
    ),
    st.builds(lambda fact: {"fact": fact, "op": "exists"}, NAMES),
    st.builds(lambda fact, other: {"fact": fact, "op": "eq", "fact2": other}, NAMES, NAMES),
)  # fmt: skip
TREES = st.recursive(
    CLAUSES,
    lambda inner: st.one_of(
        st.builds(lambda part: {"not": part}, inner),
        st.builds(lambda parts: {"all": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, max_size=3)),
    ),
    max_leaves=6,
)


@pytest.fixture
def facts() -> Facts:
    User.objects.create_user("alice")
    return facts_of(import_draft(TEXT).steps.get())


def exact(value: Any) -> str:
    """A text that tells 1, 1.0 and true apart."""
    return json.dumps(value, sort_keys=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(tree=TREES)
@example(tree={"all": []})
@example(tree={"fact": "output/kind", "op": "in", "value": ["refund", 1, None]})
@example(tree={"fact": "output/note", "op": "in", "value": ["a, b"]})
@example(tree={"fact": "case/open/deep", "op": "eq", "value": "1"})
def test_rows_say_the_same_as_the_tree(tree: Any, facts: Facts) -> None:
    found = rows_of(tree, facts)
    if found is None:
        return
    join, rows = found

    again = tree_of(join, [clause_of(row, facts) for row in rows])

    whole = tree.get("all") or tree.get("any")
    single = whole[0] if isinstance(whole, list) and len(whole) == 1 else tree
    assert exact(again) == exact(single)


@pytest.mark.parametrize(
    "tree",
    [
        {"fact": "confidence", "op": "ge", "value": 0.9},
        {"all": [{"fact": "output/kind", "op": "eq", "value": "refund"},
                 {"fact": "output/amount", "op": "gt", "fact2": "output/count"}]},
        {"not": {"fact": "case/open/deep", "op": "exists"}},
        {"any": [{"not": {"fact": "output/tags", "op": "contains", "value": "odd"}},
                 {"fact": "output/paid", "op": "eq", "value": True}]},
        {"fact": "output/kind", "op": "in", "value": ["refund", "yes"]},
        {"fact": "output/kind", "op": "eq", "value": "yes"},
        {"fact": "case/open/deep", "op": "eq", "value": "1"},
        {"fact": "case/open/deep", "op": "eq", "value": 1},
    ],
)  # fmt: skip
def test_what_people_write_can_be_shown_as_rows(tree: Any, facts: Facts) -> None:
    assert rows_of(tree, facts) is not None


@pytest.mark.parametrize(
    "tree",
    [
        {"all": [{"any": [{"fact": "confidence", "op": "ge", "value": 0.9}]}]},
        {"not": {"fact": "output/amount", "op": "gt", "value": 1}},
        {"not": {"not": {"fact": "output/amount", "op": "exists"}}},
        {"fact": "output/note", "op": "eq", "value": ""},
        {"all": []},
        {"odd": 1},
        [],
        None,
    ],
)
def test_what_rows_cannot_say_has_none(tree: Any, facts: Facts) -> None:
    assert rows_of(tree, facts) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    name=st.sampled_from(["confidence", "output/amount", "output/paid", "output/kind",
                          "output/note", "output/tags", "case/open", "round"]),
    op=st.sampled_from([op for op, _ in OPS]),
    text=st.text(max_size=12) | st.sampled_from(["0.5", "yes", "refund", "1, 2", "[1]"]),
    other=st.sampled_from(["", "", "output/count"]),
)  # fmt: skip
def test_a_row_is_refused_or_names_facts_that_exist(
    name: str, op: str, text: str, other: str, facts: Facts
) -> None:
    try:
        clause = clause_of(Row(name, op, text, other), facts)
    except ValidationError:
        return

    said = [problem.message for problem in conditions.validate(clause, facts)]
    assert not any("fact" in message for message in said)
