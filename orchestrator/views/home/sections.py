"""What every part of the home page shares: its line, and where a number leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Section:
    """One role's part of the page. ``line`` says in one sentence how things stand."""

    role: str
    line: str
    tone: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> str:
        return f"orchestrator/home/{self.role}.html"


def counted(count: int, one: str, many: str = "", *, more: bool = False) -> str:
    """``1 task``, ``12 tasks``, ``99+ tasks``."""
    noun = one if count == 1 and not more else many or f"{one}s"
    return f"{count:,}{'+' if more else ''} {noun}"


def listed(parts: list[str]) -> str:
    """The parts that say something, as one sentence."""
    said = ", ".join(part for part in parts if part)
    return f"{said[:1].upper()}{said[1:]}."
