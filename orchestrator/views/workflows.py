"""Workflows: the list, one workflow with its versions, and the stop switch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from orchestrator import authority, engine
from orchestrator.exceptions import NotFound
from orchestrator.lately import paces
from orchestrator.models import Actor, Event, Step, StepKind, Workflow, WorkflowVersion
from orchestrator.pages import paragraphs, person
from orchestrator.sentences import step_views, steps_of
from orchestrator.templatetags.rewire import local_time
from orchestrator.under_way import UnderWay, under_way
from orchestrator.views.map import map_of
from orchestrator.views.migrations import history
from orchestrator.views.requests import actor_of, came_from, link, number, reason_of, user_of

DRAFT: Final = "draft"


@require_safe
def workflows(request: HttpRequest) -> HttpResponse:
    actor, user = actor_of(request), user_of(request)
    found = Workflow.objects.visible_to(actor).select_related("owner", "published_version")
    may_add = user.is_staff and user.has_perm("orchestrator.add_workflow")
    context = {
        "rows": [workflow_row(workflow) for workflow in found.order_by("name")],
        "new_url": reverse("admin:orchestrator_workflow_add") if may_add else "",
        "everywhere": everywhere(actor),
    }
    return render(request, "orchestrator/workflows.html", context)


def workflow_row(workflow: Workflow) -> dict[str, Any]:
    version = workflow.published_version
    return {
        "url": reverse("workflow", args=[workflow.slug]),
        "name": workflow.name,
        "summary": next(iter(paragraphs(workflow.description)), ""),
        "halted": workflow.halted_at is not None,
        "version": _("Version %s") % version.number if version else "",
        "owner": person(workflow.owner),
    }


def everywhere(actor: Actor) -> dict[str, Any]:
    """The switch for all workflows at once: since when it is thrown, and whether one may."""
    halted_at = engine.halted(None)
    return {
        "halted_at": halted_at,
        "halted_why": halted_why(Workflow.objects.get(slug=engine.CHANGES)) if halted_at else "",
        "can_stop": authority.may(actor, "halt", None).allowed,
    }


@require_safe
def workflow(request: HttpRequest, slug: str) -> HttpResponse:
    """One workflow; ``?version=<number>`` shows another version than the published one."""
    actor = actor_of(request)
    found = authority.access_workflow(actor, slug)
    versions = visible_versions(request, found)
    shown = chosen(request, found, versions)
    steps = steps_of(shown) if shown else []
    runs = shown is not None and shown.pk == found.published_version_id
    context = {
        "workflow": head(request, found, actor),
        "shown": {"number": shown and shown.number} | label(found, shown),
        "map": map_of(steps, under_way(found) if runs else UnderWay(), called(steps, actor)),
        "steps": step_views(steps, paces([found.pk]).get(found.pk, {}) if runs else {}),
        "facts": facts(found, shown),
        "versions": [version_row(request, found, version, shown) for version in versions],
        "migrations": migrations(found, actor, versions),
    }
    return render(request, "orchestrator/workflow.html", context)


def called(steps: list[Step], actor: Actor) -> dict[str, str]:
    """The pages of the workflows that these steps call, for those who see them."""
    slugs = [step.flow.get("workflow") for step in steps if step.kind == StepKind.SUBFLOW]
    if not slugs:
        return {}
    seen = Workflow.objects.visible_to(actor).filter(slug__in=slugs)
    return {slug: reverse("workflow", args=[slug]) for slug in seen.values_list("slug", flat=True)}


def migrations(
    found: Workflow, actor: Actor, versions: Sequence[WorkflowVersion]
) -> dict[str, Any] | None:
    """Where cases are taken over, and what was; None for who may not publish here, and while
    there is one version only.
    """
    published = [version for version in versions if version.published_at]
    if len(published) < 2 or not authority.may(actor, "publish", found).allowed:
        return None
    return {"url": reverse("migrate", args=[found.slug]), "rows": history(found)}


def visible_versions(request: HttpRequest, found: Workflow) -> list[WorkflowVersion]:
    """Published versions, newest first, and the draft for whom the role shows drafts."""
    versions = found.versions.select_related("accountable", "published_by").order_by("-number")
    if not user_of(request).has_perm("orchestrator.view_workflowversion"):
        versions = versions.exclude(published_at=None)
    return list(versions)


def chosen(
    request: HttpRequest, found: Workflow, versions: list[WorkflowVersion]
) -> WorkflowVersion | None:
    """The version that was asked for, else the published one, else the newest."""
    if "version" in request.GET:
        wanted = number(request, "version")
        for version in versions:
            if version.number == wanted:
                return version
        raise NotFound(_("There is no such version."))
    published = [row for row in versions if row.pk == found.published_version_id]
    return next(iter(published or versions), None)


def label(found: Workflow, version: WorkflowVersion | None) -> dict[str, str]:
    if version is None:
        return {"state": DRAFT, "label": _("Not published")}
    if version.published_at is None:
        return {"state": DRAFT, "label": _("Draft %s") % version.number}
    state = "published" if version.pk == found.published_version_id else "superseded"
    return {"state": state, "label": _("Version %s") % version.number}


def version_row(
    request: HttpRequest, found: Workflow, version: WorkflowVersion, shown: WorkflowVersion | None
) -> dict[str, Any]:
    return {
        "url": link(request, version=version.number),
        "label": str(version.number),
        "state": label(found, version)["state"],
        "at": version.published_at,
        "notes": version.notes,
        "current": version == shown,
    }


def head(request: HttpRequest, found: Workflow, actor: Actor) -> dict[str, Any]:
    user = user_of(request)
    may_edit = user.is_staff and user.has_perm("orchestrator.change_workflow")
    return {
        "name": found.name,
        "description": paragraphs(found.description),
        "halted_at": found.halted_at,
        "halted_why": halted_why(found) if found.halted_at else "",
        "can_stop": authority.may(actor, "halt", found).allowed,
        "stop_url": reverse("stop_workflow", args=[found.slug]),
        "resume_url": reverse("resume_workflow", args=[found.slug]),
        "edit_url": reverse("admin:orchestrator_workflow_change", args=[found.pk])
        if may_edit
        else "",
    }


def halted_why(found: Workflow) -> str:
    """The reason that was given for the last stop."""
    halts = Event.objects.filter(stream=f"workflow:{found.pk}", type="workflow.halted")
    last = halts.order_by("-seq").first()
    return str(last.payload.get("reason", "")) if last else ""


def facts(found: Workflow, shown: WorkflowVersion | None) -> list[tuple[str, str]]:
    groups = ", ".join(found.groups.order_by("name").values_list("name", flat=True))
    rows = [(_("Owner"), person(found.owner)), (_("Seen by"), groups or _("nobody but the owner"))]
    if shown is None:
        return rows
    rows.append((_("Accountable"), person(shown.accountable)))
    if shown.published_at:
        told = {"time": local_time(shown.published_at), "by": person(shown.published_by)}
        rows.append((_("Published"), _("%(time)s by %(by)s") % told))
    return rows


@require_POST
def stop_workflow(request: HttpRequest, slug: str) -> HttpResponse:
    actor = actor_of(request)
    found = authority.access_workflow(actor, slug)
    engine.halt(found, actor=actor, reason=reason_of(request))
    messages.warning(request, _("%s is stopped: nothing is approved automatically.") % found.name)
    return redirect("workflow", slug)


@require_POST
def resume_workflow(request: HttpRequest, slug: str) -> HttpResponse:
    actor = actor_of(request)
    found = authority.access_workflow(actor, slug)
    engine.resume(found, actor=actor)
    messages.success(request, _("%s goes on.") % found.name)
    return redirect("workflow", slug)


@require_POST
def stop_all(request: HttpRequest) -> HttpResponse:
    engine.halt(None, actor=actor_of(request), reason=reason_of(request))
    messages.warning(request, _("Everything is stopped: nothing is approved automatically."))
    return redirect(came_from(request) or reverse("workflows"))


@require_POST
def resume_all(request: HttpRequest) -> HttpResponse:
    engine.resume(None, actor=actor_of(request))
    messages.success(request, _("Automatic approval goes on."))
    return redirect(came_from(request) or reverse("workflows"))
