"""docs/how-to/put-to-work.md, followed from its first key to the end of a case."""

from __future__ import annotations

import json
import re
import shlex
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from pytest_httpserver import HTTPServer

from orchestrator import engine
from orchestrator.models import Case, Delivery, Timer, WorkflowVersion
from tests import world
from tests.integrations.agents.conftest import Script, completion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_loopback")]
PAGE = (Path(settings.BASE_DIR) / "docs/how-to/put-to-work.md").read_text()
((YAML,), COMMANDS) = (
    re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL),
    re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL),
)
GROUPS = {
    "otto": ("Workflow owners",),
    "rita": ("Accounting", "Invoice reviewers"),
    "rob": ("Accounting", "Invoice reviewers"),
    "lena": ("Leads", "Accounting", "Invoice leads"),
}


def test_a_sure_agent_books_and_the_bank_ends_the_case(script: Script, tmp_path: Path) -> None:
    case, key = brought(script, tmp_path, amount=40, sure=True)

    answer = posted(COMMANDS[-1].replace("cases/1/", f"cases/{case.pk}/"), key)

    case.refresh_from_db()
    assert (answer.status_code, case.state, case.outcome) == (200, "completed", "paid")
    assert case.data["booking"] == "L-1"


def test_an_unsure_agent_comes_before_a_reviewer(script: Script, tmp_path: Path) -> None:
    case, _ = brought(script, tmp_path, amount=40, sure=False)

    task = case.tasks.get()
    assert list(task.seats.values_list("group__name", flat=True)) == ["Invoice reviewers"]
    world.decided(task, "rita", "approved", final=True)
    assert case.tasks.get(step_key="rest").state == "waiting"


def test_much_money_needs_four_eyes_whoever_is_sure(script: Script, tmp_path: Path) -> None:
    case, _ = brought(script, tmp_path, amount=5001, sure=True)

    task = case.tasks.get()
    world.decided(task, "rita", "approved", final=True)
    task.refresh_from_db()
    assert task.state == "in_review"
    world.decided(task, "rob", "approved", final=True)
    assert case.tasks.filter(step_key="rest").exists()


def test_who_leads_cancels_and_the_ledger_is_told(script: Script, tmp_path: Path) -> None:
    case, _ = brought(script, tmp_path, amount=40, sure=True)

    engine.cancel_case(case.pk, actor=world.actor("lena"), reason="Sent twice.")
    engine.work_until_idle()

    case.refresh_from_db()
    assert case.state == "cancelled"
    assert [sent.task.step_key for sent in Delivery.objects.order_by("pk")] == ["book", "unbook"]


def brought(script: Script, folder: Path, *, amount: int, sure: bool) -> tuple[Case, str]:
    """The case of the page once machines have done what they can, and the key that sent it."""
    text = json.dumps({"supplier": "Acme", "amount": amount})
    server = script("/v1/chat/completions", completion(text, logprobs=[(text, -0.01 - (not sure))]))
    server.expect_request("/bookings").respond_with_json({"booking": "L-1"}, status=201)
    server.expect_request("/cancellations").respond_with_json({})
    publish(server, folder)
    make_key, send = COMMANDS[-3].splitlines()[0], COMMANDS[-2]
    key = StringIO()
    call_command(*shlex.split(make_key)[1:], stdout=key)

    answer = posted(send, key.getvalue().strip())

    assert answer.status_code == 201, answer.content
    engine.work_until_idle()
    Timer.objects.update(due_at=F("due_at") - timedelta(minutes=1))
    engine.fire_timers()
    engine.work_until_idle()
    return Case.objects.get(pk=answer.json()["id"]), key.getvalue().strip()


def publish(server: HTTPServer, folder: Path) -> None:
    """The file of the page, with these people, and one server for the model and the ledger."""
    for name, groups in GROUPS.items():
        world.person(name, *groups)
    text = re.sub(r"https://(models|ledger)\.example\.com", server.url_for("").rstrip("/"), YAML)
    (folder / "invoices.yaml").write_text(text)
    (imported,) = re.findall(r"manage\.py (import_workflow .*)", "\n".join(COMMANDS))
    command, _, *options = shlex.split(imported)
    call_command(command, folder / "invoices.yaml", *options, stdout=StringIO())
    engine.publish(WorkflowVersion.objects.get(), actor=world.actor("otto"))


def posted(command: str, key: str) -> Any:
    """What the API answers to a curl of the page, sent with this key."""
    words = shlex.split(command.replace("\\\n", ""))
    path = words[2].removeprefix("http://127.0.0.1:8000")
    assert path != words[2]
    headers = {"Authorization": f"Bearer {key}"}
    body = json.loads(words[-1])
    return Client().post(path, body, content_type="application/json", headers=headers)
