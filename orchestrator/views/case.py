"""One case: what happened, who decided what and why, what was tried; cancelling it."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from orchestrator import authority, engine
from orchestrator.attachments import attached
from orchestrator.casefile import parts_of
from orchestrator.explaining import rows_tried, table_told
from orchestrator.models import (
    Actor,
    Attempt,
    Case,
    CaseState,
    Decision,
    Delivery,
    Incident,
)
from orchestrator.models.standing import standing_once
from orchestrator.pages import attempt_line, moments, name_of
from orchestrator.proofs import decision_views
from orchestrator.sight import Sight, events_of, sight_of
from orchestrator.templatetags.rewire import local_time
from orchestrator.views.assigning import seats_of
from orchestrator.views.incident import ALONG, incident_rows
from orchestrator.views.now import called_by, caller_of, now_in
from orchestrator.views.requests import actor_of, link, number, reason_of
from orchestrator.views.signals import names_for
from orchestrator.whereabouts import step_and_branch

MOMENTS: Final = 50
PARTS: Final = 50  # decisions, attempts and deliveries that one page shows


@require_safe
@standing_once()
def case(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    shown = authority.access_case(actor, pk)
    sight = sight_of(shown, actor)
    now = now_in(request, shown, sight, actor)
    context = {
        "case": head(shown, actor, sight),
        "hidden_rest": sight.is_blind,
        "data_hidden": sight.data_hidden,
        "file": [] if sight.data_hidden else parts_of(shown, sight),
        "facts": facts(shown, sight),
        "now": now,
        "caller": caller_of(shown, actor),
        "called": called_by(shown, sight, actor),
        "signals": names_for(shown, actor, sight),
        "seats": [] if sight.is_blind else seats_of(shown, actor, now.ids),
        "incidents": [] if sight.is_blind else incident_rows(actor, open_incidents(shown)),
        "decisions": decision_views(parts(Decision, shown, sight)),
        "attached": [] if sight.data_hidden else list(attached(pk).values()),
        "attempts": attempts(shown, sight),
        "deliveries": deliveries(shown, sight),
    }
    return render(request, "orchestrator/case.html", context | timeline(request, shown, sight))


@require_POST
def cancel_case(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    authority.access_case(actor, pk)
    cancelled = engine.cancel_case(pk, actor=actor, reason=reason_of(request))
    messages.success(request, _("The case %s is cancelled.") % cancelled.key)
    return redirect("case", pk)


def head(shown: Case, actor: Actor, sight: Sight) -> dict[str, Any]:
    may_cancel = not sight.is_blind and shown.state == CaseState.OPEN
    return {
        "id": shown.pk,
        "key": shown.key,
        "workflow_slug": shown.workflow.slug,
        "workflow_name": shown.workflow.name,
        "state": "blind" if sight.is_blind else shown.state,
        "outcome": "" if sight.is_blind else shown.outcome,
        "can_cancel": may_cancel and authority.may(actor, "cancel", shown).allowed,
        "cancel_url": reverse("cancel_case", args=[shown.pk]),
    }


def facts(shown: Case, sight: Sight) -> list[tuple[str, str]]:
    rows = [
        (_("Version"), str(shown.version.number)),
        (_("Origin"), shown.get_origin_display().capitalize()),
        (_("Started by"), name_of(shown.initiator)),
        (_("Started"), local_time(shown.created_at)),
    ]
    if shown.completed_at and not sight.is_blind:
        rows.append((_("Ended"), local_time(shown.completed_at)))
    return rows


def timeline(request: HttpRequest, shown: Case, sight: Sight) -> dict[str, Any]:
    """A page of moments, newest first; ``?before=<number>`` asks for earlier ones."""
    events = sight.events(events_of(shown)).select_related("actor__user").order_by("-seq")
    before = number(request, "before")
    found = list((events.filter(seq__lt=before) if before else events)[: MOMENTS + 1])
    told = found[:MOMENTS]
    return {
        "moments": moments(told, blind_task=sight.task.pk if sight.task else None),
        "more_url": link(request, before=told[-1].seq) if len(found) > MOMENTS else "",
        "newest_url": link(request, before=None) if before else "",
    }


def open_incidents(shown: Case) -> QuerySet[Incident]:
    return (
        Incident.objects.filter(task__case=shown, state="open")
        .select_related(*ALONG)
        .order_by("-pk")[:PARTS]
    )


def parts(model: Any, shown: Case, sight: Sight) -> QuerySet[Any]:
    """Rows that hang on the tasks of a case and may be seen, newest first."""
    found: QuerySet[Any] = model.objects.filter(task__case=shown)
    return sight.parts(found).select_related("task__step").order_by("-pk")[:PARTS]


def attempts(shown: Case, sight: Sight) -> list[dict[str, Any]]:
    return [
        {
            "step_name": step_and_branch(attempt.task),
            "number": attempt.number,
            "who": name_of(attempt.actor),
            "state": attempt_state(attempt),
            "line": attempt_line(attempt),
            "told": table_told(attempt),
            "rows": rows_tried(attempt),
            "at": attempt.started_at,
        }
        for attempt in parts(Attempt, shown, sight).select_related("task__step", "actor__user")
    ]


def attempt_state(attempt: Attempt) -> str:
    if attempt.finished_at is None:
        return "running"
    return "failed" if attempt.error else "completed"


def deliveries(shown: Case, sight: Sight) -> list[dict[str, Any]]:
    found = parts(Delivery, shown, sight).select_related("task__step", "connection")
    return [
        {
            "connection": delivery.connection.name,
            "step_name": step_and_branch(delivery.task),
            "state": delivery.state,
            "key": delivery.key,
            "at": delivery.sent_at or delivery.created_at,
        }
        for delivery in found
    ]
