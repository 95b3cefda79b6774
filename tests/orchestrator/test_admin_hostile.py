"""Whatever is typed into the admin: a sentence says what is wrong, and what was typed stays."""

from __future__ import annotations

import html
from typing import Any, Final

import pytest
from django import forms
from django.test import Client

from orchestrator.definitions import clone_to_draft
from tests import world
from tests.orchestrator.test_admin_help import addresses

pytestmark = pytest.mark.django_db

TYPED: Final = {
    "nul": "a\x00b",
    "markup": "<script>alert(1)</script>\u202e{{ 7 }}",
    "deep": "[" * 3000,
    "bomb": "a: &a [x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]",
    "huge": "9" * 5000,
    "negative": "-1",
}


@pytest.fixture
def places() -> dict[str, str]:
    published = world.workflow().published_version
    assert published
    found = addresses(clone_to_draft(published))
    return {name: url for name, url in found.items() if not name.startswith("Step ")}


@pytest.mark.parametrize("name", TYPED)
def test_nothing_typed_is_lost_and_nothing_breaks(places: dict[str, str], name: str) -> None:
    client, typed, wrong = Client(), TYPED[name], []
    client.force_login(world.person("dora"))
    for form_name, url in places.items():
        form = _form(client.get(url))
        posted = _posted(form, typed)
        answer = client.post(url, posted)
        if answer.status_code == 302:
            continue
        assert answer.status_code == 200, (form_name, answer.status_code)
        wrong += _lost(form_name, _form(answer), answer.content.decode(), typed)

    assert wrong == []


def _form(page: Any) -> Any:
    context = page.context
    return context["adminform"].form if "adminform" in context else context["form"]


def _is_typed(field: forms.Field) -> bool:
    kinds = (forms.TextInput, forms.Textarea, forms.NumberInput)
    return isinstance(field.widget, kinds) and not isinstance(field.widget, forms.PasswordInput)


def _posted(form: Any, typed: str) -> dict[str, Any]:
    """What stands in the form, with the same text in every field that one types into."""
    posted: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if _is_typed(bound.field):
            posted[bound.html_name] = typed
        elif not hasattr(bound.field.widget, "columns") and value not in (None, False, ""):
            posted[bound.html_name] = value
    editor = getattr(form, "editor", None)
    return posted | (editor.posted | {"when-mode": "tree", "when-tree": typed} if editor else {})


def _lost(name: str, form: Any, page: str, typed: str) -> list[str]:
    """The fields that do not show what was typed, and forms that are refused without a word."""
    found = [] if form.errors or form.non_field_errors() else [f"{name}: no word of what is wrong"]
    text = html.unescape(page)
    if typed not in text:
        found.append(f"{name}: what was typed is gone")
    return found


@pytest.mark.parametrize(
    ("form", "field", "typed", "said"),
    [
        ("New agent", "call", "a: \x00", "a character that cannot be seen"),
        ("New agent", "retry", "{attempts: " + "9" * 400 + "}", "300 digits"),
        ("New agent", "timeout", "9" * 500, "is no duration; write it like 90s"),
        ("New timer", "flow_after", "soon", "is no duration; write it like 90s"),
        ("New event", "flow_within", "-1", "is no duration; write it like 90s"),
        ("New for_each", "flow_at_once", "0", "greater than or equal to 1"),
        ("Grant", "limits", "[", "cannot be read as YAML"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    places: dict[str, str], form: str, field: str, typed: str, said: str
) -> None:
    client = Client()
    client.force_login(world.person("dora"))
    posted = _posted(_form(client.get(places[form])), "") | {field: typed}

    page = client.post(places[form], posted)

    assert said in " ".join(_form(page).errors[field])
    assert len(" ".join(_form(page).errors[field])) < 200
    assert "is violated" not in page.content.decode()
