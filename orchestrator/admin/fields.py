"""Form fields for what a definition says in structure: YAML, durations, places."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from orchestrator import definitions, schema
from orchestrator.definitions.places import is_pointer
from orchestrator.exceptions import Invalid
from orchestrator.pointers import Problem

# What YAML has no place for, and numbers that no document needs.
UNREADABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
ENDLESS: Final = re.compile(r"\d{301}")
LONGEST_SPAN: Final = 20
"""Characters of a time that cannot be read which are said again."""


class YamlField(forms.CharField):
    """A JSON value, written as YAML. ``shape`` is the JSON Schema of what may be written.

    ``check`` finds what is wrong with a value beyond its shape. An empty field is ``empty``.
    """

    widget = forms.Textarea

    def __init__(
        self,
        *,
        empty: Any,
        shape: Mapping[str, Any],
        check: Callable[[Any], Sequence[Problem]] | None = None,
        **kwargs: Any,
    ) -> None:
        self.empty, self.shape, self.check = empty, shape, check
        attrs = {"rows": 6, "class": "code", "spellcheck": "false", "autocomplete": "off"}
        super().__init__(required=False, widget=forms.Textarea(attrs=attrs), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        # What somebody typed comes back as it was typed; no value of a field is a text.
        if isinstance(value, str):
            return value
        return "" if value is None or value == self.empty else definitions.written(value)

    def to_python(self, value: Any) -> Any:
        text = str(value or "")
        if not text.strip():
            return self.empty
        if message := unkept(text):
            raise ValidationError(message)
        try:
            found = definitions.value(text)
        except Invalid as error:
            raise ValidationError(error.message) from error
        problems = schema.validate(self.shape, found) or (self.check(found) if self.check else [])
        if problems:
            raise ValidationError([_line(problem) for problem in problems])
        return found

    def validate(self, value: Any) -> None:
        """Nothing is required, and a value is no text whose length counts."""

    def run_validators(self, value: Any) -> None:
        """A value is no text."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


def unkept(text: str) -> str:
    """Why a text cannot be kept, whatever it says; "" where it can."""
    if UNREADABLE.search(text):
        return _("This has a character that cannot be seen: delete it, or type it anew.")
    return _("A number has 300 digits at most.") if ENDLESS.search(text) else ""


def _line(problem: Problem) -> str:
    return f"{problem.path}: {problem.message}" if problem.path else problem.message


class SpanField(forms.CharField):
    """Seconds, written like 90s, 30m, 4h or 2d."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"size": 8, "class": "span", "autocomplete": "off"}
        super().__init__(widget=forms.TextInput(attrs=attrs), max_length=10, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return definitions.duration(value) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip()
        if not text:
            return None
        try:
            return definitions.seconds(Truncator(text).chars(LONGEST_SPAN))
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def run_validators(self, value: Any) -> None:
        """A number of seconds is no text."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class PointerField(forms.CharField):
    """A place in a document: a JSON pointer."""

    def clean(self, value: Any) -> str:
        pointer = str(super().clean(value))
        if not is_pointer(pointer):
            raise ValidationError(_("Give a place such as /order/amount."))
        return pointer
