"""What the pages of the admin share: who asks, what they see, and lists that do not count."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from orchestrator import definitions
from orchestrator.admin.help import HELP
from orchestrator.admin.history import retell
from orchestrator.definitions import format as file
from orchestrator.models import Actor, Workflow
from orchestrator.models.standing import standing

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
    Form = forms.ModelForm[Any]
    Pages = Paginator[Any]
else:
    # At run time Django's classes take no parameters.
    Admin, Form, Pages = admin.ModelAdmin, forms.ModelForm, Paginator

SPANS: Final = frozenset({*file.STEP_TIMES.values(), *file.RIGHT_TIMES.values()})
MOST_COUNTED: Final = 10_000
# What the filters of a list ask of a field: a value, whether there is one, a span of time.
ASKED: Final = frozenset({"", "exact", "id__exact", "isnull", "isempty", "gte", "lt"})


class ModelForm(Form):
    """A form whose labels are plain words, and whose fields say what they are with an example.

    ``outdated`` says that somebody else changed the row meanwhile: then it is not saved yet.
    """

    outdated: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        helped = HELP.get(self._meta.model.__name__, {})
        columns = {column.name: column for column in self._meta.model._meta.get_fields()}  # noqa: SLF001
        for name, field in self.fields.items():
            field.help_text = helped.get(name, field.help_text)
            # Django made the label before the names of fields were told in other languages.
            if name in columns and field.label in (None, capfirst(name.replace("_", " "))):
                field.label = capfirst(columns[name].verbose_name)

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.outdated:
            self.add_error(None, _("Nothing is saved yet: look at what changed, then save again."))


def actor_of(request: HttpRequest) -> Actor:
    """The actor as whom the signed-in user acts."""
    assert isinstance(request.user, User)  # noqa: S101 (the admin lets nobody else in)
    return Actor.objects.for_user(request.user)


def superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def workflows_of(request: HttpRequest) -> QuerySet[Workflow]:
    """The workflows that the user sees; the built-in one is nobody's."""
    return Workflow.objects.visible_to(actor_of(request))


def is_used_unseen(request: HttpRequest, **by: Any) -> bool:
    """Whether a workflow that the user does not see uses a row; ``by`` leads from its steps."""
    users = Workflow.objects.filter(**{f"versions__steps__{path}": row for path, row in by.items()})
    return users.exclude(pk__in=workflows_of(request)).exists()


class Uncounted(Pages):
    """Counts no further than 10,000 rows: the filters lead to those behind."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[: MOST_COUNTED + 1].count())


class Listed(Admin):
    """A list that can be narrowed only by its own filters, never by other columns or relations."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().history_view(request, object_id, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data:
            for entry in response.context_data["action_list"]:
                retell(entry)
        return response

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        name, _, how = lookup.partition("__")
        filters = self.list_filter if request is None else self.get_list_filter(request)
        return name in map(_filtered, filters) and how in ASKED and "\x00" not in str(value)


def _filtered(entry: Any) -> str:
    """The field, or the parameter, that a filter of a list asks for."""
    if isinstance(entry, tuple):
        return str(entry[0])
    return str(entry if isinstance(entry, str) else entry.parameter_name)


class Seen(Listed):
    """Rows that belong to a workflow, for those who see it; superusers see all.

    ``workflow_path`` leads from a row to its workflow, as in a filter.
    """

    workflow_path: ClassVar[str]
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if superuser(request):
            return rows
        return rows.filter(standing(actor_of(request)).seen(self.workflow_path))


class WorkflowFilter(admin.SimpleListFilter):
    """By workflow, among those the user sees; one small query."""

    title = pgettext_lazy("table", "workflow")
    parameter_name = "workflow"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(row.pk), row.name) for row in workflows_of(request)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value or not value.isdecimal():
            return queryset
        path = getattr(self, "path", "workflow")
        return queryset.filter(**{path: int(value)})


def by_workflow(path: str) -> type[WorkflowFilter]:
    """The filter for rows whose workflow ``path`` leads to."""
    return type("WorkflowFilter", (WorkflowFilter,), {"path": path})


class ReadOnly(Seen):
    """The record and what runs: looked at, and changed only by the engine's verbs."""

    paginator = Uncounted
    list_per_page = 50
    actions = None
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [shown(field) for field in self.opts.concrete_fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)


@cache
def shown(field: Any) -> Any:
    """JSON as a block of lines, seconds as 4h; everything else as Django shows it.

    What has a help text of the model is shown here too: that text is English.
    """
    if isinstance(field, models.JSONField):
        show: Callable[[Any], str] = block
    elif field.name in SPANS:
        show = definitions.duration
    elif field.help_text:
        show = str
    else:
        return field.name

    @admin.display(description=field.verbose_name)
    def value(row: models.Model) -> str:
        found = getattr(row, field.name)
        return "–" if found in (None, "", {}, []) else show(found)

    return value


def block(value: Any) -> SafeString:
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))
