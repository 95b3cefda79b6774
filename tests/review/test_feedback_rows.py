"""What a row says, from the case's start to its export."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestrator import engine
from orchestrator.models import Case, Decision, Workflow
from review.feedback import KEYS, Query, batches
from tests import world
from tests.review.feedback import exported, settle_now

KITCHEN = world.LUNCH | {"amount": 12}


@pytest.mark.django_db
def test_what_a_signal_wrote_is_part_of_the_input() -> None:
    text = world.EXPENSES.replace("data:\n", "signals: {news: {/text: /text}}\ndata:\n", 1)
    task = world.in_review(world.workflow(text))
    alice = world.actor("alice")
    engine.signal(task.case_id, actor=alice, name="news", message_id="1", data={"text": "Hurry"})
    world.decided(task, "bea", "approved", final=True)

    (row,) = exported()

    assert row["input"] == {"text": "Hurry"}


def test_a_correction_is_told_field_by_field(expenses: Workflow) -> None:
    task = world.in_review(
        expenses, key="lunch", confidence=0.5, field_confidence={"/amount": 0.4}, model="m-1"
    )
    decided = world.decided(
        task,
        "bea",
        "corrected",
        output=KITCHEN,
        reasons={"/amount": "misread"},
        comment="The total is below.",
        seconds=7.5,
    )
    settle_now()

    (row,) = exported()
    assert tuple(row) == KEYS
    decision = Decision.objects.get()
    assert row == {
        "cursor": decision.verdict.pk,
        "id": decided.decision.pk,
        "workflow": "expenses",
        "version": 1,
        "step": "read",
        "case": task.case_id,
        "case_key": "lunch",
        "task": task.pk,
        "input": {"text": "A receipt"},
        "output": world.LUNCH,
        "final": KITCHEN,
        "decision": "corrected",
        "corrections": [
            {"path": "/amount", "op": "replace", "before": 42.5, "after": 12, "reason": "misread"}
        ],
        "patch": [{"op": "replace", "path": "/amount", "value": 12}],
        "confidence": 0.5,
        "field_confidence": {"/amount": 0.4},
        "field_provenance": {
            "/merchant": "confirmed",
            "/amount": "corrected",
            "/category": "confirmed",
        },
        "route": {"mode": "review", "why": "confidence 0.50 is below 0.90"},
        "model": "m-1",
        "agent": "reader@1",
        "reviewer": "bea",
        "actor_kind": "human",
        "audit": False,
        "blind": False,
        "seconds": 7.5,
        "comment": "The total is below.",
        "decided_at": decision.created_at.isoformat().replace("+00:00", "Z"),
    }


def test_what_a_rule_approved_was_seen_by_nobody(expenses: Workflow) -> None:
    world.started(expenses, world.LUNCH, confidence=0.95)

    (row,) = exported()
    assert (row["decision"], row["actor_kind"], row["route"]["mode"]) == (
        "approved", "policy", "auto",
    )  # fmt: skip
    assert set(row["field_provenance"].values()) == {"unseen"}
    assert row["final"] == row["output"] == world.LUNCH


def test_a_rejection_has_no_final_value_and_judges_no_field(expenses: Workflow) -> None:
    world.decided(world.in_review(expenses), "bea", "rejected", comment="No receipt.")
    settle_now()

    (row,) = exported()
    assert (row["output"], row["final"], row["field_provenance"]) == (world.LUNCH, None, {})


def test_an_escalation_is_a_row_beside_the_decision_that_ended_it(expenses: Workflow) -> None:
    task = world.in_review(expenses)
    world.decided(task, "bea", "escalated", comment="Too odd.")
    world.decided(task, "lea", "approved")
    settle_now()

    first, second = exported()
    assert (first["reviewer"], first["decision"], first["field_provenance"]) == (
        "bea", "escalated", {},
    )  # fmt: skip
    assert (second["reviewer"], second["decision"]) == ("lea", "approved")
    assert second["field_provenance"]["/amount"] == "confirmed"


def test_the_second_of_four_eyes_approves_what_the_first_corrected(expenses: Workflow) -> None:
    task = world.in_review(expenses, world.FLIGHT)
    world.decided(task, "bea", "corrected", output=world.FLIGHT | {"amount": 1900})
    world.decided(task, "ben", "approved")
    settle_now()

    first, second = exported()
    assert [row["output"]["amount"] for row in (first, second)] == [1800, 1800]
    assert [row["final"]["amount"] for row in (first, second)] == [1900, 1900]
    assert second["corrections"] == []
    # What ben let stand is not what the agent said.
    assert second["field_provenance"] == {
        "/merchant": "confirmed",
        "/amount": "corrected",
        "/category": "confirmed",
    }


def test_a_decision_that_was_undone_never_appears(expenses: Workflow) -> None:
    task = world.in_review(expenses)
    undone = world.decided(task, "bea", "rejected")
    engine.undo(undone.decision.pk, actor=world.actor("bea"))
    assert exported() == []

    world.decided(task, "bea", "approved")
    settle_now()
    assert [row["decision"] for row in exported()] == ["approved"]


def test_seeded_answers_are_never_exported(expenses: Workflow) -> None:
    task = world.in_review(expenses)
    Case.objects.filter(pk=task.case_id).update(origin="seed")
    world.decided(task, "bea", "approved")
    settle_now()

    assert exported() == []


def test_numbers_keep_every_digit(expenses: Workflow) -> None:
    value = world.LUNCH | {"amount": 9007199254740993}
    world.decided(world.in_review(expenses, value), "bea", "rejected")
    world.decided(Case.objects.get().tasks.get(), "ben", "rejected")
    settle_now()

    assert {row["output"]["amount"] for row in exported()} == {9007199254740993}


def all_batches(query: Query) -> list[list[dict[str, Any]]]:
    return list(batches(query, 10**9))


@pytest.fixture
def many(expenses: Workflow, monkeypatch: pytest.MonkeyPatch) -> Query:
    """Seven rows, the last three of them long, in a batch that has room for all."""
    monkeypatch.setattr("review.feedback.rows.FIRST_BATCH", 9)
    for number in range(7):
        text = "x" * 3000 if number > 3 else "x"
        world.started(expenses, world.LUNCH, confidence=0.95, key=f"c-{number}", text=text)
    return Query.parse({"workflow": "expenses"}, None)


def test_batches_follow_each_other_without_gap(
    many: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review.feedback.rows.FIRST_BATCH", 2)

    found = all_batches(many)

    assert [len(batch) for batch in found] == [2, 4, 1]
    assert [row["case_key"] for batch in found for row in batch] == [f"c-{n}" for n in range(7)]


def test_large_cases_come_in_smaller_batches(many: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review.feedback.rows.FIRST_BATCH", 5)
    monkeypatch.setattr("review.feedback.rows.BATCH_CHARACTERS", 1000)

    assert [len(batch) for batch in all_batches(many)] == [5, 1, 1]


def test_a_batch_is_one_statement(many: Query) -> None:
    with CaptureQueriesContext(connection) as queries:
        all_batches(many)

    assert len(queries) == 1


def test_nothing_beyond_the_watermark_is_read(many: Query) -> None:
    (whole,) = all_batches(many)

    (some,) = batches(many, whole[2]["cursor"])

    assert [row["cursor"] for row in some] == [row["cursor"] for row in whole[:3]]
