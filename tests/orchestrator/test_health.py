"""``/healthz`` and ``/readyz``."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.test import Client
from pytest_django import Settings

from orchestrator.processes.child import PROJECT


def test_a_living_process_needs_no_database(client: Client) -> None:
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.content == b"ok\n"


@pytest.mark.django_db
def test_ready_with_database_and_broker(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"ready": True, "database": "ok", "broker": "ok"}


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
        "print(response.status_code, response.json()['database'], Client().get("
        "'/healthz', headers={'host': 'localhost'}).status_code)"
    )

    said = subprocess.check_output(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"},
        text=True,
    )

    assert said == "503 down 200\n"
