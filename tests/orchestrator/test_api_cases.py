"""Cases over HTTP: how they come in, how they stand, what happened, how they are cancelled."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import engine
from orchestrator.models import Attempt, Case, Inbound
from tests.programs import Program, importer, refusal
from tests.world import FLIGHT, LUNCH, decided, in_review, person, started, workflow

pytestmark = pytest.mark.django_db

CASES = "workflows/expenses/cases"
RECEIPT = {"text": "Kantine, 42.50"}


def test_a_case_comes_in_once() -> None:
    workflow()
    program = Program("alice")
    body = {"key": "r-1", "data": RECEIPT}

    first, second = program.post(CASES, body), program.post(CASES, body)

    assert (first.status_code, second.status_code) == (201, 200)
    case = first.json()
    assert case == second.json()
    assert set(case) == {
        "id", "key", "workflow", "version", "state", "data", "tasks", "created_at", "completed_at",
    }  # fmt: skip
    assert (case["key"], case["workflow"], case["version"]) == ("r-1", "expenses", 1)
    assert (case["state"], case["data"], case["completed_at"]) == ("open", RECEIPT, None)
    assert [(task["step"], task["state"]) for task in case["tasks"]] == [("read", "ready")]
    assert "decision" not in case["tasks"][0]
    assert case["created_at"].endswith("Z")
    assert Case.objects.count() == 1


def test_the_same_key_with_another_body_is_a_conflict() -> None:
    workflow()
    program = Program("alice")
    number = program.post(CASES, {"key": "r-1", "data": RECEIPT}).json()["id"]

    told = refusal(program.post(CASES, {"key": "r-1", "data": {"text": ""}}), 409, "case-conflict")

    assert told["case"] == number


def test_an_output_that_comes_along_is_routed() -> None:
    workflow()
    output = {
        "value": LUNCH,
        "confidence": 0.4,
        "field_confidence": {"/amount": 0.2},
        "model": "reader-7",
        "cost_micros": 1200,
        "tokens_in": 310,
        "tokens_out": 24,
        "latency_ms": 35,
    }

    body = {"key": "r", "data": RECEIPT, "output": output}
    case = Program(importer()).post(CASES, body).json()

    assert case["tasks"][0]["state"] == "in_review"
    attempt = Attempt.objects.get()
    assert (attempt.output, attempt.confidence) == (LUNCH, 0.4)
    assert (attempt.model, attempt.cost_micros, attempt.latency_ms) == ("reader-7", 1200, 35)
    assert (attempt.tokens_in, attempt.tokens_out) == (310, 24)


def test_a_sure_and_small_output_needs_nobody() -> None:
    workflow()
    output = {"value": LUNCH, "confidence": 0.97}

    body = {"key": "r", "data": RECEIPT, "output": output}
    case = Program(importer()).post(CASES, body).json()

    assert case["state"] == "completed"
    assert case["tasks"][0]["decision"] == "approved"
    assert case["completed_at"].endswith("Z")


def test_a_person_brings_no_output_of_an_agent() -> None:
    workflow()
    body = {"key": "r", "data": RECEIPT, "output": {"value": LUNCH, "confidence": 0.97}}
    alice, carl = Program("alice"), Program("carl")

    told = refusal(alice.post(CASES, body), 403, "not-allowed")
    batch = alice.post(f"{CASES}/batch", {"cases": [{"key": "s", "data": RECEIPT}, body]})

    assert "create_api_key --actor NAME --scopes cases" in told["detail"]
    refusal(batch, 403, "not-allowed")
    refusal(carl.post(CASES, body), 404, "not-found")
    assert not Case.objects.exists()
    assert alice.post(CASES, body | {"output": None}).status_code == 201


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "/key"),
        ({"key": "", "data": RECEIPT}, "/key"),
        ({"key": 7, "data": RECEIPT}, "/key"),
        ({"key": "r" * 201, "data": RECEIPT}, "/key"),
        ({"key": "r", "data": []}, "/data"),
        ({"key": "r", "data": {"text": 7}}, "/data/text"),
        ({"key": "r", "data": RECEIPT, "state": "completed"}, "/state"),
        ({"key": "r", "data": RECEIPT, "output": {"confidence": 1}}, "/output/value"),
        ({"key": "r", "data": RECEIPT, "output": {"value": {}}}, "/output/value"),
        (
            {"key": "r", "data": RECEIPT, "output": {"value": LUNCH, "confidence": "high"}},
            "/output/confidence",
        ),
        ({"key": "r", "data": RECEIPT, "output": {"value": LUNCH, "actor": 1}}, "/output/actor"),
        ([], ""),
        (b'"case"', ""),
    ],
)
def test_what_is_wrong_has_a_place(body: Any, path: str) -> None:
    workflow()

    told = refusal(Program(importer()).post(CASES, body), 422, "invalid")

    assert any(problem["path"].startswith(path) for problem in told["problems"])
    assert not Case.objects.exists()


def test_a_batch_is_judged_item_by_item() -> None:
    workflow()
    program = Program(importer())
    program.post(CASES, {"key": "old", "data": RECEIPT})
    cases = [
        {"key": "old", "data": RECEIPT},
        {"key": "new", "data": RECEIPT, "output": {"value": FLIGHT, "confidence": 0.5}},
        {"key": "old", "data": {"text": "other"}},
        {"key": "new", "data": RECEIPT, "output": {"value": FLIGHT, "confidence": 0.5}},
        {"key": "bad", "data": {"text": 1}},
        "no case",
        {"key": "more", "data": RECEIPT, "owner": "me"},
    ]

    answer = program.post(f"{CASES}/batch", {"cases": cases})

    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [item["status"] for item in items] == [
        "existing", "created", "conflict", "existing", "invalid", "invalid", "invalid",
    ]  # fmt: skip
    assert items[1]["id"] == items[3]["id"] == Case.objects.get(key="new").pk
    assert items[4]["problems"][0]["path"] == "/data/text"
    assert items[4]["id"] is None
    assert set(Case.objects.values_list("key", flat=True)) == {"old", "new"}


def test_a_batch_has_an_upper_limit() -> None:
    workflow()

    told = refusal(Program("alice").post(f"{CASES}/batch", {"cases": [{}] * 1001}), 422, "invalid")

    assert told["problems"][0]["path"] == "/cases"


def test_who_may_not_start_is_told_so() -> None:
    workflow()
    body = {"key": "r", "data": RECEIPT}

    for path, sent in ((CASES, body), (f"{CASES}/batch", {"cases": [body]})):
        told = refusal(Program("cara").post(path, sent), 403, "not-allowed")
        assert "start" in told["detail"]
        refusal(Program("carl").post(path, sent), 404, "not-found")
    refusal(Program("alice").post("workflows/nothing/cases", body), 404, "not-found")
    assert not Case.objects.exists()


def test_a_case_shows_what_was_decided() -> None:
    case = in_review(workflow()).case
    decided(case.tasks.get(), "bea", "approved", final=True)

    told = Program("cara").get(f"cases/{case.pk}").json()

    assert told["tasks"][0]["decision"] == "approved"
    assert told["state"] == "completed"
    assert told["data"]["expense"] == LUNCH
    refusal(Program("carl").get(f"cases/{case.pk}"), 404, "not-found")
    refusal(Program("cara").get("cases/99999999999999999999999"), 404, "not-found")


def test_events_in_pages() -> None:
    case = in_review(workflow()).case
    decided(case.tasks.get(), "bea", "approved", final=True)
    program = Program("cara")

    whole = program.get(f"cases/{case.pk}/events").json()
    page = program.get(f"cases/{case.pk}/events", limit=2).json()
    rest = program.get(f"cases/{case.pk}/events", cursor=page["cursor"]).json()

    assert (len(page["items"]), rest["cursor"]) == (2, None)
    found = page["items"] + rest["items"]
    assert found == whole["items"]
    assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
    assert found[0]["type"] == "case.started"
    made = next(event for event in found if event["type"] == "decision.made")
    assert (made["actor"], made["payload"]["word"]) == ("bea", "approved")
    refusal(Program("carl").get(f"cases/{case.pk}/events"), 404, "not-found")
    refusal(program.get(f"cases/{case.pk}/events", cursor="x"), 422, "invalid")


def test_a_case_is_cancelled_with_a_reason() -> None:
    case = in_review(workflow()).case
    dora = Program("dora")

    refusal(dora.post(f"cases/{case.pk}/cancel", {}), 422, "invalid")
    refusal(dora.post(f"cases/{case.pk}/cancel", {"reason": " "}), 422, "invalid")
    refusal(Program("bea").post(f"cases/{case.pk}/cancel", {"reason": "No."}), 403, "not-allowed")
    refusal(Program("carl").post(f"cases/{case.pk}/cancel", {"reason": "No."}), 404, "not-found")
    told = dora.post(f"cases/{case.pk}/cancel", {"reason": "Sent twice."})

    assert told.json()["state"] == "cancelled"
    assert told.json()["tasks"][0]["state"] == "cancelled"
    refusal(dora.post(f"cases/{case.pk}/cancel", {"reason": "Again."}), 409, "case-closed")


def test_the_workflows_that_one_may_see() -> None:
    place = workflow()
    workflow(**{"workflow: expenses": "workflow: travel", "groups: [Finance]": "groups: [Travel]"})
    person("bea", "Travel")
    in_review(place, FLIGHT)
    started(place)
    started(place, LUNCH, confidence=0.99)
    engine.fold_counters()

    items = Program("cara").get("workflows").json()["items"]

    assert items == [
        {"slug": "expenses", "name": "Expenses", "version": 1, "open": 2, "in_review": 1}
    ]
    page = Program("bea").get("workflows", limit=1).json()
    assert [row["slug"] for row in page["items"]] == ["expenses"]
    page = Program("bea").get("workflows", limit=1, cursor=page["cursor"]).json()
    assert ([row["slug"] for row in page["items"]], page["cursor"]) == (["travel"], None)
    assert Program("carl").get("workflows").json() == {"items": [], "cursor": None}


def test_a_refused_write_leaves_nothing() -> None:
    workflow()

    refusal(Program("alice").post(CASES, {"key": "", "data": {}}, once="k"), 422, "invalid")

    assert not Inbound.objects.exists()
    assert not Case.objects.exists()
