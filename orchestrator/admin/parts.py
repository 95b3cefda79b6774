"""Parts of a draft: who may change them, where they stand, and the way back to the whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, models, transaction
from django.db.models import F, Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from orchestrator.admin.base import Seen, shown
from orchestrator.models import WorkflowVersion

_APART = 100_000


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table on its whole's page. ``cells`` follow the table's heads."""

    row: models.Model
    cells: tuple[str, ...]

    @property
    def url(self) -> str:
        return page_of(self.row)

    @property
    def move(self) -> str:
        return reverse(f"{name_of(self.row)}_move", args=[self.row.pk])


@dataclass(frozen=True, slots=True)
class Table:
    """The parts of a whole, in order; ``add`` is empty where none can be added."""

    title: str
    noun: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    add: str
    note: str = ""


def page_of(row: models.Model, anchor: str = "") -> str:
    """The admin page of a row."""
    return reverse(f"{name_of(row)}_change", args=[row.pk]) + anchor


def add_page(model: type[models.Model], **whole: int) -> str:
    return reverse(f"{name_of(model)}_add", query=whole)


def name_of(model: models.Model | type[models.Model]) -> str:
    """How the addresses of a model's pages begin."""
    return f"admin:{model._meta.label_lower.replace('.', '_')}"  # noqa: SLF001


def crumbs(version: WorkflowVersion, *rows: models.Model) -> list[tuple[str, str]]:
    """The way from the list of workflows to a part."""
    state = "draft" if version.published_at is None else "published"
    return [
        ("Workflows", reverse("admin:orchestrator_workflow_changelist")),
        (version.workflow.name, page_of(version.workflow)),
        (f"v{version.number} ({state})", page_of(version)),
        *((str(row), page_of(row)) for row in rows),
    ]


class Drafted(Seen):
    """Rows of a version: changed while it is a draft, looked at afterwards.

    A new one belongs to the ``whole_model`` row that the address names.
    """

    whole: ClassVar[str]
    """The field that leads to what the row is a part of, and its name in the address."""
    whole_model: ClassVar[type[models.Model]]
    noun: ClassVar[str]
    change_form_template = "admin/orchestrator/part.html"

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Parts are reached from their whole; the index does not list them."""
        return False

    def version_of(self, row: Any) -> WorkflowVersion:
        raise NotImplementedError

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or self.version_of(obj).published_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or self.version_of(obj).published_at is None)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return ()
        return [
            shown(field) for field in self.opts.concrete_fields if field.name not in self.hidden
        ]

    hidden: ClassVar[frozenset[str]] = frozenset()

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        if fields := self.get_readonly_fields(request, obj):
            return [(None, {"fields": fields})]
        return self.fieldsets

    def whole_of(self, request: HttpRequest) -> Any:
        """The draft, or step of a draft, to which a new row is added; 404 where there is none."""
        given = request.GET.get(self.whole, "")
        owner = self.admin_site.get_model_admin(self.whole_model)
        row = owner.get_object(request, given) if given.isdecimal() else None
        if row is None:
            raise Http404
        if not owner.has_change_permission(request, row):
            raise PermissionDenied
        return row

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        if change:
            return form
        whole = self.whole_of(request)
        return type(form)(form.__name__, (form,), {"whole": (self.whole, whole)})

    def siblings(self, row: Any) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model.objects.filter(**{self.whole: getattr(row, self.whole)})
        return rows.order_by("position", "pk")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            last = self.siblings(obj).aggregate(last=Max("position"))["last"] or 0
            obj.position = last + 1
        super().save_model(request, obj, form, change)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        more = {"show_save_and_add_another": False, "subtitle": None, **(extra_context or {})}
        row = self.get_object(request, object_id) if object_id else None
        if row is not None:
            more |= {"title": str(row), **self.around(request, row)}
        elif object_id is None:
            way = crumbs(*_way(self.whole_of(request)))
            more |= {"title": f"New {self.noun}", "crumbs": way}
        try:
            return super().changeform_view(request, object_id, form_url, more)
        except IntegrityError:
            messages.error(request, "This was published or changed meanwhile; nothing was saved.")
            return HttpResponseRedirect(request.get_full_path())

    def around(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the page of a row shows besides its form."""
        return {"crumbs": crumbs(self.version_of(row), *self.above(row))}

    def above(self, row: Any) -> tuple[models.Model, ...]:
        return ()

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return HttpResponseRedirect(page_of(getattr(obj, self.whole)))

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return HttpResponseRedirect(page_of(getattr(obj, self.whole)))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        request.session["admin-whole"] = page_of(getattr(obj, self.whole))
        super().delete_model(request, obj)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        super().response_delete(request, obj_display, obj_id)
        return HttpResponseRedirect(request.session.pop("admin-whole", reverse("admin:index")))

    def get_urls(self) -> list[URLPattern]:
        name = self.opts.label_lower.replace(".", "_")
        view = self.admin_site.admin_view(self.move)
        return [path("<int:pk>/move/", view, name=f"{name}_move"), *super().get_urls()]

    def move(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One place up or down among its siblings."""
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        if request.method != "POST" or not self.has_change_permission(request, row):
            raise PermissionDenied
        with transaction.atomic():
            moved(self.siblings(row), row, -1 if "up" in request.POST else 1)
        return HttpResponseRedirect(page_of(getattr(row, self.whole), f"#{self.opts.model_name}"))


def moved(siblings: QuerySet[Any], row: models.Model, by: int) -> None:
    """Give every sibling its place, with ``row`` one place further up or down."""
    rows = list(siblings.select_for_update())
    place = rows.index(row)
    target = min(max(place + by, 0), len(rows) - 1)
    rows.insert(target, rows.pop(place))
    # Two rows never share a place, not even between two statements.
    siblings.update(position=F("position") + _APART)
    for position, sibling in enumerate(rows, start=1):
        siblings.filter(pk=sibling.pk).update(position=position)


def _way(whole: Any) -> Iterable[Any]:
    return (whole,) if isinstance(whole, WorkflowVersion) else (whole.version, whole)
