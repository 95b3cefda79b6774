"""Incidents: what could not go on alone, by cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Max, Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orchestrator.models import Actor, Incident
from orchestrator.models.fields import ClockOnce
from orchestrator.views.bulks import recent_bulks
from orchestrator.views.incident import ALONG, incident_rows, people_for
from orchestrator.views.incident_filter import filtered, filters_of, wanted_of
from orchestrator.views.requests import actor_of, link, number, page_of

ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class Group:
    """Open incidents with one cause; ``example`` is the newest of them, ``due`` when the first of
    them is, ``late`` how many were due already."""

    fingerprint: str
    count: int
    first: datetime
    last: datetime
    due: datetime
    late: int
    example: dict[str, Any]
    kind: str
    workflow: str
    url: str


@require_safe
def incidents(request: HttpRequest) -> HttpResponse:
    """By cause; with ``?group=<fingerprint>`` those of one cause."""
    actor = actor_of(request)
    wanted = wanted_of(request.GET)
    everything = Incident.objects.visible_to(actor).filter(state="open")
    found = filtered(everything, wanted, actor)
    group = wanted["group"]
    context = {
        "filters": filters_of(wanted, everything, actor),
        "total": found.count(),
        "recent": recent_bulks(actor),
    }
    shown = one_group(request, actor, found) if group else all_groups(request, actor, found)
    return render(request, "orchestrator/incidents.html", context | shown)


def all_groups(request: HttpRequest, actor: Actor, found: QuerySet[Incident]) -> dict[str, Any]:
    """A keyset page of causes, the one that came up last first."""
    before = number(request, "before")
    rows = found.values("fingerprint").annotate(
        count=Count("pk"),
        first=Min("opened_at"),
        last=Max("opened_at"),
        newest=Max("pk"),
        due=Min("due_at"),
        late=Count("pk", filter=Q(due_at__lt=ClockOnce())),
    )
    rows = rows.filter(newest__lt=before) if before else rows
    several = list(rows.order_by("-newest")[: ROWS + 1])
    shown = several[:ROWS]
    examples = _examples(actor, [row["newest"] for row in shown])
    return {
        "groups": [_group(request, row, examples[row["newest"]]) for row in shown],
        "can_act": any(row["can_act"] for _found, row in examples.values()),
        "people": people_for(None) if shown else [],
        "page": {
            "first_url": link(request, before=None) if before else "",
            "next_url": link(request, before=shown[-1]["newest"]) if several[ROWS:] else "",
        },
    }


def _examples(actor: Actor, ids: Iterable[int]) -> dict[int, tuple[Incident, dict[str, Any]]]:
    found = list(Incident.objects.filter(pk__in=list(ids)).select_related(*ALONG))
    rows = incident_rows(actor, found)
    return {incident.pk: (incident, row) for incident, row in zip(found, rows, strict=True)}


def _group(
    request: HttpRequest, row: Mapping[str, Any], example: tuple[Incident, dict[str, Any]]
) -> Group:
    incident, shown = example
    return Group(
        fingerprint=row["fingerprint"],
        count=row["count"],
        first=row["first"],
        last=row["last"],
        due=row["due"],
        late=row["late"],
        example=shown,
        kind=incident.trouble,
        workflow=incident.task.case.workflow.name,
        url=link(request, group=row["fingerprint"], before=None, all=None),
    )


def one_group(request: HttpRequest, actor: Actor, found: QuerySet[Incident]) -> dict[str, Any]:
    """A keyset page of the incidents of one cause, newest first."""
    page = page_of(request, found.select_related(*ALONG), size=ROWS)
    rows = incident_rows(actor, page.rows, with_case=True)
    first = next(iter(page.rows), None)
    return {
        "incidents": rows,
        "page": page,
        "can_act": any(row["can_act"] for row in rows),
        "people": people_for(first.task.case.workflow) if first else [],
        "group": first and {"kind": first.trouble, "step": first.task.step.name},
        "all_url": link(request, group=None, before=None, all=1),
    }
