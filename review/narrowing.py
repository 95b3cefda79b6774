"""What a narrow filter of the queue comes to: ages, confidences and words in cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Exists, OuterRef
from django.utils import timezone

from orchestrator.models import Actor, Case, Seat
from orchestrator.models.queues import Narrow
from orchestrator.searching import search
from orchestrator.sight import blind_seats
from review.wanted import AGES, SURE, Wanted

CASES: Final = 500
"""So many cases with open seats a search gives to the queue, the newest."""


@dataclass(frozen=True, slots=True)
class Asked:
    """``slow``: the words were not looked for to the end."""

    narrow: Narrow
    slow: bool = False


def narrowed(actor: Actor, wanted: Wanted) -> Asked:
    """The filter as the queue takes it. No query where no words are wanted."""
    before = timezone.now() - AGES[wanted.age][1] if wanted.age else None
    ranks = SURE[wanted.sure][1] if wanted.sure else None
    if not wanted.q:
        return Asked(Narrow(before, ranks))
    waiting = Exists(Seat.objects.open().filter(task__case=OuterRef("pk")))
    found = search(Case.objects.visible_to(actor).filter(waiting), wanted.q, size=CASES)
    cases = _without_blind(actor, found.ids, wanted.q)
    tasks = Seat.objects.open().filter(task__case__in=cases).values_list("task", flat=True)
    return Asked(Narrow(before, ranks, list(tasks)), found.slow)


def _without_blind(actor: Actor, cases: list[int], text: str) -> list[int]:
    """Without those where a blind review waits and that only their content gives away."""
    blind = {seat.task.case_id for seat in blind_seats(actor, cases)}
    if not blind:
        return cases
    by_key = Case.objects.filter(pk__in=blind, key__startswith=text).values_list("pk", flat=True)
    return [pk for pk in cases if pk not in blind.difference(by_key)]
