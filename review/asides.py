"""What a reviewer may do besides deciding: wait for somebody, or send the case back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from orchestrator import engine
from orchestrator.models import Actor, Seat
from orchestrator.pages import name_of
from review.showing import Shown
from review.typed import Typed

MORNING: Final = 9


@dataclass(frozen=True, slots=True)
class Target:
    """A step that the case may go back to; ``spent`` says that it was there too often."""

    key: str
    name: str
    spent: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """The wait that a seat is in. ``mine`` is that of whoever looks."""

    who: str
    label: str
    party: str
    note: str
    until: datetime | None
    mine: bool


@dataclass(frozen=True, slots=True)
class Brief:
    """Why this step is done anew, as people told it."""

    who: str
    step: str
    instructions: str
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Asides:
    """What the task page shows besides the decision. ``pend`` and ``back`` are what was typed."""

    reasons: list[Mapping[str, Any]] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    pend: Mapping[str, str] = field(default_factory=dict)
    back: Mapping[str, str] = field(default_factory=dict)
    waiting: Waiting | None = None
    waited: Waiting | None = None
    brief: Brief | None = None

    @property
    def can_go_back(self) -> bool:
        return any(not target.spent for target in self.targets)


def asides_of(shown: Shown, actor: Actor, typed: Typed | None) -> Asides:
    """One query for each step to go back to, and one for each person that is named."""
    seat, task = shown.seat, shown.task
    typed = typed or Typed()
    told = _waiting(seat, actor)
    return Asides(
        reasons=shown.step.pend,
        signals=_signals(shown) if shown.step.pend else [],
        targets=_targets(shown),
        pend=typed.pend | {"until": typed.pend["until"] or _tomorrow()},
        back=typed.back,
        waiting=told if seat.back_at else None,
        waited=None if seat.back_at else told,
        brief=_brief(task.brief) if task.brief and _is_for(shown) else None,
    )


def _is_for(shown: Shown) -> bool:
    """Who answers a human step is told why; who judges blindly what an agent did anew is not."""
    return shown.step.kind == "human" or shown.handed or shown.rules is not None


def _signals(shown: Shown) -> list[str]:
    definition = engine.definition_of(shown.case.version_id)
    return engine.signals_of(definition.version.signals, definition.steps.values())


def _targets(shown: Shown) -> list[Target]:
    steps = engine.definition_of(shown.case.version_id).steps
    most = engine.most_visits(shown.step)
    return [
        Target(step.key, step.name, engine.visits_of(shown.task, step.key) >= most)
        for step in engine.targets(shown.seat, steps)
    ]


def _tomorrow() -> str:
    """Tomorrow morning, as a control for times has it."""
    day = timezone.localtime() + timedelta(days=1)
    return f"{day:%Y-%m-%d}T{MORNING:02}:00"


def _waiting(seat: Seat, actor: Actor) -> Waiting | None:
    told = seat.pended
    if not told:
        return None
    person = Actor.objects.select_related("user").filter(pk=told["by"]).first()
    return Waiting(
        who=name_of(person),
        label=told["label"],
        party=told["party"],
        note=told["note"],
        until=seat.back_at,
        mine=told["by"] == actor.pk,
    )


def _brief(told: Mapping[str, Any]) -> Brief:
    person = Actor.objects.select_related("user").filter(pk=told["by"]).first()
    comment = told["comment"] if told["comment"] != told["instructions"] else ""
    return Brief(
        who=name_of(person),
        step=told["from"]["name"],
        instructions=told["instructions"],
        comment=comment,
        at=datetime.fromisoformat(told["at"]),
    )
