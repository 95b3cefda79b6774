"""Why people were asked: the rules that asked, over all versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from orchestrator.models import DecisionRight
from orchestrator.telling import told as said

NO_RULE: Final = 0
"""Stands for the rule of outputs that none decides or asks about: each is an incident."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule, or several of the same name in different versions. ``sentence`` is when it
    applies, "" where they differ in that."""

    name: str
    step: str
    sentence: str
    count: int
    rights: tuple[int, ...]


def ranked(asked: Mapping[str, int]) -> list[Reason]:
    """From id of a rule -> how often it asked. One query."""
    counts = {int(key): count for key, count in asked.items() if key.isdigit() and count > 0}
    rows = DecisionRight.objects.filter(pk__in=counts).select_related("step").order_by("-pk")
    alike: dict[tuple[str, str], list[DecisionRight]] = {}
    for right in rows:
        alike.setdefault((right.step.key, str(right)), []).append(right)
    found = [_reason(rights, counts) for rights in alike.values()]
    if (without := asked.get(str(None), 0)) > 0:
        found.append(Reason(_("No rule asks a person"), "", "", without, (NO_RULE,)))
    return sorted(found, key=lambda reason: (-reason.count, reason.name))


def _reason(rights: list[DecisionRight], counts: Mapping[int, int]) -> Reason:
    newest = rights[0]
    told = {said(right.condition) if right.condition else "" for right in rights}
    return Reason(
        name=str(newest),
        step=newest.step.name,
        sentence=told.pop() if len(told) == 1 else "",
        count=sum(counts[right.pk] for right in rights),
        rights=tuple(sorted(right.pk for right in rights)),
    )
