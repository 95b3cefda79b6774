"""What a change history says: kept with English names, told in the language of the page."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.admin.models import LogEntry
from django.utils.text import capfirst
from django.utils.translation import gettext, override, pgettext

Message = list[dict[str, dict[str, Any]]]


def change_of(*names: Any) -> Message:
    """The message of a change to these parts of a row."""
    with override(None):
        return [{"changed": {"fields": [str(name) for name in names]}}]


def retell(entry: LogEntry) -> None:
    """Have an entry name the fields as the page does; a text of somebody else's stays."""
    try:
        message = json.loads(entry.change_message)
    except ValueError:
        return
    for acts in message if isinstance(message, list) else ():
        for act in acts.values():
            if "fields" in act:
                act["fields"] = [_label(str(name)) for name in act["fields"]]
    entry.change_message = json.dumps(message)


def _label(name: str) -> str:
    """The label of a form's field, or else the name of a column."""
    if (told := gettext(name)) != name:
        return told
    column = name[:1].lower() + name[1:]
    return str(capfirst(pgettext("field", column)))
