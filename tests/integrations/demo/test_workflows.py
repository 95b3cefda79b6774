from __future__ import annotations

from typing import Any

import pytest
import yaml

from integrations.demo import cases, workflows
from integrations.demo.digits import agent as digit_reader
from integrations.demo.digits import images
from integrations.demo.feedback import texts
from integrations.demo.refunds import agent as refund_reader
from integrations.demo.refunds import generator
from orchestrator import conditions, schema

WORDS = {"case", "output", "confidence", "field_confidence", "decision"}


def read(name: str) -> Any:
    return yaml.safe_load(workflows.text(name))


def step(name: str, key: str) -> dict[str, Any]:
    return next(step for step in read(name)["steps"] if step["key"] == key)


@pytest.mark.parametrize("slug", [*workflows.SLUGS, workflows.FETCHED])
def test_every_schema_and_condition_of_a_definition_holds(slug: str) -> None:
    definition = read(slug)
    rights = [right for step in definition["steps"] for right in step.get("rights", [])]

    assert schema.check_schema(definition["data"]) == []
    for found in (step["schema"] for step in definition["steps"] if "schema" in step):
        assert schema.check_schema(found) == []
    for owner in (*rights, *definition["transitions"]):
        assert conditions.validate(owner.get("when")) == []
        assert {fact.split("/")[0] for fact in conditions.facts_used(owner.get("when"))} <= WORDS


@pytest.mark.parametrize("slug", workflows.SLUGS)
def test_every_case_fits_the_data_that_its_workflow_asks_for(slug: str) -> None:
    data = read(slug)["data"]

    assert all(schema.validate(data, case["data"]) == [] for case in cases.arriving(slug))


@pytest.mark.usefixtures("fetched")
def test_every_text_that_was_fetched_fits_too() -> None:
    data, output = read("feedback")["data"], step("feedback", "read")["schema"]

    assert all(schema.validate(data, case["data"]) == [] for case in cases.arriving("feedback"))
    assert all(
        schema.validate(output, {"sentiment": text.sentiment}) == [] for _, text in texts.arriving()
    )


def test_all_cases_arrive_once_and_every_workflow_has_some_from_the_start() -> None:
    batches = list(cases.batches())

    keys = [(slug, case["key"]) for slug, batch in batches for case in batch]
    assert len(keys) == len(set(keys)) == 3 + 1497 + 2200
    assert {slug for slug, _ in batches[:3]} == set(workflows.SLUGS)
    assert max(len(batch) for _, batch in batches) <= cases.SIZE


@pytest.mark.usefixtures("trained")
def test_what_the_readers_answer_and_what_is_true_fit_the_schemas() -> None:
    output = step("refunds", "read")["schema"]
    for request in generator.arriving(200):
        assert schema.validate(output, request.truth) == []
        assert schema.validate(output, refund_reader.read(request.data).output) == []

    digit = {"image": images.ADDRESS.format(number=1)}
    found = digit_reader.read(digit).output
    assert schema.validate(step("digits", "read")["schema"], found) == []


def test_the_tutorial_explains_every_key_that_the_other_files_use() -> None:
    def keys(name: str) -> set[str]:
        definition = read(name)
        steps = [key for step in definition["steps"] for key in step]
        rights = [k for s in definition["steps"] for r in s.get("rights", []) for k in r]
        return {*definition, *steps, *rights}

    assert keys("refunds") | keys("digits") | keys("feedback") <= keys("tutorial")
