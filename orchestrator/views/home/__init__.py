"""The start page: one part for each role that a person has, the first role first."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from orchestrator.models import Actor, Workflow
from orchestrator.models.standing import standing_once
from orchestrator.pages import person
from orchestrator.views.home import auditing, leading, operating, owning, reviewing
from orchestrator.views.home.sections import Section
from orchestrator.views.requests import actor_of, user_of
from orchestrator.views.workflows import everywhere

__all__ = ["home"]


@require_safe
@standing_once()
def home(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    roles = set(user_of(request).groups.values_list("name", flat=True))
    switch = everywhere(actor)
    context = {
        "greeting": _("Hello %s") % person(user_of(request)).split()[0],
        "sections": sections(actor, roles, stopped=bool(switch["halted_at"])),
        "halted": Workflow.objects.visible_to(actor).exclude(halted_at=None),
        "everywhere": switch,
    }
    return render(request, "orchestrator/home.html", context)


def sections(actor: Actor, roles: set[str], *, stopped: bool) -> list[Section]:
    """What waits for people comes first for reviewers, and last where it is not their role."""
    mine, reviews = reviewing.reviewer(actor), "Reviewers" in roles
    superuser = actor.user is not None and actor.user.is_superuser
    found = [
        (mine or reviewing.nothing_yet()) if reviews else None,
        leading.lead(actor, incidents=not superuser) if "Leads" in roles else None,
        owning.owner(actor),
        auditing.auditor(actor) if "Auditors" in roles else None,
        operating.administrator(actor, stopped=stopped) if superuser else None,
        None if reviews else mine,
    ]
    return [section for section in found if section]
