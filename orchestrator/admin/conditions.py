"""The editor of a condition: always, an outline of lines, or a tree as text. Plain form fields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import groupby
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator import conditions
from orchestrator.admin.clauses import OPS, Row, clause_of, expected, shown
from orchestrator.admin.fields import YamlField
from orchestrator.admin.fitting import misfits, ops_of
from orchestrator.admin.outlines import (
    DEEPEST,
    GROUPS,
    Line,
    Misplaced,
    lines_of,
    parts_of,
    tree_of,
)
from orchestrator.definitions import Fact, Facts
from orchestrator.pointers import Problem
from orchestrator.schema.shapes import Shape
from orchestrator.telling import told as told_condition
from orchestrator.telling import tongue
from orchestrator.wording import label

PREFIX: Final = "when"
BLANK_ROWS: Final = 2
MOST_ROWS: Final = 40
MODES: Final = (
    ("always", gettext_lazy("Always")),
    ("rows", gettext_lazy("When these comparisons hold")),
    ("tree", gettext_lazy("When this condition holds, as text")),
)
JOINS: Final = (
    ("all", gettext_lazy("all must hold")),
    ("any", gettext_lazy("one is enough")),
)
LEVELS: Final = [("", "–"), *((str(level), str(level)) for level in range(1, DEEPEST + 2))]


class FactSelect(forms.Select):
    """Each option says what its values look like and how they compare, for the script."""

    facts: Facts

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        shape = self.facts.shape(str(value)) if value else None
        if shape:
            option["attrs"] |= _told(shape)
        return option


def _told(shape: Shape) -> dict[str, str]:
    told = {"data-expected": expected(shape), "data-kind": shape.kind}
    told["data-ops"] = " ".join(ops_of(shape))
    if choices := choices_of(shape):
        told["data-choices"] = json.dumps(choices)
    return told


def choices_of(shape: Shape | None) -> list[str]:
    """The values to choose from, as they are typed; none where anything can be."""
    if shape is None:
        return []
    if shape.kind == "boolean":
        return ["yes", "no"]
    return [shown(choice.value, shape) for choice in shape.choices]


class RowForm(forms.Form):
    """One line: a comparison, or a group of the lines further in below it."""

    fact = forms.ChoiceField(widget=FactSelect, label=gettext_lazy("Fact"))
    op = forms.ChoiceField(choices=[("", "…"), *OPS], label=gettext_lazy("Comparison"))
    value = forms.CharField(
        required=False, strip=False, max_length=500, label=gettext_lazy("Value")
    )
    fact2 = forms.ChoiceField(
        widget=FactSelect, required=False, label=gettext_lazy("or another fact")
    )
    level = forms.ChoiceField(choices=LEVELS, required=False, label=gettext_lazy("Further in by"))

    def __init__(self, *args: Any, facts: Facts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.facts = facts
        self.line: Line | None = None
        for name, blank in (("fact", _("Choose a fact")), ("fact2", "–")):
            field = self.fields[name]
            field.widget.facts = facts
            chosen = str(self[name].value() or "")
            more = [(_("A group of lines"), list(GROUPS.items()))] if name == "fact" else []
            listed = _choices(facts, chosen, bound=self.is_bound)
            field.choices = [("", blank), *listed, *more]  # type: ignore[attr-defined]
        self.fields["op"].required = str(self["fact"].value() or "") not in GROUPS
        shape = facts.shape(str(self["fact"].value() or ""))
        attrs = {"autocomplete": "off", "size": 16, "placeholder": expected(shape) if shape else ""}
        self.fields["value"].widget.attrs |= attrs

    @property
    def depth(self) -> str:
        return str(self["level"].value() or "0")

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if {"fact", "op", "value", "fact2", "level"} <= given.keys():
            row = Row(given["fact"], given["op"], given["value"], given["fact2"])
            self.line = Line(row, int(given["level"] or 0))
            try:
                self._check(row)
            except ValidationError as error:
                self.line = None
                self.add_error("value", error)
        return given

    def _check(self, row: Row) -> None:
        """Raises ValidationError."""
        if row.fact not in GROUPS:
            clause_of(row, self.facts)
        elif row.op or row.value or row.fact2:
            raise ValidationError(_("A group compares nothing: leave the rest of its line empty."))


def _choices(facts: Facts, chosen: str, *, bound: bool) -> Iterable[tuple[str, Any]]:
    """The facts by group, and the one that stands there already: below an open object,
    or one that there is no more, which is shown and cannot be given again."""
    yield from _grouped(facts.listed)
    known = {"", *GROUPS, *facts}
    if chosen not in known and (chosen in facts or not bound):
        yield chosen, chosen


def _grouped(listed: list[Fact]) -> Iterable[tuple[str, list[tuple[str, str]]]]:
    by_group = sorted(listed, key=lambda fact: fact.group)
    for group, found in groupby(by_group, key=lambda fact: fact.group):
        yield _(group), [(fact.name, label(fact.name, tongue())) for fact in found]


class Frame(forms.Form):
    """Which of the three ways holds, and what the two longer ones say."""

    mode = forms.ChoiceField(choices=MODES, widget=forms.RadioSelect, label=gettext_lazy("Applies"))
    join = forms.ChoiceField(choices=JOINS, label=gettext_lazy("Join"), required=False)

    def __init__(self, *args: Any, facts: Facts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tree"] = YamlField(
            empty=None,
            shape={"type": "object"},
            check=lambda value: conditions.validate(value, facts),
            label=_("Condition as text"),
            help_text=gettext_lazy(
                "all: […], any: […] and not: {…} around {fact: …, op: …, value: …}."
            ),
        )


Rows = forms.formset_factory(
    RowForm, extra=BLANK_ROWS, can_delete=True, can_order=True, max_num=MOST_ROWS
)


class Editor:
    """The condition of a rule or a transition, shown from ``condition`` or read from ``data``.

    Nothing that it gives can be invalid: ``is_valid`` holds it against the facts there are.
    """

    def __init__(
        self, facts: Facts, condition: Any, data: Mapping[str, Any] | None, *, new: bool = False
    ) -> None:
        shown = lines_of(condition, facts)
        join, lines = shown or ("all", [])
        mode = "rows" if shown or new else "tree"
        if not new and (condition is None or condition == {}):
            mode = "always"
        initial = {"mode": mode, "join": join, "tree": None if shown else condition}
        self.facts = facts
        self.stored = condition
        self.frame = Frame(data, prefix=PREFIX, initial=initial, facts=facts)
        self.rows = Rows(
            data,
            prefix=f"{PREFIX}-rows",
            initial=[line.row._asdict() | {"level": str(line.level or "")} for line in lines],
            form_kwargs={"facts": facts},
        )
        self.problems: list[str] = []

    @property
    def sentence(self) -> str:
        return told_condition(self.stored)

    @property
    def table(self) -> list[tuple[str, str, str]]:
        """Every fact with its name and what its values look like."""
        names = ((fact, label(fact.name, tongue())) for fact in self.facts.listed)
        return [(fact.name, name, expected(fact.shape)) for fact, name in names]

    @property
    def posted(self) -> dict[str, str]:
        """What a form that shows the stored condition posts."""
        shown = {name: self.frame[name] for name in ("mode", "join", "tree")}
        posted = {bound.html_name: str(bound.value() or "") for bound in shown.values()}
        for form in self.rows.initial_forms:
            for name in ("fact", "op", "value", "fact2", "level"):
                posted[form[name].html_name] = str(form[name].value() or "")
        count = str(self.rows.initial_form_count())
        names = (f"{PREFIX}-rows-TOTAL_FORMS", f"{PREFIX}-rows-INITIAL_FORMS")
        return posted | dict.fromkeys(names, count)

    @cached_property
    def value(self) -> Any:
        """The condition that was given; None for always. Raises Misplaced."""
        mode = self.frame.cleaned_data["mode"]
        if mode == "tree":
            return self.frame.cleaned_data["tree"]
        if mode == "always":
            return self.stored if self.stored == {} else None
        parts = parts_of([line for _form, line in self._lines()], self.facts)
        return tree_of(self.frame.cleaned_data.get("join") or "all", parts) if parts else None

    def _lines(self) -> Iterator[tuple[Any, Line]]:
        """The lines in the order that they are to have, without those that go."""
        for form in self.rows.ordered_forms:
            if form.line is not None:
                yield form, form.line

    def is_valid(self) -> bool:
        if not self.frame.is_valid():
            return self._tree_unread()
        mode = self.frame.cleaned_data["mode"]
        if mode == "rows" and not (self.rows.is_valid() and self._placed()):
            return False
        if mode != "always" and self.value is None:
            self.problems = [_("Give at least one comparison, or choose Always.")]
        else:
            self.problems = [_said(problem) for problem in self._found()]
        return not self.problems

    def _placed(self) -> bool:
        """Whether every line stands where it can; the one that does not says so."""
        lines = list(self._lines())
        try:
            parts_of([line for _form, line in lines], self.facts)
        except Misplaced as error:
            lines[error.index][0].add_error("level", error.messages[0])
            return False
        return True

    def _found(self) -> list[Problem]:
        return conditions.validate(self.value, self.facts) or [*misfits(self.value, self.facts)]

    def _tree_unread(self) -> bool:
        """What stands in the text does not matter while another way is chosen."""
        if set(self.frame.errors) == {"tree"} and self.frame.data.get(f"{PREFIX}-mode") != "tree":
            del self.frame.errors["tree"]
            return self.is_valid()
        return False

    def has_changed(self) -> bool:
        return bool(self.value != self.stored)


def _said(problem: Problem) -> str:
    return f"{problem.path}: {problem.message}" if problem.path else problem.message
