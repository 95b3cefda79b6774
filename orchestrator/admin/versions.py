"""A version: its parts while it is a draft, its text, what is wrong with it, and publishing."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator import authority, calendars, definitions, engine
from orchestrator.admin.base import ModelForm, actor_of
from orchestrator.admin.drafted import Drafted
from orchestrator.admin.fields import YamlField
from orchestrator.admin.findings import findings
from orchestrator.admin.parts import Line, Table, add_page, crumbs, page_of
from orchestrator.admin.rows import Column, RowsField, news_read, news_shown
from orchestrator.admin.schemas import schema_page
from orchestrator.admin.subjects import fields_table, of_version
from orchestrator.admin.texts import text_page
from orchestrator.definitions.facts import CaseData
from orchestrator.definitions.flows import news_problems
from orchestrator.exceptions import NotAllowed, Refusal
from orchestrator.models import Step, Workflow, WorkflowVersion

NEWS: Final = (
    Column("name", gettext_lazy("Signal")),
    Column("target", gettext_lazy("Place in the case"), places=True),
    Column("source", gettext_lazy("Place in the signal")),
)


class VersionForm(ModelForm):
    calendar = YamlField(
        empty={},
        shape={"type": "object"},
        check=lambda found: list(calendars.problems(found)),
        label=gettext_lazy("Working hours"),
    )

    signals = RowsField(NEWS, read=news_read, show=news_shown, label=gettext_lazy("News"))

    class Meta:
        model = WorkflowVersion
        fields = ("accountable", "notes", "signals", "calendar")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "accountable" in self.fields:
            people = User.objects.filter(is_active=True).order_by("username")
            self.fields["accountable"].queryset = people  # type: ignore[attr-defined]
        version = self.instance
        self.case = CaseData(version, version.steps.all() if version.pk else ())

    @property
    def places(self) -> list[str]:
        """The places that the case file is known to have."""
        return sorted({pointer for pointer, _shape in self.case.leaves()})

    def clean_signals(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cleaned_data["signals"]
        if problems := list(news_problems(found, self.case)):
            raise ValidationError([f"{problem.path}: {problem.message}" for problem in problems])
        return found


@admin.register(WorkflowVersion)
class VersionAdmin(Drafted):
    form = VersionForm
    workflow_path = "workflow"
    whole = "workflow"
    whole_model = Workflow
    hidden = frozenset({"id", "workflow", "number", "data_schema"})
    fieldsets = ((None, {"fields": ("accountable", "notes", "signals", "calendar")}),)
    change_form_template = "admin/orchestrator/version.html"

    def version_of(self, row: WorkflowVersion) -> WorkflowVersion:
        return row

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A draft comes with its workflow, from a clone or from a file."""
        return False

    def around(self, request: HttpRequest, row: WorkflowVersion) -> dict[str, Any]:
        may_change = self.has_change_permission(request, row)
        return {
            "crumbs": crumbs(row),
            "version": row,
            "tables": [steps_of(row), fields_table(of_version(row), may_change=may_change)],
            "may_arrange": may_change,
            "may_publish": may_publish(request, row),
            "before": published_before(row),
        }

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        name = "orchestrator_workflowversion"
        return [
            path("<int:pk>/publish/", wrap(self.publish), name=f"{name}_publish"),
            path("<int:pk>/text/", wrap(self.text), name=f"{name}_text"),
            path("<int:pk>/clone/", wrap(self.clone), name=f"{name}_clone"),
            path("<int:pk>/schema/", wrap(self.draw), name=f"{name}_schema"),
            *super().get_urls(),
        ]

    def found(self, request: HttpRequest, pk: int) -> WorkflowVersion:
        """The version; 404 where there is none for these eyes."""
        row: WorkflowVersion | None = self.get_object(request, str(pk))
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        return row

    def publish(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What is wrong, what is new, and the button that makes the draft run."""
        version = self.found(request, pk)
        if request.method == "POST":
            return self._publish(request, version)
        before = published_before(version)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Publish %s") % version if version.published_at is None else f"{version}",
            "version": version,
            "crumbs": crumbs(version),
            "problems": findings(version, definitions.problems(version)),
            "warnings": findings(version, definitions.warnings(version)),
            "before": before,
            "changes": definitions.changes(before, version) if before else [],
            "lines": definitions.text_changes(before, version) if before else [],
            "may_publish": may_publish(request, version),
            "url": page_of(version),
        }
        return TemplateResponse(request, "admin/orchestrator/publish.html", context)

    def _publish(self, request: HttpRequest, version: WorkflowVersion) -> HttpResponse:
        try:
            authority.require(actor_of(request), "publish", version.workflow)
            engine.publish(version, actor=actor_of(request))
        except NotAllowed as error:
            raise PermissionDenied(error.message) from error
        except Refusal as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(request.path)
        message = _("%s is published: new cases take it from now on.") % version
        messages.success(request, message)
        return HttpResponseRedirect(page_of(version))

    def text(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The definition as YAML, to copy; a draft can be written over from a text."""
        version = self.found(request, pk)
        may_change = self.has_change_permission(request, version)
        if request.method == "POST" and not may_change:
            raise PermissionDenied
        return text_page(self, request, version, may_change=may_change)

    def draw(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The schema of the case data beside the case file."""
        version = self.found(request, pk)
        may_change = self.has_change_permission(request, version)
        return schema_page(self, request, of_version(version), may_change=may_change)

    def clone(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The next draft, which says what this version says."""
        version = self.found(request, pk)
        permitted = request.user.has_perm("orchestrator.add_workflowversion")
        if request.method != "POST" or not permitted:
            raise PermissionDenied
        try:
            draft = definitions.clone_to_draft(version)
        except Refusal as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(page_of(version.workflow))
        told = {"draft": draft, "number": version.number}
        messages.success(request, _("%(draft)s is the draft, a clone of v%(number)s.") % told)
        return HttpResponseRedirect(page_of(draft))

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        super().response_delete(request, obj_display, obj_id)
        return HttpResponseRedirect(reverse("admin:orchestrator_workflow_changelist"))


def may_publish(request: HttpRequest, version: WorkflowVersion) -> bool:
    return version.published_at is None and bool(
        authority.may(actor_of(request), "publish", version.workflow).allowed
    )


def published_before(version: WorkflowVersion) -> WorkflowVersion | None:
    """The version that ran before this one, or runs now."""
    rows = WorkflowVersion.objects.filter(
        workflow=version.workflow, number__lt=version.number, published_at__isnull=False
    )
    return rows.order_by("-number").first()


def steps_of(version: WorkflowVersion) -> Table:
    targets: dict[int, list[str]] = {}
    for link in definitions.transitions(version):
        targets.setdefault(link.source_id, []).append(link.target.name)
    rows = version.steps.order_by("position", "pk").annotate(rules=Count("rights"))
    return Table(
        title=_("Steps"),
        noun="step",
        heads=(_("Step"), _("Kind"), _("Rules"), _("Goes to")),
        lines=tuple(Line(row, _cells(row, row.rules, targets.get(row.pk, []))) for row in rows),
        add=add_page(Step, version=version.pk),
        note=_("A case starts at the first one."),
    )


def _cells(step: Step, rules: int, targets: list[str]) -> tuple[str, ...]:
    kind = str(step.get_kind_display())
    return step.name, kind, str(rules or ""), ", ".join(dict.fromkeys(targets))
