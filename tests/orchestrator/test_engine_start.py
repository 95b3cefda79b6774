"""Cases come in once, and their outputs go where the rules say."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import engine
from orchestrator.engine.events import first_break
from orchestrator.exceptions import CaseConflict, Invalid, NotAllowed
from orchestrator.models import Attempt, Case, Decision, Event, Routing, Seat, Task, Verdict
from tests import world
from tests.world import FLIGHT, LUNCH

pytestmark = pytest.mark.django_db


def test_a_sure_output_is_approved_by_the_rule_under_the_accountable_person() -> None:
    case = world.started(world.workflow(), LUNCH, confidence=0.97)

    decision = Decision.objects.get()
    assert (case.state, case.outcome) == ("completed", "booked")
    assert (decision.word, decision.via) == ("approved", "rule:1/3")
    assert decision.actor.kind == "policy"
    assert decision.on_behalf_of == world.actor("alice")
    assert decision.proof["rule_name"] == "Small and sure"
    assert case.data["expense"] == LUNCH
    assert case.provenance["/expense"]["step"] == "read"
    assert (Verdict.objects.get().source, Verdict.objects.get().error) == ("auto", False)


def test_an_unsure_output_waits_for_a_person_and_says_why() -> None:
    task = world.in_review(world.workflow(), LUNCH, confidence=0.62)

    routing, seat = Routing.objects.get(), Seat.objects.get()
    assert routing.reason == "confidence 0.62 is below 0.90"
    assert (routing.action, routing.round, task.round) == ("review", 1, 1)
    assert (seat.rank, float(seat.demand or 0), seat.group.name) == (
        0.62,
        42.5,
        "Expense reviewers",
    )
    assert Decision.objects.count() == 0


@pytest.mark.parametrize("confidence", [None, float("nan"), float("inf"), 1.2, -0.1, "0.99", True])
def test_a_confidence_that_is_none_never_passes(confidence: Any) -> None:
    world.in_review(world.workflow(), LUNCH, confidence=confidence)

    assert Attempt.objects.get().confidence is None
    assert Seat.objects.get().rank == -1


def test_much_money_needs_two_people() -> None:
    world.in_review(world.workflow(), FLIGHT, confidence=0.99)

    assert [seat.number for seat in Seat.objects.order_by("number")] == [1, 2]
    assert Routing.objects.get().action == "dual"


def test_a_blocked_output_is_rejected_by_the_policy() -> None:
    case = world.started(world.workflow(), LUNCH | {"merchant": "Casino"}, confidence=0.99)

    decision = Decision.objects.get()
    assert (decision.word, decision.actor.kind, decision.via) == ("rejected", "policy", "rule:1/2")
    assert (case.state, case.outcome) == ("completed", "refused")
    assert "expense" not in case.data


def test_the_same_key_and_body_is_the_same_case() -> None:
    place = world.workflow()
    first = world.started(place, LUNCH, key="a", confidence=0.5)

    again = engine.start_case(
        place,
        actor=world.actor("alice"),
        key="a",
        data={"text": "A receipt"},
        output={"value": LUNCH, "confidence": 0.5},
    )

    assert (again.created, again.case.pk) == (False, first.pk)
    assert Case.objects.count() == Task.objects.count() == 1


def test_the_same_key_with_another_body_is_refused() -> None:
    place = world.workflow()
    world.started(place, LUNCH, key="a")

    with pytest.raises(CaseConflict):
        world.started(place, FLIGHT, key="a")


def test_what_is_invalid_is_refused_with_its_place() -> None:
    place = world.workflow()

    with pytest.raises(Invalid) as refused:
        engine.start_case(
            place,
            actor=world.actor("alice"),
            key=" ",
            data={"text": 5},
            output={"value": {"amount": -1}, "sure": True},
        )

    paths = {problem["path"] for problem in refused.value.details["problems"]}
    assert paths >= {"/key", "/data/text", "/output/sure", "/output/value/amount"}
    assert Case.objects.count() == 0


def test_who_does_not_see_the_workflow_starts_nothing() -> None:
    place = world.workflow()

    with pytest.raises(NotAllowed):
        world.started(place, LUNCH, by="carl")


def test_a_batch_says_of_each_case_what_became_of_it() -> None:
    place = world.workflow()
    world.started(place, key="old")
    alice = world.actor("alice")
    rows: list[Any] = [
        {"key": "new", "data": {"text": "x"}, "output": {"value": LUNCH, "confidence": 0.99}},
        {"key": "old", "data": {"text": "A receipt"}},
        {"key": "old", "data": {"text": "Another"}},
        {"key": "new", "data": {"text": "x"}},
        {"key": "bad", "data": {}},
        "nonsense",
    ]

    outcomes = engine.start_cases(place, actor=alice, cases=rows)

    assert [row.status for row in outcomes] == [
        *("created", "existing", "conflict", "conflict", "invalid", "invalid"),
    ]
    assert outcomes[4].problems[0]["path"].startswith("/data")
    assert Case.objects.count() == 2


def test_an_output_that_came_with_a_batch_is_routed_by_a_worker() -> None:
    place = world.workflow()
    row = {"key": "new", "data": {"text": "x"}, "output": {"value": LUNCH, "confidence": 0.99}}
    engine.start_cases(place, actor=world.actor("alice"), cases=[row])

    assert Case.objects.get().state == "open"
    assert engine.work_until_idle() == 1

    case = Case.objects.get()
    assert (case.outcome, Attempt.objects.get().confidence) == ("booked", 0.99)


def test_every_case_has_a_whole_chain_of_events() -> None:
    case = world.started(world.workflow(), LUNCH, confidence=0.97)

    types = Event.objects.filter(stream=f"case:{case.pk}").order_by("seq")
    assert [event.type for event in types] == [
        *("case.started", "task.opened", "attempt.finished", "output.routed", "decision.made"),
        *("task.settled", "case.completed"),
    ]
    case.refresh_from_db()
    assert first_break(case) is None
    assert engine.orphans() == []


def test_a_case_that_an_older_version_took_is_still_the_same_case() -> None:
    place = world.workflow()
    first = world.started(place, key="a")
    stricter = world.EXPENSES.replace("required: [text]", "required: [text, branch]")
    world.workflow(stricter)
    place.refresh_from_db()

    again = engine.start_case(
        place, actor=world.actor("alice"), key="a", data={"text": "A receipt"}
    )

    assert (again.created, again.case.pk) == (False, first.pk)
    with pytest.raises(Invalid):
        world.started(place, key="b")
