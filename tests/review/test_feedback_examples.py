"""What becomes an example for training or evaluation, and that its consumer can read it."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import orjson
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import engine
from orchestrator.canonical import same
from orchestrator.exceptions import Invalid, NotAllowed
from orchestrator.models import Case, Task, Workflow
from orchestrator.schema.shapes import shapes_of
from review.feedback import FORMATS, KEYS, Outgoing, Query, labelstudio
from review.feedback import examples as shaping
from review.feedback.examples import Asked, question
from tests import waiting, world
from tests.review.feedback import exported, settle_now

SHAPES: Final = Path(settings.BASE_DIR) / "tests/review/shapes"
EXAMPLES: Final = [key for key, one in FORMATS.items() if one.kind != "row"]
KITCHEN: Final = world.LUNCH | {"amount": 12}
PANEL: Final = {"mode: dual": "mode: panel\n        seats: 3\n        approvals: 2"}


def valid(format_key: str, line: Any) -> Any:
    shape = json.loads((SHAPES / f"{format_key}.json").read_text())
    jsonschema_rs.validator_for(shape).validate(line)
    return line


def examples(format_key: str, **asked: str) -> list[Any]:
    query = Query.parse({"workflow": "expenses"} | asked, None)
    text = b"".join(Outgoing(format_key, query))
    is_list = FORMATS[format_key].suffix == "json"
    found = json.loads(text) if is_list else [json.loads(line) for line in text.splitlines()]
    return [valid(format_key, line) for line in found]


def numbers() -> dict[str, int]:
    """How many examples each format has."""
    return {key: len(examples(key)) for key in EXAMPLES}


def none_but(**wanted: int) -> dict[str, int]:
    return dict.fromkeys(EXAMPLES, 0) | {
        name.replace("_", "-"): count for name, count in wanted.items()
    }


def test_a_correction_teaches_what_to_say_and_what_not(expenses: Workflow) -> None:
    task = world.in_review(expenses, key="lunch")
    decided = world.decided(task, "bea", "corrected", output=KITCHEN)
    settle_now()

    assert numbers() == none_but(sft=1, preference=1, preference_trl=1, eval=1, labelstudio=1)
    prompt = [
        {"role": "system", "content": "Compare the fields with the receipt."},
        {"role": "user", "content": "A receipt"},
    ]
    told = [
        {"role": "assistant", "content": f'{{"merchant":"Kantine","amount":{n},"category":"food"}}'}
        for n in ("12", "42.5")
    ]
    assert examples("sft") == [{"messages": [*prompt, told[0]]}]
    assert examples("preference") == [
        {
            "input": {"messages": prompt, "tools": [], "parallel_tool_calls": True},
            "preferred_output": told[:1],
            "non_preferred_output": told[1:],
        }
    ]
    ids = {
        "workflow": "expenses", "version": 1, "step": "read",
        "case": task.case_id, "case_key": "lunch", "task": task.pk,
        "cursor": exported()[0]["cursor"], "decision": decided.decision.pk,
    }  # fmt: skip
    assert examples("preference-trl") == [
        {"prompt": prompt, "chosen": told[:1], "rejected": told[1:], "metadata": ids}
    ]
    assert examples("eval") == [
        {
            "input": {"text": "A receipt"},
            "expected": KITCHEN,
            "metadata": ids,
            "source": "corrected",
        }
    ]


def test_an_approval_by_a_person_teaches_that_the_agent_was_right(expenses: Workflow) -> None:
    world.decided(world.in_review(expenses), "bea", "approved")
    settle_now()

    assert numbers() == none_but(sft=1, kto=1, eval=1, labelstudio=1)
    (example,) = examples("kto")
    assert example["label"] is True
    assert json.loads(example["completion"][0]["content"]) == world.LUNCH


def test_a_rejection_teaches_only_that_the_agent_was_wrong(expenses: Workflow) -> None:
    world.decided(world.in_review(expenses), "bea", "rejected", comment="No receipt.")
    settle_now()

    assert numbers() == none_but(kto=1, labelstudio=1)
    (example,) = examples("kto")
    assert example["label"] is False
    assert json.loads(example["completion"][0]["content"]) == world.LUNCH


@pytest.fixture
def asked_of_people(db: None) -> Task:
    """A step without an agent: a person writes the output."""
    text = world.EXPENSES
    rules = text[text.index("      - name: Much money") : text.index("      - name: Everything")]
    expenses = world.workflow(
        **{
            rules: "",
            "kind: agent\n    actor: reader\n": "kind: human\n",
            "[approved, corrected, rejected, escalated]": "[responded, rejected, escalated]",
        }
    )
    return world.started(expenses).tasks.get()


def test_an_answer_of_a_person_teaches_what_to_say(asked_of_people: Task) -> None:
    world.decided(asked_of_people, "bea", "responded", output=KITCHEN)
    settle_now()

    assert numbers() == none_but(sft=1, eval=1, labelstudio=1)
    assert examples("eval")[0]["expected"] == KITCHEN


def test_a_refusal_to_answer_judges_no_agent(asked_of_people: Task) -> None:
    world.decided(asked_of_people, "bea", "rejected", comment="No receipt.")
    settle_now()

    assert len(exported()) == 1
    assert numbers() == none_but()


def test_what_a_rule_approved_teaches_nothing(expenses: Workflow) -> None:
    world.started(expenses, world.LUNCH, confidence=0.95)

    assert len(exported()) == 1
    assert numbers() == none_but()


def test_seeded_answers_teach_nothing(expenses: Workflow) -> None:
    task = world.in_review(expenses)
    Case.objects.filter(pk=task.case_id).update(origin="seed")
    world.decided(task, "bea", "corrected", output=KITCHEN)
    settle_now()

    assert numbers() == none_but()


def test_what_can_still_be_undone_teaches_nothing(expenses: Workflow) -> None:
    world.decided(world.in_review(expenses), "bea", "corrected", output=KITCHEN)

    assert numbers() == none_but()


def test_four_eyes_make_one_example(expenses: Workflow) -> None:
    task = world.in_review(expenses, world.FLIGHT)
    first = world.decided(task, "bea", "corrected", output=world.FLIGHT | {"amount": 1900})
    world.decided(task, "ben", "approved")
    settle_now()

    assert len(exported()) == 2
    assert numbers() == none_but(sft=1, preference=1, preference_trl=1, eval=1, labelstudio=1)
    assert examples("eval")[0]["metadata"]["decision"] == first.decision.pk


def test_two_approvals_make_one_example(expenses: Workflow) -> None:
    task = world.in_review(expenses, world.FLIGHT)
    for name in ("bea", "ben"):
        world.decided(task, name, "approved")
    settle_now()

    assert len(exported()) == 2
    assert numbers() == none_but(sft=1, kto=1, eval=1, labelstudio=1)


def test_who_was_overruled_teaches_nothing(db: None) -> None:
    expenses = world.workflow(**PANEL)
    world.person("kim", *world.GROUPS["bea"])
    task = world.in_review(expenses, world.FLIGHT)
    world.decided(task, "bea", "approved")
    overruled = world.decided(task, "ben", "rejected", comment="No.")
    world.decided(task, "kim", "approved")
    settle_now()

    assert [row["decision"] for row in exported()] == ["approved", "rejected", "approved"]
    assert numbers() == none_but(sft=1, kto=1, eval=1, labelstudio=1)
    assert examples("kto")[0]["metadata"]["decision"] != overruled.decision.pk


def test_an_escalation_teaches_nothing_but_what_ended_it_does(expenses: Workflow) -> None:
    task = world.in_review(expenses)
    world.decided(task, "bea", "escalated", comment="Too odd.")
    last = world.decided(task, "lea", "approved")
    settle_now()

    assert numbers() == none_but(sft=1, kto=1, eval=1, labelstudio=1)
    assert examples("kto")[0]["metadata"]["decision"] == last.decision.pk


@pytest.mark.parametrize(("to", "judgements"), [("read", 1), ("receive", 0)])
def test_who_sends_a_case_back_judges_the_step_that_is_done_anew(
    db: None, to: str, judgements: int
) -> None:
    waiting.sent_back(world.in_review(waiting.workflow()), to=to)
    settle_now()

    assert [row["decision"] for row in exported()] == ["rejected"]
    assert numbers() == none_but(kto=judgements, labelstudio=judgements)


CHECK: Final = """
  - key: check
    name: Check
    kind: human
    schema: {type: object, properties: {note: {type: string}}}
    output: {/checked: ""}
    rework: {to: [read]}
    rights: [{mode: review, group: Expense reviewers, allowed: [responded, rejected]}]
