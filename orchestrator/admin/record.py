"""What happened and what runs, to look at: no button changes any of it."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from orchestrator.admin.base import ReadOnly, actor_of, by_workflow, superuser
from orchestrator.models import (
    Attempt,
    Case,
    Correction,
    Decision,
    Delivery,
    Event,
    Incident,
    Routing,
    Seat,
    Task,
    Verdict,
    Workflow,
)
from orchestrator.models.standing import standing
from orchestrator.pages import RESOLUTIONS
from orchestrator.telling import reason_of
from orchestrator.templatetags.rewire import word

WHEN = ("created_at", admin.DateFieldListFilter)


class OfCase(ReadOnly):
    """Rows of a case, each with the way to its page. ``case_path`` leads to the case's id."""

    case_path: ClassVar[str]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id) if object_id else None
        case = attrgetter(self.case_path)(row) if row is not None else None
        more = {"case_page": reverse("case", args=[case])} if case else {}
        return super().changeform_view(request, object_id, form_url, more | (extra_context or {}))


@admin.register(Case)
class CaseAdmin(OfCase):
    workflow_path = "workflow"
    case_path = "pk"
    list_display = ("key", "workflow", "version", "state", "outcome", "origin", "created_at")
    list_filter = (by_workflow("workflow"), "state", "origin", WHEN)
    list_select_related = ("workflow", "version__workflow")
    search_fields = ("key__startswith",)
    search_help_text = gettext_lazy("The beginning of a case's key.")


class OfTask(OfCase):
    """Rows of a task."""

    case_path = "task.case_id"
    workflow_path = "task__case__workflow"
    search_fields: ClassVar[tuple[str, ...]] = ("task__case__key__startswith",)
    search_help_text = gettext_lazy("The beginning of a case's key.")


@admin.register(Task)
class TaskAdmin(OfCase):
    workflow_path = "case__workflow"
    case_path = "case_id"
    list_display = ("id", "case", "step_key", "state", "round", "word", "created_at")
    list_filter = (by_workflow("case__workflow"), "state", "word", WHEN)
    list_select_related = ("case",)
    search_fields = ("case__key__startswith",)
    search_help_text = gettext_lazy("The beginning of a case's key.")


@admin.register(Attempt)
class AttemptAdmin(OfTask):
    list_display = ("id", "task", "number", "actor", "confidence", "latency_ms", "started_at")
    list_filter = (
        by_workflow("task__case__workflow"),
        "shadow",
        ("started_at", admin.DateFieldListFilter),
    )
    list_select_related = ("task", "actor__user")


@admin.register(Routing)
class RoutingAdmin(OfTask):
    list_display = ("id", "task", "round", "action", "because", "created_at")
    list_filter = (by_workflow("task__case__workflow"), "action", WHEN)
    list_select_related = ("task",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = super().get_fields(request, obj)
        return ["because" if name == "reason" else name for name in names]

    @admin.display(description=pgettext_lazy("field", "reason"))
    def because(self, row: Routing) -> str:
        return reason_of(row)


@admin.register(Seat)
class SeatAdmin(OfTask):
    workflow_path = "workflow"
    list_display = ("id", "workflow", "step_key", "group", "purpose", "state", "due_at")
    list_filter = (by_workflow("workflow"), "state", "purpose", "blind")
    list_select_related = ("workflow", "group")


@admin.register(Decision)
class DecisionAdmin(OfTask):
    list_display = ("id", "task", "round", "word", "actor", "via", "created_at")
    list_filter = (by_workflow("task__case__workflow"), "word", WHEN)
    list_select_related = ("task", "actor__user")


@admin.register(Correction)
class CorrectionAdmin(OfTask):
    case_path = "decision.task.case_id"
    workflow_path = "decision__task__case__workflow"
    list_display = ("id", "decision", "path", "op", "reason")
    list_filter = (by_workflow("decision__task__case__workflow"), "op")
    list_select_related = ("decision__task",)
    search_fields = ("path__startswith",)
    search_help_text = gettext_lazy("The beginning of a path, such as /amount.")


@admin.register(Verdict)
class VerdictAdmin(ReadOnly):
    workflow_path = "workflow"
    list_display = ("id", "workflow", "source", "error", "evidence", "decision")
    list_filter = (by_workflow("workflow"), "source", "error", "evidence")
    list_select_related = ("workflow", "decision__task")


@admin.register(Delivery)
class DeliveryAdmin(OfTask):
    list_display = ("key", "connection", "state", "sent_at", "next_at")
    list_filter = (by_workflow("task__case__workflow"), "state", "connection")
    list_select_related = ("connection",)


class StandingFilter(admin.SimpleListFilter):
    """Incidents that are open, and those that are not any more."""

    title = pgettext_lazy("field", "state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, word(state)) for state in ("open", "resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


@admin.register(Incident)
class IncidentAdmin(OfTask):
    list_display = ("id", "what", "task", "standing", "ended", "opened_at", "resolved_at")
    list_filter = (by_workflow("task__case__workflow"), StandingFilter)
    list_select_related = ("task",)
    search_fields = ("kind__startswith", "task__case__key__startswith")
    search_help_text = gettext_lazy("The beginning of a kind or of a case's key.")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        told = {"kind": "what", "state": "standing", "resolution": "ended"}
        return [told.get(str(name), name) for name in super().get_fields(request, obj)]

    @admin.display(description=pgettext_lazy("field", "kind"), ordering="kind")
    def what(self, row: Incident) -> str:
        return row.trouble

    @admin.display(description=pgettext_lazy("field", "state"), ordering="state")
    def standing(self, row: Incident) -> str:
        return word(row.state)

    @admin.display(description=pgettext_lazy("field", "resolution"))
    def ended(self, row: Incident) -> str:
        return _(RESOLUTIONS.get(row.resolution, row.resolution)) if row.resolution else "–"


@admin.register(Event)
class EventAdmin(ReadOnly):
    """The chains of cases and workflows: a filter by stream, and no count."""

    list_display = ("id", "stream", "seq", "type", "actor", "at")
    list_filter = (("at", admin.DateFieldListFilter),)
    list_select_related = ("actor__user",)
    search_fields = ("stream", "type__startswith")
    search_help_text = gettext_lazy(
        "A stream such as case:17, or the beginning of a type: decision."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """The streams of the workflows that the user sees, and of their cases."""
        rows = admin.ModelAdmin.get_queryset(self, request)
        return rows if superuser(request) else rows.filter(_streams(request))


def _streams(request: HttpRequest) -> Q:
    held = standing(actor_of(request))
    found = Q()
    for name, model, path in (("case", Case, "workflow"), ("workflow", Workflow, "pk")):
        stream = Concat(Value(f"{name}:"), Cast("pk", CharField()))
        seen = model.objects.filter(held.seen(path)).annotate(stream=stream)
        found |= Q(stream__in=seen.values("stream"))
    return found
