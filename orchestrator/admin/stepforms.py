"""The form of a step, which has the fields of its kind and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator.admin.base import ModelForm
from orchestrator.admin.fields import PointerField, SpanField, YamlField
from orchestrator.admin.flowfields import (
    fields_of,
    flow_of,
    names_of,
    offer_workflows,
    problems_of,
)
from orchestrator.admin.kinds import TOLD
from orchestrator.admin.parts import add_page
from orchestrator.definitions import format as file
from orchestrator.definitions.facts import CaseData
from orchestrator.definitions.steps import LONGEST_CALL
from orchestrator.models import MACHINE, Actor, Step, StepKind, Workflow, WorkflowVersion

OBJECT: Final = {"type": "object"}
POINTERS: Final = {"type": "array", "items": {"type": "string", "pattern": "^(/.*)?$"}}
PLACES: Final = {
    "type": "object",
    "additionalProperties": {"type": "string", "pattern": "^(/.*)?$"},
}


_PERFORMED: Final = (
    *("actor", "instructions", "input_mapping", "output_mapping", "material", "limit"),
    *("undo_seconds", "rework_to", "rework_visits", "compensated_by"),
    *("call", "effect", "retry", "timeout"),
)
HAS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(MACHINE, _PERFORMED),
    StepKind.HUMAN: tuple(
        name for name in _PERFORMED if name not in ("actor", "call", "effect", "retry", "timeout")
    ),
    StepKind.DECISION: ("output_mapping",),
    StepKind.TIMER: ("output_mapping",),
    StepKind.EVENT: ("output_mapping", "compensated_by"),
    StepKind.FORK: (),
    StepKind.JOIN: (),
    StepKind.FOR_EACH: (),
    StepKind.SUBFLOW: ("input_mapping", "output_mapping", "compensated_by"),
    StepKind.END: ("outcome",),
}
"""Which fields the steps of a kind have, besides name, key and kind."""
_ALL: Final = frozenset(name for names in HAS.values() for name in names)
BACK: Final = ("rework_to", "rework_visits")


def shown_of(step: Step) -> tuple[str, ...]:
    """The fields that its kind has, and those that say something all the same."""
    own = HAS[StepKind(step.kind)]
    stray = [name for name in sorted(_ALL) if name not in own and says(step, name)]
    return (*own, *stray)


def says(step: Step, name: str) -> bool:
    """Whether a field holds anything but its default."""
    if name in BACK:
        return bool(step.rework)
    return bool(getattr(step, name) != getattr(Step(), name))


class Chosen(forms.Widget):
    """A kind that was chosen on the page before: shown, and sent along."""

    def __init__(self, version: WorkflowVersion) -> None:
        super().__init__()
        self.again = add_page(Step, version=version.pk)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        label = StepKind(value).label if value in StepKind.values else value
        context = {"name": name, "value": value, "label": label, "again": self.again}
        return render_to_string("admin/orchestrator/chosen.html", context | {"attrs": attrs or {}})


class PartForm(ModelForm):
    """``whole`` names the field and the row that a new part belongs to."""

    whole: ClassVar[tuple[str, models.Model] | None] = None
    starts_with_rows: ClassVar[bool] = False
    """Whether a new one asks for a comparison, rather than to hold always."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.whole and self.instance.pk is None:
            setattr(self.instance, *self.whole)
            for name in self.fields.keys() & vars(self.instance).keys():
                self.initial.setdefault(name, getattr(self.instance, name))


