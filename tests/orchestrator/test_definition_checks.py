"""What keeps a draft from being published, each at its place, and what is only worth a warning."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.definitions import facts_of, import_draft, problems, warnings
from orchestrator.definitions.places import Places
from orchestrator.models import DecisionRight, Step, WorkflowVersion

pytestmark = pytest.mark.django_db

TEXT = """
workflow: bills
name: Bills
accountable: alice
connections: {reader: {kind: fake}, ledger: {kind: fake}}
actors:
  reader: {kind: agent, revision: "1", connection: reader}
  ledger: {kind: system, connection: ledger}
data:
  type: object
  required: [letter]
  properties:
    letter: {type: string}
    sender: {type: object, properties: {name: {type: string}}}
    extra: {type: object}
steps:
  - key: read
    name: Read
    kind: agent
    actor: reader
    input: {letter: /letter}
    schema:
      type: object
      properties:
        amount: {type: number}
        payee: {type: string}
        lines: {type: array, items: {type: object, properties: {price: {type: number}}}}
    output: {/bill: ""}
    evidence: [{path: /letter, as: text}]
    reasons: [{code: wrong, label: Wrong}]
    material: [/amount]
    limit: /amount
    retry: {attempts: 3, base: 2s, cap: 60s}
    rights:
      - {name: Small, when: {fact: output/amount, op: lt, value: 10}, mode: auto}
      - {name: Rest, mode: review, group: Clerks, escalates_to: Heads}
  - key: ask
    name: Ask
    kind: human
    schema: {type: object, properties: {reply: {type: string}}}
    rights: [{mode: review, group: Clerks, escalates_to: Heads}]
  - key: pay
    name: Pay
    kind: system
    actor: ledger
    schema: {type: object}
    input: {amount: /bill/amount, reply: /ask/reply, any: /extra/deep/down}
  - {key: done, name: Done, kind: end}
transitions:
  - {from: read, to: ask}
  - {from: ask, to: pay, when: {fact: case/bill/lines/0/price, op: gt, value: 0}}
  - {from: ask, to: done}
  - {from: pay, to: done}
