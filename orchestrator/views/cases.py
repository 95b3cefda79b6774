"""The list of cases: by the beginning of their key, their workflow and their state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from orchestrator.models import Actor, Case, CaseState, Workflow
from orchestrator.sight import blind_seats
from orchestrator.views.requests import actor_of, page_of

ROWS: Final = 50
MAX_KEY: Final = 200


@require_safe
def cases(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    workflows = list(Workflow.objects.visible_to(actor))
    wanted = {name: text(request, name) for name in ("q", "workflow", "state")}
    found = filtered(Case.objects.visible_to(actor), workflows, wanted)
    page = page_of(request, found.select_related("workflow"), size=ROWS)
    filters = wanted | {
        "workflows": workflows,
        "states": CaseState.values,
        "active": any(wanted.values()),
    }
    rows = case_rows(page.rows, actor, by_state=bool(wanted["state"]))
    context = {"rows": rows, "filters": filters, "page": page}
    return render(request, "orchestrator/cases.html", context)


def text(request: HttpRequest, name: str) -> str:
    """A text of the query as PostgreSQL can take it."""
    return request.GET.get(name, "")[:MAX_KEY].replace("\x00", "").strip()


def filtered(
    found: QuerySet[Case], workflows: Iterable[Workflow], wanted: Mapping[str, str]
) -> QuerySet[Case]:
    """The cases that fit; a workflow that the actor does not see fits none."""
    if wanted["q"]:
        found = found.filter(key__startswith=wanted["q"])
    if wanted["workflow"]:
        chosen = [row for row in workflows if row.slug == wanted["workflow"]]
        found = found.filter(workflow__in=chosen)
    if wanted["state"]:
        found = found.filter(state=wanted["state"])
    return found


def case_rows(found: Iterable[Case], actor: Actor, *, by_state: bool) -> list[dict[str, Any]]:
    """Rows of the list. A blind review in a case hides its state, also from the filter."""
    found = list(found)
    blind = {seat.task.case_id for seat in blind_seats(actor, [case.pk for case in found])}
    return [
        {
            "url": reverse("case", args=[case.pk]),
            "key": case.key,
            "workflow_name": case.workflow.name,
            "state": "blind" if case.pk in blind else case.state,
            "outcome": "" if case.pk in blind else case.outcome,
            "at": case.created_at,
        }
        for case in found
        if not (by_state and case.pk in blind)
    ]
