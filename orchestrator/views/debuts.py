"""Agents that answer otherwise than before: what their owners are told, and that they know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib import messages
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST

from orchestrator.engine import versions
from orchestrator.models import Debut, Workflow
from orchestrator.spelling import at_least
from orchestrator.views.requests import actor_of, came_from

SHOWN: Final = 5
COUNTED: Final = 1000
# Counts no further than is told, however long nobody has looked.
OUTPUTS: Final = """
SELECT one.id, (SELECT count(*) FROM (
    SELECT FROM orchestrator_attempt a WHERE a.actor_id = one.id AND a.error IS NULL LIMIT %s
) AS counted) FROM unnest(%s::bigint[]) AS one (id)
"""
MEMBERS: Final[Mapping[str, str]] = {
    "kind": gettext_noop("provider"),
    "settings": gettext_noop("settings"),
    "model": gettext_noop("model"),
    "prompt": gettext_noop("prompt"),
    "call": gettext_noop("call"),
    "schema": gettext_noop("schema"),
}


@dataclass(frozen=True, slots=True)
class News:
    """A version that took the place of another. ``changed`` are words for what is new in it.

    ``model`` is "" where it is the one of before.
    """

    agent: str
    revision: str
    model: str
    changed: list[str]
    step: str
    workflow: str
    at: datetime
    outputs: str
    cases_url: str
    figures_url: str
    acknowledge_url: str


def news_for(places: Sequence[Workflow], names: Mapping[tuple[int, str], str]) -> list[News]:
    """What nobody has acknowledged yet, the newest first. One query, or two.

    ``names`` are those of steps by workflow and key.
    """
    debuts = list(
        Debut.objects.filter(workflow__in=places, before__isnull=False, acknowledged_at=None)
        .select_related("actor", "before", "workflow")
        .order_by("-pk")[:SHOWN]
    )
    counts = outputs_of(debut.actor_id for debut in debuts)
    return [
        _news(debut, names.get((debut.workflow_id, debut.step_key), debut.step_key), counts)
        for debut in debuts
    ]


def outputs_of(actors: Iterable[int]) -> dict[int, str]:
    """How many outputs each has given, up to ``1,000+``."""
    wanted = sorted(set(actors))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(OUTPUTS, [COUNTED + 1, wanted])
        rows = cursor.fetchall()
    return {pk: at_least(min(count, COUNTED), more=count > COUNTED) for pk, count in rows}


def _news(debut: Debut, step: str, counts: Mapping[int, str]) -> News:
    version = debut.actor
    earlier = debut.before.definition if debut.before else None
    changed = versions.changes(earlier, version.definition)
    model = str((version.definition or {}).get("model", ""))
    query = urlencode({"workflow": debut.workflow.slug, "agent": str(version.pk)})
    return News(
        agent=version.name,
        revision=version.revision,
        model=model if "model" in changed else "",
        changed=[_(MEMBERS[name]) for name in changed if name in MEMBERS],
        step=step,
        workflow=debut.workflow.name,
        at=debut.at,
        outputs=counts[version.pk],
        cases_url=f"{reverse('cases')}?{query}",
        figures_url=f"{reverse('insights')}?{query}",
        acknowledge_url=reverse("acknowledge", args=[debut.pk]),
    )


@require_POST
def acknowledge(request: HttpRequest, debut_id: int) -> HttpResponse:
    debut = versions.acknowledge(debut_id, actor=actor_of(request))
    messages.success(request, _("You know of %s now.") % debut.actor)
    return redirect(came_from(request) or reverse("home"))
