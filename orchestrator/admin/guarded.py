"""Forms of a draft that nobody's edit is lost in: see ``meanwhile``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.utils import flatten_fieldsets
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from orchestrator.admin import meanwhile
from orchestrator.admin.base import Seen
from orchestrator.admin.parts import crumbs
from orchestrator.models import WorkflowVersion


class Guarded(Seen):
    """Rows of a version, each edit after the other; one that saw another row is not saved."""

    noun: ClassVar[Any]

    def version_of(self, row: Any) -> WorkflowVersion:
        raise NotImplementedError

    def whole_of(self, request: HttpRequest) -> Any:
        """The draft, or step of a draft, to which a new row is added."""
        raise NotImplementedError

    def around(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the page of a row shows besides its form."""
        raise NotImplementedError

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
            more |= {"title": _("New %(noun)s") % {"noun": self.noun}, "crumbs": way}
        elif request.method == "POST" and self.has_change_permission(request):
            return self._gone(request)
        try:
            return self._edited(request, object_id, row, more)
        except IntegrityError:
            message = _("This was published or changed meanwhile; nothing was saved.")
            messages.error(request, message)
            return HttpResponseRedirect(request.get_full_path())

    def _edited(
        self, request: HttpRequest, pk: str | None, row: Any | None, more: dict[str, Any]
    ) -> HttpResponse:
        """The page of a row, or of a new one; an edit waits for those before it."""
        if request.method != "POST" or (row and not self.has_change_permission(request, row)):
            response = super().changeform_view(request, pk, "", more)
            now = getattr(response, "context_data", {}).get("original")
        else:
            with transaction.atomic():
                whole = row if row is not None else self.whole_of(request)
                version = meanwhile.locked(self._version_of_whole(whole))
                now = row and self.get_object(request, str(row.pk))
                if now is not None:
                    self._compare(request, now, more)
                response = super().changeform_view(request, pk, "", more)
                if isinstance(response, HttpResponseRedirect):
                    meanwhile.counted(version)
        if isinstance(response, TemplateResponse) and now is not None:
            response.context_data |= self.carried(request, now)  # type: ignore[operator]
        return response

    def _version_of_whole(self, row: Any) -> WorkflowVersion:
        """The version of a row, or of what a new row will be a part of."""
        if isinstance(row, WorkflowVersion):
            return row
        return self.version_of(row) if isinstance(row, self.model) else row.version

    def watched(self, request: HttpRequest, row: Any) -> list[str]:
        """The columns whose changes by others are told."""
        columns = {field.name for field in self.opts.get_fields()}
        fields = map(str, flatten_fieldsets(self.get_fieldsets(request, row)))
        return [name for name in (*fields, meanwhile.CONDITION) if name in columns]

    def carried(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What a form carries, so that a later save knows what its author has seen."""
        state = meanwhile.state_of(row, self.watched(request, row))
        return {"seen": json.dumps(state), "revision": self.version_of(row).revision}

    def _compare(self, request: HttpRequest, now: Any, more: dict[str, Any]) -> None:
        """Where the row changed since its form was made, have the form come back with both."""
        seen, names = meanwhile.seen_in(request.POST), self.watched(request, now)
        state = meanwhile.state_of(now, names)
        if seen is None:
            return
        if theirs := meanwhile.differing(seen, state):
            typed = self._typed(request, now)
            mine = meanwhile.state_of(typed, names)
            untouched = [name for name in theirs if mine[name] == seen.get(name)]
            form = self.get_form(request, now, change=True)
            fresh = self.get_object(request, str(now.pk))
            request.POST = meanwhile.taken_over(request.POST, form(instance=fresh), untouched)  # type: ignore[assignment]
            states = (seen, state, mine)
            more["meanwhile"] = meanwhile.meanwhile(now, states, request.user)
            request.admin_outdated = True  # type: ignore[attr-defined]
        elif request.POST.get(meanwhile.REVISION) not in (None, str(self.version_of(now).revision)):
            messages.info(request, _("Other parts of this draft were changed meanwhile."))

    def _typed(self, request: HttpRequest, now: Any) -> Any:
        """The row as the form would have it; where something cannot be read, as it is."""
        row = self.get_object(request, str(now.pk))
        form = self.get_form(request, row, change=True)(request.POST, instance=row)
        form.is_valid()
        return form.instance

    def _gone(self, request: HttpRequest) -> HttpResponse:
        """The row was deleted: what was typed is shown, to be copied."""
        hidden = ("csrfmiddlewaretoken", meanwhile.SEEN, meanwhile.REVISION, "_save", "_continue")
        typed = [(name, text) for name, text in request.POST.items() if name not in hidden and text]
        context = {
            **self.admin_site.each_context(request),
            "title": _("This is no longer there"),
            "typed": typed,
        }
        page = "admin/orchestrator/gone.html"
        return TemplateResponse(request, page, context, status=409)


def _way(whole: Any) -> Iterable[Any]:
    return (whole,) if isinstance(whole, WorkflowVersion) else (whole.version, whole)