"""


def test_what_was_sent_back_later_teaches_nothing(db: None) -> None:
    changed = {
        "  - key: booked\n": f"{CHECK[1:]}  - key: booked\n",
        "{from: read, to: booked}": "{from: read, to: check}\n  - {from: check, to: booked}",
    }
    read = world.in_review(world.workflow(**changed))
    world.decided(read, "bea", "approved")
    settle_now()
    assert numbers() == none_but(sft=1, kto=1, eval=1, labelstudio=1)

    waiting.sent_back(Task.objects.get(case=read.case_id, step_key="check"), by="ben")
    settle_now()

    assert [row["decision"] for row in exported()] == ["approved", "rejected"]
    assert numbers() == none_but()


def test_the_agents_own_prompt_comes_before_the_instructions_of_reviewers(db: None) -> None:
    expenses = world.workflow(
        **{"    schema:\n": "    call: {prompt: Read this receipt.}\n    schema:\n"}
    )
    world.decided(world.in_review(expenses), "bea", "approved")
    settle_now()

    assert examples("sft")[0]["messages"][0]["content"] == "Read this receipt."


@pytest.mark.parametrize(
    ("given_text", "said"),
    [
        ('"Hello"', "Hello"),
        ('{"text": "Hello"}', "Hello"),
        ('{"text": 5}', '{"text": 5}'),
        ('{"a": "x", "b": "y"}', '{"a": "x", "b": "y"}'),
        ("{}", "{}"),
        ("[]", "[]"),
    ],
)
def test_an_input_of_one_text_is_that_text(given_text: str, said: str) -> None:
    assert question(given_text) == said


SCHEMA: Final = {
    "type": "object",
    "properties": {
        "z": {"$ref": "#/$defs/inner"},
        "a": {"type": "array", "items": {"$ref": "#/$defs/inner"}},
        "m": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/inner"}]},
    },
    "$defs": {"inner": {"properties": {"q": {}, "b": {}, "y": {}}}},
}
NAMES: Final = st.sampled_from(["z", "a", "m", "q", "b", "y", "other", "0", "\u00e9"])
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(output=JSON, final=JSON, asked_for=JSON, prompt=st.sampled_from(["", "Read."]))
def test_every_example_is_valid_and_loses_nothing(
    output: Any, final: Any, asked_for: Any, prompt: str
) -> None:
    row: dict[str, Any] = dict.fromkeys(KEYS, 1)
    names = ("workflow", "step", "case_key", "agent", "reviewer", "comment")
    row |= dict.fromkeys(names, "x") | {"decision": "corrected"}
    texts = {"output": output, "final": final, "input": asked_for}
    row |= {key: orjson.dumps(value).decode() for key, value in texts.items()}
    asked = Asked(prompt, shapes_of(SCHEMA))

    lines = {key: valid(key, made(key, row, asked)) for key in EXAMPLES}

    answer = lines["sft"]["messages"][-1]["content"]
    assert same(orjson.loads(answer), final)
    assert same(lines["eval"]["expected"], final)
    assert same(lines["eval"]["input"], asked_for)
    assert same(lines["labelstudio"]["meta"]["final"], final)
    pair = lines["preference"]
    assert pair["preferred_output"][0]["content"] == answer
    assert same(orjson.loads(pair["non_preferred_output"][0]["content"]), output)


def made(key: str, row: dict[str, Any], asked: Asked) -> Any:
    shape = {
        "sft": shaping.sft, "preference": shaping.preference, "kto": shaping.kto,
        "preference-trl": shaping.preference_trl, "eval": shaping.evaluation,
        "labelstudio": labelstudio.task,
    }[key]  # fmt: skip
    return orjson.loads(orjson.dumps(shape(row, asked)))


def test_members_stand_in_the_order_of_the_schema() -> None:
    asked = Asked("", shapes_of(SCHEMA))
    text = '{"other": 1, "a": [{"y": 1, "q": 2}], "m": {"y": 1, "b": 2}, "z": {"b": 1, "q": 2}}'

    assert asked.answer(text)[0]["content"] == (
        '{"z":{"q":2,"b":1},"a":[{"q":2,"y":1}],"m":{"b":2,"y":1},"other":1}'
    )


def a_day_of_work(expenses: Workflow, dice: random.Random) -> None:
    """Cases of every kind, decided by whoever is there, some of it undone."""
    for number in range(10):
        value = dice.choice([world.LUNCH, world.FLIGHT])
        confidence = dice.choice([0.2, 0.95])
        case = world.started(expenses, value, confidence=confidence, key=f"{number}")
        task = case.tasks.get()
        for name in dice.sample(["bea", "ben", "lea"], 3):
            if Task.objects.get(pk=task.pk).state == "in_review":
                with suppress(NotAllowed, Invalid):
                    _anything(task, name, dice)
    settle_now()


def _anything(task: Task, name: str, dice: random.Random) -> None:
    word = dice.choice(["approved", "corrected", "rejected", "escalated"])
    shown = Task.objects.get(pk=task.pk).proposal or {}
    output = shown | {"amount": shown["amount"] + dice.randint(1, 3)}
    more = {"output": output} if word == "corrected" else {}
    decided = world.decided(task, name, word, comment="Said.", **more)
    if decided.settle_at and dice.random() < 0.2:
        seat = engine.undo(decided.decision.pk, actor=world.actor(name))
        engine.release(task.pk, actor=world.actor(name), token=str(seat.claim_token))


@pytest.mark.parametrize("seed", range(3))
def test_whatever_people_do_no_automatic_and_no_overruled_row_leaks_in(
    expenses: Workflow, seed: int
) -> None:
    a_day_of_work(expenses, random.Random(seed))
    rows = {row["id"]: row for row in exported()}
    assert {row["actor_kind"] for row in rows.values()} > {"human"}

    for key in ("preference-trl", "kto", "eval"):
        found = [(line, rows[line["metadata"]["decision"]]) for line in examples(key)]

        assert {row["actor_kind"] for _, row in found} <= {"human"}
        assert "escalated" not in {row["decision"] for _, row in found}
        assert len({row["task"] for _, row in found}) == len(found)
        assert all(is_true_to(line, row) for line, row in found)
    check_shares([row for row in rows.values() if row["actor_kind"] == "human"])
    assert len(examples("sft")) == len(examples("eval"))
    assert len(examples("preference")) == len(examples("preference-trl"))


def is_true_to(line: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether an example says what its row says."""
    if "label" in line:
        return bool(
            line["label"] == (row["decision"] != "rejected" and row["output"] == row["final"])
        )
    if "chosen" in line:
        texts = [json.loads(line[side][0]["content"]) for side in ("chosen", "rejected")]
        return texts == [row["final"], row["output"]] and row["final"] != row["output"]
    return bool(line["expected"] == row["final"] and row["final"] is not None)


def check_shares(rows: list[dict[str, Any]]) -> None:
    """Told from the rows alone: the formats share out what people settled, once each."""
    ends = {row["task"]: row for row in rows if row["decision"] != "escalated"}
    right = {t for t, row in ends.items() if row["final"] == row["output"]}
    wrong = {t for t, row in ends.items() if row["final"] is None}

    assert tasks("eval") == ends.keys() - wrong
    assert tasks("preference-trl") == ends.keys() - wrong - right
    assert tasks("kto") == right | wrong
    assert tasks("labelstudio") == ends.keys()


def tasks(key: str) -> set[int]:
    place = "data" if key == "labelstudio" else "metadata"
    return {line[place]["task"] for line in examples(key)}
