"""The words of a definition's file, as the forms of the admin call them."""

from __future__ import annotations

from django import template
from django.utils.text import capfirst
from django.utils.translation import pgettext

from orchestrator.admin.findings import COLUMNS
from orchestrator.models import Mode, StepKind

register = template.Library()


@register.filter
def member_word(name: str) -> str:
    """``output`` is "Output mapping"; what stands below it keeps its path."""
    first, slash, rest = name.partition("/")
    column = COLUMNS.get(first, first).replace("_", " ")
    return f"{capfirst(pgettext('field', column))}{slash}{rest}"


@register.filter
def member_value(value: str, name: str) -> str:
    """The kinds and modes of a definition by their names, every other value as it stands."""
    words = {"kind": StepKind, "mode": Mode}.get(name)
    return str(words(value).label) if words and value in words.values else value
