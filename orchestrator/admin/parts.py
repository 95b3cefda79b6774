"""Parts of a draft: their tables, their addresses, their order and the way back to the whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from orchestrator.models import WorkflowVersion

_APART = 100_000


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table on its whole's page. ``cells`` follow the table's heads."""

    row: models.Model
    cells: tuple[str, ...]

    @property
    def url(self) -> str:
        return page_of(self.row)

    @property
    def move(self) -> str:
        return reverse(f"{name_of(self.row)}_move", args=[self.row.pk])


@dataclass(frozen=True, slots=True)
class Cells:
    """A row of a table that has no page of its own and is moved elsewhere."""

    cells: tuple[str, ...]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The parts of a whole, in order; ``add`` is empty where none can be added.

    ``edit`` is the page where all of them are edited, and ``edit_words`` its link.
    """

    title: str
    noun: str
    heads: tuple[str, ...]
    lines: tuple[Any, ...]
    add: str = ""
    note: str = ""
    edit: str = ""
    edit_words: str = ""


def page_of(row: models.Model, anchor: str = "") -> str:
    """The admin page of a row."""
    return reverse(f"{name_of(row)}_change", args=[row.pk]) + anchor


def add_page(model: type[models.Model], **whole: int | str) -> str:
    return reverse(f"{name_of(model)}_add", query=whole)


def name_of(model: models.Model | type[models.Model]) -> str:
    """How the addresses of a model's pages begin."""
    return f"admin:{model._meta.label_lower.replace('.', '_')}"  # noqa: SLF001


def crumbs(version: WorkflowVersion, *rows: models.Model) -> list[tuple[str, str]]:
    """The way from the list of workflows to a part."""
    state = _("draft") if version.published_at is None else _("published")
    return [
        (_("Workflows"), reverse("admin:orchestrator_workflow_changelist")),
        (version.workflow.name, page_of(version.workflow)),
        (f"v{version.number} ({state})", page_of(version)),
        *((str(row), page_of(row)) for row in rows),
    ]


def moved(siblings: QuerySet[Any], row: models.Model, by: int, place: str = "") -> bool:
    """Move ``row`` one place up or down, unless it no longer stands at the ``place`` shown."""
    rows = list(siblings)
    now = rows.index(row)
    if place not in ("", str(now + 1)):
        return False
    rows.insert(min(max(now + by, 0), len(rows) - 1), rows.pop(now))
    arranged(siblings, rows)
    return True


def button_of(noun: str, place: int, by: int, total: int) -> str:
    """The anchor of the button that moves the row at ``place`` on; at an end the one back."""
    up = place == total if by > 0 else place > 1
    return f"#{noun}-{place}-{'up' if up else 'down'}"


def arranged(siblings: QuerySet[Any], rows: Iterable[Any]) -> None:
    """Give every sibling its place, 1 and on without a gap."""
    # Two rows never share a place, not even between two statements.
    siblings.update(position=F("position") + _APART)
    for position, sibling in enumerate(rows, start=1):
        siblings.filter(pk=sibling.pk).update(position=position)
