"""How a workflow does: read from the counters, each number a link to its cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from orchestrator import engine, insights
from orchestrator.exceptions import NotFound
from orchestrator.models import Actor, Workflow, WorkflowVersion
from orchestrator.models.standing import standing
from orchestrator.views.insights import agents, diagrams, tables
from orchestrator.views.insights.frame import Frame, number
from orchestrator.views.requests import actor_of, link
from orchestrator.views.requests import number as asked_number

DEFAULT: Final = "30d"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """``?workflow=<slug>&version=<number>&period=24h|7d|30d|all``, or ``agent=<id>`` in place of
    the version.
    """
    workflows = list(visible(actor_of(request)))
    if not workflows:
        return render(request, "orchestrator/insights.html", {"workflows": []})
    frame = framed(request, workflows)
    versions = _published(frame)
    parts = insights.slices(frame.workflow.pk, frame.part, frame.period, frame.now)
    total = insights.figures(insights.added(parts))
    context = {
        "workflows": workflows,
        "frame": frame,
        "versions": versions,
        "periods": periods(request, frame),
        "now": standing_now(frame),
        "empty": total.is_empty,
        "all_url": link(request, period="all"),
        "whole_url": link(request, agent=None),
    }
    if not total.is_empty:
        context |= tables.told(frame, total) | diagrams.drawn(frame, parts, total)
        context["agents"] = agents.rows(request, frame)
    return render(request, "orchestrator/insights.html", context)


def visible(actor: Actor) -> QuerySet[Workflow]:
    """Workflows whose cases the actor sees; to start cases is not enough."""
    rows = Workflow.objects.filter(standing(actor).seen("pk")).exclude(slug=engine.CHANGES)
    return rows.order_by("name", "pk")


def framed(request: HttpRequest, workflows: list[Workflow]) -> Frame:
    """What was asked for. Raises NotFound for a workflow that is not visible, and for an agent
    that never answered in it, or of one version: who answers is counted over all of them.
    """
    slug = request.GET.get("workflow", "")
    chosen = [row for row in workflows if not slug or row.slug == slug]
    period = insights.PERIODS.get(request.GET.get("period") or DEFAULT)
    if not chosen or period is None:
        raise NotFound
    frame = Frame(chosen[0], asked_number(request, "version"), period, timezone.now())
    if not request.GET.get("agent"):
        return frame
    debut = insights.debut_of(frame.workflow.pk, asked_number(request, "agent") or 0)
    if debut is None or frame.version is not None:
        raise NotFound
    return replace(frame, debut=debut)


def _published(frame: Frame) -> list[int]:
    """Numbers of the versions, newest first. Raises NotFound without the one asked for."""
    rows = WorkflowVersion.objects.filter(workflow=frame.workflow, published_at__isnull=False)
    versions = list(rows.order_by("-number").values_list("number", flat=True))
    if frame.version is not None and frame.version not in versions:
        raise NotFound(_("There is no such version."))
    return versions


def periods(request: HttpRequest, frame: Frame) -> list[dict[str, Any]]:
    return [
        {
            "label": _(period.label),
            "url": link(request, period=period.key),
            "current": period == frame.period,
        }
        for period in insights.PERIODS.values()
    ]


def standing_now(frame: Frame) -> list[tuple[SafeString, str]]:
    """How many are open and wait at this moment, in all versions."""
    found = insights.now_in([frame.workflow.pk])[frame.workflow.pk]
    cases = f"{reverse('cases')}?{urlencode({'workflow': frame.workflow.slug})}"
    return [
        (
            number(found["open"], f"{cases}&state=open"),
            ngettext("open case", "open cases", found["open"]),
        ),
        (
            number(found["in_review"], f"{cases}&what=in_review"),
            ngettext("waits for people", "wait for people", found["in_review"]),
        ),
    ]
