"""Tasks for Label Studio: each result has its control in the config, and the list is whole or
no JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest
from django.core.management import call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.models import Workflow
from orchestrator.schema.shapes import shapes_of
from review.feedback import Outgoing, Query
from review.feedback.labelstudio import DEEPEST, INPUT, labeling_of
from tests import world
from tests.programs import Program
from tests.review.feedback import settle_now
from tests.review.paper import text_of
from tests.review.test_feedback_examples import examples
from tests.review.training import VISITS, a_hard_month

FITTED: Final = world.LUNCH | {"amount": 12, "paid_on": "2026-11-24"}


def controls_of(config: str) -> dict[str, ET.Element]:
    """The controls of a config by name, after a look at what they label."""
    tree = ET.fromstring(config)  # noqa: S314
    (labeled,) = tree.iter("Text")
    assert labeled.attrib == {"name": INPUT, "value": "$input"}
    found = [one for one in tree.iter() if "toName" in one.attrib]
    names = [one.attrib["name"] for one in found]
    assert len({*names, INPUT}) == len(names) + 1
    assert {one.attrib["toName"] for one in found} == {INPUT}
    return dict(zip(names, found, strict=True))


def fits(result: dict[str, Any], config: str) -> bool:
    """Whether Label Studio would take it: the control is there, of its type, with its choice."""
    control = controls_of(config)[result["from_name"]]
    offered = {one.attrib["value"] for one in control.iter("Choice")}
    return control.tag.lower() == result["type"] and offered >= {
        *result["value"].get("choices", ())
    }


def said(results: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["from_name"]: one["value"] for one in results}


def test_what_the_agent_said_is_predicted_and_what_bea_made_of_it_annotated(
    expenses: Workflow,
) -> None:
    decided = world.decided(world.in_review(expenses, key="k"), "bea", "corrected", output=FITTED)
    settle_now()

    (task,) = examples("labelstudio")

    about = {key: task["data"][key] for key in ("input", "case_key", "step", "decision", "source")}
    assert about == {
        "input": "A receipt", "case_key": "k", "step": "read",
        "decision": decided.decision.pk, "source": "corrected",
    }  # fmt: skip
    (predicted,), (annotated,) = task["predictions"], task["annotations"]
    assert (predicted["model_version"], predicted["score"]) == ("reader@1", 0.5)
    right = {
        "merchant": {"text": ["Kantine"]}, "amount": {"number": 12},
        "category": {"choices": ["food"]}, "paid_on": {"datetime": "2026-11-24"},
    }  # fmt: skip
    assert said(annotated["result"]) == right
    before = right | {"amount": {"number": 42.5}}
    assert said(predicted["result"]) == {k: v for k, v in before.items() if k != "paid_on"}
    assert task["meta"]["output"] == world.LUNCH
    assert (task["meta"]["final"], task["meta"]["reviewer"]) == (FITTED, "bea")
    controls = controls_of(task["meta"]["config"])
    assert {name: one.tag for name, one in controls.items()} == {
        "merchant": "TextArea", "amount": "Number", "category": "Choices", "paid_on": "DateTime",
    }  # fmt: skip


def test_what_was_rejected_waits_for_an_annotation(expenses: Workflow) -> None:
    world.decided(world.in_review(expenses), "bea", "rejected", comment="No receipt.")
    settle_now()

    (task,) = examples("labelstudio")

    assert task["annotations"] == []
    assert said(task["predictions"][0]["result"])["merchant"] == {"text": ["Kantine"]}
    assert (task["meta"]["final"], task["meta"]["comment"]) == (None, "No receipt.")


def test_steps_of_one_file_have_each_their_config(db: None) -> None:
    a_hard_month()

    tasks = json.loads(b"".join(Outgoing("labelstudio", Query.parse({}, None))))

    configs = {(one["data"]["step"], one["meta"]["config"]) for one in tasks}
    assert sorted(step for step, _ in configs) == ["read", "tell"]
    for task in tasks:
        for told in (*task["predictions"], *task["annotations"]):
            assert told["result"]
            assert all(fits(result, task["meta"]["config"]) for result in told["result"])
    asked_of_people = [one for one in tasks if one["data"]["step"] == "tell"]
    assert [one["predictions"] for one in asked_of_people] == [[], [], []]
    seen = said(asked_of_people[1]["annotations"][0]["result"])
    assert seen == {"seen": {"text": ['[{"a":1},{"b":[null,true]}]']}}
    assert "seen" in VISITS


def test_nothing_is_an_empty_list(expenses: Workflow) -> None:
    assert b"".join(Outgoing("labelstudio", Query.parse({}, None))) == b"[]\n"


def test_the_list_is_none_before_its_end(
    expenses: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review.feedback.rows.FIRST_BATCH", 1)
    for _ in range(3):
        world.decided(world.in_review(expenses), "bea", "approved")
    settle_now()

    chunks = [*Program("bea").get("feedback", format="labelstudio").streaming_content]

    assert len(chunks) > 2
    assert len(json.loads(b"".join(chunks))) == 3
    with pytest.raises(json.JSONDecodeError):
        json.loads(b"".join(chunks[:-1]))


def test_the_command_honours_filters(expenses: Workflow, tmp_path: Path) -> None:
    for name in ("bea", "ben"):
        world.decided(world.in_review(expenses), name, "approved")
    settle_now()
    out = tmp_path / "tasks.json"
    given_ = ["--workflow", "expenses", "--format", "labelstudio", "--reviewer", "ben"]

    call_command("export_feedback", *given_, "--out", str(out))

    (task,) = json.loads(out.read_text())
    assert task["meta"]["reviewer"] == "ben"
    manifest = json.loads((tmp_path / "tasks.json.manifest.json").read_text())
    assert manifest["counts"]["rows"] == 1
    assert not (tmp_path / "tasks.json.ids.jsonl").exists()


def test_the_page_shows_tasks_and_the_config_they_need(bea: Client, expenses: Workflow) -> None:
    world.decided(world.in_review(expenses, text="One\u2028two"), "bea", "approved")
    world.decided(world.in_review(expenses), "ben", "rejected", comment="No.")
    settle_now()

    page = bea.get("/review/exports/?workflow=expenses&format=labelstudio")

    found = page.context["found"]
    assert [line[:9] for line in found.lines] == ['{"data":{'] * 2
    ((name, config),) = found.configs.items()
    assert name == "read, version 1"
    assert "amount" in controls_of(config)
    assert "Make a project in Label Studio" in text_of(page)
    assert "&lt;Number name=&quot;amount&quot;" in page.content.decode()
    other = bea.get("/review/exports/?workflow=expenses&format=eval")
    assert "Label Studio with this config" not in text_of(other)


HOSTILE: Final = {
    "type": "object",
    "properties": {
        "a.b": {"type": "string", "title": '"><Text name="x" value="$y"/>'},
        "a": {"type": "object", "properties": {"b": {"type": "integer"}, "": {"type": "boolean"}}},
        "a b": {"enum": ["food", "\u0001", '"\\u0001"', None, " x\t", 'a"<&', 7, "7"]},
        "a-b": {"type": ["string", "null"], "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        INPUT: {"type": "number"},
        "the/input~": {"type": "array", "items": {"type": "string"}},
        "self": {"$ref": "#"},
    },
}


def test_names_are_of_letters_and_differ_whatever_the_keys_are() -> None:
    labeling = labeling_of(shapes_of(HOSTILE))
    names = [one.name for one in labeling.controls]

    assert names[:5] == ["a-2e-b", "a.b", "a.--", "a-20-b", "a-2d-b"]
    assert list(controls_of(labeling.config)) == names
    # Label Studio looks for names in the text of the config, not in its tree.
    assert re.findall(r"\bname=[\"\']([^\"\']*)", labeling.config) == [INPUT, *names]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in names)
    assert max(name.count(".") for name in names) == DEEPEST - 1
    (whole,) = labeling_of(shapes_of({"type": "string"})).controls
    assert (whole.name, whole.result("x")) == (
        "value",
        {"from_name": "value", "to_name": INPUT, "type": "textarea", "value": {"text": ["x"]}},
    )


@given(st.sets(st.lists(st.text("a.-_/~ 2e\u00e9", max_size=4), min_size=1, max_size=3).map(tuple)))
def test_no_two_paths_have_one_name(paths: set[tuple[str, ...]]) -> None:
    root: dict[str, Any] = {"type": "object", "properties": {}}
    for path in paths:
        at = root
        for key in path:
            at = at["properties"].setdefault(key, {"type": "object", "properties": {}})

    names = [one.name for one in labeling_of(shapes_of(root)).controls]

    assert len(set(names)) == len(names)
    assert INPUT not in names
    assert "" not in names


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ({"a b": "\u0001"}, {"a-20-b": {"choices": ['"\\u0001"']}}),
        ({"a b": '"\\u0001"'}, {"a-20-b": {"choices": [json.dumps('"\\u0001"')]}}),
        (
            {"a b": 7, "a": {"": False}},
            {"a.--": {"choices": ["false"]}, "a-20-b": {"choices": ["7"]}},
        ),
        ({"a b": "7"}, {"a-20-b": {"choices": ['"7"']}}),
        ({"a b": None, "a-b": None}, {"a-20-b": {"choices": ["null"]}}),
        ({"a b": "fish", "a": {"b": True}, "a-b": "soon", "at": 5, "other": 1}, {}),
        ({"at": "2026-11-24T07:00:00Z"}, {"at": {"text": ["2026-11-24T07:00:00Z"]}}),
        ([1], {}),
    ],
)
def test_a_result_says_what_its_control_can_hold(output: Any, told: dict[str, Any]) -> None:
    labeling = labeling_of(shapes_of(HOSTILE))

    results = labeling.results(output)

    assert said(results) == told
    assert all(fits(result, labeling.config) for result in results)
