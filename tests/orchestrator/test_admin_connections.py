"""Connections in the admin: valid settings, a secret nobody reads, a test with a time-out."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest
from django.db import connection as database
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import reverse
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from orchestrator import definitions
from orchestrator.admin import connections
from orchestrator.models import Actor, Connection, Step
from tests import world

pytestmark = pytest.mark.django_db

ADD = reverse("admin:orchestrator_connection_add")
LEDGER = {
    "name": "ledger",
    "kind": "http",
    "bulkhead": "8",
    "breaker_after": "5",
    "breaker_seconds": "30",
    "settings": "url: https://one.example",
}
SECRET = "s3cret-of-the-ledger"


@pytest.fixture
def alice() -> Client:
    client = Client()
    client.force_login(world.person("alice"))
    return client


def change(client: Client, row: Connection, **given: str) -> HttpResponse:
    response: Any = client.post(
        reverse("admin:orchestrator_connection_change", args=[row.pk]), LEDGER | given, follow=True
    )
    row.refresh_from_db()
    return response  # type: ignore[no-any-return]


def ledger(client: Client) -> Connection:
    client.post(ADD, LEDGER | {"new_secret": SECRET})
    return Connection.objects.get()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"settings": ""}, "url"),
        ({"settings": "url: https://a.example\ntimeout: long"}, "/timeout"),
        ({"settings": "- a"}, "object"),
        ({"kind": "fax"}, "Select a valid choice"),
    ],
)
def test_settings_are_those_that_the_connector_wants(
    alice: Client, given: dict[str, str], said: str
) -> None:
    response = alice.post(ADD, LEDGER | given)

    assert response.status_code == 200
    assert said in response.content.decode()
    assert not Connection.objects.exists()


def test_a_secret_is_written_and_never_shown(alice: Client) -> None:
    row = ledger(alice)

    page = alice.get(reverse("admin:orchestrator_connection_change", args=[row.pk]))
    listed = alice.get(reverse("admin:orchestrator_connection_changelist"))

    assert (row.secret, row.secret_hosts) == (SECRET, ["https://one.example"])
    assert "set, for https://one.example" in page.content.decode()
    assert SECRET not in page.content.decode() + listed.content.decode()


def test_a_secret_stands_encrypted_in_the_database(alice: Client) -> None:
    row = ledger(alice)

    with database.cursor() as cursor:
        cursor.execute("SELECT secret FROM orchestrator_connection")
        stored = cursor.fetchone()[0]
    assert stored.startswith("fernet:")
    assert SECRET not in stored
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=["only-for-tests"]):
        assert Connection.objects.get(pk=row.pk).secret == SECRET
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[]):
        assert Connection.objects.get(pk=row.pk).secret == ""


def test_a_secret_stays_while_its_host_does(alice: Client) -> None:
    row = ledger(alice)

    change(alice, row, settings="url: https://one.example/v2\ntimeout: 5")

    assert row.secret == SECRET


@pytest.mark.parametrize(
    "url",
    ["https://two.example", "http://one.example", "https://one.example:8443",
     "https://one.example.evil.example"],
)  # fmt: skip
def test_another_host_clears_the_secret(alice: Client, url: str) -> None:
    row = ledger(alice)

    page = change(alice, row, settings=f"url: {url}")

    assert (row.secret, row.secret_hosts) == ("", [])
    assert "the secret was cleared" in page.content.decode()


def test_a_secret_comes_with_its_new_host_and_can_be_forgotten(alice: Client) -> None:
    row = ledger(alice)

    change(alice, row, settings="url: https://two.example", new_secret="other")
    assert (row.secret, row.secret_hosts) == ("other", ["https://two.example"])
    change(alice, row, settings="url: https://two.example", forget_secret="on")
    assert row.secret == ""


def test_the_test_button_says_what_it_found(alice: Client, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/health").respond_with_json({"ok": True})
    settings = f"url: {httpserver.url_for('')}\ncheck_path: /health"
    with override_settings(REWIRE_HTTP_ALLOWED_HOSTS=["127.0.0.1", "localhost"]):
        alice.post(ADD, LEDGER | {"settings": settings})
        row = Connection.objects.get()
        test = reverse("admin:orchestrator_connection_test", args=[row.pk])

        well = alice.post(test, follow=True).content.decode()
        Connection.objects.update(settings={"url": "http://127.0.0.1:9"})
        badly = alice.post(test, follow=True).content.decode()

    assert "GET /health answered well" in well
    assert 'class="success"' in well
    assert "cannot be reached" in badly
    assert 'class="error"' in badly
    assert alice.get(test).status_code == 403


def test_a_test_that_hangs_ends(
    alice: Client, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Event()

    def hang(_request: Request) -> Response:
        done.wait(5)
        return Response()

    httpserver.expect_request("/health").respond_with_handler(hang)
    monkeypatch.setattr(connections, "LONGEST_TEST", 0.2)
    settings = f"url: {httpserver.url_for('')}\ncheck_path: /health"
    with override_settings(REWIRE_HTTP_ALLOWED_HOSTS=["127.0.0.1", "localhost"]):
        alice.post(ADD, LEDGER | {"settings": settings})
        row = Connection.objects.get()
        page = alice.post(reverse("admin:orchestrator_connection_test", args=[row.pk]), follow=True)
    done.set()

    assert "No answer within 0.2 s." in page.content.decode()


def test_who_only_looks_neither_changes_nor_tests(alice: Client) -> None:
    row = ledger(alice)
    cara = world.person("cara")
    cara.is_staff = True
    cara.save()
    client = Client()
    client.force_login(cara)
    address = reverse("admin:orchestrator_connection_change", args=[row.pk])

    page = client.get(address).content.decode()

    assert "https://one.example" in page
    assert SECRET not in page
    assert client.post(address, LEDGER).status_code == 403
    assert (
        client.post(reverse("admin:orchestrator_connection_test", args=[row.pk])).status_code == 403
    )


def test_what_another_team_uses_is_only_looked_at(alice: Client) -> None:
    place = world.workflow()
    definitions.clone_to_draft(place.versions.get())
    used = Connection.objects.get(name="reader")
    spare = Actor.objects.create(kind="agent", name="spare", connection=used)
    Step.objects.filter(version__published_at=None, key="read").update(actor=spare)
    other = world.person("carl", "Workflow owners")
    other.is_staff = True
    other.save()
    carl = Client()
    carl.force_login(other)
    addresses = [
        reverse("admin:orchestrator_connection_change", args=[used.pk]),
        reverse("admin:orchestrator_connection_test", args=[used.pk]),
        reverse("admin:orchestrator_actor_change", args=[spare.pk]),
    ]

    refused = [carl.post(address).status_code for address in addresses]
    allowed = [alice.post(address, follow=True).status_code for address in addresses]

    assert (refused, allowed) == ([403, 403, 403], [200, 200, 200])
    assert carl.get(addresses[0]).status_code == 200


def test_a_pause_is_shown_and_ended_by_who_may() -> None:
    world.people()
    row = Connection.objects.create(
        name="ledger", kind="fake", breaker="open", breaker_until="2999-01-01T00:00:00Z", failures=5
    )
    page = reverse("admin:orchestrator_connection_change", args=[row.pk])
    close = reverse("admin:orchestrator_connection_close", args=[row.pk])
    alice, dora = Client(), Client()
    alice.force_login(world.person("alice"))
    dora.force_login(world.person("dora"))

    assert "Its calls pause until" in alice.get(page).content.decode()
    assert close not in alice.get(page).content.decode()
    assert alice.post(close).status_code == 403
    assert dora.get(close).status_code == 403
    assert close in dora.get(page).content.decode()
    dora.post(close)

    row.refresh_from_db()
    assert (row.breaker, row.breaker_until, row.failures) == ("closed", None, 0)
