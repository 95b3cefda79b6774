"""What stands in the log: whose lines they are, what they are about, and what they never say."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection, transaction
from django.test import Client

from orchestrator import jobs, logs
from orchestrator.models import Case, Connection, Workflow
from tests.orchestrator.test_settings import manage
from tests.programs import Program
from tests.world import person, started, workflow

pytestmark = pytest.mark.django_db

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The JSON lines that were written since the last call."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.Json())
    handler.addFilter(logs.Ids())

    def read() -> list[dict[str, Any]]:
        told = stream.getvalue()
        stream.seek(stream.truncate(0))
        return [json.loads(line) for line in told.splitlines()]

    logging.getLogger().addHandler(handler)
    yield read
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def bea() -> Client:
    workflow()
    client = Client()
    client.force_login(person("bea"))
    return client


def test_a_request_is_one_line_with_its_ids(bea: Client, lines: Lines) -> None:
    case = started(Workflow.objects.get(slug="expenses"))
    lines()

    response = bea.get(f"/cases/{case.pk}/?q=secret", headers={"X-Request-ID": "trace-0815"})

    (line,) = lines()
    assert response["X-Request-ID"] == line["request"] == "trace-0815"
    assert (line["message"], line["status"]) == ("GET /cases/<int:pk>/", 200)
    assert (line["case"], line["user"]) == (case.pk, person("bea").pk)
    assert line["ms"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])


@pytest.mark.parametrize(
    "given", ["", "short", "x" * 65, "two words here", "né-en-2026", 'quote"12345', "a" * 8 + "\n"]
)
def test_an_id_that_is_not_well_formed_is_replaced(given: str, lines: Lines) -> None:
    response = Client().get("/", headers={"X-Request-ID": given})

    assert re.fullmatch(r"[0-9a-f]{32}", response["X-Request-ID"])
    assert [line["request"] for line in lines()] == [response["X-Request-ID"]]


def test_two_requests_have_two_ids(lines: Lines) -> None:
    ids = {Client().get("/")["X-Request-ID"] for _ in range(5)}

    assert len(ids) == len({line["request"] for line in lines()}) == 5


def test_checks_of_health_do_not_fill_the_log(lines: Lines) -> None:
    for path in ("/healthz", "/readyz"):
        assert Client().get(path)["X-Request-ID"]

    assert lines() == []


def test_what_is_personal_stays_out(bea: Client, lines: Lines) -> None:
    person("bea")
    program = Program("alice")
    secrets = ("Schmidt-Rottluff", "bea", "alice", program.text)

    bea.get("/cases/?q=Schmidt-Rottluff")
    bea.get("/cases/Schmidt-Rottluff/")
    bea.post("/accounts/login/", {"login": "Schmidt-Rottluff", "password": "Schmidt-Rottluff"})
    body = {"key": "Schmidt-Rottluff", "data": {"text": "Schmidt-Rottluff"}}
    assert program.post("workflows/expenses/cases", body).status_code == 201
    program.post("workflows/expenses/cases", b'{"key": "Schmidt-Rottluff')

    told = json.dumps(lines())
    assert "workflows/<slug:slug>/cases" in told
    assert "(no route)" in told
    assert f'"actor": {program.key.actor_id}' in told
    assert [secret for secret in secrets if secret in told] == []


def test_without_a_server_for_it_no_mail_reaches_the_log(tmp_path: Path) -> None:
    done = manage(tmp_path, "sendtestemail", "schmidt-rottluff@example.org")

    assert "mail not sent: EMAIL_URL names no server" in done.stderr
    assert "schmidt" not in done.stdout + done.stderr


@pytest.mark.parametrize(("address", "sent"), [("bea@example.org", 1), ("nobody@example.org", 0)])
def test_a_link_to_a_new_password_goes_to_no_stranger(
    bea: Client, lines: Lines, mailoutbox: list[EmailMessage], address: str, sent: int
) -> None:
    User.objects.filter(username="bea").update(email="bea@example.org")

    answer = Client().post("/accounts/password/reset/", {"email": address})

    assert answer.status_code == 302
    assert [mail.to for mail in mailoutbox] == [[address]] * sent
    assert "example.org" not in json.dumps(lines())


@pytest.mark.skipif(not settings.EMBEDDED_DATABASE, reason="reads the log of the embedded one")
def test_the_log_of_postgresql_quotes_no_rows() -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO auth_user (username) VALUES ('Schmidt-Rottluff')")

    told = (settings.HOME.logs / "postgres.log").read_text()
    assert "violates not-null constraint" in told
    assert "Schmidt" not in told


def test_a_broken_view_says_where_and_for_which_case_but_not_what(
    bea: Client, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = started(Workflow.objects.get(slug="expenses"))
    lines()

    def broken(*_: object) -> None:
        Case.objects.create(
            workflow=case.workflow,
            version=case.version,
            key=case.key,
            initiator=case.initiator,
            body_digest="Schmidt-Rottluff",
        )

    monkeypatch.setattr("orchestrator.authority.access_case", broken)
    bea.raise_request_exception = False
    assert bea.get(f"/cases/{case.pk}/").status_code == 500

    error, request = lines()
    assert (error["level"], error["case"], request["status"]) == ("ERROR", case.pk, 500)
    assert error["request"] == request["request"]
    assert "IntegrityError" in error["error"]
    assert "23505 case_key_once" in error["error"]
    assert any("test_logs.py" in place for place in error["stack"])
    assert "Schmidt" not in json.dumps(error)
    assert case.key not in json.dumps(error)


def test_a_failed_attempt_names_its_case_and_task(lines: Lines) -> None:
    place = workflow()
    Connection.objects.filter(name="reader").update(settings={"error": "permanent"})
    task = started(place).tasks.get()

    jobs.work.apply()

    (line,) = lines()
    assert (line["case"], line["task"]) == (task.case_id, task.pk)
    assert line["message"] == "attempt 1 failed: PermanentError"


def test_a_job_that_breaks_says_in_which_case(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = started(workflow())

    def broken(*_: object, **__: object) -> None:
        raise LookupError("Schmidt-Rottluff")

    monkeypatch.setattr("orchestrator.engine.working._call", broken)
    jobs.work.apply(task_id="0815")

    line = next(line for line in lines() if line["logger"] == "celery.app.trace")
    assert line["message"] == "orchestrator.jobs.work [0815] raised unexpected"
    assert (line["case"], line["task"]) == (case.pk, case.tasks.get().pk)
    assert line["error"] == "LookupError"
    assert "Schmidt" not in json.dumps(line)


def test_a_readable_line_cannot_be_forged() -> None:
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "INFO", "msg": "a\n2026-11-24 ERROR forged\x1b[31m"}
    )
    logs.Ids().filter(record)

    assert logs.Line().format(record).endswith(r" INFO x a\n2026-11-24 ERROR forged\x1b[31m")


def test_an_error_follows_a_readable_line_indented() -> None:
    def broken() -> None:
        with logs.about(case=7), logs.about(task=8):
            raise KeyError("Schmidt-Rottluff")

    with pytest.raises(KeyError) as caught:
        broken()
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "ERROR", "msg": "broken", "exc_info": caught._excinfo}
    )
    logs.Ids().filter(record)

    first, *stack, last = logs.Line().format(record).splitlines()
    assert first.endswith("ERROR x broken case=7 task=8")
    assert all("test_logs.py" in place for place in stack)
    assert last == "  KeyError"


@pytest.mark.parametrize(("form", "readable"), [("json", False), ("line", True), (None, True)])
def test_the_setting_chooses_the_form(tmp_path: Path, form: str | None, readable: bool) -> None:
    code = "import logging; logging.getLogger('ours').warning('Grüße')"

    result = manage(tmp_path, "shell", "-v0", "-c", code, **({"LOG_FORMAT": form} if form else {}))

    if readable:
        assert result.stderr.endswith(" WARNING ours Grüße\n")
    else:
        line = json.loads(result.stderr)
        assert (line["level"], line["logger"], line["message"]) == ("WARNING", "ours", "Grüße")


def test_an_unknown_form_is_one_sentence(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", LOG_FORMAT="xml")

    assert result.returncode == 1
    assert result.stderr == "Not configured: LOG_FORMAT is 'xml': set it to line or json.\n"
