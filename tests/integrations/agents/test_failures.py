"""A provider that fails in each way, seen from the engine, for both kinds of language model."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event as Flag
from typing import Any

import pytest
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from orchestrator import engine
from orchestrator.connectors import connector_class, identity
from orchestrator.models import Actor, Attempt, Case, Debut, Incident, Task
from tests import world
from tests.integrations.agents.conftest import completion, message
from tests.world import LUNCH

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_loopback")]

WRONG = {"merchant": "Kantine"}
Answers = Callable[..., dict[str, Any]]


class Provider:
    """One kind of provider behind a real server, which answers by script."""

    def __init__(self, kind: str, server: HTTPServer) -> None:
        self.kind, self.server = kind, server
        is_claude = kind == "anthropic"
        self.path = "/v1/messages" if is_claude else "/v1/chat/completions"
        self.answer: Answers = message if is_claude else completion
        self.settings = {"url": server.url_for("" if is_claude else "/v1"), "model": "asked"}

    def says(self, value: Any = LUNCH, **more: Any) -> Response:
        return Response(json.dumps(self.answer(value, **more)))

    def script(self, *answers: Response) -> None:
        left = list(answers)

        def respond(_: Request) -> Response:
            return left.pop(0) if len(left) > 1 else left[0]

        self.server.expect_request(self.path).respond_with_handler(respond)

    def case(self, timeout: str = "30s", **settings: Any) -> Case:
        """A case whose receipt it is asked about, at the pace of the next one."""
        own = {"kind": self.kind, "settings": self.settings | settings}
        text = world.EXPENSES.replace("{kind: fake, settings: {}}", json.dumps(own))
        place = world.workflow(text.replace("    undo: 10s", f"    timeout: {timeout}"))
        case = world.started(place)
        engine.work_until_idle()
        return case


@pytest.fixture(params=["openai_compatible", "anthropic"])
def provider(request: pytest.FixtureRequest, httpserver: HTTPServer) -> Provider:
    return Provider(request.param, httpserver)


def again() -> None:
    """Let the time until the next try pass."""
    Task.objects.filter(state="ready").update(run_at="2020-01-01T00:00:00Z")
    engine.work_until_idle()


def failed(case: Case) -> dict[str, Any]:
    """The error of the only try, which is worth another one."""
    attempt = Attempt.objects.get(task__case=case)
    assert isinstance(attempt.error, dict)
    assert attempt.error["kind"] == "transient"
    assert (attempt.confidence, attempt.output) == (None, None)
    assert Task.objects.get(case=case).state == "ready"
    return attempt.error


def test_429_is_tried_again_no_sooner_than_it_asked(provider: Provider) -> None:
    provider.script(Response("busy", status=429, headers={"Retry-After": "70"}), provider.says())

    case = provider.case()

    assert "answered 429" in failed(case)["message"]
    due = Task.objects.get(case=case).run_at
    assert isinstance(due, datetime)
    assert due > timezone.now() + timedelta(seconds=60)
    again()
    assert Task.objects.get(case=case).state == "in_review"
    keys = {request.headers["Idempotency-Key"] for request, _ in provider.server.log}
    assert len(keys) == 1


def test_a_violated_schema_is_tried_again_and_then_a_person_is_told(provider: Provider) -> None:
    provider.script(provider.says(WRONG))

    case = provider.case()

    assert "does not fit the step's schema" in failed(case)["message"]
    again()
    again()
    incident = Incident.objects.get(task__case=case)
    assert "tried 3 times" in incident.detail["message"]
    assert not Actor.objects.exclude(base=None).exists()


def test_a_hanging_provider_costs_no_more_than_the_step_s_time(provider: Provider) -> None:
    over = Flag()

    def hang(_: Request) -> Response:
        over.wait(10)
        return Response("{}")

    provider.server.expect_request(provider.path).respond_with_handler(hang)
    started = time.monotonic()

    case = provider.case(timeout="1s")

    over.set()
    assert "no full answer within 1 s" in failed(case)["message"]
    assert time.monotonic() - started < 8


def test_a_slow_provider_is_waited_for_within_its_time(provider: Provider) -> None:
    def late(_: Request) -> Response:
        time.sleep(0.3)
        return provider.says()

    provider.server.expect_request(provider.path).respond_with_handler(late)

    attempt = Attempt.objects.get(task__case=provider.case())

    assert attempt.output == LUNCH
    assert (attempt.latency_ms or 0) >= 300


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "broke off"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"model": "m", ', "broke off"),
    ],
    ids=["nothing", "cut in mid-body"],
)
def test_an_answer_cut_off_is_tried_again(
    provider: Provider, raw_server: Callable[..., str], answer: bytes, said: str
) -> None:
    def cut(connection: socket.socket) -> None:
        connection.sendall(answer)

    case = provider.case(url=raw_server(cut))

    assert said in failed(case)["message"]


def test_an_answer_that_is_no_json_goes_to_a_person(provider: Provider) -> None:
    provider.script(Response('{"model": "m", "choices": ['))

    case = provider.case()

    assert Incident.objects.get(task__case=case).kind == "permanent"
    assert Case.objects.get(pk=case.pk).state == "open"


def test_another_model_than_before_is_another_version(provider: Provider) -> None:
    provider.script(provider.says(model="m-1"), provider.says(model="m-2"))
    first = Attempt.objects.get(task__case=provider.case())
    case = world.started(first.task.case.workflow)

    engine.work_until_idle()

    second = Attempt.objects.get(task__case=case)
    assert (first.model, second.model) == ("m-1", "m-2")
    assert second.actor.base == first.actor
    assert Debut.objects.get(actor=second.actor).before == first.actor


def test_without_log_probabilities_nothing_is_approved(provider: Provider) -> None:
    provider.script(provider.says())

    case = provider.case()

    attempt = Attempt.objects.get(task__case=case)
    assert (attempt.confidence, attempt.field_confidence) == (None, {})
    assert Task.objects.get(case=case).state == "in_review"


def test_secrets_prices_and_limits_are_no_part_of_a_version(provider: Provider) -> None:
    more = {
        "headers": {"X-Token": "s3cret"},
        "timeout": 3,
        "price_in_micros": 1,
        "price_out_micros": 1,
        "currency": "EUR",
    }
    url = {"url": f"{provider.settings['url']}?key=s3cret"}

    told = identity(provider.kind, provider.settings | more | url)

    assert told == identity(provider.kind, provider.settings)
    for name in ("prompt", "parameters", "temperature", "samples", "confidence_by", "model"):
        assert name in connector_class(provider.kind).settings_schema["properties"]
        assert identity(provider.kind, provider.settings | {name: "other"}) != told
