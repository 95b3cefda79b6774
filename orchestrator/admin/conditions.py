"""The editor of a condition: always, rows, or a tree as text. Plain form fields throughout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import groupby
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from orchestrator import conditions
from orchestrator.admin.clauses import OPS, Row, clause_of, expected, rows_of, tree_of
from orchestrator.admin.fields import YamlField
from orchestrator.definitions import Fact, Facts

PREFIX: Final = "when"
BLANK_ROWS: Final = 2
MOST_ROWS: Final = 40
MODES: Final = (
    ("always", "Always"),
    ("rows", "When these comparisons hold"),
    ("tree", "When this condition holds, as text"),
)
JOINS: Final = (("all", "all must hold"), ("any", "one is enough"))


class FactSelect(forms.Select):
    """Each option says what its values look like, for the script that offers them."""

    facts: Facts

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        shape = self.facts.shape(str(value)) if value else None
        if shape:
            option["attrs"]["data-expected"] = expected(shape)
        return option


class RowForm(forms.Form):
    """One comparison."""

    fact = forms.ChoiceField(widget=FactSelect, label="Fact")
    op = forms.ChoiceField(choices=[("", "…"), *OPS], label="Comparison")
    value = forms.CharField(required=False, strip=False, max_length=500, label="Value")
    fact2 = forms.ChoiceField(widget=FactSelect, required=False, label="or another fact")

    def __init__(self, *args: Any, facts: Facts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.facts = facts
        self.clause: Any = None
        initial = self.initial or {}
        for name, blank in (("fact", "Choose a fact"), ("fact2", "–")):
            field = self.fields[name]
            field.widget.facts = facts
            field.choices = [("", blank), *_choices(facts, initial.get(name, ""))]  # type: ignore[attr-defined]
        self.fields["value"].widget.attrs |= {"autocomplete": "off", "size": 16}

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if {"fact", "op", "value", "fact2"} <= given.keys():
            row = Row(given["fact"], given["op"], given["value"], given["fact2"])
            try:
                self.clause = clause_of(row, self.facts)
            except ValidationError as error:
                self.add_error("value", error)
        return given


def _choices(facts: Facts, chosen: str) -> Iterable[tuple[str, Any]]:
    """The facts by group, and the one that stands there already, whatever it is."""
    yield from _grouped(facts.listed)
    if chosen and chosen not in list(facts):
        yield chosen, chosen


def _grouped(listed: list[Fact]) -> Iterable[tuple[str, list[tuple[str, str]]]]:
    by_group = sorted(listed, key=lambda fact: fact.group)
    for group, found in groupby(by_group, key=lambda fact: fact.group):
        yield group, [(fact.name, fact.label) for fact in found]


class Frame(forms.Form):
    """Which of the three ways holds, and what the two longer ones say."""

    mode = forms.ChoiceField(choices=MODES, widget=forms.RadioSelect, label="Applies")
    join = forms.ChoiceField(choices=JOINS, label="Join", required=False)

    def __init__(self, *args: Any, facts: Facts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tree"] = YamlField(
            empty=None,
            shape={"type": "object"},
            check=lambda value: conditions.validate(value, facts),
            label="Condition as text",
            help_text="all: […], any: […] and not: {…} around {fact: …, op: …, value: …}.",
        )


Rows = forms.formset_factory(RowForm, extra=BLANK_ROWS, can_delete=True, max_num=MOST_ROWS)


class Editor:
    """The condition of a rule or a transition, shown from ``condition`` or read from ``data``.

    Nothing that it gives can be invalid: ``is_valid`` holds it against the facts there are.
    """

    def __init__(
        self, facts: Facts, condition: Any, data: Mapping[str, Any] | None, *, new: bool = False
    ) -> None:
        shown = rows_of(condition, facts)
        join, rows = shown or ("all", [])
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
            initial=[row._asdict() for row in rows],
            form_kwargs={"facts": facts},
        )
        self.problems: list[str] = []

    @property
    def sentence(self) -> str:
        return conditions.sentence(self.stored)

    @property
    def table(self) -> list[tuple[str, str, str]]:
        """Every fact with its name and what its values look like."""
        return [(fact.name, fact.label, expected(fact.shape)) for fact in self.facts.listed]

    @cached_property
    def value(self) -> Any:
        """The condition that was given; None for always."""
        mode = self.frame.cleaned_data["mode"]
        if mode == "tree":
            return self.frame.cleaned_data["tree"]
        if mode == "always":
            return self.stored if self.stored == {} else None
        clauses = [
            form.clause
            for form in self.rows.forms
            if form.clause and not form.cleaned_data.get("DELETE")
        ]
        return tree_of(self.frame.cleaned_data.get("join") or "all", clauses) if clauses else None

    def is_valid(self) -> bool:
        if not self.frame.is_valid():
            return self._tree_unread()
        mode = self.frame.cleaned_data["mode"]
        if mode == "rows" and not self.rows.is_valid():
            return False
        if mode != "always" and self.value is None:
            self.problems = ["Give at least one comparison, or choose Always."]
        else:
            found = conditions.validate(self.value, self.facts)
            self.problems = [f"{problem.path}: {problem.message}" for problem in found]
        return not self.problems

    def _tree_unread(self) -> bool:
        """What stands in the text does not matter while another way is chosen."""
        if set(self.frame.errors) == {"tree"} and self.frame.data.get(f"{PREFIX}-mode") != "tree":
            del self.frame.errors["tree"]
            return self.is_valid()
        return False

    def has_changed(self) -> bool:
        return bool(self.value != self.stored)
