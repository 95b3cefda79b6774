"""What a reviewer looks at first: pieces of the case data, each shown as what it is.

A step names its evidence as ``[{"path": pointer, "as": kind, "label": text}]``. Nothing here
is fetched from elsewhere: an image is a file of this site, stands in the case itself, or came
with the case as an attachment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.utils.translation import gettext as _

from orchestrator.attachments import Attached, key_of
from orchestrator.images import is_image
from orchestrator.pointers import MISSING, lookup

Files = Callable[[], Mapping[str, Attached]]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One piece of evidence. ``kind`` is text, json, image, file, chat or missing.

    ``files`` are the attachments that it names, of which each image is shown as one.
    """

    kind: str
    label: str
    value: Any = None
    files: list[Attached] = field(default_factory=list)


def exhibits(
    evidence: Iterable[Mapping[str, str]], data: Any, files: Files = dict
) -> list[Exhibit]:
    """The evidence of a step out of a case's data, in the step's order.

    ``files`` gives what ``attachments.attached`` does, and is asked at most once.
    """
    once = cache(files)
    return [_exhibit(item, lookup(data, item["path"]), once) for item in evidence]


def _exhibit(item: Mapping[str, str], value: Any, files: Files) -> Exhibit:
    label = item.get("label") or item["path"].rpartition("/")[2] or _("Case")
    if value is MISSING or value is None:
        return Exhibit("missing", label)
    wanted = item.get("as", "json")
    if found := _files(wanted, value, files):
        return Exhibit(wanted, label, value, found)
    return Exhibit(_kind(wanted, value), label, value)


def _files(wanted: str, value: Any, files: Files) -> list[Attached]:
    """The attachments that a value is or lists, if it is nothing else and the case has them all."""
    if wanted not in ("image", "file"):
        return []
    keys = [key_of(one) for one in (value if isinstance(value, list) else [value])]
    if not keys or not all(keys):
        return []
    known = files()
    return [known[key] for key in keys] if all(key in known for key in keys) else []


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