"""


@pytest.fixture(autouse=True)
def alice() -> User:
    """Who owns the workflow and, for want of others, is in its groups."""
    user = User.objects.create_user("alice")
    user.groups.add(*(Group.objects.create(name=name) for name in ("Clerks", "Heads")))
    return user


def said(draft: WorkflowVersion) -> list[tuple[str, str]]:
    return [(problem.path, problem.message) for problem in problems(draft)]


def test_a_sound_draft_has_neither_problems_nor_warnings() -> None:
    draft = import_draft(TEXT)

    assert said(draft) == []
    assert warnings(draft) == []


@pytest.mark.parametrize(
    ("old", "new", "path", "words"),
    [
        ("kind: human", "kind: timer", "/steps/1/flow", "Give after"),
        ("name: Bills", 'name: "Bi\\u202Ells"', "/name", "nobody sees"),
        ("label: Wrong", 'label: "Wr\\u200Bong"', "/steps/0/reasons/0/label", "nobody sees"),
        ("kind: system\n", "kind: automation\n", "/steps/2/actor", "wants one of kind automation"),
        ("input: {letter: /letter}", "input: {letter: /lettr}", "/steps/0/input/letter",
         "The case has nothing at /lettr."),
        ("input: {letter: /letter}", "input: {letter: letter}", "/steps/0/input/letter",
         "Give a place such as"),
        ("/ask/reply", "/ask/answer", "/steps/2/input/reply", "The case has nothing"),
        ('{/bill: ""}', "{/bill: /total}", "/steps/0/output/~1bill", "The output has nothing"),
        ('{/bill: ""}', '{bill: ""}', "/steps/0/output/bill", "Name a place in the case"),
        ("[{path: /letter, as: text}]", "[{path: /picture, as: image}]",
         "/steps/0/evidence/0/path", "The case has nothing"),
        ("[{code: wrong, label: Wrong}]", "[{code: a, label: A}, {code: a, label: B}]",
         "/steps/0/reasons/1/code", "Another reason"),
        ("material: [/amount]", "material: [/sum]", "/steps/0/material/0", "nothing at /sum"),
        ("limit: /amount", "limit: /payee", "/steps/0/limit", "Point to a number"),
        ("limit: /amount", "limit: /amount\n    timeout: 2m", "/steps/0/timeout", "1 to 90"),
        ("attempts: 3", "attempts: 99", "/steps/0/retry/attempts", "at most 20"),
        ("base: 2s, cap: 60s", "base: 2m, cap: 60s", "/steps/0/retry/cap", "no shorter"),
        ("limit: /amount", "compensated_by: undo", "/steps/0/compensated_by", "no step 'undo'"),
        ("fact: output/amount", "fact: output/sum", "/steps/0/rights/0/when/fact", "no fact"),
        ("fact: output/amount", "fact: decision", "/steps/0/rights/0/when/fact", "no fact"),
        ("case/bill/lines/0/price", "case/bill/lines/0/cost", "/transitions/1/when/fact",
         "no fact"),
        ("case/bill/lines/0/price", "confidence", "/transitions/1/when/fact", "no fact"),
        (("kind: human\n    schema: {type: object, properties: {reply: {type: string}}}\n"
         "    rights: [{mode"),
         ("kind: human\n    schema: {type: object, properties: {reply: {type: string}}}\n"
         "    rights: [{when: {fact: output/reply, op: exists}, mode"),
         "/steps/1/rights/0/when/fact", "no fact"),
        ("{name: Rest,", "{name: Rest, allowed: [responded],", "/steps/0/rights/1/allowed",
         "not responded"),
        ("{name: Rest, mode: review, group: Clerks, escalates_to: Heads}",
         "{name: Rest, mode: review, group: Clerks, allowed: [escalated]}",
         "/steps/0/rights/1/escalates_to", "Name the group that is asked next"),
        ("{name: Rest,", "{name: Rest, on_timeout: approved,", "/steps/0/rights/1/on_timeout",
         "Silence never approves"),
        ("{name: Rest,", "{name: Rest, audit_rate: 0.1,", "/steps/0/rights/1/audit_rate",
         "not audited yet"),
        ("{name: Rest,", "{name: Rest, decide_within: 0s,", "/steps/0/rights/1/decide_within",
         "Give people time"),
        ("{name: Rest,", "{name: Rest, start_within: 2d, decide_within: 1d,",
         "/steps/0/rights/1/start_within", "later than"),
        ("{name: Rest, mode: review,", "{name: Rest, mode: dual, seats: 3,",
         "/steps/0/rights/1/seats", "two people"),
        ("{name: Rest,", "{name: Rest, seats: 2,", "/steps/0/rights/1/seats", "one person"),
        ("{name: Rest, mode: review,", "{name: Rest, mode: panel,", "/steps/0/rights/1/seats",
         "two seats or more"),
        ("when: {fact: output/amount, op: lt, value: 10}, mode: auto}",
         ("mode: review, group: Clerks, escalates_to: Heads}\n"
         "      - {mode: auto, when: {fact: confidence, op: gt, value: 0.5}}"),
         "/steps/0/rights/1", "move this one up"),
        ("    rights: [{mode: review, group", "    rights: [{mode: auto}, {mode: review, group",
         "/steps/1/rights/0/mode", "nothing to approve"),
        ("kind: end}", "kind: end, actor: reader}", "/steps/3/actor", "Leave this out"),
        ("kind: end}", "kind: end, rights: [{mode: auto}]}", "/steps/3/rights", "Remove"),
        ("  - {from: pay, to: done}", "  - {from: pay, to: done}\n  - {from: done, to: pay}",
         "/transitions/4", "Nothing leads on"),
        ("{kind: fake}, ledger", "{kind: fax}, ledger", "/connections/reader/kind",
         "no connector of kind 'fax'"),
    ],
)  # fmt: skip
def test_a_problem_stands_at_its_place(old: str, new: str, path: str, words: str) -> None:
    assert old in TEXT

    found = said(import_draft(TEXT.replace(old, new)))

    assert [place for place, message in found if words in message] == [path]


def test_what_no_file_could_say_is_told_and_the_rest_still_looked_at() -> None:
    draft = import_draft(TEXT)
    Step.objects.filter(version=draft, key="read").update(evidence=[{"odd": 1}], limit="amount")
    DecisionRight.objects.filter(step__version=draft, step__key="ask").update(group=None)

    paths = [path for path, _ in said(draft)]

    assert any(path.startswith("/steps/0/evidence/0") for path in paths)
    assert "/steps/1/rights/0/group" in paths


def test_an_account_that_is_gone_answers_for_nothing(alice: User) -> None:
    alice.is_active = False
    alice.save()

    assert [path for path, _ in said(import_draft(TEXT))] == ["/accountable"]


@pytest.mark.parametrize(
    ("old", "new", "path", "words"),
    [
        ("{name: Rest, mode: review, group: Clerks, escalates_to: Heads}",
         "{name: Rest, mode: review, group: Clerks}", "/steps/0/rights/1/escalates_to",
         "an incident opens"),
        ("      - {name: Rest,", ("      - {mode: review, group: Clerks, escalates_to: Heads}\n"
         "      - {name: Rest,"), "/steps/0/rights/2", "takes every output"),
        ("    schema: {type: object}\n", "    schema: {type: object}\n    rights: [{mode: auto}]\n",
         "/steps/2/rights", "No rule asks a person"),
        ("  - {from: read, to: ask}", "  - {from: read, to: ask}\n  - {from: read, to: done}",
         "/transitions/1", "always taken"),
        ("  - {from: ask, to: done}\n", "", "/steps/1", "stops with an incident"),
        ("ledger: {kind: fake}", "ledger: {kind: http}", "/connections/ledger/settings/url",
         "Fill this in"),
    ],
)  # fmt: skip
def test_a_warning_keeps_nobody_from_publishing(old: str, new: str, path: str, words: str) -> None:
    assert old in TEXT

    draft = import_draft(TEXT.replace(old, new))

    assert [row.path for row in warnings(draft) if words in row.message] == [path]
    assert said(draft) == []


def test_the_facts_of_a_rule_can_be_chosen() -> None:
    draft = import_draft(TEXT)
    names = set(facts_of(draft.steps.get(key="read")))

    assert {"confidence", "model", "agent", "round", "initiator"} <= names
    assert {"output/amount", "output/lines/0/price", "field_confidence/amount"} <= names
    assert {"case/letter", "case/sender/name", "case/bill/amount", "case/ask/reply"} <= names
    assert "decision" not in names


def test_the_facts_of_a_way_on_can_be_chosen() -> None:
    draft = import_draft(TEXT)
    names = set(facts_of(draft.steps.get(key="ask"), leaving=True))

    assert {"decision", "output/reply", "case/bill/amount"} <= names
    assert not names & {"confidence", "round", "field_confidence/reply"}


def test_every_fact_that_can_be_chosen_exists() -> None:
    draft = import_draft(TEXT)
    for step in draft.steps.all():
        for leaving in (False, True):
            facts = facts_of(step, leaving=leaving)
            assert all(name in facts for name in facts)


@given(st.recursive(
    st.sampled_from([{}, True, {"type": "string"}, {"enum": [1]}, {"type": "object"}]),
    lambda inner: st.one_of(
        st.builds(lambda part: {"type": "object", "properties": {"a": part}}, inner),
        st.builds(lambda part: {"type": "array", "items": part}, inner),
        st.builds(lambda part: {"anyOf": [part, {"type": "null"}]}, inner),
        st.builds(lambda part: {"$defs": {"d": part}, "$ref": "#/$defs/d"}, inner),
    ),
))  # fmt: skip
def test_every_leaf_of_a_schema_is_a_place(schema: object) -> None:
    places = Places(schema if isinstance(schema, dict) else {})

    assert all(places.at(pointer) for pointer, _ in places.leaves())


@pytest.mark.parametrize(
    ("schema", "pointer", "there"),
    [
        ({}, "/any/thing", True),
        ({"type": "object"}, "/any", True),
        ({"properties": {"a": {"type": "string"}}}, "/a", True),
        ({"properties": {"a": {"type": "string"}}}, "/b", False),
        ({"properties": {"a": {"type": "string"}}}, "/a/b", False),
        ({"properties": {"a": {}}, "additionalProperties": True}, "/b", True),
        ({"type": "object", "additionalProperties": False}, "/b", False),
        ({"additionalProperties": {"type": "object", "properties": {"n": {}}}}, "/b/n", True),
        ({"additionalProperties": {"type": "object", "properties": {"n": {}}}}, "/b/m", False),
        ({"properties": {"a": {}}, "patternProperties": {"^x": {}}}, "/x1", True),
        ({"type": "array", "items": {"enum": ["a"]}}, "/0", True),
        ({"type": "array", "items": {"enum": ["a"]}}, "/-", True),
        ({"type": "array", "items": {"enum": ["a"]}}, "/first", False),
        ({"type": "array", "items": {"enum": ["a"]}}, "/0/x", False),
        ({"anyOf": [{"properties": {"a": {}}}, {"type": "string"}]}, "/a", True),
        ({"$ref": "#/$defs/d", "$defs": {"d": {"properties": {"a": {}}}}}, "/a", True),
        ({"type": "broken"}, "/a", True),
    ],
)
def test_where_a_schema_has_something(schema: dict[str, object], pointer: str, there: bool) -> None:
    assert (Places(schema).at(pointer) is not None) is there


def test_a_group_with_too_few_people_is_worth_a_warning(alice: User) -> None:
    text = TEXT.replace("mode: review, group: Clerks", "mode: dual, group: Clerks", 1)
    text = text.replace("escalates_to: Heads", "escalates_to: Haeds", 1)
    gone = User.objects.create_user("gone", is_active=False)
    gone.groups.add(*alice.groups.all())

    found = [(row.path, row.message) for row in warnings(import_draft(text))]

    assert found == [
        ("/steps/0/rights/1/group", "In the group Clerks there is 1 of 2 people."),
        ("/steps/0/rights/1/escalates_to", "In the group Haeds there is nobody yet."),
    ]
