"""Rules that hold for every template and script: what the strict policy would refuse anyway."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template, render_to_string

from review.forms import form_of

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
SCRIPTS = sorted((settings.BASE_DIR / "static/js").glob("*.js"))
FORBIDDEN = re.compile(
    r"\sstyle=|<style|\son[a-z]+=|hx-on|\|safe|autoescape off"
    r"|<script(?![^>]*\snonce=)|(?:src|href)=\"(?:https?:)?//"
)
HOSTILE = '</textarea><img src="//evil.example/x"><a href="javascript:alert(1)">\u202e'


def name_of(path: Path) -> str:
    return str(path.relative_to(settings.BASE_DIR))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_template_compiles_and_runs_nothing_beside_the_policy(path: Path) -> None:
    get_template(str(path.relative_to(settings.BASE_DIR / "templates")))

    assert FORBIDDEN.findall(path.read_text()) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_scripts_make_no_markup_from_text(path: Path) -> None:
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", path.read_text()
    )

    assert found == []
    assert len(path.read_text().splitlines()) <= 90


def test_a_hostile_output_is_text_in_its_form() -> None:
    schema = {
        "type": "object",
        "properties": {
            "line": {"type": "string"},
            "long": {"type": "string", "format": "text"},
            "pick": {"enum": ["a", "b"]},
            "rows": {
                "type": "array",
                "items": {"type": "object", "properties": {"cell": {"type": "string"}}},
            },
        },
    }
    output = {"line": HOSTILE, "long": HOSTILE, "pick": HOSTILE, HOSTILE: HOSTILE}
    form = form_of(schema, output | {"rows": [{"cell": HOSTILE}]}, confidence={})

    page = "".join(
        render_to_string("components/field.html", {"row": row, "draft_url": "/draft"})
        for row in form.rows
    )

    assert "<img" not in page
    assert "<a " not in page
    assert page.count("</textarea>") == page.count("<textarea")
    assert "Hidden characters" in page


@pytest.mark.parametrize("kind", ["text", "json", "chat"])
def test_a_hostile_case_is_text_in_its_evidence(kind: str) -> None:
    value = [{"role": HOSTILE, "content": HOSTILE}] if kind == "chat" else HOSTILE
    exhibit = {"kind": kind, "label": HOSTILE, "value": value}

    page = render_to_string("components/exhibit.html", {"exhibit": exhibit})

    assert "<img" not in page
    assert "<a " not in page
    assert "U+202E" in page


def test_an_object_and_its_fields_stand_in_a_group() -> None:
    schema = {
        "type": "object",
        "properties": {"who": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }
    (row,) = form_of(schema, {"who": {"name": "Bea"}}, confidence={"/who/name": 0.3}).rows

    page = render_to_string(
        "components/field.html", {"row": row, "draft_url": "/draft", "rated": True}
    )

    assert "<legend>Who" in page
    assert 'value="Bea"' in page
    assert "Low confidence" in page


def test_a_blind_reviewer_sees_no_confidence() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    (row,) = form_of(schema, {"name": "Bea"}, confidence=None).rows

    page = render_to_string("components/field.html", {"row": row, "rated": False})

    assert "onfidence" not in page
    assert "data-flagged" not in page
