"""A case goes back with instructions: who does it anew is told, and people look at what comes."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import engine
from orchestrator.connectors import Result
from orchestrator.exceptions import Invalid, NotAllowed, StaleClaim, StaleDigest
from orchestrator.models import Case, Decision, Seat, Task, Timer, Verdict
from tests import waiting, world
from tests.orchestrator.flows import READER, begun, definition, published, step, task_of
from tests.waiting import sent_back
from tests.world import FLIGHT, LUNCH

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> Task:
    return world.in_review(waiting.workflow())


def _settled(task: Task) -> None:
    Task.objects.filter(pk=task.pk).update(settle_at="2020-01-01T00:00:00Z")
    engine.settle_due()


def _last(task: Task) -> Task:
    return Task.objects.filter(case=task.case_id).order_by("-id")[0]


def _brief(task: Task) -> dict[str, Any]:
    brief = _last(task).brief
    assert isinstance(brief, dict)
    return brief


def test_the_earlier_step_is_visited_again_with_its_brief(task: Task) -> None:
    done = sent_back(task, instructions="Read the date too.", comment="It is at the bottom.")
    assert (done.task_state, done.decision.word) == ("decided", "rejected")
    assert done.decision.proof["sent_back"] == {"to": "read", "instructions": "Read the date too."}

    _settled(task)

    again = _last(task)
    assert (again.step_key, again.visit, again.state) == ("read", 2, "ready")
    assert _brief(task)["instructions"] == "Read the date too."
    assert _brief(task)["comment"] == "It is at the bottom."
    assert _brief(task)["output"] == LUNCH
    assert _brief(task)["from"] == {"step": "read", "name": "Read the receipt"}
    assert _brief(task)["reviewed"] == LUNCH
    assert Case.objects.get(pk=task.case_id).state == "open"
    assert engine.orphans() == []


def test_an_agent_is_told_why_and_not_by_whom(task: Task) -> None:
    sent_back(task)
    _settled(task)

    told = engine.brief_of(_last(task))

    assert told
    assert told.keys() == {"sent_back"}
    assert told["sent_back"]["instructions"] == "Read the date too."
    assert "by" not in told["sent_back"]


def test_an_output_that_was_sent_back_counts_as_wrong(task: Task) -> None:
    sent_back(task)
    _settled(task)

    verdict = Verdict.objects.get(decision__task=task)
    assert (verdict.error, verdict.evidence) == (True, True)


def test_no_rule_approves_what_was_sent_back(task: Task) -> None:
    sent_back(task)
    _settled(task)
    work = engine.claim_work()
    assert work
    small = {"merchant": "Kantine", "amount": 10}

    engine.submit_output(work, Result(small, confidence=0.99))

    again = _last(task)
    assert (again.state, again.proposal) == ("in_review", small)
    assert again.routings.get().reason == "it was sent back to be done anew"


def test_no_rule_approves_what_follows_from_it_either() -> None:
    sure = {"mode": "auto", "when": {"fact": "confidence", "op": "ge", "value": 0.9}}
    rights = [sure, {"mode": "review", "group": "Expense reviewers"}]
    more: dict[str, Any] = {"actor": "reader", "schema": {"type": "object"}, "rights": rights}
    text = definition(
        [
            step("read", "agent", undo="0s", **more),
            step("sort", "agent", undo="0s", rework={"to": ["read"]}, **more),
        ],
        "read sort",
        "sort done",
        **READER,
    )
    case = begun(published(text))
    performed(confidence=0.95)
    performed(confidence=0.5)
    sent_back(task_of(case, "sort"))

    performed(confidence=0.95)
    assert task_of(case, "read").state == "in_review"
    world.decided(task_of(case, "read"), "bea", "approved")
    performed(confidence=0.95)

    assert (task_of(case, "sort").visit, task_of(case, "sort").state) == (2, "in_review")


def test_what_was_taken_back_was_never_sent_back() -> None:
    sure = {"mode": "auto", "when": {"fact": "confidence", "op": "ge", "value": 0.9}}
    rights = [sure, {"mode": "review", "group": "Expense reviewers"}]
    more: dict[str, Any] = {"actor": "reader", "schema": {"type": "object"}, "rights": rights}
    text = definition(
        [
            step("read", "agent", undo="0s", **more),
            step("sort", "agent", undo="10s", rework={"to": ["read"]}, **more),
        ],
        "read sort",
        ("sort read", {"fact": "output/again", "op": "eq", "value": True}),
        "sort done",
        **READER,
    )
    case = begun(published(text))
    performed(confidence=0.95)
    performed(confidence=0.5, again=True)
    sort = task_of(case, "sort")
    engine.undo(sent_back(sort).decision.pk, actor=world.actor("bea"))
    world.decided(sort, "bea", "approved", final=True)
    performed(confidence=0.95)

    performed(confidence=0.95, again=False)

    again = task_of(case, "sort")
    assert (again.visit, again.state) == (2, "completed")


def test_who_does_it_anew_is_told_nothing_that_was_taken_back(task: Task) -> None:
    more: dict[str, Any] = {"output": LUNCH | {"amount": 5}, "reasons": {"/amount": "misread"}}
    done = world.decided(task, "bea", "corrected", **more)
    engine.undo(done.decision.pk, actor=world.actor("bea"))
    sent_back(task)
    _settled(task)

    assert (_brief(task)["corrections"], _brief(task)["reasons"]) == ([], {})


def test_who_sent_it_back_sees_first_what_came_of_it(task: Task) -> None:
    sent_back(task, by="ben")
    _settled(task)
    engine.work_until_idle()

    again = task_of(task.case, "read")

    seat = again.seats.get()
    assert (again.visit, str(seat.assigned_to), str(seat.assigned_by)) == (2, "ben", "ben")
    with pytest.raises(StaleClaim):
        world.claimed(again, "bea")
    Timer.objects.filter(kind="kept").update(due_at="2020-01-01T00:00Z")
    engine.fire_seat_timers()
    world.decided(again, "bea", "approved")


def test_who_lost_the_right_meanwhile_does_not_keep_others_from_it(task: Task) -> None:
    sent_back(task, by="ben")
    _settled(task)
    world.person("ben").groups.clear()
    engine.work_until_idle()

    assert task_of(task.case, "read").seats.get().assigned_to is None


def performed(confidence: float, **output: Any) -> None:
    """The next machine step gives an output of which it is so sure."""
    work = engine.claim_work()
    assert work
    engine.submit_output(work, Result(output, confidence=confidence))


def test_the_brief_tells_what_people_said_of_single_fields() -> None:
    task = world.in_review(waiting.workflow(), FLIGHT)
    said = {"/amount": "misread"}
    world.decided(task, "bea", "corrected", output=FLIGHT | {"amount": 1200}, reasons=said)

    sent_back(task, by="ben", reasons={"/merchant": "unclear"})
    _settled(task)

    assert _brief(task)["reasons"] == {"/amount": "misread", "/merchant": "unclear"}
    assert [(row["path"], row["reason"]) for row in _brief(task)["corrections"]] == [
        ("/amount", "misread")
    ]


def test_until_the_window_ends_it_can_be_taken_back(task: Task) -> None:
    done = sent_back(task)

    engine.undo(done.decision.pk, actor=world.actor("bea"))

    task.refresh_from_db()
    assert (task.state, task.word) == ("in_review", "")
    assert Task.objects.filter(case=task.case_id).count() == 1


def test_a_person_gets_it_back_first_who_did_it_before(task: Task) -> None:
    sent_back(task, to="receive")
    _settled(task)
    received = _last(task)
    assert received.step_key == "receive"
    world.decided(received, "ben", "responded", output={"note": "Found it"})
    engine.work_until_idle(limit=1)
    again = _last(task)
    Seat.objects.filter(task=again).update(due_at="2030-01-01T00:00:00Z")
    sent_back(again, to="receive", instructions="Ask once more.")
    _settled(again)

    seat = Seat.objects.get(task=_last(task))

    assert seat.assigned_to == world.actor("ben")
    assert _brief(task)["output"] == {"note": "Found it"}
    assert engine.claim_next(actor=world.actor("bea")) is None


def test_it_goes_back_as_often_as_the_step_allows(task: Task) -> None:
    for visit in (2, 3):
        sent_back(_last(task))
        _settled(_last(task))
        engine.work_until_idle(limit=1)
        assert (_last(task).visit, _last(task).state) == (visit, "in_review")

    with pytest.raises(Invalid) as refused:
        sent_back(_last(task))

    assert refused.value.details["problems"][0]["path"] == "/to"
    assert world.decided(_last(task), "bea", "approved").task_state == "decided"


def test_one_of_two_is_enough_and_the_other_says_no_more() -> None:
    task = world.in_review(waiting.workflow(), FLIGHT)
    world.decided(task, "bea", "approved")

    done = sent_back(task, "ben")

    assert (done.task_state, Seat.objects.filter(task=task, state="open").count()) == (
        "decided",
        0,
    )
    _settled(task)
    assert _last(task).visit == 2


def test_who_takes_it_back_where_two_are_asked_gets_both_seats_again() -> None:
    task = world.in_review(waiting.workflow(), FLIGHT)
    done = sent_back(task)

    engine.undo(done.decision.pk, actor=world.actor("bea"))

    assert Seat.objects.filter(task=task, state="open").count() == 2
    world.decided(task, "bea", "approved")
    assert world.decided(task, "ben", "approved").task_state == "decided"
    assert engine.orphans() == []


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"to": "booked"}, "/to"),
        ({"instructions": " "}, "/instructions"),
        ({"instructions": "x" * 4001}, "/instructions"),
        ({"reasons": {"": "boredom"}}, "/reasons/"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(task: Task, said: dict[str, str], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        sent_back(task, **said)

    assert refused.value.details["problems"][0]["path"].startswith(path)
    assert not Decision.objects.exists()


def test_who_saw_another_value_or_may_not_decide_sends_nothing_back(task: Task) -> None:
    bea, seat = world.actor("bea"), world.claimed(task, "bea")
    said: dict[str, Any] = {"claim_token": seat.claim_token, "to": "read", "instructions": "Again."}
    with pytest.raises(StaleDigest):
        engine.send_back(task.pk, actor=bea, digest="0", **said)
    world.person("bea").groups.clear()
    digest = engine.screen_digest(task, task.case)

    with pytest.raises(NotAllowed):
        engine.send_back(task.pk, actor=bea, digest=digest, **said)


def test_a_step_that_asks_is_told_what_was_decided_before() -> None:
    place = waiting.workflow(more="    call: {brief: true}\n")
    task = world.in_review(place)
    world.decided(
        task,
        "bea",
        "corrected",
        output=LUNCH | {"amount": 12.5},
        reasons={"/amount": "misread"},
        comment="The tip is in it.",
    )
    _settled(task)
    later = Task(case=task.case, step=task.step, step_key="read", scope="")
    later.case.refresh_from_db()

    told = engine.brief_of(later)

    assert told
    (row,) = told["history"]
    assert (row["decision"], row["by"], row["comment"]) == (
        "corrected",
        "person",
        "The tip is in it.",
    )
    assert row["reasons"] == {"/amount": "misread"}
    assert [(one["path"], one["after"]) for one in row["corrections"]] == [("/amount", 12.5)]
    assert told["provenance"] == {"/expense": {"step": "read", "word": "corrected"}}
