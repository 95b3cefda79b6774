"""The only door to what an actor may see and do; asked again at the moment of each act.

Whoever decides needs the rule's group or a Grant, superusers too, and four eyes hold for
everybody. What else people do they may by Django's permissions, programs by Grants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import Final, TypeVar

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator.exceptions import NotAllowed, NotFound
from orchestrator.models import (
    Actor,
    Attempt,
    Case,
    Incident,
    Seat,
    SeatState,
    StepKind,
    Task,
    Workflow,
)
from orchestrator.models.grants import NOTHING
from orchestrator.models.standing import Lane, Standing, Way, standing
from orchestrator.models.statements import ID, Kept
from orchestrator.spelling import plain

Row = TypeVar("Row", bound=Model)
Subject = Workflow | Case | Task | Incident | Seat

DECIDING: Final = frozenset({"claim", "decide"})

PERMISSIONS: Final = {
    "start": "orchestrator.add_case",
    "cancel": "orchestrator.cancel_case",
    "resolve": "orchestrator.resolve_incident",
    "assign": "orchestrator.resolve_incident",
    "halt": "orchestrator.halt_workflow",
    "publish": "orchestrator.publish_workflow",
}
SEEING: Final = frozenset({"view", "export"})
OWNING: Final = frozenset({"assign"})
"""What a workflow's owner may do there without a permission."""

RIGHTS: Final = {
    "start": gettext_noop("start"),
    "cancel": gettext_noop("cancel"),
    "resolve": gettext_noop("resolve"),
    "assign": gettext_noop("assign"),
    "halt": gettext_noop("halt"),
    "publish": gettext_noop("publish"),
}

UNSEEN: Final = gettext_noop("You may not see this workflow.")
INACTIVE: Final = gettext_noop("This account is not active.")
BARRED: Final = gettext_noop("You have had a part in this already; it needs other eyes.")
AUTHOR: Final = gettext_noop("Nobody decides on its own output.")
WITHHELD: Final = gettext_noop("This is withheld from you here.")
CLOSED: Final = gettext_noop("Nobody can decide this any more.")


@dataclass(frozen=True, slots=True)
class Answer:
    """``reasons`` are sentences, empty when allowed. ``grant``: by which one, None for a group.

    ``behind``: ids of the actors with whom who decides by that Grant counts as one.
    """

    allowed: bool
    reasons: list[str] = field(default_factory=list)
    grant: int | None = None
    behind: frozenset[int] = frozenset()


def may(
    actor: Actor, action: str, subject: Subject | None, *, held: Standing | None = None
) -> Answer:
    """Whether the actor may do this now, and why not. May query.

    ``held`` is what the actor holds, from a caller that has read it in this transaction.

    ``claim`` and ``decide`` take a Seat and differ in that others' claims bar the first, and
    that somebody else is assigned;
    who decides shows the token of the claim. ``halt`` takes a Workflow, or None for
    everywhere; the others a Workflow or what belongs to one.
    """
    held = held or standing(actor)
    if not held.active:
        return Answer(allowed=False, reasons=[_(INACTIVE)])
    if action in DECIDING and isinstance(subject, Seat):
        answer = _may_decide(held, subject)
        return _unclaimed(answer, actor, held, subject) if action == "claim" else answer
    return _may_act(held, actor, action, workflow_of(subject), step_of(subject))


def require(
    actor: Actor, action: str, subject: Subject | None, *, held: Standing | None = None
) -> Answer:
    """Raises NotAllowed with the reasons where ``may`` says no. ``held`` as there."""
    answer = may(actor, action, subject, held=held)
    if not answer.allowed:
        raise NotAllowed(reasons=answer.reasons)
    return answer


def workflow_of(subject: Subject | None) -> Workflow | None:
    if isinstance(subject, Incident | Seat):
        subject = subject.task
    if isinstance(subject, Task):
        subject = subject.case
    return subject.workflow if isinstance(subject, Case) else subject


def step_of(subject: Subject | None) -> str:
    """The key of the step that a subject stands at, "" for what is about a whole workflow."""
    if isinstance(subject, Incident | Seat):
        subject = subject.task
    return subject.step_key if isinstance(subject, Task) else ""


def access_workflow(actor: Actor, slug: str) -> Workflow:
    """The workflow, or NotFound where there is none, or none for these eyes."""
    return _first(Workflow.objects.visible_to(actor).filter(slug=slug))


def access_case(actor: Actor, pk: int) -> Case:
    """The case with its workflow and version, or NotFound."""
    rows = Case.objects.visible_to(actor).select_related("workflow", "version")
    return _first(rows.filter(pk=pk))


def access_task(actor: Actor, pk: int, *, held: Standing | None = None) -> Task:
    """The task with its step, case and workflow, or NotFound. ``held`` as in ``may``."""
    task = TASK.first(pk)
    if task is None or not (held or standing(actor)).sees(task.case.workflow_id):
        raise NotFound
    return task


TASK: Final = Kept(
    lambda pk: Task.objects.select_related("step", "case__workflow").filter(pk=pk), ID
)


def access_incident(actor: Actor, pk: int) -> Incident:
    """The incident with its task, step, case and workflow, or NotFound."""
    rows = Incident.objects.visible_to(actor)
    return _first(rows.select_related("task__step", "task__case__workflow").filter(pk=pk))


