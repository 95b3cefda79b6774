"""What somebody typed on a task page: kept as the seat's draft, and never lost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from orchestrator import schema
from orchestrator.models import Actor, Seat
from review.forms import GROUPS, reasons_in

FIELD: Final = re.compile(r"(?:[feokw]|why)(?:/|$)")
SHEETS: Final = ("rejected", "escalated", "responded")
PEND: Final = ("reason", "party", "until", "signal", "note")
BACK: Final = ("to", "instructions")
OTHERS: Final = frozenset(
    {
        "comment",
        *(f"{word}-{part}" for word in SHEETS for part in ("reason", "comment")),
        *(f"pend-{part}" for part in PEND),
        *(f"back-{part}" for part in BACK),
    }
)


@dataclass(frozen=True, slots=True)
class Typed:
    """The controls of a task page by name, with what stands in them."""

    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def posted(cls, data: Mapping[str, str]) -> Typed:
        """What a post says of the output, its reasons and its comments; all else is left out."""
        values = {_storable(name): _storable(text) for name, text in data.items()}
        return cls({name: text for name, text in values.items() if _is_kept(name)})

    @classmethod
    def draft_of(cls, seat: Seat, actor: Actor) -> Typed | None:
        """What ``actor`` typed here before; somebody else's draft is none of theirs."""
        draft = seat.draft
        if not isinstance(draft, dict) or draft.get("by") != actor.pk:
            return None
        return cls(draft["values"])

    @classmethod
    def of_output(cls, definition: Mapping[str, Any], output: Any, comment: str = "") -> Typed:
        """An output as its form would post it, so that nobody types it a second time."""
        return cls(dict(_controls(schema.fields(definition, output))) | {"comment": comment})

    def as_draft(self, actor: Actor) -> dict[str, Any]:
        return {"by": actor.pk, "values": dict(self.values)}

    @property
    def fields(self) -> dict[str, str] | None:
        """The controls of the output; None where the page had none that could be edited."""
        found = {name: text for name, text in self.values.items() if FIELD.match(name)}
        return found or None

    @property
    def reasons(self) -> dict[str, str]:
        return reasons_in(self.values)

    @property
    def sheets(self) -> dict[str, dict[str, str]]:
        """What stands in the sheet of each word: its reason and its comment."""
        return {
            word: {part: self.values.get(f"{word}-{part}", "") for part in ("reason", "comment")}
            for word in SHEETS
        }

    @property
    def pend(self) -> dict[str, str]:
        """What stands in the sheet for waiting."""
        return {part: self.values.get(f"pend-{part}", "") for part in PEND}

    @property
    def back(self) -> dict[str, str]:
        """What stands in the sheet for sending back."""
        return {part: self.values.get(f"back-{part}", "") for part in BACK}

    def comment(self, word: str = "") -> str:
        """The comment of the word's sheet, else the one below the output."""
        return self.values.get(f"{word}-comment") or self.values.get("comment", "")


def _is_kept(name: str) -> bool:
    return name in OTHERS or FIELD.match(name) is not None


def _storable(text: str) -> str:
    """``text`` without NUL, which no database keeps."""
    return text.replace("\x00", "")


def _controls(fields: list[schema.Field]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for one in fields:
        found += one.hidden
        is_empty_box = one.kind == "boolean" and not one.choices and one.text != "true"
        if one.kind not in GROUPS and not is_empty_box:
            found.append((one.name, one.text))
        found += _controls(list(one.children))
    return found
