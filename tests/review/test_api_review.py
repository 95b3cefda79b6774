"""The review routes over HTTP: claim, keep, release, decide, undo, and every way to be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from orchestrator import engine
from orchestrator.models import Correction, Decision, Seat
from tests.programs import Program, refusal
from tests.world import FLIGHT, LUNCH, in_review, person, started, workflow

pytestmark = pytest.mark.django_db

SHAPE = {
    "id", "case", "step", "purpose", "due_at", "output", "confidence", "field_confidence",
    "schema", "why", "instructions", "reasons", "pend", "rework", "allowed_decisions",
    "digest", "doubt", "claim",
}  # fmt: skip
NO_TOKEN = "00000000-0000-4000-8000-000000000000"


def claimed(program: Program, **wanted: Any) -> dict[str, Any]:
    response = program.post("review/claim", wanted)
    assert response.status_code == 200, response.content
    task: dict[str, Any] = response.json()
    return task


def decide(program: Program, task: dict[str, Any], decision: str, **more: Any) -> Any:
    body = {
        "decision": decision,
        "claim_token": task["claim"]["token"],
        "digest": task["digest"],
    }
    return program.post(f"review/tasks/{task['id']}/decision", body | more)


def test_a_claim_shows_the_task() -> None:
    waiting = in_review(workflow(), LUNCH, confidence=0.5, field_confidence={"/amount": 0.4})

    task = claimed(Program("bea"))

    assert set(task) == SHAPE
    assert task["id"] == waiting.pk
    assert set(task["case"]) == {"id", "key", "workflow", "data"}
    assert task["case"]["workflow"] == "expenses"
    assert task["case"]["data"] == {"text": "A receipt"}
    assert (task["step"], task["output"], task["confidence"]) == ("read", LUNCH, 0.5)
    assert task["field_confidence"] == {"/amount": 0.4}
    assert "confidence" in task["why"]
    assert task["allowed_decisions"] == ["approved", "corrected", "rejected", "escalated"]
    assert [reason["code"] for reason in task["reasons"]] == ["misread", "unclear"]
    assert task["schema"]["required"] == ["merchant", "amount"]
    assert task["claim"]["expires_at"].endswith("Z")
    left = datetime.fromisoformat(task["claim"]["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=590) < left <= timedelta(seconds=601)


def test_nothing_to_claim_is_no_mistake() -> None:
    workflow()

    response = Program("bea").post("review/claim")

    assert response.status_code == 204
    assert response.content == b""


def test_a_claim_by_workflow_step_and_order() -> None:
    place = workflow()
    in_review(place, confidence=0.8)
    unsure = in_review(place, confidence=0.1)
    program = Program("bea")

    assert program.post("review/claim", {"step": "nothing"}).status_code == 204
    task = claimed(program, workflow="expenses", step="read", order="confidence", seconds=60)

    assert task["id"] == unsure.pk
    refusal(program.post("review/claim", {"workflow": "secret"}), 404, "not-found")
    refusal(program.post("review/claim", {"order": "rank"}), 422, "invalid")
    refusal(program.post("review/claim", {"lane": 1}), 422, "invalid")
    refusal(program.post("review/claim", {"seconds": 5}), 422, "invalid")
    refusal(program.post("review/claim", {"seconds": "60"}), 422, "invalid")


def test_an_approval_from_claim_to_feedback() -> None:
    in_review(workflow())
    bea = Program("bea")

    response = decide(bea, claimed(bea), "approved", comment="Fine.", final=True)

    told = response.json()
    assert response.status_code == 200
    assert told == {
        "decision_id": Decision.objects.get().pk,
        "workflow": "expenses",
        "task_state": "completed",
        "case_state": "completed",
        "settle_at": None,
    }
    assert Decision.objects.get().via == "api"
    lines = b"".join(Program("cara").get("feedback", workflow="expenses").streaming_content)
    row, end = lines.decode().splitlines()
    assert '"decision":"approved"' in row
    assert end.startswith('{"cursor":')


def test_a_correction_is_kept_field_by_field() -> None:
    in_review(workflow())
    bea = Program("bea")

    better, why = LUNCH | {"amount": 24.5}, {"/amount": "misread"}
    response = decide(bea, claimed(bea), "corrected", output=better, reasons=why)

    assert response.json()["task_state"] == "decided"
    assert datetime.fromisoformat(response.json()["settle_at"]) > timezone.now()
    row = Correction.objects.get()
    assert (row.path, row.before, row.after, row.reason) == ("/amount", 42.5, 24.5, "misread")


def test_a_decision_can_be_undone_once() -> None:
    in_review(workflow())
    bea, ben = Program("bea"), Program("ben")
    task = claimed(bea)
    number = decide(bea, task, "rejected").json()["decision_id"]

    refusal(ben.post(f"review/decisions/{number}/undo"), 403, "not-allowed")
    again = bea.post(f"review/decisions/{number}/undo")

    assert again.status_code == 200
    assert again.json()["id"] == task["id"]
    assert again.json()["claim"]["token"] != task["claim"]["token"]
    refusal(bea.post(f"review/decisions/{number}/undo"), 409, "undo-closed")
    assert decide(bea, again.json(), "approved").status_code == 200
    refusal(bea.post("review/decisions/999999999/undo"), 404, "not-found")


def test_a_settled_decision_stays() -> None:
    in_review(workflow())
    bea = Program("bea")
    number = decide(bea, claimed(bea), "approved", final=True).json()["decision_id"]

    refusal(bea.post(f"review/decisions/{number}/undo"), 409, "undo-closed")


def test_a_claim_is_kept_and_released() -> None:
    in_review(workflow())
    bea, ben = Program("bea"), Program("ben")
    task = claimed(bea)
    path, token = f"review/tasks/{task['id']}", {"claim_token": task["claim"]["token"]}

    later = bea.post(f"{path}/heartbeat", token | {"seconds": 1200})

    assert later.status_code == 200
    assert later.json()["expires_at"] > task["claim"]["expires_at"]
    refusal(ben.post(f"{path}/heartbeat", token), 409, "stale-claim")
    refusal(ben.post(f"{path}/release", token), 409, "stale-claim")
    assert ben.post("review/claim").status_code == 204
    assert bea.post(f"{path}/release", token).status_code == 204
    refusal(bea.post(f"{path}/heartbeat", token), 409, "stale-claim")
    assert claimed(ben)["id"] == task["id"]


def test_a_lost_claim_decides_nothing() -> None:
    waiting = in_review(workflow())
    bea = Program("bea")
    task = claimed(bea)
    Seat.objects.filter(task=waiting).update(claim_expires_at=timezone.now() - timedelta(seconds=1))

    refusal(decide(bea, task, "approved"), 409, "stale-claim")
    claimed(Program("ben"))
    refusal(decide(bea, task, "approved"), 409, "stale-claim")
    assert not Decision.objects.exists()


def test_the_second_of_two_decisions_is_told_so() -> None:
    in_review(workflow())
    bea = Program("bea")
    task = claimed(bea)
    decide(bea, task, "approved")

    refusal(decide(bea, task, "rejected"), 409, "already-decided")
    assert Decision.objects.get().word == "approved"


def test_a_stale_screen_is_told_the_difference() -> None:
    in_review(workflow(), FLIGHT)
    bea, ben = Program("bea"), Program("ben")
    seen = claimed(ben)
    decide(bea, claimed(bea), "corrected", output=FLIGHT | {"amount": 1801})
    now = claimed(ben)

    told = refusal(decide(ben, now | {"digest": seen["digest"]}, "approved"), 409, "stale-digest")

    assert told["diff"] == [{"path": "/amount", "op": "replace", "before": 1800, "after": 1801}]
    assert decide(ben, now, "approved").json()["task_state"] == "decided"


def test_the_wrong_person_is_told_the_right() -> None:
    waiting = in_review(workflow())
    bea, lea, carl = Program("bea"), Program("lea"), Program("carl")
    task = claimed(bea)

    for response in (lea.post(f"review/tasks/{waiting.pk}/claim"), decide(lea, task, "approved")):
        told = refusal(response, 403, "not-allowed")
        assert any("Expense reviewers" in reason for reason in told["reasons"])
    assert lea.post("review/claim").status_code == 204
    refusal(carl.post(f"review/tasks/{waiting.pk}/claim"), 404, "not-found")
    refusal(decide(carl, task, "approved"), 404, "not-found")
    assert not Decision.objects.exists()


def test_who_loses_the_right_after_claiming_cannot_decide() -> None:
    in_review(workflow())
    bea = Program("bea")
    task = claimed(bea)
    person("bea").groups.remove(person("bea").groups.get(name="Expense reviewers"))

    told = refusal(decide(bea, task, "approved"), 403, "not-allowed")

    assert "Expense reviewers" in told["detail"]


def test_nobody_counts_twice() -> None:
    in_review(workflow(), FLIGHT)
    bea = Program("bea")
    task = claimed(bea)
    assert decide(bea, task, "approved").json()["task_state"] == "in_review"

    assert bea.post("review/claim").status_code == 204
    refusal(bea.post(f"review/tasks/{task['id']}/claim"), 403, "not-allowed")


@pytest.mark.parametrize(
    ("decision", "more", "path"),
    [
        ("corrected", {}, "/output"),
        ("corrected", {"output": LUNCH}, "/output"),
        ("corrected", {"output": LUNCH | {"amount": "much"}}, "/output/amount"),
        ("approved", {"output": LUNCH | {"amount": 1}}, "/output"),
        ("approved", {"reasons": {"/amount": "a whim"}}, "/reasons/"),
        ("approved", {"comment": "x" * 4001}, "/comment"),
        ("approved", {"claim_token": "mine"}, "/claim_token"),
        ("approved", {"seat": 1}, "/seat"),
        ("responded", {}, "/decision"),
        ("waved through", {}, "/decision"),
    ],
)
def test_what_is_wrong_has_a_place(decision: str, more: dict[str, Any], path: str) -> None:
    in_review(workflow())
    bea = Program("bea")

    told = refusal(decide(bea, claimed(bea), decision, **more), 422, "invalid")

    assert any(problem["path"].startswith(path) for problem in told["problems"])
    assert not Decision.objects.exists()


def blind_workflow() -> Any:
    return workflow(**{"mode: dual": "mode: dual\n        blind: true"})


def test_a_blind_seat_hides_what_would_sway() -> None:
    in_review(blind_workflow(), FLIGHT, confidence=0.7, field_confidence={"/amount": 0.2})
    bea = Program("bea")

    listed = bea.get("review/tasks").json()["items"]
    task = claimed(bea)

    assert [row["confidence"] for row in listed] == [None]
    assert (task["confidence"], task["field_confidence"], task["why"]) == (None, None, None)
    assert task["output"] == FLIGHT
    told = decide(bea, task, "approved").json()
    assert (told["task_state"], told["case_state"]) == (None, None)
    case = Program("ben").get(f"cases/{task['case']['id']}").json()
    assert (case["state"], case["completed_at"]) == (None, None)
    events = Program("ben").get(f"cases/{task['case']['id']}/events").json()["items"]
    assert not {"decision.made", "output.routed"} & {event["type"] for event in events}


def test_the_queue_in_pages_and_orders() -> None:
    place = workflow()
    tasks = [in_review(place, confidence=value) for value in (0.3, 0.1, None, 0.2)]
    bea = Program("bea")
    first = claimed(bea, order="created")["id"]

    got = bea.get("review/tasks", order="confidence", limit=3).json()
    last = bea.get("review/tasks", order="confidence", limit=3, cursor=got["cursor"]).json()

    assert last["cursor"] is None
    assert [row["id"] for row in got["items"] + last["items"]] == [
        tasks[2].pk,
        tasks[1].pk,
        tasks[3].pk,
        tasks[0].pk,
    ]
    rows = bea.get("review/tasks", order="created").json()["items"]
    assert [row["id"] for row in rows] == [task.pk for task in tasks]
    assert [row["claimed"] for row in rows] == [row["id"] == first for row in rows]
    assert set(rows[0]["case"]) == {"id", "key", "workflow"}
    due = bea.get("review/tasks", limit=2).json()
    rest = bea.get("review/tasks", limit=2, cursor=due["cursor"]).json()
    assert len({row["id"] for row in due["items"] + rest["items"]}) == 4
    assert bea.get("review/tasks", workflow="expenses", step="read").json()["items"]
    assert Program("carl").get("review/tasks").json() == {"items": [], "cursor": None}
    assert bea.get("review/tasks", step="other").json()["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"order": "rank"},
        {"limit": 1001},
        {"limit": 0},
        {"limit": "1e3"},
        {"cursor": "nonsense"},
        {"cursor": "WzFd"},
        {"cursor": "é"},
        {"cursor": "WyJubyB0aW1lIiwxXQ"},
        {"cursor": "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwxXQ"},
        {"task__case__key": "x"},
        {"workflow": "a\x00b"},
    ],
)
def test_the_queue_takes_only_its_own_words(query: dict[str, Any]) -> None:
    in_review(workflow())

    refusal(Program("bea").get("review/tasks", **query), 422, "invalid")


def test_a_stop_and_an_escalation_leave_the_reviewer_out() -> None:
    in_review(workflow())
    bea, lea = Program("bea"), Program("lea")

    told = decide(bea, claimed(bea), "escalated", comment="Over my head.")

    assert told.json()["task_state"] == "in_review"
    assert bea.post("review/claim").status_code == 204
    assert decide(lea, claimed(lea), "approved").json()["task_state"] == "decided"


def test_who_exports_sees_only_what_is_theirs() -> None:
    place = workflow()
    started(place, LUNCH | {"amount": 10}, confidence=0.95)
    engine.settle_due()

    for name, count in (("bea", 1), ("carl", 0)):
        response = Program(name).get("feedback")
        lines = b"".join(response.streaming_content).splitlines()
        assert response["Content-Type"] == "application/x-ndjson"
        assert len(lines) == count + 1
    refusal(Program("carl").get("feedback", workflow="expenses"), 404, "not-found")
    refusal(Program("bea").get("feedback", format="xml"), 422, "invalid")
    refusal(Program("bea").get("feedback", verdict__id=1), 422, "invalid")
    refusal(Program("bea").get("feedback", since="x"), 422, "invalid")
    refusal(Program("bea").get("feedback", decision=["approved", "rejected"]), 422, "invalid")
    refusal(Program("bea", "review").get("feedback"), 403, "not-allowed")
    csv = b"".join(Program("bea").get("feedback", format="csv").streaming_content)
    assert csv.startswith(b"cursor,")
