"""Steps and transitions of a draft."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator.admin.base import shown, workflows_of
from orchestrator.admin.conditions import Editor
from orchestrator.admin.drafted import Drafted
from orchestrator.admin.entries import entry_page, move_entry, tables_of
from orchestrator.admin.flowfields import PREFIX, names_of
from orchestrator.admin.kinds import kind_of, kinds_page
from orchestrator.admin.lists import LISTS
from orchestrator.admin.parts import Line, Table, add_page, page_of
from orchestrator.admin.schemas import schema_page
from orchestrator.admin.stepforms import BACK, PartForm, StepForm, says, shown_of
from orchestrator.admin.subjects import HAVE_OUTPUT, fields_table, of_step
from orchestrator.admin.trying import try_page, try_url
from orchestrator.definitions import facts_of
from orchestrator.models import DECIDED, Step, StepKind, Transition, WorkflowVersion
from orchestrator.telling import told as told_condition


@admin.register(Step)
class StepAdmin(Drafted):
    form = StepForm
    workflow_path = "version__workflow"
    noun = gettext_lazy("step")
    whole = "version"
    whole_model = WorkflowVersion
    hidden = frozenset({"id", "version", "position", "schema", *LISTS})
    fieldsets = (
        (None, {"fields": ("name", "key", "kind", "actor", "outcome", "instructions")}),
        (gettext_lazy("Data"), {"fields": ("input_mapping", "output_mapping")}),
        (
            gettext_lazy("Review"),
            {"fields": ("material", "limit", "undo_seconds", "rework_to", "rework_visits")},
        ),
        (gettext_lazy("When a case is cancelled"), {"fields": ("compensated_by",)}),
        (gettext_lazy("Call"), {"fields": ("call", "effect", "retry", "timeout")}),
    )
    prepopulated_fields = {"key": ("name",)}

    def get_prepopulated_fields(self, request: HttpRequest, obj: Step | None = None) -> Any:
        return {} if obj else self.prepopulated_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Step | None = None) -> Any:
        """Of a step that is only looked at, what its kind has and what says something."""
        fields = super().get_readonly_fields(request, obj)
        if obj is None or not fields:
            return fields
        own = {"name", "key", "kind", *shown_of(obj)}
        own |= {name for name in ("rework", "flow") if getattr(obj, name)}
        columns = [field for field in self.opts.concrete_fields if field.name not in self.hidden]
        return [shown(field) for field in columns if field.name in own]

    def get_fieldsets(self, request: HttpRequest, obj: Step | None = None) -> Any:
        """What its kind has, and what was given to it all the same."""
        obj = obj or Step(kind=kind_of(request) or StepKind.HUMAN)
        own = set(shown_of(obj)) | {"name", "key", "kind"}
        if obj.pk and self.get_readonly_fields(request, obj):
            return super().get_fieldsets(request, obj)
        flow = names_of(obj.kind)
        sets = [
            (title, {"fields": tuple(name for name in part["fields"] if name in own)})
            for title, part in self.fieldsets
        ]
        sets.insert(1, (gettext_lazy("Flow"), {"fields": flow}))
        return [(title, _folded(obj, title, part)) for title, part in sets if part["fields"]]

    def get_form(
        self, request: HttpRequest, obj: Step | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        # The fields of ``flow`` are no columns: the form makes them itself.
        names = flatten_fieldsets(self.get_fieldsets(request, obj))
        kind = obj.kind if obj else kind_of(request)
        columns = [name for name in names if name not in {*names_of(kind), *BACK}]
        form = super().get_form(request, obj, change, **kwargs | {"fields": columns})
        return type(form)(form.__name__, (form,), {"workflows": workflows_of(request), "new": kind})

    def watched(self, request: HttpRequest, row: Step) -> list[str]:
        parts = {"flow": names_of(row.kind), "rework": set(BACK) & set(shown_of(row))}
        return [*super().watched(request, row), *(name for name, fields in parts.items() if fields)]

    def response_post_save_add(self, request: HttpRequest, obj: Step) -> HttpResponseRedirect:
        """Its page, where its rules and ways on are added next; an end has none."""
        if obj.kind == StepKind.END:
            return super().response_post_save_add(request, obj)
        return HttpResponseRedirect(page_of(obj))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """First the kind, then the fields that it has."""
        if not kind_of(request) and self.has_add_permission(request):
            return kinds_page(self, request, self.whole_of(request))
        return super().add_view(request, form_url, extra_context)

    def version_of(self, row: Step) -> WorkflowVersion:
        return row.version

    def above(self, row: Step) -> tuple[models.Model, ...]:
        return (row,)

    def around(self, request: HttpRequest, row: Step) -> dict[str, Any]:
        decided = row.kind in DECIDED
        rules = [rules_of(row)] if decided or row.rights.exists() else []
        exits = [] if row.kind == StepKind.END else [exits_of(row)]
        lists = tables_of(row) if decided or row.kind == StepKind.DECISION else []
        may_change = self.has_change_permission(request, row)
        has_output = row.kind in HAVE_OUTPUT or row.schema
        fields = [fields_table(of_step(row), may_change=may_change)] if has_output else []
        return {
            **super().around(request, row),
            "tables": [*fields, *rules, *exits, *lists]
            if decided
            else [*fields, *lists, *rules, *exits],
            "may_arrange": may_change,
            "try_url": try_url(row) if decided else "",
        }

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        entry = "<int:pk>/list/<slug:column>"
        return [
            path("<int:pk>/try/", wrap(self.try_rules), name="orchestrator_step_try"),
            path("<int:pk>/schema/", wrap(self.draw), name="orchestrator_step_schema"),
            path(f"{entry}/add/", wrap(self.entry), name="orchestrator_step_entry_add"),
            path(f"{entry}/<int:place>/", wrap(self.entry), name="orchestrator_step_entry"),
            path(
                f"{entry}/<int:place>/move/",
                wrap(self.move_entry),
                name="orchestrator_step_entry_move",
            ),
            *super().get_urls(),
        ]

    def entry(
        self, request: HttpRequest, pk: int, column: str, place: int | None = None
    ) -> HttpResponse:
        """A piece of evidence or a reason."""
        return entry_page(self, request, self.found(request, pk), column, place)

    def move_entry(self, request: HttpRequest, pk: int, column: str, place: int) -> HttpResponse:
        """The same, one place up or down."""
        return move_entry(self, request, self.found(request, pk), column, place)

    def found(self, request: HttpRequest, pk: int) -> Step:
        """The step; 404 where there is none for these eyes."""
        row: Step | None = self.get_object(request, str(pk))
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        return row

    def try_rules(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Which rule wins for a real or a typed output."""
        return try_page(self.admin_site, request, self.found(request, pk))

    def draw(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The schema beside the form that reviewers will see."""
        step = self.found(request, pk)
        may_change = self.has_change_permission(request, step)
        return schema_page(self, request, of_step(step), may_change=may_change)


def _folded(step: Step, title: Any, part: dict[str, Any]) -> dict[str, Any]:
    """A part of the form, closed where it says nothing that its defaults do not say."""
    fields = part["fields"]
    is_open = not title or any(
        name.startswith(PREFIX) or (step.pk and says(step, name)) for name in fields
    )
    return part if is_open else part | {"classes": ("collapse",)}


def rules_of(step: Step) -> Table:
    rights = step.rights.select_related("group", "escalates_to").order_by("position")
    return Table(
        title=_("Rules"),
        noun="decisionright",
        heads=(_("Rule"), _("When"), _("Who decides")),
        lines=tuple(
            Line(right, (str(right), when(right.condition), decider(right))) for right in rights
        ),
        add=add_page(rights.model, step=step.pk),
        note=_("The first rule that holds wins. What is unknown never lets anything pass."),
    )


def exits_of(step: Step) -> Table:
    links = step.transitions.select_related("target", "source").order_by("position")
    return Table(
        title=_("Where it goes next"),
        noun="transition",
        heads=(_("To"), _("When")),
        lines=tuple(Line(link, (link.target.name, when(link.condition))) for link in links),
        add=add_page(Transition, source=step.pk),
        note=_exits_note(step),
    )


def _exits_note(step: Step) -> str:
    if step.kind == StepKind.FORK:
        return _("Every one that holds is taken, all at once.")
    if step.kind == StepKind.FOR_EACH:
        return _("One without a condition leads to what is done for each item.")
    return _(
        "The first that holds is taken. A rejection goes on only where a condition asks for "
        "the decision; elsewhere it ends the case."
    )


def when(condition: Any) -> str:
    return told_condition(condition)


def decider(right: Any) -> str:
    words = [str(right.get_mode_display())]
    if right.group:
        words.append(str(right.group))
    return " · ".join(words)


class TransitionForm(PartForm):
    """The condition is the editor's, beside the form's own fields."""

    class Meta:
        model = Transition
        fields = ("target",)

    editor: Editor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source = self.instance.source
        if "target" in self.fields:
            others = source.version.steps.order_by("position")
            self.fields["target"].queryset = others  # type: ignore[attr-defined]
            # A step is added on the page of its version, which knows where it belongs.
            self.fields["target"].widget.can_add_related = False
        self.editor = editor_of(self, facts_of(source, leaving=True))

    def clean(self) -> dict[str, Any]:
        self.instance.version = self.instance.source.version
        return with_condition(self)


def editor_of(form: Any, facts: Any) -> Editor:
    row = form.instance
    data = form.data if form.is_bound else None
    return Editor(facts, row.condition, data, new=row.pk is None and form.starts_with_rows)


def with_condition(form: Any) -> dict[str, Any]:
    """Take the editor's condition over; where it is none, the form is not valid either."""
    if form.editor.is_valid():
        form.instance.condition = form.editor.value
    else:
        form.add_error(None, _("Look at the condition below."))
    return dict(form.cleaned_data)


@admin.register(Transition)
class TransitionAdmin(Drafted):
    form = TransitionForm
    workflow_path = "version__workflow"
    noun = gettext_lazy("transition")
    whole = "source"
    whole_model = Step
    hidden = frozenset({"id", "version", "position", "source", "condition"})
    fieldsets = ((None, {"fields": ("target",)}),)

    def version_of(self, row: Transition) -> WorkflowVersion:
        return row.version

    def above(self, row: Transition) -> tuple[models.Model, ...]:
        return (row.source, row)
