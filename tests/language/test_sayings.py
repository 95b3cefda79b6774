"""What records keep in English is told in German: incidents, errors, what a test found."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.utils import translation

from orchestrator import sayings
from orchestrator.models import DecisionRight, Grant
from orchestrator.telling import message_told
from tests import world
from tests.language.conftest import Office
from tests.language.test_pages import GERMAN, client_of

ERRORS: Final = frozenset({"PermanentError", "TransientError", "CannotTell", "Missing"})
FOLDERS: Final = ("orchestrator/engine", "integrations")
LOOK: Final = "Sehen Sie nach, bevor Sie es noch einmal versuchen."
# What passes on what somebody else said has no sentence of its own.
PASSED_ON: Final = frozenset({"X", "X: X"})


@pytest.mark.parametrize(
    ("stored", "german"),
    [
        ("Its worker did not come back.", "Sein Arbeitsprozess kam nicht zurück."),
        (
            "Book: ledger.example answered 503. (tried 3 times)",
            "Book: ledger.example antwortete 503. (3 Versuche)",
        ),
        (
            "Book may have happened: look before trying again. The double broke off.",
            f"Book ist vielleicht geschehen: {LOOK} Die Attrappe brach ab.",
        ),
        ("ledger answered 409: Out of stock.", "ledger antwortete 409: Out of stock."),
        ("Whatever a program says", "Whatever a program says"),
        ("%s and %(x)s: 100 % {}", "%s and %(x)s: 100 % {}"),
        ("a: " * 2_000 + "(tried once)", "a: " * 2_000 + "(tried once)"),
    ],
)
def test_a_stored_sentence_is_told_in_german(stored: str, german: str) -> None:
    with translation.override("de"):
        assert message_told(stored) == german
    with translation.override("en"):
        assert message_told(stored) == stored


def test_an_incident_is_told_in_german_and_kept_in_english(office: Office) -> None:
    incident = office.workflow.cases.get(key="broken").tasks.get().incidents.get()
    incident.detail = {"message": "No rule of this step names who answers."}
    incident.save(update_fields=["detail"])

    german = client_of("lea").get("/incidents/", **GERMAN).content.decode()
    english = client_of("lea").get("/incidents/").content.decode()

    assert "Keine Regel dieses Schritts nennt, wer antwortet." in german
    assert "No rule of this step names who answers." in english


def test_a_reason_that_an_incident_quotes_is_told_from_its_trace(office: Office) -> None:
    task = office.workflow.cases.get(key="broken").tasks.get()
    reason = task.routings.get().reason
    incident = task.incidents.get()
    incident.detail = {"message": f"{reason}, and no rule of this step asks a person."}
    incident.save(update_fields=["detail"])

    german = client_of("lea").get("/incidents/", **GERMAN).content.decode()

    assert reason.endswith("is below 0.90")
    assert "liegt unter 0,90, und keine Regel" in german
    assert "is below" not in german


def test_rows_have_german_titles_and_a_rule_without_a_name_too(office: Office) -> None:
    task = office.workflow.cases.get(key="broken").tasks.get()
    incident = task.incidents.get()
    version = office.workflow.published_version
    assert version
    rule = DecisionRight(step=version.steps.get(key="read"), position=3)
    with translation.override("de"):
        titles = [str(rule), str(incident), str(task.routings.get()), str(task.seats.first())]
        decision = str(office.corrected.decisions.get())
        grant = str(Grant(effect="allow", action="start", actor=world.actor("bea")))
    english = [str(rule), str(incident)]

    assert english == ["Rule 3", f"Nobody may decide it: {task}"]
    assert titles == [
        "Regel 3",
        f"Niemand darf es entscheiden: {task}",
        f"{task}: eine Person",
        f"{task} Freigabe 1",
    ]
    assert decision == f"{office.corrected} korrigiert"
    assert grant == "erlauben, Vorgänge beginnen: bea"


def test_every_sentence_that_is_stored_is_known() -> None:
    said = {text for path in _files() for text in _sentences(ast.parse(path.read_text()))}

    assert len(said) > 60
    assert sorted(text for text in said - PASSED_ON if sayings.find(text) is None) == []


def _files() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in Path(settings.BASE_DIR, folder).rglob("*.py"):
            if "demo" not in path.parts:
                yield path


def _sentences(module: ast.Module) -> Iterator[str]:
    """What is said of a failure anywhere in a module, with an X for what differs."""
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef):
            yield from _of_function(function)


def _of_function(function: ast.FunctionDef) -> Iterator[str]:
    named = {
        target.id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and (said := _said(node)) is not None:
            text = named.get(said.id) if isinstance(said, ast.Name) else said
            if isinstance(text, ast.JoinedStr | ast.Constant):
                yield _plain(text)


def _said(call: ast.Call) -> Any:
    """The argument that is a sentence: the first of an error, the fourth of an incident."""
    name = getattr(call.func, "id", "")
    if name in ERRORS and call.args:
        return call.args[0]
    return call.args[3] if name == "open_incident" and len(call.args) > 3 else None


def _plain(text: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(text, ast.Constant):
        return str(text.value)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "X" for part in text.values
    )
