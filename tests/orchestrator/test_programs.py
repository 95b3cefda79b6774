"""Programs are spared what only pages need, and keep what holds for everybody."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from orchestrator.api.keys import make_key
from tests import world

pytestmark = pytest.mark.django_db

WORKFLOWS = "/api/v1/workflows"


@pytest.fixture
def key() -> str:
    return f"Bearer {make_key(actor=world.actor('bea'), name='test', scopes=['cases'])[1]}"


def test_a_cookie_is_no_way_into_the_api() -> None:
    client = Client()
    client.force_login(world.person("bea"))

    with CaptureQueriesContext(connection) as captured:
        response = client.get(WORKFLOWS)

    assert response.status_code == 401
    assert not captured
    assert not response.cookies


def test_a_made_up_host_is_refused(key: str) -> None:
    asked = Client(headers={"authorization": key, "host": "elsewhere.example"})

    assert asked.get(WORKFLOWS).status_code == 400


def test_an_answer_has_its_length_its_id_and_the_headers_of_all(
    key: str, settings: Settings
) -> None:
    response = Client(headers={"authorization": key, "x-request-id": "12345678"}).get(WORKFLOWS)

    assert response.status_code == 200
    assert int(response["Content-Length"]) == len(response.content)
    assert (response["X-Request-ID"], response["X-Content-Type-Options"]) == ("12345678", "nosniff")

    settings.SECURE_SSL_REDIRECT = True
    assert Client(headers={"authorization": key}).get(WORKFLOWS).status_code == 301


def test_a_page_of_the_api_is_a_page() -> None:
    assert "Content-Security-Policy" in Client().get("/api/docs")
