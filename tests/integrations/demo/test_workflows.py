from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from integrations.demo import workflows
from integrations.demo.digits import agent as digit_reader
from integrations.demo.digits import images
from integrations.demo.refunds import agent as refund_reader
from integrations.demo.refunds import generator
from orchestrator import conditions, schema

WORDS = {"case", "output", "confidence", "field_confidence", "decision"}


def read(name: str) -> Any:
    return yaml.safe_load((Path(workflows.__file__).parent / name).read_text())


def step(name: str, key: str) -> dict[str, Any]:
    return next(step for step in read(name)["steps"] if step["key"] == key)


@pytest.mark.parametrize("slug", workflows.SLUGS)
def test_every_schema_and_condition_of_a_definition_holds(slug: str) -> None:
    definition = read(f"{slug}.yaml")
    rights = [right for step in definition["steps"] for right in step.get("rights", [])]

    assert schema.check_schema(definition["data"]) == []
    for found in (step["schema"] for step in definition["steps"] if "schema" in step):
        assert schema.check_schema(found) == []
    for owner in (*rights, *definition["transitions"]):
        assert conditions.validate(owner.get("when")) == []
        assert {fact.split("/")[0] for fact in conditions.facts_used(owner.get("when"))} <= WORDS


@pytest.mark.usefixtures("trained")
def test_what_arrives_and_what_the_readers_answer_fit_the_schemas() -> None:
    data, output = read("refunds.yaml")["data"], step("refunds.yaml", "read")["schema"]
    for request in generator.arriving(200):
        assert schema.validate(data, request.data) == []
        assert schema.validate(output, request.truth) == []
        assert schema.validate(output, refund_reader.read(request.data).output) == []

    digit = {"image": images.ADDRESS.format(number=1)}
    assert schema.validate(read("digits.yaml")["data"], digit) == []
    found = digit_reader.read(digit).output
    assert schema.validate(step("digits.yaml", "read")["schema"], found) == []


def test_the_tutorial_explains_every_key_that_the_other_files_use() -> None:
    def keys(name: str) -> set[str]:
        definition = read(name)
        steps = [key for step in definition["steps"] for key in step]
        rights = [k for s in definition["steps"] for r in s.get("rights", []) for k in r]
        return {*definition, *steps, *rights}

    assert keys("refunds.yaml") | keys("digits.yaml") <= keys("tutorial.yaml")
