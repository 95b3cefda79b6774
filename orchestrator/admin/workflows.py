"""Workflows: their names, who owns and sees them, and their versions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator.admin.base import ModelForm, Seen, actor_of, superuser
from orchestrator.admin.parts import page_of
from orchestrator.definitions import format as file
from orchestrator.models import Workflow, WorkflowVersion
from orchestrator.models.standing import standing


class WorkflowForm(ModelForm):
    groups = forms.ModelMultipleChoiceField(
        queryset=Group.objects.order_by("name"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    class Meta:
        model = Workflow
        fields = ("name", "slug", "description", "owner", "groups")

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if slug in file.RESERVED:
            raise ValidationError(
                _("%(slug)r is the engine's own; choose another.") % {"slug": slug}
            )
        return slug


@admin.register(Workflow)
class WorkflowAdmin(Seen):
    form = WorkflowForm
    workflow_path = "pk"
    list_display = ("name", "slug", "owner", "published", "draft", "halted")
    list_filter = (("halted_at", admin.EmptyFieldListFilter), "groups")
    list_select_related = ("owner", "published_version")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    actions = None
    change_form_template = "admin/orchestrator/workflow.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workflow]:
        rows = super().get_queryset(request).exclude(slug__in=file.RESERVED)
        return rows.prefetch_related("versions")

    @admin.display(description=gettext_lazy("published"), empty_value="–")
    def published(self, row: Workflow) -> SafeString | None:
        version = row.published_version
        return _link(version) if version else None

    @admin.display(description=gettext_lazy("draft"), empty_value="–")
    def draft(self, row: Workflow) -> SafeString | None:
        drafts = [version for version in row.versions.all() if version.published_at is None]
        return _link(drafts[0]) if drafts else None

    @admin.display(description=gettext_lazy("stopped"), boolean=True)
    def halted(self, row: Workflow) -> bool:
        return row.halted_at is not None

    def has_change_permission(self, request: HttpRequest, obj: Workflow | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._seen(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Workflow | None = None) -> bool:
        """Only what never ran goes, once its draft is gone."""
        allowed = super().has_delete_permission(request, obj) and self._seen(request, obj)
        return allowed and (obj is None or obj.published_version_id is None)

    def _seen(self, request: HttpRequest, obj: Workflow | None) -> bool:
        return obj is None or superuser(request) or standing(actor_of(request)).sees(obj.pk)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Workflow | None = None) -> Any:
        return {} if obj else self.prepopulated_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Workflow | None = None) -> Any:
        """What starts cases names the slug, so it stays once there is a version that runs."""
        return ("slug",) if obj and obj.published_version_id else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"owner": request.user.pk}

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Workflow, form: Any, change: bool) -> None:
        """A new workflow comes with its first draft, under the name of whoever makes it."""
        super().save_model(request, obj, form, change)
        if not change:
            user = request.user if isinstance(request.user, User) else None
            WorkflowVersion.objects.create(workflow=obj, number=1, accountable=user)

    def response_add(
        self, request: HttpRequest, obj: Workflow, post_url_continue: str | None = None
    ) -> HttpResponse:
        super().response_add(request, obj, post_url_continue)
        return HttpResponseRedirect(page_of(obj.versions.get()))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id) if object_id else None
        more = {"show_save_and_add_another": False, "subtitle": None, **(extra_context or {})}
        if row is not None:
            versions = row.versions.select_related("published_by").order_by("-number")
            more |= {
                "title": row.name,
                "versions": versions,
                "has_draft": versions.filter(published_at=None).exists(),
                "may_clone": request.user.has_perm("orchestrator.add_workflowversion"),
                "site_page": reverse("workflow", args=[row.slug]),
            }
        return super().changeform_view(request, object_id, form_url, more)


def _link(version: WorkflowVersion) -> SafeString:
    return format_html('<a href="{}">v{}</a>', page_of(version), version.number)
