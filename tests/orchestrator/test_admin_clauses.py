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
from orchestrator.admin.clauses import OPS, Row, clause_of
from orchestrator.admin.conditions import Editor
from orchestrator.admin.fitting import misfits
from orchestrator.admin.outlines import lines_of, parts_of, tree_of
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
def test_lines_say_the_same_as_the_tree(tree: Any, facts: Facts) -> None:
    found = lines_of(tree, facts)
    if found is None:
        return
    join, lines = found

    again = tree_of(join, parts_of(lines, facts))

    whole = tree.get("all") or tree.get("any")
    single = whole[0] if isinstance(whole, list) and len(whole) == 1 else tree
    assert exact(again) == exact(single)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(tree=TREES)
def test_the_editor_gives_back_what_it_shows_or_refuses_it(tree: Any, facts: Facts) -> None:
    shown = Editor(facts, tree, None)

    posted = Editor(facts, None, shown.posted)

    wrong = conditions.validate(tree, facts) or list(misfits(tree, facts))
    assert posted.is_valid() is not bool(wrong)
    if not wrong:
        whole = tree.get("all") or tree.get("any")
        single = whole[0] if isinstance(whole, list) and len(whole) == 1 else tree
        assert exact(posted.value) in (exact(tree), exact(single))


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
        {"all": [{"any": [{"fact": "confidence", "op": "ge", "value": 0.9}]},
                 {"not": {"any": [{"fact": "output/amount", "op": "gt", "value": 1},
                                  {"fact": "output/paid", "op": "eq", "value": True}]}}]},
        {"not": {"all": [{"not": {"fact": "output/amount", "op": "gt", "value": 1}},
                         {"fact": "output/note", "op": "exists"}]}},
        {"not": {"not": {"fact": "output/amount", "op": "exists"}}},
    ],
)  # fmt: skip
def test_what_people_write_can_be_shown_as_lines(tree: Any, facts: Facts) -> None:
    assert lines_of(tree, facts) is not None


@pytest.mark.parametrize(
    "tree",
    [
        {
            "not": {
                "not": {"not": {"not": {"not": {"not": {"fact": "round", "op": "gt", "value": 1}}}}}
            }
        },
        {"any": [{"all": []}]},
        {"fact": "output/note", "op": "eq", "value": ""},
        {"all": []},
        {"odd": 1},
        [],
        None,
    ],
)
def test_what_lines_cannot_say_has_none(tree: Any, facts: Facts) -> None:
    assert lines_of(tree, facts) is None


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ({"fact": "output/amount", "op": "starts_with", "value": "1"}, "“starts with”"),
        ({"fact": "output/paid", "op": "lt", "value": 1}, "“is below”"),
        ({"fact": "output/tags", "op": "eq", "value": "odd"}, "“is”"),
        ({"fact": "output/amount", "op": "eq", "value": "much"}, "another kind"),
        ({"fact": "output/kind", "op": "in", "value": ["refund", "gift"]}, "is one of"),
        ({"fact": "output/amount", "op": "eq", "fact2": "output/note"}, "different kinds"),
    ],
)
def test_a_comparison_that_could_never_hold_is_refused(
    clause: Any, said: str, facts: Facts
) -> None:
    (problem,) = misfits({"all": [{"not": clause}]}, facts)

    assert problem.path == "/all/0/not"
    assert said in problem.message


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
