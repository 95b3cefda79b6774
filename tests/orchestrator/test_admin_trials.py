"""The admin asks an agent for a few outputs, says what it found, and keeps nothing."""

from __future__ import annotations

import json
from threading import Event as Flag
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from orchestrator import engine
from orchestrator.admin import trials
from orchestrator.admin.people import KeyForm
from orchestrator.models import Actor, Attempt, Case, Connection, Event, Step, Workflow
from tests import world
from tests.integrations.agents.conftest import completion, message
from tests.world import LUNCH

pytestmark = pytest.mark.django_db

TEXT = json.dumps(LUNCH)
PRICED = {"price_in_micros": 1000, "price_out_micros": 2000, "currency": "EUR"}


@pytest.fixture(autouse=True)
def loopback(settings: Settings) -> None:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1", "localhost"]


@pytest.fixture
def place() -> Workflow:
    return world.workflow()


@pytest.fixture
def alice(place: Workflow) -> Client:
    client = Client()
    client.force_login(world.person("alice"))
    return client


def behind(kind: str, **settings: Any) -> Connection:
    """The connection of the reader, as this kind."""
    Connection.objects.filter(name="reader").update(kind=kind, settings=settings)
    return Connection.objects.get(name="reader")


def test(client: Client, row: Connection, **form: Any) -> Any:
    step = Step.objects.get(key="read", version__published_at__isnull=False)
    wanted = {"step": step.pk, "count": 3, "most": "1.00", "given": "", **form}
    return client.post(reverse("admin:orchestrator_connection_trial", args=[row.pk]), wanted)


test.__test__ = False  # type: ignore[attr-defined]


def found(page: Any) -> str:
    assert page.status_code == 200
    return " ".join(page.context.get("findings", ()))


def test_a_model_with_log_probabilities(
    alice: Client, place: Workflow, httpserver: HTTPServer
) -> None:
    for number in range(12):
        world.started(place, text=f"Receipt {number}")
    httpserver.expect_request("/v1/chat/completions").respond_with_json(
        completion(TEXT, logprobs=[(TEXT, -0.1)])
    )
    url = httpserver.url_for("/v1")
    row = behind("openai_compatible", url=url, model="m", confidence_by="tokens", **PRICED)
    counts = [model.objects.count() for model in (Case, Attempt, Event)]

    page = test(alice, row, count=12)

    said = found(page)
    assert "12 of 12 valid. Log-probabilities present. p50 " in said
    assert "Model answered as reader-2026-01. Nothing is on record of it" in said
    assert "0.00006 EUR per call, 0.00072 EUR in all." in said
    sent = [json.loads(request.get_data())["messages"][-1] for request, _ in httpserver.log]
    assert len({one["content"] for one in sent}) == 12
    assert [model.objects.count() for model in (Case, Attempt, Event)] == counts


