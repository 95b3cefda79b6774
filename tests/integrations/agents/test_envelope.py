"""What a model is asked to fill, and the step's output out of it."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.agents.envelope import NUMBER, enclose, fits_strict
from integrations.agents.images import take_images
from orchestrator import schema
from orchestrator.pointers import MISSING

KIND = {
    "type": "object",
    "properties": {"kind": {"type": "string"}},
    "required": ["kind"],
    "additionalProperties": False,
}


def test_an_object_is_asked_for_as_it_is() -> None:
    envelope = enclose(KIND)

    assert envelope.schema == KIND
    assert envelope.output({"kind": "a"}) == {"kind": "a"}


@pytest.mark.parametrize(
    ("wanted", "output"),
    [
        ({}, [1]),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"$ref": "#/$defs/kind", "$defs": {"kind": KIND}}, {"kind": "a"}),
        ({"type": "object", "anyOf": [KIND]}, {"kind": "a"}),
        ({"enum": ["a", "b"]}, "a"),
    ],
)
def test_anything_else_is_put_into_an_object(wanted: dict[str, Any], output: Any) -> None:
    envelope = enclose(wanted)

    assert envelope.schema["type"] == "object"
    assert schema.validate(envelope.schema, {"value": output}) == []
    assert schema.validate(wanted, output) == []
    assert schema.validate(envelope.schema, {}) != []
    assert envelope.output({"value": output}) == output
    assert envelope.output({}) is MISSING
    assert envelope.output(output) is MISSING


def test_a_reference_still_leads_to_its_definition() -> None:
    wanted = {"type": "array", "items": {"$ref": "#/$defs/kind"}, "$defs": {"kind": KIND}}

    envelope = enclose(wanted)

    assert schema.validate(envelope.schema, {"value": [{"kind": 7}]})[0].path == "/value/0/kind"


def test_confidences_are_asked_for_beside_the_output_and_taken_out() -> None:
    envelope = enclose(KIND, whole="/confidence", fields="/sure")
    answer = {"kind": "a", "confidence": 0.5, "sure": {"kind": 0.4}}

    assert envelope.schema["properties"]["confidence"] == NUMBER
    assert schema.validate(envelope.schema, answer) == []
    assert schema.validate(envelope.schema, {"kind": "a"}) != []
    assert fits_strict(envelope.schema)
    assert envelope.output(answer) == {"kind": "a"}
    assert enclose(KIND).schema == KIND


def test_a_confidence_that_the_step_wants_itself_stays() -> None:
    wanted = {"type": "object", "properties": {"sure": {"type": "number"}}}

    envelope = enclose(wanted, whole="/sure")

    assert envelope.schema == wanted
    assert envelope.output({"sure": 0.5}) == {"sure": 0.5}


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (KIND, True),
        ({**KIND, "properties": {"kind": {"type": ["string", "null"], "format": "date"}}}, True),
        ({**KIND, "properties": {"kind": {"type": "array", "items": KIND}}}, True),
        ({**KIND, "required": []}, False),
        ({**KIND, "additionalProperties": True}, False),
        ({**KIND, "properties": {"kind": {}}}, False),
        ({**KIND, "properties": {"kind": {"type": "string", "maxLength": 5}}}, False),
        ({**KIND, "properties": {"kind": {"type": "string", "format": "markdown"}}}, False),
        ({**KIND, "properties": {"kind": {"type": "array", "items": {}}}}, False),
        ({**KIND, "$defs": {"other": {"type": "object"}}}, False),
    ],
)
def test_strict_is_asked_for_where_it_can_be_kept(wanted: dict[str, Any], fits: bool) -> None:
    assert fits_strict(wanted) is fits


def test_images_are_taken_out_of_the_input() -> None:
    photo = "data:image/png;base64,iVBORw0="
    given = {"photos": [photo, "data:text/plain;base64,QQ=="], "note": f"See {photo}"}

    left, images = take_images(given)

    assert left == {"photos": ["[image 1]", given["photos"][1]], "note": given["note"]}
    assert [(image.media_type, image.data, image.url) for image in images] == [
        ("image/png", "iVBORw0=", photo)
    ]
