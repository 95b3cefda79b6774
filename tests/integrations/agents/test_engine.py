"""A step performed by a language model, from the case to the reviewer or past them."""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from typing import Any

import pytest
from django.test import Client
from pytest_httpserver import HTTPServer

from orchestrator import attachments, engine
from orchestrator.models import Attempt, Case, Counter, Incident
from tests import world
from tests.integrations.agents.conftest import Script, completion, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_loopback")]
PATH = "/v1/chat/completions"
TEXT = json.dumps(world.LUNCH)


def png(about: bytes) -> bytes:
    """What begins as an image of 2 x 3 pixels does."""
    size = struct.pack(">II", 2, 3)
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + b"\x08\x02\0\0\0" + about


def read_by(server: HTTPServer, **data: Any) -> Case:
    """A case whose receipt a model behind this server has read."""
    settings = {
        "url": server.url_for("/v1"),
        "model": "reader",
        "confidence_by": "tokens",
        "price_in_micros": 1000,
        "price_out_micros": 2000,
        "currency": "EUR",
    }
    kind = json.dumps({"kind": "openai_compatible", "settings": settings})
    place = world.workflow(world.EXPENSES.replace("{kind: fake, settings: {}}", kind))
    started = engine.start_case(
        place, actor=world.actor("alice"), key="c-1", data={"text": "Kantine, 42.50"} | data
    )
    engine.work_until_idle()
    return Case.objects.get(pk=started.case.pk)


def test_a_sure_model_is_approved_by_the_rule(script: Script) -> None:
    case = read_by(script(PATH, completion(TEXT, logprobs=[(TEXT, -0.01)])))

    attempt = Attempt.objects.get(task__case=case)
    assert case.state == "completed"
    assert attempt.confidence == pytest.approx(0.99, abs=0.001)
    assert attempt.model == "reader-2026-01"
    assert (attempt.cost_micros, attempt.currency) == (60, "EUR")
    assert (attempt.tokens_in or 0) > 0
    assert (attempt.tokens_out or 0) > 0


@pytest.mark.parametrize("logprobs", [[(TEXT, -1.0)], []])
def test_an_unsure_model_and_a_silent_one_are_reviewed(script: Script, logprobs: Any) -> None:
    case = read_by(script(PATH, completion(TEXT, logprobs=logprobs)))

    task = case.tasks.get(step_key="read")
    assert case.state == "open"
    assert (task.state, task.proposal) == ("in_review", world.LUNCH)


def test_an_answer_that_is_cut_off_is_an_incident(script: Script) -> None:
    case = read_by(script(PATH, completion(TEXT, finish="length")))

    incident = Incident.objects.get(task__case=case)
    assert "cut off" in incident.detail["message"]
    assert incident.kind == "permanent"


INSTRUCTIONS = "Compare the fields with the receipt."


@pytest.mark.parametrize(
    ("given", "told"), [({}, INSTRUCTIONS), ({"prompt": "Read it."}, "Read it.")]
)
def test_without_a_prompt_the_step_s_instructions_are_it(
    script: Script, given: dict[str, str], told: str
) -> None:
    server = script(PATH, completion(TEXT))
    own = {"url": server.url_for("/v1"), "model": "reader"} | given
    kind = json.dumps({"kind": "openai_compatible", "settings": own})
    world.started(world.workflow(world.EXPENSES.replace("{kind: fake, settings: {}}", kind)))
    engine.work_until_idle()

    assert sent(server)[0]["messages"][0] == {"role": "system", "content": told}
    agent = Attempt.objects.get().actor.definition
    assert agent is not None
    assert agent["prompt"] == told


def test_a_try_of_no_use_has_cost_what_it_has_cost(script: Script, client: Client) -> None:
    case = read_by(script(PATH, completion(TEXT, finish="length")))

    attempt = Attempt.objects.get(task__case=case)
    assert (attempt.cost_micros, attempt.currency) == (60, "EUR")
    assert (attempt.tokens_in, attempt.tokens_out) == (40, 10)
    assert attempt.latency_ms is not None
    while engine.fold_counters():
        continue
    cost = Counter.objects.get(scope=f"month/{case.workflow_id}/*", measure="cost")
    assert cost.histogram == {"EUR": 60}
    client.force_login(world.person("bea"))
    page = client.get(f"/cases/{case.pk}/").content.decode()
    assert "ms · 40 tokens in, 10 tokens out · cost 0.00006 EUR" in page


def test_a_model_sees_the_images_of_its_case_and_of_no_other(script: Script) -> None:
    server = script(PATH, completion(TEXT))
    alice = world.actor("alice")
    seen, unseen, paper = (
        {"attachment": f"sha256:{attachments.store(alice, content).digest}", "name": "a"}
        for content in (png(b"ours"), png(b"theirs"), b"%PDF-1.7")
    )
    settings = {"url": server.url_for("/v1"), "model": "reader"}
    kind = json.dumps({"kind": "openai_compatible", "settings": settings})
    place = world.workflow(world.EXPENSES.replace("{kind: fake, settings: {}}", kind))
    data = {"text": "Kantine", "photos": [seen, paper]}
    engine.start_case(place, actor=alice, key="c-1", data=data)
    # A reference that came later, by the way of an output, opens nothing.
    Case.objects.update(data=data | {"other": unseen})
    engine.work_until_idle()

    *_, asked = sent(server)[0]["messages"]
    text, *images = asked["content"]
    given = json.loads(text["text"])
    assert given["photos"] == ["[image 1]", paper]
    assert given["other"] == unseen
    url = "data:image/png;base64," + b64encode(png(b"ours")).decode()
    assert images == [{"type": "image_url", "image_url": {"url": url}}]
    assert (Attempt.objects.get().input or {})["photos"] == [seen, paper]


def test_images_that_are_too_large_for_a_model_come_before_a_person(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.agents.images.MOST_BYTES", 20)
    server = script(PATH, completion(TEXT))
    kept = attachments.store(world.actor("alice"), png(b"large"))
    case = read_by(server, photo={"attachment": f"sha256:{kept.digest}"})

    assert "more than" in Incident.objects.get(task__case=case).detail["message"]
    assert not server.log
