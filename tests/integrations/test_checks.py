"""A broken registry is told at start, with a hint, instead of at the first call."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings


def found() -> list[tuple[str | None, str, str | None]]:
    return [
        (problem.id, problem.msg, problem.hint)
        for problem in run_checks()
        if (problem.id or "").startswith("integrations.")
    ]


def test_what_ships_is_sound() -> None:
    assert found() == []


@pytest.mark.parametrize(
    "path", ["nowhere.Mail", "integrations.connectors.http.Gone", "notdotted", ""]
)
def test_a_connector_that_cannot_be_imported_is_named(settings: Settings, path: str) -> None:
    settings.REWIRE_CONNECTORS = {"mail": path}

    ((identifier, message, hint),) = found()

    assert identifier == "integrations.E001"
    assert "'mail'" in message
    assert hint == f"Correct or remove {path!r} in REWIRE_CONNECTORS."


def test_a_connector_whose_module_fails_is_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_mail.py").write_text("import this is not python\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings.REWIRE_CONNECTORS = {"broken": "broken_mail.Mail"}

    assert found()[0][0] == "integrations.E001"


def test_a_class_that_does_not_speak_the_protocol_is_told_what_it_lacks(
    settings: Settings,
) -> None:
    settings.REWIRE_CONNECTORS = {"path": "pathlib.Path"}

    ((identifier, message, _),) = found()

    assert identifier == "integrations.E002"
    assert message == "The connector 'path' has no call, check, identity, settings_schema."


def test_the_site_does_not_start_with_a_broken_registry(settings: Settings) -> None:
    settings.REWIRE_CONNECTORS = {"gone": "nowhere.Gone"}

    with pytest.raises(SystemCheckError, match=r"integrations\.E001"):
        call_command("check")


def test_an_allowed_host_that_opens_nothing_is_told(settings: Settings) -> None:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["ledger.internal", "http://ledger.internal:80"]

    ((identifier, message, _),) = found()

    assert identifier == "integrations.E003"
    assert "http://ledger.internal:80" in message
