from __future__ import annotations

from typing import Any

from integrations.agents.settings import settings_schema

OWN: dict[str, Any] = {
    "url": {
        "type": "string",
        "title": "Address",
        "description": "Up to the part before /v1/messages; https://api.anthropic.com when empty.",
    },
    "model": {
        "type": "string",
        "minLength": 1,
        "title": "Model",
        "description": "Its name as the provider knows it.",
    },
    "version": {
        "type": "string",
        "minLength": 1,
        "title": "Version of the API",
        "description": "Sent as anthropic-version; 2023-06-01 when left out.",
    },
    "max_tokens": {
        "type": "integer",
        "minimum": 1,
        "title": "Most tokens",
        "description": "How long an answer may be; 4096 when left out.",
    },
}
METHODS = {
    "field": "what the answer says of itself",
    "agreement": "share of several answers that say the same",
    "none": "unknown",
}
RESERVED = [
    "max_tokens", "messages", "model", "stream", "system", "temperature", "tool_choice", "tools",
]  # fmt: skip
SETTINGS_SCHEMA = settings_schema(OWN, required=["model"], methods=METHODS, reserved=RESERVED)