def _first(rows: QuerySet[Row]) -> Row:
    for row in rows[:1]:
        return row
    raise NotFound


def _may_act(
    held: Standing, actor: Actor, action: str, workflow: Workflow | None, step_key: str
) -> Answer:
    place = None if workflow is None else workflow.pk
    if held.excluded(action, place, step_key):
        return Answer(allowed=False, reasons=[_(WITHHELD)])
    if granted := held.granted(action, place, step_key):
        return Answer(allowed=True, grant=granted.grant)
    if place is not None and not held.sees(place):
        return Answer(allowed=False, reasons=[_(UNSEEN)])
    if action in OWNING and workflow is not None and workflow.owner_id == actor.user_id:
        return Answer(allowed=True)
    return _by_permission(actor, action)


def _by_permission(actor: Actor, action: str) -> Answer:
    if action in SEEING:
        return Answer(allowed=True)
    permission = PERMISSIONS.get(action)
    if permission and actor.user and _is_permitted(actor.user, permission):
        return Answer(allowed=True)
    return Answer(allowed=False, reasons=[_lacking(action)])


PERMITTED: Final = """
SELECT EXISTS (
    SELECT FROM auth_permission p JOIN django_content_type c ON c.id = p.content_type_id
    WHERE c.app_label = %(app)s AND p.codename = %(name)s AND (
        EXISTS (
            SELECT FROM auth_user_user_permissions o
            WHERE o.user_id = %(user)s AND o.permission_id = p.id
        ) OR EXISTS (
            SELECT FROM auth_user_groups m
            JOIN auth_group_permissions g ON g.group_id = m.group_id
            WHERE m.user_id = %(user)s AND g.permission_id = p.id
        )
    )
)
"""


def _lacking(action: str) -> str:
    return _("You do not hold the right to %s here.") % _(RIGHTS.get(action, action))


def _is_permitted(user: User, permission: str) -> bool:
    """What ``has_perm`` says of an active user; that would load all permissions for one."""
    if user.is_superuser:
        return True
    app, _, name = permission.partition(".")
    with connection.cursor() as cursor:
        cursor.execute(PERMITTED, {"app": app, "name": name, "user": user.pk})
        return bool(cursor.fetchone()[0])


def _may_decide(held: Standing, seat: Seat) -> Answer:
    ways = held.ways(Lane(seat.workflow_id, seat.step_key, seat.group_id))
    against = {way: _against(held, way, seat) for way in ways}
    reasons = _hindrances(held, seat)
    if not ways:
        reasons += _no_way(held, seat)
    elif all(against.values()):
        reasons += dict.fromkeys(chain.from_iterable(against.values()))
    if reasons:
        return Answer(allowed=False, reasons=reasons)
    way = next(way for way in ways if not against[way])
    return Answer(allowed=True, grant=way.grant, behind=way.behind)


def _hindrances(held: Standing, seat: Seat) -> list[str]:
    """What holds whatever right the actor has."""
    reasons = [] if seat.state == SeatState.OPEN else [_(CLOSED)]
    if held.selves and Attempt.objects.filter(task=seat.task_id, actor__in=held.selves).exists():
        reasons.append(_(AUTHOR))
    return reasons


def _unclaimed(answer: Answer, actor: Actor, held: Standing, seat: Seat) -> Answer:
    claimed = seat.claim_expires_at is not None and seat.claim_expires_at > held.at
    if claimed and seat.claimed_by_id != held.actor:
        taken = _("%s is deciding this.") % seat.claimed_by
    else:
        taken = assigned(seat, actor)
    return Answer(allowed=False, reasons=[*answer.reasons, taken]) if taken else answer


def assigned(seat: Seat, actor: Actor) -> str:
    """Who has assigned the seat to somebody else, as a sentence; "" where nobody has."""
    if seat.assigned_to_id in {None, actor.pk}:
        return ""
    return _("%(by)s has assigned this to %(to)s.") % {
        "by": seat.assigned_by,
        "to": seat.assigned_to,
    }


def _no_way(held: Standing, seat: Seat) -> list[str]:
    if not held.sees(seat.workflow_id):
        return [_(UNSEEN)]
    if held.excluded("decide", seat.workflow_id, seat.step_key):
        return [_(WITHHELD)]
    return [_("%s decide here, and whoever holds a Grant to.") % seat.group.name]


def _against(held: Standing, way: Way, seat: Seat) -> list[str]:
    """Why the actor cannot decide this seat by this way; empty where it can."""
    reasons = [] if {held.actor, *way.behind}.isdisjoint(seat.barred) else [_(BARRED)]
    if way.limit is not None and not _is_within(way.limit, seat):
        about = _("no known amount") if seat.demand is None else _plain(seat.demand)
        told = {"about": about, "limit": _plain(way.limit)}
        reasons.append(_("This is about %(about)s; you may decide up to %(limit)s.") % told)
    return reasons


def _is_within(limit: Decimal, seat: Seat) -> bool:
    """An agent's output that lacks the number which a limit is about is beyond every limit."""
    if seat.demand is not None:
        return seat.demand <= limit
    step = seat.task.step
    return not step.limit or step.kind == StepKind.HUMAN


def _plain(number: Decimal) -> str:
    return _("nothing") if number == NOTHING else plain(number)
