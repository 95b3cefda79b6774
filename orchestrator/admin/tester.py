"""Where the rules of a step, of a draft too, would send an output. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from orchestrator import authority, engine, routing
from orchestrator.engine.deciders import are_enough
from orchestrator.engine.judging import STOPPED
from orchestrator.engine.rounds import SEVERAL, demand_of, seats_of
from orchestrator.models import (
    Actor,
    DecisionRight,
    Grant,
    Mode,
    Seat,
    SeatState,
    Step,
    StepKind,
    Task,
    Workflow,
)
from orchestrator.models.standing import Lane
from orchestrator.spelling import duration
from orchestrator.telling import tongue

MOST_PEOPLE: Final = 40
PASSES: Final = "passes"
"""The mode of a step without rules: its output goes on as it is."""
ASKING: Final = frozenset({Mode.REVIEW, Mode.DUAL, Mode.PANEL})


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where an output goes. ``route`` is what the rules say, ``mode`` what comes of it.

    ``right`` is the rule that says who decides, None where no rule of the step asks a person
    although one would have to be asked; ``fired`` the rule that matched.
    """

    mode: str
    reason: str
    route: routing.Route
    fired: DecisionRight | None
    right: DecisionRight | None

    @property
    def asks(self) -> bool:
        return self.mode in ASKING

    @property
    def stuck(self) -> bool:
        """Whether a person would have to be asked and no rule says whom."""
        return self.asks and self.right is None


def rights_of(step: Step) -> list[DecisionRight]:
    """The rules of a step in their order. One query."""
    rows = step.rights.select_related("group", "escalates_to", "step")
    return list(rows.order_by("position"))


def tried(
    rights: Sequence[DecisionRight], facts: Mapping[str, Any], *, stopped: bool = False
) -> Outcome:
    """What the engine would do with an output of these facts; ``stopped`` is a halted workflow."""
    rules = [routing.Rule(row.position, row.condition, row.mode, row.name) for row in rights]
    route = routing.route(rules, facts)
    reason = routing.reason(route.why, tongue())
    fired = next((row for row in rights if row.position == route.position), None)
    if not rights:
        return Outcome(PASSES, reason, route, None, None)
    held = stopped and route.mode == Mode.AUTO
    if route.mode in (Mode.AUTO, Mode.BLOCK) and rights[0].step.kind != StepKind.HUMAN and not held:
        return Outcome(route.mode, reason, route, fired, fired)
    asked = fired if fired and fired.mode in ASKING else _last_that_asks(rights)
    mode = asked.mode if asked else Mode.REVIEW
    return Outcome(str(mode), _(STOPPED) if held else reason, route, fired, asked)


def _last_that_asks(rights: Sequence[DecisionRight]) -> DecisionRight | None:
    return next((row for row in reversed(rights) if row.mode in ASKING), None)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who would be asked. ``able`` and ``unable`` name people, the latter with the reason.

    ``enough`` is what the engine asks: whether the group has as many as there are seats.
    """

    group: str
    seats: int
    within: str
    words: list[str]
    able: list[str]
    unable: list[tuple[str, str]]
    enough: bool
    more: int


def asked(step: Step, right: DecisionRight, output: Any, initiator: Actor | None) -> Asked:
    """The people of a rule, for an output in a case that ``initiator`` brought. Queries."""
    barred = [initiator.pk] if initiator and right.mode in SEVERAL else []
    seat = _seat(step, right, output, barred)
    people, more = _people(right, step.version.workflow)
    answers = [(name, _hindrance(actor, seat)) for name, actor in people]
    return Asked(
        group=right.group.name if right.group else "",
        seats=seats_of(right),
        within=duration(right.decide_within),
        words=engine.allowed_words(step, right),
        able=[name for name, hindrance in answers if not hindrance],
        unable=[answer for answer in answers if answer[1]],
        enough=are_enough(
            Lane(step.version.workflow_id, step.key, right.group_id or 0), seats_of(right), barred
        ),
        more=more,
    )


def _seat(step: Step, right: DecisionRight, output: Any, barred: list[int]) -> Seat:
    """The seat that would be opened, never saved."""
    return Seat(
        task=Task(step=step, step_key=step.key),
        workflow=step.version.workflow,
        step_key=step.key,
        group=right.group,
        state=SeatState.OPEN,
        demand=demand_of(step, output),
        barred=barred,
    )


def _hindrance(actor: Actor | None, seat: Seat) -> str:
    """Why somebody could not decide; who never signed in holds what its group holds."""
    if actor is None or seat.group_id is None:
        return ""
    return " ".join(authority.may(actor, "decide", seat).reasons)


def _people(right: DecisionRight, workflow: Workflow) -> tuple[list[tuple[str, Actor | None]], int]:
    """Active members of the group, then who holds a Grant of its own to decide here."""
    if right.group is None:
        return [], 0
    members = right.group.user_set.filter(is_active=True).order_by("username")
    users = list(members[:MOST_PEOPLE])
    actors = {row.user_id: row for row in Actor.objects.filter(user__in=users)}
    people = [(_name(user), actors.get(user.pk)) for user in users]
    granted = [actor for actor in _granted(workflow) if actor.user not in users]
    people += [(_name(actor.user), actor) for actor in granted if actor.user]
    return people, max(0, members.count() - len(users))


def _granted(workflow: Workflow) -> list[Actor]:
    here = Q(workflow=None) | Q(workflow=workflow)
    grants = Grant.objects.filter(
        here,
        action="decide",
        effect="allow",
        actor__user__is_active=True,
        valid__contains=timezone.now(),
    )
    rows = grants.select_related("actor__user").order_by("actor__user__username")
    return list(dict.fromkeys(row.actor for row in rows[:MOST_PEOPLE] if row.actor))


def _name(user: User) -> str:
    return user.get_full_name() or user.get_username()
