"""What the file says and how: its JSON Schema, its durations, and which key is which column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from orchestrator import models

# The engine's own workflow, whose cases are publications and stops.
RESERVED: Final = frozenset({"changes"})
UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
DURATION: Final = {
    "type": "string",
    "pattern": "^([0-9]{1,9}s|[0-9]{1,7}m|[0-9]{1,5}h|[0-9]{1,4}d)$",
}
TEXT: Final = {"type": "string"}
NAME: Final = {"type": "string", "minLength": 1, "maxLength": 200}
SIGNAL: Final = {"type": "string", "minLength": 1, "maxLength": 80}
WORD: Final = {"type": "string", "minLength": 1, "maxLength": 150}
KEY: Final = {"type": "string", "maxLength": 80}
SLUG: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,80}$"}
RETRY: Final = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "attempts": {"type": "integer", "minimum": 1},
        "base": DURATION,
        "cap": DURATION,
        "then": {"enum": ["incident", "undo"]},
    },
}

# Key in the file -> column, for what is copied as it stands.
STEP: Final = {
    "name": "name",
    "kind": "kind",
    "instructions": "instructions",
    "call": "call",
    "outcome": "outcome",
    "schema": "schema",
    "input": "input_mapping",
    "output": "output_mapping",
    "evidence": "evidence",
    "reasons": "reasons",
    "material": "material",
    "limit": "limit",
    "effect": "effect",
    "retry": "retry",
    "compensated_by": "compensated_by",
    "flow": "flow",
    "rework": "rework",
    "pend": "pend",
}
STEP_TIMES: Final = {"timeout": "timeout", "undo": "undo_seconds"}
RIGHT: Final = {
    "name": "name",
    "when": "condition",
    "mode": "mode",
    "allowed": "allowed",
    "approvals": "approvals",
    "seats": "seats",
    "blind": "blind",
    "on_timeout": "on_timeout",
    "audit_rate": "audit_rate",
}
# How many people a mode asks where the file does not say.
PLACES: Final[Mapping[str, int]] = {models.Mode.DUAL: 2}
RIGHT_TIMES: Final = {
    "start_within": "start_within",
    "remind_before": "remind_before",
    "decide_within": "decide_within",
}
RIGHT_GROUPS: Final = {"group": "group", "escalates_to": "escalates_to"}


def shape(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    """The JSON Schema of an object that has these members and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": dict(properties),
    }


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(items)}


FREE: Final = {"type": "object"}
MAPPING: Final = {"type": "object", "additionalProperties": TEXT}
EVIDENCE: Final = _list(
    shape(
        {
            "path": TEXT,
            "as": {"enum": ["text", "json", "image", "file", "chat"]},
            "label": TEXT,
        },
        "path",
    )
)
REASONS: Final = _list(shape({"code": NAME, "label": NAME}, "code", "label"))
PEND: Final = _list(
    shape(
        {"code": NAME, "label": NAME, "pauses": {"type": "boolean"}, "most": DURATION},
        *("code", "label"),
    )
)
REWORK: Final = shape(
    {
        "to": {"type": "array", "items": SLUG, "minItems": 1},
        "visits": {"type": "integer", "minimum": 2, "maximum": 50},
    },
    "to",
)
FILE: Final = shape(
    {
        "workflow": SLUG,
        "name": NAME,
        "description": TEXT,
        "owner": NAME,
        "groups": _list(WORD),
        "connections": {
            "type": "object",
            "propertyNames": SLUG,
            "additionalProperties": shape({"kind": NAME, "settings": FREE}, "kind"),
        },
        "actors": {
            "type": "object",
            "propertyNames": WORD,
            "additionalProperties": shape(
                {
                    "name": WORD,
                    "kind": {"enum": ["agent", "automation", "system"]},
                    "revision": KEY,
                    "connection": NAME,
                },
                "kind",
            ),
        },
        "accountable": NAME,
        "notes": TEXT,
        "calendar": FREE,
        "signals": {"type": "object", "propertyNames": SIGNAL, "additionalProperties": MAPPING},
        "data": FREE,
        "steps": _list(
            shape(
                {
                    "key": SLUG,
                    "actor": NAME,
                    "name": NAME,
                    "kind": {"enum": models.StepKind.values},
                    "instructions": TEXT,
                    "call": FREE,
                    "outcome": KEY,
                    "schema": FREE,
                    "input": MAPPING,
                    "output": MAPPING,
                    "evidence": EVIDENCE,
                    "reasons": REASONS,
                    "material": _list(TEXT),
                    "limit": {"type": "string", "maxLength": 200},
                    "effect": {"enum": models.StepEffect.values},
                    "retry": RETRY,
                    "compensated_by": KEY,
                    "flow": FREE,
                    "rework": REWORK,
                    "pend": PEND,
                    "timeout": DURATION,
                    "undo": DURATION,
                    "rights": _list(
                        shape(
                            {
                                "name": NAME,
                                "when": FREE,
                                "mode": {"enum": models.Mode.values},
                                "group": WORD,
                                "escalates_to": WORD,
                                "allowed": _list({"enum": models.Word.values}),
                                "approvals": {"type": "integer", "minimum": 1, "maximum": 99},
                                "seats": {"type": "integer", "minimum": 1, "maximum": 99},
                                "blind": {"type": "boolean"},
                                "start_within": DURATION,
                                "remind_before": DURATION,
                                "decide_within": DURATION,
                                "on_timeout": {"enum": models.Word.values},
                                "audit_rate": {"type": "number", "minimum": 0, "maximum": 1},
                            },
                            "mode",
                        )
                    ),
                },
                "key",
                "name",
                "kind",
            )
        ),
        "transitions": _list(shape({"from": NAME, "to": NAME, "when": FREE}, "from", "to")),
    },
    "workflow",
    "name",
    "steps",
)


def seconds(text: str) -> int:
    """``4h`` -> 14400. Raises ValueError for anything else than a number and s, m, h or d."""
    if not re.fullmatch(DURATION["pattern"], text):
        raise ValueError(f"{text!r} is no duration; write it like 90s, 30m, 4h or 2d.")
    return int(text[:-1]) * UNITS[text[-1]]


def duration(value: int) -> str:
    """14400 -> ``4h``: the largest unit that comes out even."""
    unit = next(unit for unit, size in UNITS.items() if value % size == 0 and (value or size == 1))
    return f"{value // UNITS[unit]}{unit}"
