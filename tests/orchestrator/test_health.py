"""``/healthz`` and ``/readyz``."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from orchestrator import health, lifesigns
from orchestrator.processes.child import PROJECT


def test_a_living_process_needs_no_database(client: Client) -> None:
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.content == b"ok\n"


@pytest.mark.django_db
def test_ready_with_database_and_broker(client: Client) -> None:
    lifesigns.report("timers")
    lifesigns.report("worker")

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "ready": True,
        "database": "ok",
        "migrations": "ok",
        "broker": "ok",
        "processing": "ok",
        "missing": [],
    }


@pytest.mark.django_db
def test_ready_without_workers(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["processing"] == "no timers report"
    assert response.json()["missing"] == ["processing"]


@pytest.mark.django_db
def test_not_ready_before_the_migrations_of_this_version(client: Client) -> None:
    MigrationRecorder.Migration.objects.filter(app="orchestrator").order_by("-id")[0].delete()

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["migrations"] == "missing: 1; run manage.py migrate"
    assert response.json()["missing"][0] == "migrations"


@pytest.mark.django_db
def test_ready_while_the_database_is_ahead(client: Client) -> None:
    MigrationRecorder.Migration.objects.create(app="orchestrator", name="9999_of_a_later_version")

    assert client.get("/readyz").json()["migrations"] == "ok"


@pytest.mark.django_db
def test_ready_without_the_broker(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["ready"] is True
    assert response.json()["broker"].startswith("down: ")


@pytest.mark.django_db
def test_not_ready_while_the_database_can_only_be_read(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = connection.settings_dict["OPTIONS"]["options"]
    monkeypatch.setitem(
        connection.settings_dict["OPTIONS"],
        "options",
        f"{options} -c default_transaction_read_only=on",
    )

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["database"] == "read-only: nobody can decide"


@pytest.mark.django_db
def test_a_database_that_hangs_is_said_in_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each check is answered, and none waits for the one before."""
    monkeypatch.setattr(health, "DATABASE_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        monkeypatch.setitem(connection.settings_dict, "PORT", silent.getsockname()[1])
        started = time.monotonic()
        answers = [client.get("/readyz") for _ in range(2)]
        took = time.monotonic() - started

    health._asking.submit(bool).result(20)
    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[1].json()["database"] == "down: no answer within 0.2 s"
    assert took < 4


def test_not_ready_without_the_database() -> None:
    code = (
        "from django.test import Client;"
        "response = Client().get('/readyz', headers={'host': 'localhost'});"
        "print(response.status_code, response.json()['missing'], Client().get("
        "'/healthz', headers={'host': 'localhost'}).status_code)"
    )

    said = subprocess.check_output(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"},
        text=True,
    )

    assert said == "503 ['database', 'migrations', 'processing'] 200\n"
