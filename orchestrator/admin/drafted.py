"""Parts of a draft: who may change them, add one, delete one, and move one."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator.admin import meanwhile
from orchestrator.admin.base import shown
from orchestrator.admin.guarded import Guarded
from orchestrator.admin.history import change_of
from orchestrator.admin.parts import arranged, button_of, crumbs, moved, page_of
from orchestrator.models import WorkflowVersion


class Drafted(Guarded):
    """Rows of a version: changed while it is a draft, looked at afterwards.

    A new one belongs to the ``whole_model`` row that the address names.
    """

    whole: ClassVar[str]
    """The field that leads to what the row is a part of, and its name in the address."""
    whole_model: ClassVar[type[models.Model]]
    noun: ClassVar[Any]
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
            outdated = getattr(request, "admin_outdated", False)
            return type(form)(form.__name__, (form,), {"outdated": outdated})
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

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """The editor of a condition is no field of the form."""
        message = super().construct_change_message(request, form, formsets, add)
        editor = getattr(form, "editor", None)
        if add or editor is None or not editor.has_changed():
            return message
        names = [name for acts in message for name in acts["changed"]["fields"]]
        return change_of(*names, gettext_lazy("When it applies"))

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
        version = meanwhile.locked(self.version_of(obj))
        super().delete_model(request, obj)
        if not isinstance(obj, WorkflowVersion):
            siblings = self.siblings(obj)
            arranged(siblings, list(siblings))
            meanwhile.counted(version)

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
        by = -1 if "up" in request.POST else 1
        version = self.version_of(row)
        with transaction.atomic():
            meanwhile.locked(version)
            if moved(self.siblings(row), row, by, request.POST.get("place", "")):
                meanwhile.counted(version)
            else:
                messages.warning(request, _("The order changed meanwhile: look again, then move."))
        order = [other.pk for other in self.siblings(row)]
        now = order.index(row.pk) + 1
        anchor = button_of(str(self.opts.model_name), now, by, len(order))
        return HttpResponseRedirect(page_of(getattr(row, self.whole), anchor))
