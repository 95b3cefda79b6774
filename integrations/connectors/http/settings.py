from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

POINTER = "^(/.*)?$"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

SETTINGS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["url"],
    "properties": {
        "url": {
            "type": "string",
            "title": gettext_noop("Address"),
            "description": gettext_noop(
                "Where to send calls, such as https://ledger.example/v1. A step adds its path."
            ),
        },
        "method": {
            "enum": METHODS,
            "title": gettext_noop("Method"),
            "description": gettext_noop(
                "For steps that name none. POST when left out. GET and DELETE send no body."
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
        "secret_header": {
            "type": "string",
            "title": gettext_noop("Header of the secret"),
            "description": gettext_noop(
                "Without it the secret goes out as Authorization: Bearer. "
                "A secret that has a space, such as Basic dXNlcjpwYXNz, goes out as it is."
            ),
        },
        "timeout": {
            "type": "number",
            "minimum": 0.1,
            "maximum": 100,
            "title": gettext_noop("Time-out"),
            "description": gettext_noop(
                "Seconds for a whole call. The step's own time-out holds when it is shorter."
            ),
        },
        "check_path": {
            "type": "string",
            "title": gettext_noop("Path of the test"),
            "description": gettext_noop(
                "What the test button gets, such as /health. Without it the test only connects."
            ),
        },
        "output": {
            "type": "string",
            "pattern": POINTER,
            "title": gettext_noop("Place of the output"),
            "description": gettext_noop(
                "JSON pointer into the answer, such as /result. The whole answer when left out."
            ),
        },
        "confidence": {
            "type": "string",
            "pattern": POINTER,
            "title": gettext_noop("Place of the confidence"),
            "description": gettext_noop("JSON pointer to a number from 0 to 1."),
        },
        "field_confidence": {
            "type": "string",
            "pattern": POINTER,
            "title": gettext_noop("Place of the confidence per field"),
            "description": gettext_noop(
                "JSON pointer to an object of field names or pointers, each with a number."
            ),
        },
        "model": {
            "type": "string",
            "pattern": POINTER,
            "title": gettext_noop("Place of the model name"),
            "description": gettext_noop(
                "JSON pointer to the model's name as the provider gives it."
            ),
        },
    },
}
