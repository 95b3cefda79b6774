from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

from integrations.agents.settings import settings_schema

OWN: dict[str, Any] = {
    "url": {
        "type": "string",
        "title": gettext_noop("Address"),
        "description": gettext_noop(
            "Up to the part before /chat/completions, such as https://llm.example/v1."
        ),
    },
    "model": {
        "type": "string",
        "minLength": 1,
        "title": gettext_noop("Model"),
        "description": gettext_noop("Its name as the provider knows it."),
    },
    "response_format": {
        "enum": ["json_schema", "json_object", "none"],
        "title": gettext_noop("Form of the answer"),
        "description": gettext_noop(
            "json_schema: the server holds the model to the step's schema. json_object: it holds "
            "it to JSON. none: it does neither. With the last two the prompt tells the schema."
        ),
    },
    "strict": {
        "type": "boolean",
        "title": gettext_noop("Strict"),
        "description": gettext_noop(
            "For json_schema: whether to ask for strict keeping. When left out, it is asked for "
            "where the step's schema allows it."
        ),
    },
    "max_tokens": {
        "type": "integer",
        "minimum": 1,
        "title": gettext_noop("Most tokens"),
        "description": gettext_noop(
            "How long an answer may be. A provider that knows only max_completion_tokens takes "
            "that under more parameters."
        ),
    },
    "seed": {
        "type": "integer",
        "title": gettext_noop("Seed"),
        "description": gettext_noop(
            "Makes answers repeatable where the server can; samples count up from it."
        ),
    },
    "secret_header": {
        "type": "string",
        "title": gettext_noop("Header of the secret"),
        "description": gettext_noop("Without it the secret goes out as Authorization: Bearer."),
    },
}
METHODS = ("tokens", "field", "agreement", "none")
TOLD = gettext_noop(
    "tokens: product of the probabilities of the tokens that spell a value. "
    "field: what the answer says of itself. "
    "agreement: share of several answers that say the same. none: unknown."
)
RESERVED = [
    "logprobs", "max_tokens", "messages", "model", "n", "response_format", "seed", "stream",
    "temperature",
]  # fmt: skip
SETTINGS_SCHEMA = settings_schema(
    OWN, required=["url", "model"], methods=METHODS, told=TOLD, reserved=RESERVED
)
