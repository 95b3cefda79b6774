"""What others said of the same output in the same round, as far as a reviewer may know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _

from orchestrator.diffing import Change, ThreeWay, diff, three_way
from orchestrator.models import Decision, Seat
from orchestrator.pages import name_of

SAID: Final = frozenset({"approved", "corrected"})


@dataclass(frozen=True, slots=True)
class Earlier:
    """A standing decision of the round; ``changes`` lead from the agent's output to it."""

    who: str
    word: str
    at: datetime
    comment: str
    output: Any
    changes: list[Change]


@dataclass(frozen=True, slots=True)
class Sides:
    """Two decisions that differ, beside what the agent said."""

    rows: list[ThreeWay]
    names: dict[str, str]


def earlier_decisions(seat: Seat, first: Any) -> list[Earlier]:
    """The decisions that stand in the seat's round, oldest first.

    No query for the first seat of a round that asks one person.
    """
    if _is_alone(seat):
        return []
    rows = Decision.objects.filter(task=seat.task_id, round=seat.round, filled__isnull=False)
    rows = rows.select_related("actor__user").order_by("id")
    return [earlier(row, first) for row in rows]


def _is_alone(seat: Seat) -> bool:
    return (seat.round, seat.level, seat.purpose) == (1, 0, "gate") and not seat.barred


def earlier(decision: Decision, first: Any) -> Earlier:
    """One decision; its output is the agent's where it says nothing else."""
    says = decision.word in SAID
    return Earlier(
        who=name_of(decision.actor),
        word=decision.word,
        at=decision.created_at,
        comment=decision.comment,
        output=decision.output,
        changes=diff(first, decision.output) if says and decision.output is not None else [],
    )


def sides_of(decisions: Sequence[Earlier], first: Any) -> Sides | None:
    """The two latest answers beside the agent's; None where they are not two outputs."""
    said = [one for one in decisions if one.word in SAID]
    if len(said) < 2:
        return None
    left, right = said[-2:]
    rows = [row for row in three_way(first, left.output, right.output) if row.state != "same"]
    return Sides(rows, {"base": _("Agent"), "left": left.who, "right": right.who})