def test_a_model_on_record_and_one_without_log_probabilities(
    alice: Client, place: Workflow, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/v1/chat/completions").respond_with_json(completion(TEXT))
    row = behind(
        "openai_compatible", url=httpserver.url_for("/v1"), model="m", confidence_by="tokens"
    )
    world.started(place)
    engine.work_until_idle()

    said = found(test(alice, row))

    assert "3 of 3 valid. Log-probabilities absent or of no use in 3 of 3" in said
    assert "Model answered as reader-2026-01. Cost unknown" in said


def test_each_failure_stands_in_the_table(alice: Client, httpserver: HTTPServer) -> None:
    answers = [
        Response("slow down", status=429),
        Response(json.dumps(message({"merchant": "", "amount": 1}))),
        Response(json.dumps(message(LUNCH))),
    ]
    httpserver.expect_request("/v1/messages").respond_with_handler(lambda _: answers.pop())
    row = behind("anthropic", url=httpserver.url_for(""), model="claude")
    Connection.objects.update(bulkhead=1)

    page = test(alice, row)

    text = page.content.decode()
    assert "1 of 3 valid. Confidence unknown in 1 of 1" in found(page)
    assert "answered 429" in text
    assert "/merchant" in text


def test_an_agent_of_ones_own_and_a_typed_input(alice: Client, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/read").respond_with_json({"said": LUNCH, "sure": 0.8})
    row = behind("http", url=httpserver.url_for("/read"), output="/said", confidence="/sure")

    page = test(alice, row, count=2, given='{"text": "A typed receipt"}')

    assert "2 of 2 valid. Confidence known." in found(page)
    assert [request.get_json() for request, _ in httpserver.log] == [
        {"text": "A typed receipt"}
    ] * 2
    assert "0.80" in page.content.decode()
    assert "cannot" not in found(page)


def test_a_double_answers_too_and_what_is_typed_wrong_is_told(alice: Client) -> None:
    row = behind("fake", output=LUNCH, model="double")

    assert "Model answered as double." in found(test(alice, row))
    broken = test(alice, row, given="{")
    assert found(broken) == ""
    assert 'class="error"' in broken.content.decode()
    assert found(test(alice, row, count=13)) == ""


def test_it_ends_when_the_money_is_spent(alice: Client, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/messages").respond_with_json(
        message(LUNCH, usage={"input_tokens": 9_000_000, "output_tokens": 0})
    )
    row = behind("anthropic", url=httpserver.url_for(""), model="claude", **PRICED)
    Connection.objects.update(bulkhead=1)

    page = test(alice, row, count=4, most="10.00")

    assert "2 of 2 valid." in found(page)
    assert "2 were not asked." in found(page)
    assert len(httpserver.log) == 2
    assert "the limit of the cost was reached" in page.content.decode()


def test_it_ends_when_the_time_is_over(
    alice: Client, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Flag()

    def hang(_request: Request) -> Response:
        done.wait(5)
        return Response("{}")

    httpserver.expect_request("/read").respond_with_handler(hang)
    monkeypatch.setattr(trials, "SECONDS", 0.3)
    row = behind("http", url=httpserver.url_for("/read"))

    page = test(alice, row, count=12)
    done.set()

    assert "0 of " in found(page)
    assert "not asked." in found(page)
    assert "no full answer within" in page.content.decode()


def test_who_may_not_change_it_does_not_ask(alice: Client) -> None:
    row = behind("fake", output=LUNCH)
    cara = world.person("cara")
    cara.is_staff = True
    cara.save()
    client = Client()
    client.force_login(cara)

    assert test(client, row).status_code == 403
    address = reverse("admin:orchestrator_connection_trial", args=[row.pk])
    assert client.get(address).status_code == 403
    link = f'href="{address}"'
    change = reverse("admin:orchestrator_connection_change", args=[row.pk])
    assert link in alice.get(change).content.decode()
    assert 'name="count" value="3"' in alice.get(address).content.decode()


def test_a_system_of_record_is_never_asked(alice: Client) -> None:
    row = Connection.objects.create(name="books", kind="fake", settings={})

    page = alice.get(reverse("admin:orchestrator_connection_trial", args=[row.pk]))

    assert 'name="count"' not in page.content.decode()
    assert test(alice, row).context.get("findings") is None


def test_an_agent_s_page_shows_its_version_and_leads_here(alice: Client, place: Workflow) -> None:
    row = behind("fake", output=LUNCH, model="double")
    world.started(place)
    engine.work_until_idle()
    Connection.objects.update(settings={"output": LUNCH, "model": "another"})
    world.started(place)
    engine.work_until_idle()
    version = Actor.objects.get(base__isnull=False)

    page = alice.get(reverse("admin:orchestrator_actor_change", args=[version.pk]))
    step = Step.objects.get(key="read")
    draft = alice.get(reverse("admin:orchestrator_step_change", args=[step.pk])).content.decode()

    text = page.content.decode()
    assert "&quot;model&quot;: &quot;another&quot;" in text
    assert version.digest in text
    assert reverse("admin:orchestrator_connection_trial", args=[row.pk]) in text
    assert not page.context["has_change_permission"]
    assert version not in KeyForm().fields["actor"].queryset  # type: ignore[attr-defined]
    assert str(version) not in draft