class StepForm(PartForm):
    kind = forms.ChoiceField(choices=StepKind.choices)
    input_mapping = YamlField(
        empty=None,
        shape=PLACES,
        label=gettext_lazy("Input"),
    )
    output_mapping = YamlField(
        empty=None,
        shape=PLACES,
        label=gettext_lazy("Output"),
    )
    call = YamlField(empty={}, shape=OBJECT)
    material = YamlField(
        empty=[],
        shape=POINTERS,
        label=gettext_lazy("Fields that count"),
    )
    limit = PointerField(required=False, max_length=200)
    retry = YamlField(
        empty={},
        shape=file.RETRY,
        label=gettext_lazy("Tries"),
    )
    timeout = SpanField()
    undo_seconds = SpanField(label=gettext_lazy("Undo"))
    compensated_by = forms.ChoiceField(required=False, label=gettext_lazy("Undone by"))
    rework_to = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label=gettext_lazy("Send back to")
    )
    rework_visits = forms.IntegerField(
        required=False, min_value=2, max_value=50, label=gettext_lazy("Visits")
    )

    workflows: ClassVar[QuerySet[Workflow]] = Workflow.objects.none()
    """Those that a subflow can be chosen to call."""
    new: ClassVar[str] = ""
    """The kind of a step that is being added."""

    class Meta:
        model = Step
        fields = (
            *("key", "name", "kind", "actor", "instructions", "call", "outcome"),
            *("input_mapping", "output_mapping", "material", "limit"),
            *("effect", "retry", "timeout", "undo_seconds", "compensated_by"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        step = self.instance
        if step.pk is None:
            step.kind = self.initial["kind"] = self.new
            self.fields["kind"].widget = Chosen(step.version)
            self.fields["kind"].help_text = TOLD.get(self.new, "")
        for name in _ALL - set(shown_of(step)):
            self.fields.pop(name, None)
        self.case = CaseData(step.version, step.version.steps.all())
        for name, field, value in fields_of(step, self.case):
            self.fields[name] = field
            self.initial[name] = value
        if "flow_workflow" in self.fields:
            offer_workflows(self.fields["flow_workflow"], self.workflows)
        self._offer_steps()
        if "actor" in self.fields:
            actors = Actor.objects.filter(
                models.Q(base=None) | models.Q(pk=self.instance.actor_id), kind__in=MACHINE
            )
            self.fields["actor"].queryset = actors  # type: ignore[attr-defined]

    def _offer_steps(self) -> None:
        """The other steps, to undo this one or to have something done anew."""
        step = self.instance
        others = step.version.steps.exclude(pk=step.pk).order_by("position")
        offered = [(other.key, other.name) for other in others]
        back = step.rework if isinstance(step.rework, dict) else {}
        self.initial.update(rework_to=back.get("to", []), rework_visits=back.get("visits"))
        for name, chosen in (
            ("compensated_by", [step.compensated_by]),
            ("rework_to", back.get("to", [])),
        ):
            known = {key for key, _name in offered}
            lost = [(key, key) for key in chosen if key and key not in known]
            blank = [("", "–")] if name == "compensated_by" else []
            if name in self.fields:
                self.fields[name].choices = [*blank, *offered, *lost]  # type: ignore[attr-defined]

    @property
    def places(self) -> list[str]:
        """The places that the case file is known to have."""
        return sorted({pointer for pointer, _shape in self.case.leaves()})

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = dict(super().clean() or self.cleaned_data)
        step = self.instance
        if "rework_to" in self.fields:
            step.rework = _rework(given.get("rework_to"), given.get("rework_visits"))
        if given.get("kind", step.kind) != step.kind:
            step.flow = {}
        elif names_of(step.kind):
            self._clean_flow(given)
        return given

    def _clean_flow(self, given: dict[str, Any]) -> None:
        try:
            self.instance.flow = flow_of(given)
        except ValidationError as error:
            self.add_error(None, error)
            return
        step = self.instance
        for name, message in problems_of(step, step.flow, step.schema):
            self.add_error(name, message)

    def clean_timeout(self) -> int:
        seconds = int(self.cleaned_data["timeout"])
        if not 1 <= seconds <= LONGEST_CALL:
            raise ValidationError(
                _("Give a call 1 to %(longest_call)s seconds.") % {"longest_call": LONGEST_CALL}
            )
        return seconds


def _rework(to: list[str] | None, visits: int | None) -> dict[str, Any]:
    if not to:
        return {}
    return {"to": to, "visits": visits} if visits else {"to": to}
