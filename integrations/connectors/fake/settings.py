from __future__ import annotations

from typing import Any

SETTINGS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "output": {
            "title": "Output",
            "description": "What every call answers. Without it a call answers its own input.",
        },
        "confidence": {
            "type": "number",
            "title": "Confidence",
            "description": "From 0 to 1. Without it the confidence is unknown.",
        },
        "field_confidence": {
            "type": "object",
            "additionalProperties": {"type": "number"},
            "title": "Confidence per field",
            "description": "JSON pointers into the output, each with a number from 0 to 1.",
        },
        "model": {
            "type": "string",
            "title": "Model",
            "description": "The model name that an answer carries.",
        },
        "delay": {
            "type": "number",
            "minimum": 0,
            "maximum": 60,
            "title": "Delay",
            "description": "Seconds before it answers; too many for the step are a time-out.",
        },
        "fail_first": {
            "type": "integer",
            "minimum": 0,
            "title": "Failing tries",
            "description": "How many tries of each task fail before one succeeds.",
        },
        "error": {
            "enum": ["refused", "throttled", "broken", "rejected", "unreadable"],
            "title": "Kind of failure",
            "description": (
                "refused: no connection. throttled: told to wait. rejected: said no for good. "
                "broken: cut off. unreadable: nonsense. Both may have acted."
            ),
        },
        "retry_after": {
            "type": "number",
            "minimum": 0,
            "title": "Wait",
            "description": "Seconds that a throttled try asks to wait.",
        },
    },
}
