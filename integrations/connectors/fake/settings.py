from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

SETTINGS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "output": {
            "title": gettext_noop("Output"),
            "description": gettext_noop(
                "What every call answers. Without it a call answers its own input."
            ),
        },
        "confidence": {
            "type": "number",
            "title": gettext_noop("Confidence"),
            "description": gettext_noop("From 0 to 1. Without it the confidence is unknown."),
        },
        "field_confidence": {
            "type": "object",
            "additionalProperties": {"type": "number"},
            "title": gettext_noop("Confidence per field"),
            "description": gettext_noop(
                "JSON pointers into the output, each with a number from 0 to 1."
            ),
        },
        "model": {
            "type": "string",
            "title": gettext_noop("Model"),
            "description": gettext_noop("The model name that an answer carries."),
        },
        "delay": {
            "type": "number",
            "minimum": 0,
            "maximum": 60,
            "title": gettext_noop("Delay"),
            "description": gettext_noop(
                "Seconds before it answers; too many for the step are a time-out."
            ),
        },
        "fail_first": {
            "type": "integer",
            "minimum": 0,
            "title": gettext_noop("Failing tries"),
            "description": gettext_noop("How many tries of each task fail before one succeeds."),
        },
        "error": {
            "enum": ["refused", "throttled", "broken", "rejected", "unreadable"],
            "title": gettext_noop("Kind of failure"),
            "description": gettext_noop(
                "refused: no connection. throttled: told to wait. rejected: said no for good. "
                "broken: cut off. unreadable: nonsense. Both may have acted."
            ),
        },
        "retry_after": {
            "type": "number",
            "minimum": 0,
            "title": gettext_noop("Wait"),
            "description": gettext_noop("Seconds that a throttled try asks to wait."),
        },
    },
}
