"""What every part of the home page shares: its line, and where a number leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orchestrator.spelling import number

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


def troubled(incidents: int, late: int) -> str:
    """``2 incidents, 1 late``, or that there are none."""
    if not incidents:
        return _("no incidents")
    told = ngettext("%s incident", "%s incidents", incidents) % number(incidents)
    return f"{told}, {_('%s late') % number(late)}" if late else told


def listed(parts: list[str]) -> str:
    """The parts that say something, as one sentence that begins with a capital letter."""
    said = ", ".join(part for part in parts if part)
    return f"{said[:1].upper()}{said[1:]}."
