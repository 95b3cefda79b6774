"""Incidents: what could not go on alone, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST, require_safe

from orchestrator import authority, engine
from orchestrator.exceptions import NotFound
from orchestrator.models import Actor, Incident, Workflow
from orchestrator.pages import incident_text
from orchestrator.views.requests import actor_of, came_from, page_of, reason_of, text

ROWS: Final = 20
AGES: Final[Mapping[str, tuple[str, timedelta]]] = {
    "1h": (gettext_noop("More than an hour"), timedelta(hours=1)),
    "1d": (gettext_noop("More than a day"), timedelta(days=1)),
    "3d": (gettext_noop("More than 3 days"), timedelta(days=3)),
}
"""How long an incident is open at least."""
ALONG: Final = ("task__case__workflow", "task__step")


@require_safe
def incidents(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    workflows = list(Workflow.objects.visible_to(actor))
    wanted = {name: text(request, name) for name in ("q", "workflow", "age")}
    found = filtered(Incident.objects.visible_to(actor).filter(state="open"), wanted)
    page = page_of(request, found.select_related(*ALONG), size=ROWS)
    context = {
        "incidents": incident_rows(actor, page.rows, with_case=True),
        "page": page,
        "filters": wanted
        | {
            "workflows": workflows,
            "ages": [(key, _(label)) for key, (label, _least) in AGES.items()],
            "active": any(wanted.values()),
        },
    }
    return render(request, "orchestrator/incidents.html", context)


def filtered(found: QuerySet[Incident], wanted: Mapping[str, str]) -> QuerySet[Incident]:
    """Those that fit; an age that is none of ours fits none."""
    if wanted["q"]:
        found = found.filter(task__case__key__startswith=wanted["q"])
    if wanted["workflow"]:
        found = found.filter(task__case__workflow__slug=wanted["workflow"])
    if wanted["age"]:
        if wanted["age"] not in AGES:
            return found.none()
        found = found.filter(opened_at__lte=timezone.now() - AGES[wanted["age"]][1])
    return found


def incident_rows(
    actor: Actor, found: Iterable[Incident], *, with_case: bool = False
) -> list[dict[str, Any]]:
    """Incidents as the template wants them; ``ALONG`` has to be read with them."""
    found = list(found)
    may = may_resolve(actor, found)
    return [
        {
            "id": incident.pk,
            "title": incident.task.step.name,
            "at": incident.opened_at,
            "text": incident_text(incident),
            "can_act": may[incident.task.case.workflow_id],
            "case_key": incident.task.case.key if with_case else "",
            "case_url": reverse("case", args=[incident.task.case_id]),
        }
        for incident in found
    ]


def may_resolve(actor: Actor, found: Iterable[Incident]) -> dict[int, bool]:
    """By workflow, whether the actor resolves its incidents: asked once for each of them."""
    one_each = {incident.task.case.workflow_id: incident for incident in found}
    return {
        workflow: authority.may(actor, "resolve", incident).allowed
        for workflow, incident in one_each.items()
    }


@require_POST
def incident(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """Try again, skip the step with a reason, or cancel the case with a reason."""
    actor = actor_of(request)
    found = authority.access_incident(actor, pk)
    act(request, found, action, actor)
    return redirect(came_from(request) or reverse("case", args=[found.task.case_id]))


def act(request: HttpRequest, found: Incident, action: str, actor: Actor) -> None:
    step = found.task.step.name
    match action:
        case "retry":
            engine.retry(found.pk, actor=actor)
            messages.success(request, _("“%s” is tried again.") % step)
        case "skip":
            engine.skip_step(found.pk, actor=actor, reason=reason_of(request))
            messages.success(request, _("“%s” was skipped; the case goes on.") % step)
        case "cancel":
            engine.cancel_case(found.task.case_id, actor=actor, reason=reason_of(request))
            messages.success(request, _("The case is cancelled."))
        case _:
            raise NotFound
