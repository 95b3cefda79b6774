"""One incident, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import orjson
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from orchestrator import authority, engine
from orchestrator.exceptions import Invalid, MalformedJSON, NotAllowed, NotFound, TooLarge
from orchestrator.models import Actor, Incident, StepEffect, Workflow
from orchestrator.models.standing import standing
from orchestrator.pages import incident_text, name_of, person
from orchestrator.strictjson import loads
from orchestrator.views.assigning import candidates
from orchestrator.views.requests import actor_of, came_from, reason_of
from orchestrator.whereabouts import step_and_branch

ALONG: Final = (
    "task__case__workflow",
    "task__case__version__accountable",
    "task__step",
    "assigned_to__user",
)
BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
PEOPLE: Final = 100
GROUP: Final = "*"
"""What the form says for everybody of the group."""


def incident_rows(
    actor: Actor, found: Iterable[Incident], *, with_case: bool = False
) -> list[dict[str, Any]]:
    """Incidents as the template wants them; ``ALONG`` has to be read with them."""
    found = list(found)
    may = may_resolve(actor, found)
    undone = engine.undone_by_cancelling({row.task.case for row in found})
    people = {row.task.case.workflow for row in found if may[row.pk]}
    names = {place.pk: people_for(place) for place in people}
    return [
        {
            "id": incident.pk,
            "title": step_and_branch(incident.task),
            "rows": rows_of(incident),
            "at": incident.opened_at,
            "due_at": incident.due_at,
            "late": incident.due_at < timezone.now(),
            "text": incident_text(incident),
            "can_act": may[incident.pk],
            "can_edit": incident.task.step.kind in engine.TAKES_INPUT,
            "case_key": incident.task.case.key if with_case else "",
            "case_url": reverse("case", args=[incident.task.case_id]),
            "undone": [step.name for step in undone.get(incident.task.case_id, [])],
            "assigned_to": name_of(incident.assigned_to),
            "is_mine": incident.assigned_to_id == actor.pk,
            "answers": person(incident.task.case.version.accountable),
            "people": names.get(incident.task.case.workflow_id, []),
        }
        for incident in found
    ]


def rows_of(incident: Incident) -> list[dict[str, Any]]:
    """Of a decision table of which no row held: why not, row by row."""
    why = incident.detail.get("why") if isinstance(incident.detail, dict) else None
    return list(why) if incident.kind == "undecided" and isinstance(why, list) else []


def may_resolve(actor: Actor, found: Sequence[Incident]) -> dict[int, bool]:
    """By incident, whether the actor resolves it: asked once for each step of a workflow."""
    if not found:
        return {}
    held = standing(actor)
    at = {row.pk: (row.task.case.workflow_id, row.task.step_key) for row in found}
    one_each = {at[row.pk]: row for row in found}
    may = {
        place: authority.may(actor, "resolve", incident, held=held).allowed
        for place, incident in one_each.items()
    }
    return {pk: may[place] for pk, place in at.items()}


def people_for(workflow: Workflow | None) -> list[tuple[str, str]]:
    """Who resolves incidents there, as username and name; without one, anywhere. One query."""
    users = User.objects.with_perm("orchestrator.resolve_incident", backend=BACKEND)
    if workflow is not None:
        here = Q(groups__workflows=workflow) | Q(pk=workflow.owner_id) | Q(is_superuser=True)
        users = users.filter(here)
    found = users.distinct().order_by("username")[:PEOPLE]
    return [(user.get_username(), person(user)) for user in found]


@require_POST
def incident(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """What needs no page of its own; ``action`` is one of ``ACTS``."""
    actor = actor_of(request)
    found = authority.access_incident(actor, pk)
    if action not in ACTS:
        raise NotFound
    messages.success(request, ACTS[action](request, found, actor))
    return redirect(came_from(request) or reverse("case", args=[found.task.case_id]))


def _retry(_request: HttpRequest, found: Incident, actor: Actor) -> str:
    engine.retry(found.pk, actor=actor)
    return _("“%s” is tried again.") % found.task.step.name


def _skip(request: HttpRequest, found: Incident, actor: Actor) -> str:
    engine.skip_step(found.pk, actor=actor, reason=reason_of(request))
    return _("“%s” was skipped; the case goes on.") % found.task.step.name


def _cancel(request: HttpRequest, found: Incident, actor: Actor) -> str:
    engine.cancel_for(found.pk, actor=actor, reason=reason_of(request))
    return _("The case is cancelled.")


def _compensate(request: HttpRequest, found: Incident, actor: Actor) -> str:
    """As cancelling does; only where something is undone by it."""
    case = found.task.case
    authority.require(actor, "cancel", case)
    undone = engine.undone_by_cancelling([case]).get(case.pk)
    if not undone:
        raise Invalid(_("Nothing that was done here names its undo: cancel the case instead."))
    engine.cancel_for(found.pk, actor=actor, reason=reason_of(request))
    names = ", ".join(step.name for step in undone)
    return _("The case is called off. Being undone, newest first: %s.") % names


def _assign(request: HttpRequest, found: Incident, actor: Actor) -> str:
    """To who is named as ``to``, "" is nobody."""
    to = request.POST.get("to", "")
    chosen = somebody(to) if to else None
    engine.entrust(found.pk, actor=actor, to=chosen)
    if chosen is None:
        return _("Nobody looks after “%s” any more.") % found.task.step.name
    told = {"name": name_of(chosen), "step": found.task.step.name}
    return _("%(name)s looks after “%(step)s”.") % told


ACTS: Final[Mapping[str, Callable[[HttpRequest, Incident, Actor], str]]] = {
    "retry": _retry,
    "skip": _skip,
    "cancel": _cancel,
    "compensate": _compensate,
    "assign": _assign,
}


def somebody(username: str) -> Actor:
    """An active person. Raises Invalid."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Invalid(_("Choose somebody."))
    return Actor.objects.for_user(user)


