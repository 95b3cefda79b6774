"""A step performed by a language model, from the case to the reviewer or past them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from orchestrator import engine
from orchestrator.models import Attempt, Case, Incident
from tests import world
from tests.integrations.agents.conftest import Script, completion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_loopback")]
PATH = "/v1/chat/completions"
TEXT = json.dumps(world.LUNCH)


def read_by(server: HTTPServer) -> Case:
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
        place, actor=world.actor("alice"), key="c-1", data={"text": "Kantine, 42.50"}
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
