"""Settings that every kind of language model has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_noop

POINTER = "^(/.*)?$"
PRICE = {"type": "number", "minimum": 0, "maximum": 1_000_000_000}


def settings_schema(
    own: dict[str, Any],
    *,
    required: list[str],
    methods: Iterable[str],
    told: str,
    reserved: Iterable[str],
) -> dict[str, Any]:
    """A JSON Schema of settings: ``own`` first, then what all kinds share.

    ``methods`` are the ways to know a confidence and ``told`` explains them; ``reserved`` are the
    members of a request that ``parameters`` may not set.
    """
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": own | _asking(reserved) | _confidence(methods, told) | _cost() | _http(),
        "dependentRequired": {
            "price_in_micros": ["price_out_micros", "currency"],
            "price_out_micros": ["price_in_micros", "currency"],
        },
        # Without chance every answer is the same, which would look like certainty.
        "if": {
            "properties": {"confidence_by": {"const": "agreement"}},
            "required": ["confidence_by"],
        },
        "then": {"properties": {"temperature": {"exclusiveMinimum": 0}}},
    }


def _asking(reserved: Iterable[str]) -> dict[str, Any]:
    return {
        "prompt": {
            "type": "string",
            "title": gettext_noop("Prompt"),
            "description": gettext_noop(
                "What the model is told to do, before it gets the input. A step's own prompt "
                "takes its place; without both it is the step's instructions."
            ),
        },
        "temperature": {
            "type": "number",
            "minimum": 0,
            "maximum": 2,
            "title": gettext_noop("Temperature"),
            "description": gettext_noop(
                "How much chance there is in an answer. The model's own when left out."
            ),
        },
        "parameters": {
            "type": "object",
            "propertyNames": {"not": {"enum": list(reserved)}},
            "title": gettext_noop("More parameters"),
            "description": gettext_noop(
                "Members of the request that have no setting here, such as top_p."
            ),
        },
    }


def _confidence(methods: Iterable[str], told: str) -> dict[str, Any]:
    return {
        "confidence_by": {
            "enum": list(methods),
            "title": gettext_noop("Way to the confidence"),
            "description": told,
        },
        "confidence": {
            "type": "string",
            "pattern": POINTER,
            "title": gettext_noop("Place of the confidence"),
            "description": gettext_noop(
                "For field: JSON pointer to a number from 0 to 1 in the answer; /confidence when "
                "left out. What the step's schema does not have is asked for beside the output."
            ),
        },
        "field_confidence": {
            "type": "string",
            "pattern": POINTER,
            "title": gettext_noop("Place of the confidence per field"),
            "description": gettext_noop(
                "For field: JSON pointer to an object of field names and numbers."
            ),
        },
        "samples": {
            "type": "integer",
            "minimum": 2,
            "maximum": 10,
            "title": gettext_noop("Samples"),
            "description": gettext_noop(
                "For agreement: how many answers are compared. 5 when left out."
            ),
        },
    }


def _cost() -> dict[str, Any]:
    return {
        "price_in_micros": PRICE
        | {
            "title": gettext_noop("Price of what is read"),
            "description": gettext_noop("Millionths of the currency for 1,000 tokens of input."),
        },
        "price_out_micros": PRICE
        | {
            "title": gettext_noop("Price of what is written"),
            "description": gettext_noop("Millionths of the currency for 1,000 tokens of output."),
        },
        "currency": {
            "type": "string",
            "pattern": "^[A-Z]{3}$",
            "title": gettext_noop("Currency"),
            "description": gettext_noop("Of both prices, such as EUR."),
        },
    }


def _http() -> dict[str, Any]:
    return {
        "timeout": {
            "type": "number",
            "minimum": 0.1,
            "maximum": 100,
            "title": gettext_noop("Time-out"),
            "description": gettext_noop(
                "Seconds for a whole call. The step's own time-out holds when it is shorter."
            ),
        },
        "headers": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "title": gettext_noop("Headers"),
            "description": gettext_noop(
                "Sent with every call. Put secrets into the connection's secret, not here."
            ),
        },
    }
