"""The fields of ``flow``: what only one kind of step has, each with a control of its own.

A draft may be unfinished: nothing here is required, and publishing names what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator import definitions
from orchestrator.admin.help import FLOW
from orchestrator.admin.rows import Column, RowsField, pairs_read, pairs_shown
from orchestrator.definitions.facts import CaseData
from orchestrator.definitions.flows import flow_problems
from orchestrator.models import Step, StepKind, Workflow
from orchestrator.pointers import split

PREFIX: Final = "flow_"
ENOUGH: Final = "number"
WHEN: Final = (
    ("all", gettext_lazy("all branches have come")),
    ("any", gettext_lazy("one has come")),
    (ENOUGH, gettext_lazy("so many have come:")),
)
MERGING: Final = (
    ("", "–"),
    ("first", gettext_lazy("the first branch")),
    ("last", gettext_lazy("the last branch")),
    ("append", gettext_lazy("all, in a list")),
)


class DurationField(forms.CharField):
    """A time as the file writes it, like 30m, 4h or 2d; stays text."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"size": 8, "class": "span", "autocomplete": "off"}
        super().__init__(widget=forms.TextInput(attrs=attrs), max_length=10, **kwargs)

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        if text:
            try:
                definitions.seconds(text)
            except ValueError as error:
                raise ValidationError(str(error)) from error
        return text


class PlaceField(forms.CharField):
    """A place in the case file; the page offers those that it is known to have."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"size": 30, "list": "places", "autocomplete": "off", "spellcheck": "false"}
        super().__init__(widget=forms.TextInput(attrs=attrs), max_length=400, **kwargs)

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        if text and not text.startswith("/"):
            raise ValidationError(_("Give a place such as /order/amount."))
        return text


def _choice(label: Any, offered: Sequence[tuple[str, str]], chosen: Any) -> forms.ChoiceField:
    """What may be chosen, and what stands there already."""
    known = {value for value, _label in offered}
    more = [(str(chosen), str(chosen))] if chosen and str(chosen) not in known else []
    return forms.ChoiceField(choices=[("", "–"), *offered, *more], label=label)


def _timer(_step: Step, _case: CaseData) -> dict[str, forms.Field]:
    return {
        "after": DurationField(label=_("Wait so long")),
        "working": forms.BooleanField(label=_("In working hours")),
        "until": PlaceField(label=_("Or until the moment at")),
    }


def _event(_step: Step, _case: CaseData) -> dict[str, forms.Field]:
    columns = (
        Column("here", gettext_lazy("Place in the signal")),
        Column("there", gettext_lazy("Place in the case"), places=True),
    )
    return {
        "signal": forms.CharField(max_length=80, label=_("Signal")),
        "within": DurationField(label=_("At most so long")),
        "working": forms.BooleanField(label=_("In working hours")),
        "match": RowsField(columns, read=pairs_read, show=pairs_shown, label=_("Where the same")),
    }


def _join(step: Step) -> dict[str, forms.Field]:
    joins = step.version.steps.filter(kind=StepKind.JOIN).order_by("position")
    offered = [(join.key, join.name) for join in joins]
    wanted = forms.ChoiceField(choices=WHEN, label=_("It goes on when"))
    return {
        "join": _choice(_("Until"), offered, step.flow.get("join")),
        "complete_when": wanted,
        "enough": forms.IntegerField(min_value=1, max_value=10_000, label=_("So many")),
    }


def _fork(step: Step, _case: CaseData) -> dict[str, forms.Field]:
    columns = (
        Column("place", gettext_lazy("Place in the case"), places=True),
        Column("rule", gettext_lazy("What counts"), MERGING),
    )
    merge = RowsField(columns, read=pairs_read, show=pairs_shown, label=_("Where several write"))
    return {**_join(step), "merge": merge}


def _for_each(step: Step, case: CaseData) -> dict[str, forms.Field]:
    lists = [place for place, shape in case.leaves() if shape.kind in {"array", "json"}]
    offered = [(place, place) for place in lists]
    return {
        "items": _choice(_("For each item of"), offered, step.flow.get("items")),
        "as": PlaceField(label=_("The branch finds it at")),
        "at_once": forms.IntegerField(min_value=1, max_value=100, label=_("At the same time")),
        **_join(step),
        "collect": PlaceField(label=_("Collect what they wrote at")),
    }


def _subflow(step: Step, _case: CaseData) -> dict[str, forms.Field]:
    return {"workflow": _choice(_("Workflow"), [], step.flow.get("workflow"))}


def offer_workflows(field: Any, seen: QuerySet[Workflow]) -> None:
    """Have a subflow's field offer the published workflows that the user sees."""
    rows = seen.filter(published_version__isnull=False).order_by("name")
    offered = [(row.slug, row.name) for row in rows]
    named = {slug for slug, _name in offered}
    blank, *kept = (choice for choice in field.choices if choice[0] not in named)
    field.choices = [blank, *offered, *kept]


