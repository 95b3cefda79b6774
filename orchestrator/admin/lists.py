"""Entries of a step's lists: the forms of evidence, reasons, waits, and rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator import schema
from orchestrator.admin.conditions import Editor
from orchestrator.admin.fields import PointerField, YamlField
from orchestrator.admin.flowfields import DurationField
from orchestrator.definitions import format as file
from orchestrator.definitions.facts import CaseData, table_facts
from orchestrator.models import Step
from orchestrator.telling import told
from orchestrator.wording import shown

LOOKS: Final[Mapping[str, Any]] = {
    "text": gettext_lazy("text"),
    "json": gettext_lazy("fields and values"),
    "image": gettext_lazy("an image"),
    "file": gettext_lazy("a file"),
    "chat": gettext_lazy("a conversation"),
}
SHOWN_AS: Final = [
    (kind, LOOKS.get(kind, kind)) for kind in file.EVIDENCE["items"]["properties"]["as"]["enum"]
]


class EntryForm(forms.Form):
    """One entry of a list of the step; ``heads`` name what its table shows.

    ``column`` names the list in addresses, ``unique`` the member that differs in all entries.
    """

    column: ClassVar[str]
    field: ClassVar[str]
    unique: ClassVar[str] = ""
    title: ClassVar[Any]
    noun: ClassVar[Any]
    note: ClassVar[Any]
    heads: ClassVar[tuple[Any, ...]]

    posted: dict[str, str] | None = None
    """What stands in the fields of a schema, where the entry has such."""

    def __init__(self, step: Step, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.step = step

    @property
    def entry(self) -> dict[str, Any]:
        """What was given, without what says nothing."""
        return {name: value for name, value in self.cleaned_data.items() if value}

    @classmethod
    def cells(cls, entry: Mapping[str, Any]) -> tuple[str, ...]:
        """What the table shows of an entry."""
        raise NotImplementedError

    @classmethod
    def of(cls, step: Step) -> list[Any]:
        """The list as it is."""
        return list(getattr(step, cls.field))

    @classmethod
    def put(cls, step: Step, entries: list[Any]) -> None:
        setattr(step, cls.field, entries)

    @classmethod
    def initial_of(cls, entry: Mapping[str, Any]) -> dict[str, Any]:
        """What a form that shows the entry begins with."""
        return dict(entry)


class EvidenceForm(EntryForm):
    column = field = "evidence"
    title = gettext_lazy("Evidence")
    noun = gettext_lazy("piece of evidence")
    note = gettext_lazy("What reviewers look at first, in this order.")
    heads = (gettext_lazy("Shown"), gettext_lazy("As"), gettext_lazy("From"))

    label = forms.CharField(
        required=False,
        max_length=200,
        label=gettext_lazy("Label"),
        help_text=gettext_lazy("What stands above it. Example: Receipt."),
    )
    path = PointerField(
        label=gettext_lazy("Place in the case"),
        max_length=400,
        help_text=gettext_lazy("Where it is in the case file. Example: /message."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["as"] = forms.ChoiceField(
            choices=[("", _("as it is")), *SHOWN_AS],
            required=False,
            label=_("Shown as"),
            help_text=_("How it is drawn. Example: image for a scanned receipt."),
        )
        version = self.step.version
        self.case = CaseData(version, version.steps.all())
        self.fields["path"].widget.attrs |= {"list": "places", "autocomplete": "off"}

    @property
    def places(self) -> list[str]:
        """The places that the case file is known to have."""
        return sorted({pointer for pointer, _shape in self.case.leaves()})

    def clean_path(self) -> str:
        path = str(self.cleaned_data["path"])
        if self.case.at(path) is None:
            raise forms.ValidationError(_("The case has nothing at %(path)s.") % {"path": path})
        return path

    @classmethod
    def cells(cls, entry: Mapping[str, Any]) -> tuple[str, ...]:
        look = entry.get("as", "")
        return entry.get("label") or entry["path"], str(LOOKS.get(look, look)), entry["path"]


class ReasonForm(EntryForm):
    column = field = "reasons"
    unique = "code"
    title = gettext_lazy("Reasons")
    noun = gettext_lazy("reason")
    note = gettext_lazy("Why somebody corrects or rejects; the first nine have a number key.")
    heads = (gettext_lazy("Reason"), gettext_lazy("Code"))

    label = forms.CharField(
        max_length=200,
        label=gettext_lazy("Label"),
        help_text=gettext_lazy("What reviewers read. Example: Misread."),
    )
    code = forms.CharField(
        max_length=200,
        label=gettext_lazy("Code"),
        help_text=gettext_lazy("What feedback and insights count. Example: misread."),
    )

    @classmethod
    def cells(cls, entry: Mapping[str, Any]) -> tuple[str, ...]:
        return entry["label"], entry["code"]


class PendForm(EntryForm):
    column = field = "pend"
    unique = "code"
    title = gettext_lazy("Waiting")
    noun = gettext_lazy("reason to wait")
    note = gettext_lazy("For whom or what a reviewer may wait with it.")
    heads = (gettext_lazy("Waits for"), gettext_lazy("Code"), gettext_lazy("At most"))

    label = forms.CharField(
        max_length=200,
        label=gettext_lazy("Label"),
        help_text=gettext_lazy("What reviewers read. Example: The customer answers."),
    )
    code = forms.CharField(
        max_length=200,
        label=gettext_lazy("Code"),
        help_text=gettext_lazy("What the record keeps. Example: customer."),
    )
    pauses = forms.BooleanField(
        required=False,
        label=gettext_lazy("The clock stops"),
        help_text=gettext_lazy("The time to decide does not count meanwhile. Example: yes."),
    )
    most = DurationField(
        required=False,
        label=gettext_lazy("At most"),
        help_text=gettext_lazy("How long such a wait may last; empty is any. Example: 14d."),
    )

    @classmethod
    def cells(cls, entry: Mapping[str, Any]) -> tuple[str, ...]:
        return entry["label"], entry["code"], entry.get("most", "")


class TableRowForm(EntryForm):
    """A row of a decision table: the condition editor beside the form of its output."""

    column = "rows"
    field = "flow"
    title = gettext_lazy("Rows")
    noun = gettext_lazy("row")
    note = gettext_lazy("Asked in this order: the first that holds says what comes out.")
    heads = (gettext_lazy("Comes out"), gettext_lazy("When"))

    def __init__(self, step: Step, *args: Any, **kwargs: Any) -> None:
        super().__init__(step, *args, **kwargs)
        version = step.version
        facts = table_facts(step, CaseData(version, version.steps.all()))
        row = self.initial
        posted = self.data if self.is_bound else None
        self.editor = Editor(facts, row.get("when"), posted, new=not row)
        self.shape = step.schema or None
        self.posted = {name: str(text) for name, text in self.data.items()} if posted else None
        self.value, self.errors_at = row.get("output"), dict[str, str]()
        if self.shape is None:
            self.fields["output"] = YamlField(
                empty=None, shape={}, label=_("Comes out"), initial=self.value
            )

    def clean(self) -> dict[str, Any]:
        if not self.editor.is_valid():
            self.add_error(None, _("Look at the condition below."))
        if self.shape is not None:
            self.value, self.errors_at = schema.parse(self.shape, self.posted or {})
            if self.errors_at:
                self.add_error(None, _("Look at what comes out."))
        return dict(self.cleaned_data)

    @property
    def entry(self) -> dict[str, Any]:
        when = self.editor.value
        output = self.value if self.shape is not None else self.cleaned_data["output"]
        return {**({"when": when} if when else {}), "output": output}

    @classmethod
    def cells(cls, entry: Mapping[str, Any]) -> tuple[str, ...]:
        return shown(entry.get("output")), told(entry.get("when"))

    @classmethod
    def of(cls, step: Step) -> list[Any]:
        rows = step.flow.get("rows")
        return list(rows) if isinstance(rows, list) else []

    @classmethod
    def put(cls, step: Step, entries: list[Any]) -> None:
        step.flow = {**step.flow, "rows": entries} if entries else {}


LISTS: Final[Mapping[str, type[EntryForm]]] = {
    form.column: form for form in (EvidenceForm, ReasonForm, PendForm, TableRowForm)
}
JUDGING: Final = ("evidence", "reasons", "pend")
