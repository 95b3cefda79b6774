"""What a schema is of: the output of a step, or the data that the cases of a version bring."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _

from orchestrator.admin.drawing import rows_of
from orchestrator.admin.parts import Cells, Table, crumbs, name_of, page_of
from orchestrator.admin.replaying import newest_case, routings_of
from orchestrator.admin.samples import data_before
from orchestrator.definitions.steps import SHAPED
from orchestrator.models import Actor, Step, StepKind, WorkflowVersion
from orchestrator.schema import check_schema

HAVE_OUTPUT: Final = SHAPED | {StepKind.EVENT, StepKind.SUBFLOW}
"""Steps whose output can have a schema."""
NOUN: Final = "schema"


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest value that the user may see, and what to call it; None without one."""

    value: Any = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """A row, the column that holds its schema, and what the page of the schema says of it."""

    row: Step | WorkflowVersion
    column: str
    part: str
    note: str
    title: str
    lede: str
    example: str
    seen_as: str
    back: str
    saved: str
    refused: str

    @property
    def version(self) -> WorkflowVersion:
        return self.row.version if isinstance(self.row, Step) else self.row

    @property
    def step(self) -> Step | None:
        """The step whose output it is, None for the data of cases."""
        return self.row if isinstance(self.row, Step) else None

    @property
    def definition(self) -> dict[str, Any]:
        found: dict[str, Any] = getattr(self.row, self.column)
        return found

    @property
    def back_url(self) -> str:
        return page_of(self.row, f"#{NOUN}")

    @property
    def crumbs(self) -> list[tuple[str, str]]:
        return crumbs(self.version, *filter(None, [self.step]))

    def store(self, definition: dict[str, Any]) -> None:
        setattr(self.row, self.column, definition)
        self.row.save(update_fields=[self.column])

    def within(self, definition: Mapping[str, Any]) -> tuple[WorkflowVersion, list[Step]]:
        """The version and its steps as they would be with another schema. Three queries."""
        changed = copy(self.row)
        setattr(changed, self.column, definition)
        rows = self.version.steps.order_by("position", "pk")
        steps = list(rows.prefetch_related("rights", "transitions__target"))
        if isinstance(changed, WorkflowVersion):
            return changed, steps
        for step in steps:
            if step.pk == changed.pk:
                step.schema = changed.schema
        return self.version, steps

    def newest(self, actor: Actor) -> Newest:
        """What the preview shows, where there is such a thing already."""
        if self.step is not None:
            rows = routings_of(self.step, actor, 1)
            attempt = rows[0].attempt if rows else None
            return Newest(attempt.output, rows[0].task.case.key) if attempt else Newest()
        case = newest_case(self.version.workflow_id, actor)
        return Newest(data_before(case, 0), case.key) if case else Newest()


def of_step(step: Step) -> Subject:
    return Subject(
        row=step,
        column="schema",
        part=_("Output"),
        note=_("What reviewers get as a form, and rules can look at."),
        title=_("What %(step)s gives") % {"step": step},
        lede=_(
            "On the left the JSON Schema of the output, on the right the form that reviewers "
            "will see. Nothing is saved before you say so."
        ),
        example="{type: object, required: [amount], properties: {amount: {type: number}}}",
        seen_as=_("As reviewers see it"),
        back=_("Back to the step"),
        saved=_("The schema of %(step)s is saved.") % {"step": step},
        refused=_("An output like that of case %(key)s would be refused: %(said)s"),
    )


def of_version(version: WorkflowVersion) -> Subject:
    name = str(version.workflow)
    return Subject(
        row=version,
        column="data_schema",
        part=_("Case data"),
        note=_("What a case must bring, and rules can look at. Without fields it may be anything."),
        title=_("What cases of %(workflow)s bring") % {"workflow": name},
        lede=_(
            "On the left the JSON Schema of what a case must bring, on the right the case file "
            "that comes of it. Anything else is refused. Nothing is saved before you say so."
        ),
        example="{type: object, required: [text], properties: {text: {type: string}}}",
        seen_as=_("The case file"),
        back=_("Back to the version"),
        saved=_("The schema of the case data is saved."),
        refused=_("A case like %(key)s would be refused: %(said)s"),
    )


def fields_table(subject: Subject, *, may_change: bool) -> Table:
    """The fields of a schema, on the page of its row."""
    rows = [] if check_schema(subject.definition) else rows_of(subject.definition)
    return Table(
        title=subject.part,
        noun=NOUN,
        heads=(_("Field"), _("Key"), _("Type"), _("Required")),
        lines=tuple(
            Cells((one.title or one.key, one.key, one.type, _("yes") if one.required else ""))
            for one in rows
        ),
        edit=reverse(f"{name_of(subject.row)}_schema", args=[subject.row.pk]),
        edit_words=_("Edit with a preview") if may_change else _("Preview"),
        note=subject.note,
    )
