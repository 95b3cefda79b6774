"""JSON pointers (RFC 6901): one spelling of "where" for rules, diffs, forms and problems."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, final

INDEX: Final = re.compile(r"0|[1-9][0-9]*")


@final
class Missing:
    """The type of ``MISSING``: there is nothing at this place, not even null."""

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place. ``path`` is a JSON pointer, ``""`` for the whole."""

    path: str
    message: str

    def as_json(self) -> dict[str, str]:
        return {"path": self.path, "message": self.message}


@lru_cache(maxsize=4096)
def split(pointer: str) -> tuple[str, ...]:
    """The parts of a pointer, unescaped. Raises ValueError unless it is ``""`` or starts with /."""
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise ValueError(f"A JSON pointer starts with /, so {pointer!r} is none.")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))


def child(pointer: str, part: str | int) -> str:
    """The pointer of one member or item of what ``pointer`` names."""
    return f"{pointer}/{str(part).replace('~', '~0').replace('/', '~1')}"


def step_into(value: Any, part: str) -> Any:
    """A member of an object or an item of an array, else MISSING."""
    if isinstance(value, dict):
        return value.get(part, MISSING)
    # Longer indexes point nowhere, and int() is quadratic in their length.
    if isinstance(value, list) and len(part) < 10 and INDEX.fullmatch(part):
        index = int(part)
        return value[index] if index < len(value) else MISSING
    return MISSING


def lookup(value: Any, pointer: str) -> Any:
    """What ``pointer`` names in ``value``, else MISSING. Raises ValueError for a malformed one."""
    for part in split(pointer):
        value = step_into(value, part)
    return value