_KINDS: Final[Mapping[str, Callable[[Step, CaseData], dict[str, forms.Field]]]] = {
    StepKind.TIMER: _timer,
    StepKind.EVENT: _event,
    StepKind.FORK: _fork,
    StepKind.FOR_EACH: _for_each,
    StepKind.SUBFLOW: _subflow,
}
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    StepKind.TIMER: ("after", "working", "until"),
    StepKind.EVENT: ("signal", "within", "working", "match"),
    StepKind.FORK: ("join", "complete_when", "enough", "merge"),
    StepKind.FOR_EACH: (
        *("items", "as", "at_once", "join", "complete_when", "enough"),
        "collect",
    ),
    StepKind.SUBFLOW: ("workflow",),
}


def names_of(kind: str) -> tuple[str, ...]:
    """The names that the form's fields have for a kind, in their order."""
    return tuple(f"{PREFIX}{name}" for name in _NAMES.get(kind, ()))


def fields_of(step: Step, case: CaseData) -> Iterator[tuple[str, forms.Field, Any]]:
    """Name, field and what stands in it now, for the kind that the step has."""
    make = _KINDS.get(step.kind)
    for name, field in (make(step, case) if make else {}).items():
        field.required = False
        field.help_text = FLOW[name]
        yield f"{PREFIX}{name}", field, _shown(step.flow, name)


def _shown(flow: Mapping[str, Any], name: str) -> Any:
    wanted = flow.get("complete_when", "all")
    counts = isinstance(wanted, int)
    match name:
        case "complete_when":
            return ENOUGH if counts else wanted
        case "enough":
            return wanted if counts else None
    return flow.get(name)


def flow_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """``flow`` as the fields say it, without what says nothing.

    Raises ValidationError with the field that is wrong.
    """
    said = {
        name.removeprefix(PREFIX): value for name, value in given.items() if name.startswith(PREFIX)
    }
    wanted, enough = said.pop("complete_when", ""), said.pop("enough", None)
    if wanted == ENOUGH and not enough:
        raise ValidationError({f"{PREFIX}enough": _("Say how many.")})
    if said.get("after") and said.get("until"):
        raise ValidationError({f"{PREFIX}until": _("Give a time or a place, not both.")})
    if not said.get("after") and not said.get("within"):
        said.pop("working", None)
    flow = {name: value for name, value in said.items() if value not in ("", None, False, {})}
    if wanted in {"any", ENOUGH}:
        flow["complete_when"] = enough if wanted == ENOUGH else wanted
    return flow


def problems_of(step: Step, flow: Mapping[str, Any], schema: Any) -> Iterator[tuple[str, str]]:
    """Field -> what is wrong with what was given; what is missing is for publishing."""
    probe = copy(step)
    probe.flow, probe.schema = dict(flow), schema
    steps = [probe if row.pk == step.pk else row for row in step.version.steps.all()]
    if not any(row is probe for row in steps):
        steps.append(probe)
    for problem in flow_problems(probe, CaseData(step.version, steps), ""):
        _flow, *rest = split(problem.path)
        if rest and rest[0] in flow:
            yield f"{PREFIX}{rest[0]}", problem.message
