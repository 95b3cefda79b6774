from __future__ import annotations

from typing import Any

POINTER = "^(/.*)?$"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

SETTINGS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["url"],
    "properties": {
        "url": {
            "type": "string",
            "title": "Address",
            "description": (
                "Where to send calls, such as https://ledger.example/v1. A step adds its path."
            ),
        },
        "method": {
            "enum": METHODS,
            "title": "Method",
            "description": (
                "For steps that name none. POST when left out. GET and DELETE send no body."
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
        "secret_header": {
            "type": "string",
            "title": "Header of the secret",
            "description": (
                "Without it the secret goes out as Authorization: Bearer. "
                "A secret that has a space, such as Basic dXNlcjpwYXNz, goes out as it is."
            ),
        },
        "timeout": {
            "type": "number",
            "minimum": 0.1,
            "maximum": 100,
            "title": "Time-out",
            "description": (
                "Seconds for a whole call. The step's own time-out holds when it is shorter."
            ),
        },
        "check_path": {
            "type": "string",
            "title": "Path of the test",
            "description": (
                "What the test button gets, such as /health. Without it the test only connects."
            ),
        },
        "output": {
            "type": "string",
            "pattern": POINTER,
            "title": "Place of the output",
            "description": (
                "JSON pointer into the answer, such as /result. The whole answer when left out."
            ),
        },
        "confidence": {
            "type": "string",
            "pattern": POINTER,
            "title": "Place of the confidence",
            "description": "JSON pointer to a number from 0 to 1.",
        },
        "field_confidence": {
            "type": "string",
            "pattern": POINTER,
            "title": "Place of the confidence per field",
            "description": (
                "JSON pointer to an object of field names or pointers, each with a number."
            ),
        },
        "model": {
            "type": "string",
            "pattern": POINTER,
            "title": "Place of the model name",
            "description": "JSON pointer to the model's name as the provider gives it.",
        },
    },
}
