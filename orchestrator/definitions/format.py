"""What the file says and how: its JSON Schema, its durations, and which key is which column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from orchestrator import models
from orchestrator.exceptions import Invalid
from orchestrator.schema import validate

UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
DURATION: Final = {"type": "string", "pattern": "^[0-9]{1,9}[smhd]$"}
TEXT: Final = {"type": "string"}
NAME: Final = {"type": "string", "minLength": 1, "maxLength": 200}
SLUG: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,80}$"}
RETRY: Final = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "attempts": {"type": "integer", "minimum": 1},
        "base": DURATION,
        "cap": DURATION,
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
RIGHT_TIMES: Final = {"start_within": "start_within", "decide_within": "decide_within"}
RIGHT_GROUPS: Final = {"group": "group", "escalates_to": "escalates_to"}


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": dict(properties),
    }


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(items)}


FREE: Final = {"type": "object"}
FILE: Final = _object(
    {
        "workflow": SLUG,
        "name": NAME,
        "description": TEXT,
        "owner": NAME,
        "groups": _list(NAME),
        "connections": {
            "type": "object",
            "additionalProperties": _object({"kind": NAME, "settings": FREE}, "kind"),
        },
        "actors": {
            "type": "object",
            "additionalProperties": _object(
                {
                    "kind": {"enum": ["agent", "automation", "system"]},
                    "revision": TEXT,
                    "connection": NAME,
                },
                "kind",
            ),
        },
        "accountable": NAME,
        "notes": TEXT,
        "calendar": FREE,
        "data": FREE,
        "steps": _list(
            _object(
                {
                    "key": SLUG,
                    "actor": NAME,
                    "name": NAME,
                    "kind": {"enum": models.StepKind.values},
                    "instructions": TEXT,
                    "call": FREE,
                    "outcome": TEXT,
                    "schema": FREE,
                    "input": FREE,
                    "output": FREE,
                    "evidence": _list(FREE),
                    "reasons": _list(_object({"code": NAME, "label": NAME}, "code", "label")),
                    "material": _list(TEXT),
                    "limit": TEXT,
                    "effect": {"enum": models.StepEffect.values},
                    "retry": RETRY,
                    "compensated_by": TEXT,
                    "timeout": DURATION,
                    "undo": DURATION,
                    "rights": _list(
                        _object(
                            {
                                "name": NAME,
                                "when": FREE,
                                "mode": {"enum": models.Mode.values},
                                "group": NAME,
                                "escalates_to": NAME,
                                "allowed": _list({"enum": models.Word.values}),
                                "approvals": {"type": "integer", "minimum": 1, "maximum": 99},
                                "seats": {"type": "integer", "minimum": 1, "maximum": 99},
                                "blind": {"type": "boolean"},
                                "start_within": DURATION,
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
        "transitions": _list(_object({"from": NAME, "to": NAME, "when": FREE}, "from", "to")),
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


def read(text: str) -> dict[str, Any]:
    """The file as a mapping. Raises Invalid with the place of every problem."""
    try:
        content = yaml.safe_load(text)
        problems = validate(FILE, content)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        # ValueError: a date without quotes, or an alias inside what it names.
        raise Invalid(f"This cannot be read as YAML: {str(error)[:300]}") from error
    if problems:
        raise Invalid(problems=[problem.as_json() for problem in problems])
    return dict(content)
