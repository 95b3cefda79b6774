"""A happening in the words of process mining: activity, lifecycle, resource, role and cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

from orchestrator.mining.lifecycle import STARTED, Transition, transition_of
from orchestrator.mining.reading import Happening
from orchestrator.models import Actor, ActorKind, Decision

MICRO: Final = Decimal(1_000_000)
ENGINE: Final = "rewire"
"""Who does what nobody does."""


@dataclass(frozen=True, slots=True)
class Names:
    """What actors are called. People are ``person-12`` unless ``real`` wants their user names."""

    real: bool = False

    def id(self, actor: Actor) -> str:
        return f"{type_of(actor)}-{actor.pk}"

    def name(self, actor: Actor | None) -> str:
        """Of programs always their own name, as ``reader@1``; nobody is the engine."""
        if actor is None:
            return ENGINE
        return str(actor) if self.real or actor.kind != ActorKind.HUMAN else self.id(actor)


def type_of(actor: Actor | None) -> str:
    """``person`` for people, else the kind: ``agent``, ``automation``, ``system``, ``policy``."""
    if actor is None:
        return ActorKind.SYSTEM.value
    return "person" if actor.kind == ActorKind.HUMAN else actor.kind


@dataclass(frozen=True, slots=True)
class Told:
    """``cost`` is in whole units of ``currency``, None where nothing was said of it."""

    at: datetime
    activity: str
    transition: str
    what: str
    resource: Actor | None
    role: str
    word: str = ""
    cost: Decimal | None = None
    currency: str = ""


def told(happening: Happening) -> Told:
    """The event itself."""
    event, attempt = happening.event, happening.attempt
    moved = transition_of(event)
    word = _word(happening)
    cost = attempt.cost_micros if attempt else None
    return Told(
        event.at,
        _named(happening, moved.aspect),
        moved.transition,
        _named(happening, word.replace("_", " ") or moved.what),
        _resource(happening, moved),
        _role(happening, moved),
        word,
        None if cost is None else cost / MICRO,
        attempt.currency if attempt and cost is not None else "",
    )


def begun(happening: Happening) -> Told | None:
    """That work began whose end this happening is; None where it is no attempt's."""
    attempt = happening.attempt
    if attempt is None or transition_of(happening.event).aspect != STARTED.aspect:
        return None
    activity, what = _named(happening, STARTED.aspect), _named(happening, STARTED.what)
    role = _role(happening, STARTED)
    start = min(attempt.started_at, happening.event.at)
    return Told(start, activity, STARTED.transition, what, happening.actor, role)


def in_order(happenings: list[Happening]) -> Iterator[tuple[Happening, Told]]:
    """All of a case in the order of its chain; when work began stands where its time belongs.

    Nothing comes before the first event.
    """
    found: list[tuple[Happening, Told]] = []
    for happening in happenings:
        if start := begun(happening):
            found.insert(_place(found, start.at), (happening, start))
        found.append((happening, told(happening)))
    return iter(found)


def _place(found: list[tuple[Happening, Told]], at: datetime) -> int:
    place = len(found)
    while place > 1 and found[place - 1][1].at > at:
        place -= 1
    return place


def _named(happening: Happening, rest: str) -> str:
    """ "Read the receipt: review"; what is of no step stands alone, as "case"."""
    if happening.task:
        name = happening.task.step.name or happening.task.step.key
        return f"{name}: {rest}" if rest else name
    aspect = transition_of(happening.event).aspect
    return rest if rest == aspect or not aspect else f"{aspect}: {rest}"


def _word(happening: Happening) -> str:
    if happening.event.type != "decision.made" or happening.decision is None:
        return ""
    return word_of(happening.decision)


def word_of(decision: Decision) -> str:
    """A rejection that goes back to an earlier step is ``sent_back``, as pages tell it."""
    return "sent_back" if cast("Any", decision).sent_back else decision.word


def _resource(happening: Happening, moved: Transition) -> Actor | None:
    """Who acted; of an assignment, to whom the work went, as XES wants it."""
    given = happening.person if moved.transition == "assign" else None
    return given or happening.actor


def _role(happening: Happening, moved: Transition) -> str:
    """The group that a seat asks, where the event is about one; else the kind of actor."""
    if happening.seat:
        return str(happening.seat.group.name)
    return type_of(_resource(happening, moved))
