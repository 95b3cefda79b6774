from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

SETTINGS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["callable"],
    "properties": {
        "callable": {
            "type": "string",
            "title": gettext_noop("Callable"),
            "description": gettext_noop(
                "The dotted path of a Python function, such as shop.agents.read. "
                "It takes the step's input and gives JSON or a Result. "
                "REWIRE_PYTHON_CALLABLES lists the places it may be in."
            ),
        },
    },
}
