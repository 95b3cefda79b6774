"""The German catalogue is whole, agrees with its English, and is what is compiled."""

from __future__ import annotations

import gettext
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.utils import translation

from orchestrator.admin.fieldnames import FIELDS
from orchestrator.admin.groups import OWN
from orchestrator.admin.names import TABLES
from tests.language.catalogue import FOLDER, Entry, entries

PLACES: Final = re.compile(r"%\(\w+\)[a-z]|%[sdr]|\{\w+[^}]*\}|<[^>]+>|(?<![\w#])#(?= )")
ADDRESSED: Final = re.compile(r"\b([Dd]u|[Dd]ein\w*|[Dd]ich|[Dd]ir)\b")


def test_every_text_is_translated_and_none_is_a_guess() -> None:
    found = entries()

    assert len(found) > 900
    assert [entry.english for entry in found if entry.fuzzy or not all(entry.german)] == []
    assert [row.english for row in found if len(row.german) != (2 if row.plural else 1)] == []


def test_what_is_filled_in_is_the_same_in_both_languages() -> None:
    for entry in entries():
        wanted = Counter(PLACES.findall(entry.plural or entry.english))
        assert Counter(PLACES.findall(entry.german[-1])) == wanted, entry.english
        assert Counter(PLACES.findall(entry.german[0])) <= wanted, entry.english


def test_texts_begin_and_end_as_the_english_do() -> None:
    """So that they still join with what stands beside them."""
    for entry in entries():
        for text in entry.german:
            assert (text[:1] == " ", text[-1:] == " ") == (
                entry.english[:1] == " ",
                entry.english[-1:] == " ",
            ), entry.english


def test_people_are_addressed_as_sie() -> None:
    assert [text for row in entries() for text in row.german if ADDRESSED.search(text)] == []


def test_the_compiled_catalogue_is_that_of_the_text() -> None:
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)

    for entry in entries():
        assert _compiled(compiled, entry) == entry.german, entry.english


def test_every_table_of_the_admin_has_a_name_in_the_catalogue() -> None:
    ours = (model for model in admin.site._registry if model._meta.app_label == "orchestrator")

    assert {str(model._meta.verbose_name_plural) for model in ours} <= {*TABLES}


def _compiled(compiled: gettext.GNUTranslations, entry: Entry) -> list[str]:
    if entry.plural:
        return [compiled.ngettext(entry.english, entry.plural, number) for number in (1, 2)]
    if entry.context:
        return [compiled.pgettext(entry.context, entry.english)]
    return [compiled.gettext(entry.english)]


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="xgettext is not installed")
def test_no_text_is_missing_from_the_catalogue(tmp_path: Path) -> None:
    """What ``make messages`` would write has no text that the catalogue lacks."""
    for name in ("orchestrator", "review", "integrations", "templates"):
        shutil.copytree(settings.BASE_DIR / name, tmp_path / name)
    shutil.copy(settings.BASE_DIR / "manage.py", tmp_path)
    command = [sys.executable, "-W", "ignore", "manage.py", "makemessages", "--locale=de"]

    here = os.environ | {"DJANGO_SETTINGS_MODULE": "orchestrator.settings"}
    how = ("--no-location", "--no-wrap")
    subprocess.run([*command, *how], cwd=tmp_path, env=here, check=True, timeout=100)

    after = entries(tmp_path / FOLDER.relative_to(settings.BASE_DIR) / "django.po")
    known = {(row.context, row.english, row.plural) for row in entries()}
    assert {(row.context, row.english, row.plural) for row in after} == known


def test_every_permission_of_our_own_is_told_in_german() -> None:
    ours = (model._meta for model in apps.get_app_config("orchestrator").get_models())

    assert {str(name) for meta in ours for _codename, name in meta.permissions} == {*OWN}


def test_every_field_of_the_admin_has_a_name_in_german() -> None:
    with translation.override(None):
        known = {str(name) for name in FIELDS}
        ours = [
            model._meta for model in admin.site._registry if model._meta.app_label == "orchestrator"
        ]
        fields = {str(field.verbose_name) for meta in ours for field in meta.concrete_fields}

    assert fields - known == {"ID"}
