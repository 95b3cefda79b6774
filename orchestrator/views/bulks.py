"""One act on many: begin it for incidents, and see how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST, require_safe

from orchestrator import authority, engine
from orchestrator.exceptions import NotAllowed, NotFound
from orchestrator.models import Actor, Bulk, BulkRow, BulkState, Case, Incident, Workflow
from orchestrator.pages import name_of
from orchestrator.telling import message_told
from orchestrator.views.incident import somebody
from orchestrator.views.incident_filter import filtered, wanted_of
from orchestrator.views.requests import actor_of, page_of, text

ROWS: Final = 50
RECENT: Final = 5
REASONS: Final = 20
TOLD: Final[Mapping[str, str]] = {
    "retry_incidents": gettext_noop("Try incidents again"),
    "skip_incidents": gettext_noop("Skip steps"),
    "cancel_incidents": gettext_noop("Cancel cases"),
    "assign_incidents": gettext_noop("Assign incidents"),
    "hand_incidents": gettext_noop("Hand steps over"),
    engine.MIGRATE: gettext_noop("Take cases over"),
    engine.REVERT: gettext_noop("Take cases back"),
}
"""What a bulk does, by its verb."""


@require_POST
def begin_bulk(request: HttpRequest) -> HttpResponse:
    """Do ``act`` to the incidents that are ticked, by id or by group, or to ``all`` that fit."""
    actor, said = actor_of(request), request.POST
    ids = chosen(request, actor)
    verb = f"{said.get('act', '')}_incidents"
    if verb not in engine.RESOLVES:
        raise NotFound
    check_right(actor, ids)
    bulk = engine.resolve_many(
        verb,
        ids,
        actor=actor,
        reason=said.get(f"{said['act']}-reason", "").replace("\x00", ""),
        to=somebody(said.get("to", "")) if verb == "assign_incidents" else None,
    )
    return redirect("bulk", bulk.pk)


def chosen(request: HttpRequest, actor: Actor) -> list[int]:
    """The ids of the open incidents that a form names and the actor sees, oldest first."""
    said = request.POST
    everything = Incident.objects.visible_to(actor).filter(state="open")
    found = filtered(everything, wanted_of(said), actor)
    if "all" not in said:
        ticked = [
            int(pk)
            for pk in said.getlist("incident")
            if pk.isascii() and pk.isdigit() and len(pk) < 19
        ]
        found = found.filter(Q(pk__in=ticked) | Q(fingerprint__in=said.getlist("cause")))
    ids = found.order_by("pk").values_list("pk", flat=True)
    return list(ids[: engine.MOST_AT_ONCE])


def check_right(actor: Actor, ids: Sequence[int]) -> None:
    """Raises NotAllowed for who resolves incidents in none of their workflows."""
    places = Workflow.objects.filter(cases__tasks__incidents__in=ids).distinct()
    answers = [authority.may(actor, "resolve", place) for place in places]
    if answers and not any(answer.allowed for answer in answers):
        raise NotAllowed(reasons=answers[0].reasons)


def rows_seen(actor: Actor) -> QuerySet[BulkRow]:
    """The rows about cases and incidents that the actor sees."""
    cases, found = Case.objects.visible_to(actor), Incident.objects.visible_to(actor)
    return BulkRow.objects.filter(Q(case__in=cases) | Q(incident__in=found))


def recent_bulks(actor: Actor) -> list[dict[str, Any]]:
    """The last few for incidents of which the actor sees some."""
    seen = Exists(rows_seen(actor).filter(bulk=OuterRef("pk")))
    found = Bulk.objects.filter(Q(by=actor) | seen, verb__in=engine.RESOLVES)
    newest = found.select_related("by__user").order_by("-pk")[:RECENT]
    return [{"url": reverse("bulk", args=[bulk.pk])} | head(bulk) for bulk in newest]


def head(bulk: Bulk) -> dict[str, Any]:
    """What it does, who began it and when, and the reason that was given."""
    to = bulk.params.get("to") if bulk.verb == "assign_incidents" else None
    person = Actor.objects.select_related("user").filter(pk=to).first() if to else None
    return {
        "id": bulk.pk,
        "title": _(TOLD.get(bulk.verb, bulk.verb)),
        "by": name_of(bulk.by),
        "at": bulk.created_at,
        "finished_at": bulk.finished_at,
        "total": bulk.total,
        "reason": str(bulk.params.get("reason", "")),
        "to": name_of(person),
    }


@require_safe
def bulk(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """How far a bulk of incidents is, what was refused and why."""
    actor = actor_of(request)
    found = Bulk.objects.select_related("by__user").filter(pk=bulk_id, verb__in=engine.RESOLVES)
    shown = found.first()
    if shown is None or not (shown.by == actor or rows_seen(actor).filter(bulk=shown).exists()):
        raise NotFound
    return show_progress(request, shown, actor, {"back_url": reverse("incidents")})


def show_progress(
    request: HttpRequest, shown: Bulk, actor: Actor, more: Mapping[str, Any]
) -> HttpResponse:
    """The progress of a bulk; for HTMX only the part that changes."""
    rows = rows_seen(actor).filter(bulk=shown)
    state = text(request, "state")
    listed = rows.filter(state=state) if state else rows
    along = ("case", "incident__task__case", "incident__task__step")
    page = page_of(request, listed.select_related(*along), size=ROWS)
    context = {
        "bulk": head(shown),
        "counts": counts(rows),
        "reasons": reasons(rows),
        "rows": [row_view(row) for row in page.rows],
        "page": page,
        "state": state,
        **more,
    }
    part = "#progress" if request.headers.get("HX-Request") else ""
    return render(request, f"orchestrator/bulk.html{part}", context)


def counts(rows: QuerySet[BulkRow]) -> dict[str, Any]:
    """How many rows are in each state, how many are through, and for how many somebody else's
    lock is waited. Two queries."""
    found = dict(rows.values_list("state").annotate(Count("pk")))
    total = sum(found.values())
    by_state = {str(state): found.get(state, 0) for state in BulkState}
    held = rows.filter(state=BulkState.PENDING).exclude(message="").count()
    return by_state | {"total": total, "through": total - by_state["pending"], "held": held}


def reasons(rows: QuerySet[BulkRow]) -> list[tuple[str, int]]:
    """Why rows were refused, the most frequent reason first."""
    refused = rows.filter(state=BulkState.REFUSED).values_list("message")
    found = refused.annotate(count=Count("pk")).order_by("-count", "message")[:REASONS]
    return [(message_told(message), count) for message, count in found]


def row_view(row: BulkRow) -> dict[str, Any]:
    task = row.incident.task if row.incident else None
    case = task.case if task else row.case
    assert case is not None, "a row has a case or an incident"  # noqa: S101
    return {
        "case_key": case.key,
        "case_url": reverse("case", args=[case.pk]),
        "step": task.step.name if task else "",
        "state": row.state,
        "message": _(row.message)
        if row.state == BulkState.PENDING and row.message
        else message_told(row.message),
        "at": row.finished_at,
    }
