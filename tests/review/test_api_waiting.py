"""Waiting and sending back by API: documented, keyed, and refused by its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from orchestrator.models import Seat, Task
from tests import waiting, world
from tests.programs import Program, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> dict[str, Any]:
    world.in_review(waiting.workflow())
    found: dict[str, Any] = Program("bea").post("review/claim", {}).json()
    return found


def test_a_program_waits_and_goes_on(task: dict[str, Any]) -> None:
    bea = Program("bea")
    until = datetime.now(UTC) + timedelta(days=2)
    assert [row["code"] for row in task["pend"]] == ["supplier", "colleague"]
    body = {"claim_token": task["claim"]["token"], "reason": "supplier", "party": "Kantine"}

    answer = bea.post(f"review/tasks/{task['id']}/pend", body | {"until": until.isoformat()})

    assert answer.status_code == 200, answer.content
    assert datetime.fromisoformat(answer.json()["back_at"]) == until
    assert datetime.fromisoformat(answer.json()["due_at"]) > until
    assert bea.post("review/claim", {}).status_code == 204
    assert bea.get("review/tasks").json()["items"] == []
    refusal(bea.post(f"review/tasks/{task['id']}/claim"), 409, "pended")
    assert bea.post(f"review/tasks/{task['id']}/resume").status_code == 204
    assert bea.post("review/claim", {}).json()["id"] == task["id"]


def test_a_time_without_its_zone_is_refused(task: dict[str, Any]) -> None:
    body = {"claim_token": task["claim"]["token"], "reason": "supplier"}

    answer = Program("bea").post(
        f"review/tasks/{task['id']}/pend", body | {"until": "2030-01-01T09:00:00"}
    )

    assert refusal(answer, 422, "invalid")["problems"][0]["path"] == "/until"
    assert Seat.objects.get().back_at is None


def test_a_program_sends_back(task: dict[str, Any]) -> None:
    body = {
        "claim_token": task["claim"]["token"],
        "digest": task["digest"],
        "to": task["rework"][0],
        "instructions": "Read the date too.",
        "reasons": {"/amount": "misread"},
    }

    answer = Program("bea").post(f"review/tasks/{task['id']}/send-back", body)

    assert answer.status_code == 200, answer.content
    assert answer.json()["task_state"] == "decided"
    Program("bea").post(f"review/decisions/{answer.json()['decision_id']}/undo")
    assert Task.objects.get().state == "in_review"


def test_what_others_may_not_see_is_not_there(task: dict[str, Any]) -> None:
    carl = Program("carl")

    refusal(carl.post(f"review/tasks/{task['id']}/resume"), 404, "not-found")


def test_the_routes_are_documented() -> None:
    paths = Client().get("/api/openapi.json").json()["paths"]

    for name in ("pend", "resume", "send-back"):
        (path,) = [one for one in paths if one.endswith(f"/review/tasks/{{task_id}}/{name}")]
        assert paths[path]["post"]["summary"]
