"""Settings that every kind of language model has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

POINTER = "^(/.*)?$"
PRICE = {"type": "number", "minimum": 0, "maximum": 1_000_000_000}


def settings_schema(
    own: dict[str, Any], *, required: list[str], methods: dict[str, str], reserved: Iterable[str]
) -> dict[str, Any]:
    """A JSON Schema of settings: ``own`` first, then what all kinds share.

    ``methods`` maps each way to know a confidence to its explanation; ``reserved`` are the
    members of a request that ``parameters`` may not set.
    """
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": own | _asking(reserved) | _confidence(methods) | _cost() | _http(),
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
            "title": "Prompt",
            "description": (
                "What the model is told to do, before it gets the input. A step's own prompt "
                "takes its place."
            ),
        },
        "temperature": {
            "type": "number",
            "minimum": 0,
            "maximum": 2,
            "title": "Temperature",
            "description": "How much chance there is in an answer. The model's own when left out.",
        },
        "parameters": {
            "type": "object",
            "propertyNames": {"not": {"enum": list(reserved)}},
            "title": "More parameters",
            "description": "Members of the request that have no setting here, such as top_p.",
        },
    }


def _confidence(methods: dict[str, str]) -> dict[str, Any]:
    return {
        "confidence_by": {
            "enum": list(methods),
            "title": "Way to the confidence",
            "description": " ".join(f"{name}: {what}." for name, what in methods.items()),
        },
        "confidence": {
            "type": "string",
            "pattern": POINTER,
            "title": "Place of the confidence",
            "description": (
                "For field: JSON pointer to a number from 0 to 1 in the answer; /confidence when "
                "left out. What the step's schema does not have is asked for beside the output."
            ),
        },
        "field_confidence": {
            "type": "string",
            "pattern": POINTER,
            "title": "Place of the confidence per field",
            "description": "For field: JSON pointer to an object of field names and numbers.",
        },
        "samples": {
            "type": "integer",
            "minimum": 2,
            "maximum": 10,
            "title": "Samples",
            "description": "For agreement: how many answers are compared. 5 when left out.",
        },
    }


def _cost() -> dict[str, Any]:
    return {
        "price_in_micros": PRICE
        | {
            "title": "Price of what is read",
            "description": "Millionths of the currency for 1,000 tokens of input.",
        },
        "price_out_micros": PRICE
        | {
            "title": "Price of what is written",
            "description": "Millionths of the currency for 1,000 tokens of output.",
        },
        "currency": {
            "type": "string",
            "pattern": "^[A-Z]{3}$",
            "title": "Currency",
            "description": "Of both prices, such as EUR.",
        },
    }


def _http() -> dict[str, Any]:
    return {
        "timeout": {
            "type": "number",
            "minimum": 0.1,
            "maximum": 100,
            "title": "Time-out",
            "description": (
                "Seconds for a whole call. The step's own time-out holds when it is shorter."
            ),
        },
        "headers": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "title": "Headers",
            "description": (
                "Sent with every call. Put secrets into the connection's secret, not here."
            ),
        },
    }
