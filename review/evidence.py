"""What a reviewer looks at first: pieces of the case data, each shown as what it is.

A step names its evidence as ``[{"path": pointer, "as": kind, "label": text}]``. Nothing here
is fetched from elsewhere: an image is a file of this site or stands in the case itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.images import is_image
from orchestrator.pointers import MISSING, lookup


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One piece of evidence. ``kind`` is text, json, image, chat or missing."""

    kind: str
    label: str
    value: Any = None


def exhibits(evidence: Iterable[Mapping[str, str]], data: Any) -> list[Exhibit]:
    """The evidence of a step out of a case's data, in the step's order."""
    return [_exhibit(item, lookup(data, item["path"])) for item in evidence]


def _exhibit(item: Mapping[str, str], value: Any) -> Exhibit:
    label = item.get("label") or item["path"].rpartition("/")[2] or "Case"
    if value is MISSING or value is None:
        return Exhibit("missing", label)
    return Exhibit(_kind(item.get("as", "json"), value), label, value)


def _kind(wanted: str, value: Any) -> str:
    """``wanted`` where the value is of that kind, else text or JSON: nothing is left out."""
    if wanted == "image" and isinstance(value, str) and is_image(value):
        return "image"
    if wanted == "chat" and _is_chat(value):
        return "chat"
    return "text" if isinstance(value, str) else "json"


def _is_chat(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(message, dict) and isinstance(message.get("content", ""), str)
        for message in value
    )
