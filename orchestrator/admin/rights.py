"""The rules of a step: who may decide what, and when."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator.admin.conditions import Editor
from orchestrator.admin.drafted import Drafted
from orchestrator.admin.fields import SpanField
from orchestrator.admin.stepforms import PartForm
from orchestrator.admin.steps import editor_of, with_condition
from orchestrator.definitions import facts_of
from orchestrator.definitions import format as file
from orchestrator.definitions.rules import SILENT, words_of
from orchestrator.models import ASKING, DecisionRight, Mode, Step, StepKind, Word, WorkflowVersion

SEVERAL: Final = ("blind", "seats", "approvals")


class RightForm(PartForm):
    allowed = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=gettext_lazy("May be decided"),
    )
    on_timeout = forms.ChoiceField(
        choices=[(str(word), Word(word).label) for word in SILENT],
        label=gettext_lazy("When time is up"),
    )
    start_within = SpanField(required=False)
    remind_before = SpanField(required=False)
    decide_within = SpanField()

    starts_with_rows = True
    editor: Editor

    class Meta:
        model = DecisionRight
        fields = (
            *("name", "mode", "group", "escalates_to", "allowed", "seats", "approvals", "blind"),
            *("start_within", "remind_before", "decide_within", "on_timeout"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        step = self.instance.step
        if "allowed" in self.fields:
            words = [(str(word), Word(word).label) for word in words_of(step.kind)]
            self.fields["allowed"].choices = words  # type: ignore[attr-defined]
        if "mode" in self.fields and step.kind == StepKind.HUMAN:
            asking = [(mode.value, mode.label) for mode in Mode if mode in ASKING]
            self.fields["mode"].choices = asking  # type: ignore[attr-defined]
        self.editor = editor_of(self, facts_of(step))

    def clean(self) -> dict[str, Any]:
        given = with_condition(self)
        self._people(given)
        if given.get("mode") in ASKING and not given.get("group"):
            self.add_error("group", _("Name the group that decides."))
        if Word.ESCALATED in given.get("allowed", ()) and not given.get("escalates_to"):
            self.add_error("escalates_to", _("Name the group that is asked next."))
        if (given.get("start_within") or 0) > (given.get("decide_within") or 0):
            self.add_error("start_within", _("Nobody can start later than they have to decide."))
        if (given.get("remind_before") or 0) >= (given.get("decide_within") or 1):
            self.add_error("remind_before", _("Remind people of less time than they have."))
        if given.get("decide_within") == 0:
            self.add_error("decide_within", _("Give people time: at least a second."))
        return given

    def _people(self, given: dict[str, Any]) -> None:
        """Only a panel chooses how many; the other modes say it themselves."""
        if given.get("mode") != Mode.PANEL:
            people = file.PLACES.get(given.get("mode", ""), 1)
            given["seats"] = given["approvals"] = people
        elif not 2 <= given.get("seats", 0) <= 99:
            self.add_error("seats", _("A panel has 2 to 99 seats."))
        elif not 1 <= given.get("approvals", 0) <= given["seats"]:
            self.add_error(
                "approvals", _("Ask for at least one, and for no more than there are seats.")
            )


@admin.register(DecisionRight)
class DecisionRightAdmin(Drafted):
    form = RightForm
    workflow_path = "step__version__workflow"
    noun = gettext_lazy("rule")
    whole = "step"
    whole_model = Step
    hidden = frozenset({"id", "position", "step", "condition"})
    fieldsets = (
        (None, {"fields": ("name", "mode", "group", "escalates_to", "allowed")}),
        (
            gettext_lazy("Time"),
            {"fields": ("decide_within", "start_within", "remind_before", "on_timeout")},
        ),
        (gettext_lazy("Several people"), {"fields": SEVERAL}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: DecisionRight | None = None) -> Any:
        """What only a panel or a blind look needs is closed where neither was chosen."""
        sets = super().get_fieldsets(request, obj)
        if obj and (obj.mode == Mode.PANEL or obj.blind):
            return sets
        return [
            (title, part | {"classes": ("collapse",)} if part["fields"] == SEVERAL else part)
            for title, part in sets
        ]

    def version_of(self, row: DecisionRight) -> WorkflowVersion:
        return row.step.version

    def above(self, row: DecisionRight) -> tuple[models.Model, ...]:
        return (row.step, row)
