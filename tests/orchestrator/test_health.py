"""``/healthz`` and ``/readyz``."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from orchestrator import lifesigns
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
