from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

from integrations.agents.settings import settings_schema

OWN: dict[str, Any] = {
    "url": {
        "type": "string",
        "title": gettext_noop("Address"),
        "description": gettext_noop(
            "Up to the part before /v1/messages; https://api.anthropic.com when empty."
        ),
    },
    "model": {
        "type": "string",
        "minLength": 1,
        "title": gettext_noop("Model"),
        "description": gettext_noop("Its name as the provider knows it."),
    },
    "version": {
        "type": "string",
        "minLength": 1,
        "title": gettext_noop("Version of the API"),
        "description": gettext_noop("Sent as anthropic-version; 2023-06-01 when left out."),
    },
    "max_tokens": {
        "type": "integer",
        "minimum": 1,
        "title": gettext_noop("Most tokens"),
        "description": gettext_noop("How long an answer may be; 4096 when left out."),
    },
}
METHODS = ("field", "agreement", "none")
TOLD = gettext_noop(
    "field: what the answer says of itself. "
    "agreement: share of several answers that say the same. none: unknown."
)
RESERVED = [
    "max_tokens", "messages", "model", "stream", "system", "temperature", "tool_choice", "tools",
]  # fmt: skip
SETTINGS_SCHEMA = settings_schema(
    OWN, required=["model"], methods=METHODS, told=TOLD, reserved=RESERVED
)