def opened(request: HttpRequest, pk: int) -> tuple[Actor, Incident]:
    """An open incident that the actor resolves. Raises NotFound and NotAllowed."""
    actor = actor_of(request)
    found = authority.access_incident(actor, pk)
    authority.require(actor, "resolve", found)
    if found.state != "open":
        raise NotFound(_("This incident was resolved meanwhile."))
    return actor, found


@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Who could do the step instead. A POST names one of them, or the group, as ``to``."""
    actor, found = opened(request, pk)
    if request.method != "POST":
        return _show_people(request, found)
    try:
        to = None if request.POST.get("to") == GROUP else somebody(request.POST.get("to", ""))
        seat = engine.hand_over(pk, actor=actor, to=to)
    except (Invalid, NotAllowed) as refusal:
        return _show_people(request, found, refusal.message, status=refusal.status)
    told = {"step": found.task.step.name, "who": name_of(to) if to else seat.group.name}
    messages.success(request, _("“%(step)s” waits for %(who)s now.") % told)
    return redirect("case", found.task.case_id)


def _show_people(
    request: HttpRequest, found: Incident, problem: str = "", *, status: int = 200
) -> HttpResponse:
    seat = engine.place_of(found)
    context = {
        "incident": found,
        "group": seat.group,
        "people": candidates(seat),
        "everybody": GROUP,
        "asks_again": engine.keeps_output(found) or found.task.step.kind == "human",
        "problem": problem,
    }
    return render(request, "orchestrator/hand_over.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_input(request: HttpRequest, pk: int) -> HttpResponse:
    """The step's input as JSON. A POST tries again with ``input``, or ``mapped`` again."""
    actor, found = opened(request, pk)
    if request.method != "POST":
        return _show_input(request, found, _pretty(engine.input_of(found.task)))
    typed = request.POST.get("input", "")
    try:
        given = None if "mapped" in request.POST else _object(typed)
        engine.give_input(pk, actor=actor, given=given)
    except (Invalid, MalformedJSON, TooLarge) as refusal:
        return _show_input(request, found, typed, refusal.message, status=422)
    messages.success(request, _("“%s” is tried again.") % found.task.step.name)
    return redirect("case", found.task.case_id)


def _object(typed: str) -> dict[str, Any]:
    """Raises MalformedJSON, TooLarge and Invalid."""
    value = loads(typed.encode("utf-8", "surrogatepass"))
    if not isinstance(value, dict):
        raise Invalid(_("The input of a step is an object: {…}."))
    return value


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _show_input(
    request: HttpRequest, found: Incident, typed: str, problem: str = "", *, status: int = 200
) -> HttpResponse:
    context = {
        "incident": found,
        "text": incident_text(found),
        "typed": typed,
        "problem": problem,
        "takes_input": found.task.step.kind in engine.TAKES_INPUT,
        "is_given": found.task.given is not None,
        "is_write": found.task.step.effect != StepEffect.PURE,
    }
    return render(request, "orchestrator/edit_input.html", context, status=status)
