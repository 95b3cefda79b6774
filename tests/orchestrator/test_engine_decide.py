"""What people say of outputs, alone and together."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from orchestrator import engine
from orchestrator.exceptions import (
    AlreadyDecided,
    Invalid,
    NotAllowed,
    Refusal,
    StaleClaim,
    StaleDigest,
)
from orchestrator.models import (
    Case,
    Correction,
    Decision,
    Incident,
    Routing,
    Seat,
    Task,
    Verdict,
    Workflow,
)
from tests import world
from tests.world import FLIGHT, LUNCH

pytestmark = pytest.mark.django_db

CHEAPER = LUNCH | {"amount": 24.5}


@pytest.fixture
def place() -> Workflow:
    return world.workflow()


def fresh(task: Task) -> Task:
    return Task.objects.select_related("case").get(pk=task.pk)


def settled(task: Task) -> Task:
    """The task after its undo window: the window is moved into the past, then swept."""
    Task.objects.filter(pk=task.pk).update(settle_at="2020-01-01T00:00:00Z")
    engine.settle_due()
    return fresh(task)


def test_an_approval_takes_effect_after_the_undo_window(place: Workflow) -> None:
    task = world.in_review(place)

    done = world.decided(task, "bea", "approved", comment="Fine.", seconds=4.5)

    assert (done.task_state, done.case_state) == ("decided", "open")
    assert done.settle_at is not None
    assert Verdict.objects.count() == 0
    task = settled(task)
    assert (task.state, task.word, task.output) == ("completed", "approved", LUNCH)
    assert (task.case.state, task.case.outcome) == ("completed", "booked")
    assert task.case.data["expense"] == LUNCH
    verdict = Verdict.objects.get()
    assert (verdict.source, verdict.error, verdict.evidence) == ("review", False, True)


def test_final_waives_the_undo_window(place: Workflow) -> None:
    done = world.decided(world.in_review(place), "bea", "approved", final=True)

    assert (done.task_state, done.case_state, done.settle_at) == ("completed", "completed", None)
    with pytest.raises(Refusal):
        engine.undo(done.decision.pk, actor=world.actor("bea"))


def test_a_correction_is_kept_field_by_field(place: Workflow) -> None:
    task = world.in_review(place)

    done = world.decided(
        task, "bea", "corrected", output=CHEAPER, reasons={"/amount": "misread"}, final=True
    )

    correction = Correction.objects.get()
    assert (correction.path, correction.op) == ("/amount", "replace")
    assert (correction.before, correction.after, correction.reason) == (42.5, 24.5, "misread")
    assert done.decision.patch == [{"op": "replace", "path": "/amount", "value": 24.5}]
    task = fresh(task)
    assert (task.word, task.case.data["expense"]) == ("corrected", CHEAPER)
    assert (Verdict.objects.get().error, Verdict.objects.get().raw_error) == (True, True)


def test_a_change_that_does_not_count_is_no_error(place: Workflow) -> None:
    task = world.in_review(place)

    world.decided(task, "bea", "corrected", output=LUNCH | {"category": "other"}, final=True)

    assert (Verdict.objects.get().error, Verdict.objects.get().raw_error) == (False, True)


def test_a_rejection_takes_the_exit_that_asks_for_it(place: Workflow) -> None:
    task = world.in_review(place)

    world.decided(task, "bea", "rejected", reasons={"": "unclear"}, final=True)

    case = Case.objects.get()
    assert (case.outcome, "expense" in case.data) == ("refused", False)


def test_a_rejection_that_no_exit_asks_for_ends_the_case(place: Workflow) -> None:
    text = world.EXPENSES.replace(
        "  - {from: read, to: refused, when: {fact: decision, op: eq, value: rejected}}\n",
        "  - {from: read, to: refused, when: {fact: output/amount, op: eq, value: 5}}\n",
    ).replace("workflow: expenses", "workflow: strict")
    task = world.in_review(world.workflow(text))

    world.decided(task, "bea", "rejected", final=True)

    assert fresh(task).case.outcome == "rejected"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "changed fields": ({"word": "approved", "output": CHEAPER}, "/output"),
    "nothing changed": ({"word": "corrected", "output": LUNCH}, "/output"),
    "no output": ({"word": "corrected"}, "/output"),
    "outside the schema": ({"word": "corrected", "output": {"amount": "x"}}, "/output/amount"),
    "an unknown word": ({"word": "responded", "output": LUNCH}, "/decision"),
    "an unknown reason": ({"word": "rejected", "reasons": {"": "mood"}}, "/reasons/"),
    "a path that is none": ({"word": "rejected", "reasons": {"amount": "misread"}}, "/reasons"),
    "a long comment": ({"word": "approved", "comment": "x" * 4001}, "/comment"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_changes_nothing(place: Workflow, case: str) -> None:
    said, path = WRONG[case]
    task = world.in_review(place)

    with pytest.raises(Invalid) as refused:
        world.decided(task, "bea", **said)

    assert path in {problem["path"] for problem in refused.value.details["problems"]}
    assert (Decision.objects.count(), fresh(task).state) == (0, "in_review")


def test_a_stale_digest_is_told_with_the_difference(place: Workflow) -> None:
    task = world.in_review(place, FLIGHT)
    old = engine.screen_digest(fresh(task), fresh(task).case)
    world.decided(task, "bea", "corrected", output=FLIGHT | {"amount": 1700})
    seat = world.claimed(task, "ben")

    with pytest.raises(StaleDigest) as refused:
        engine.decide(
            task.pk,
            actor=world.actor("ben"),
            claim_token=str(seat.claim_token),
            digest=old,
            word="approved",
        )

    change = {"path": "/amount", "op": "replace", "before": 1800, "after": 1700}
    assert refused.value.details["diff"] == [change]


def test_a_claim_that_is_over_decides_nothing(place: Workflow) -> None:
    task = world.in_review(place)
    seat = world.claimed(task, "bea")
    Seat.objects.update(claim_expires_at="2020-01-01T00:00:00Z")
    seen = engine.screen_digest(fresh(task), fresh(task).case)
    bea = world.actor("bea")

    for token in (str(seat.claim_token), uuid4(), "nonsense"):
        with pytest.raises(StaleClaim):
            engine.decide(task.pk, actor=bea, claim_token=token, digest=seen, word="approved")


def test_somebody_elses_claim_decides_nothing(place: Workflow) -> None:
    task = world.in_review(place)
    seat = world.claimed(task, "bea")

    with pytest.raises(StaleClaim):
        engine.decide(
            task.pk,
            actor=world.actor("ben"),
            claim_token=str(seat.claim_token),
            digest=engine.screen_digest(fresh(task), fresh(task).case),
            word="approved",
        )


def test_what_is_decided_is_decided(place: Workflow) -> None:
    task = world.in_review(place)
    seat = world.claimed(task, "bea")
    world.decided(task, "bea", "approved")

    with pytest.raises(AlreadyDecided):
        engine.decide(
            task.pk,
            actor=world.actor("bea"),
            claim_token=str(seat.claim_token),
            digest=engine.screen_digest(fresh(task), fresh(task).case),
            word="approved",
        )


# --- Four eyes


def test_two_people_approve_the_same_value(place: Workflow) -> None:
    task = world.in_review(place, FLIGHT)

    first = world.decided(task, "bea", "approved")
    second = world.decided(task, "ben", "approved", final=True)

    assert (first.task_state, second.case_state) == ("in_review", "completed")
    assert Verdict.objects.count() == 2
    assert Verdict.objects.filter(evidence=True).count() == 1


def test_nobody_is_two_people(place: Workflow) -> None:
    task = world.in_review(place, FLIGHT)
    world.decided(task, "bea", "approved")

    with pytest.raises(NotAllowed):
        world.claimed(task, "bea")


def test_who_brought_the_case_is_no_second_pair_of_eyes(place: Workflow) -> None:
    world.person("bert", "Reviewers", "Finance", "Expense reviewers")
    task = world.in_review(place, FLIGHT, by="bea")

    with pytest.raises(NotAllowed):
        world.claimed(task, "bea")


def test_a_correction_opens_a_round_in_which_its_author_counts_once(place: Workflow) -> None:
    task = world.in_review(place, FLIGHT)
    lower = FLIGHT | {"amount": 1700}

    world.decided(task, "bea", "corrected", output=lower)

    task = fresh(task)
    assert (task.round, task.proposal, task.state) == (2, lower, "in_review")
    assert Routing.objects.filter(task=task).count() == 2
    with pytest.raises(NotAllowed):
        world.claimed(task, "bea")
    world.decided(task, "ben", "approved", final=True)
    task = fresh(task)
    assert (task.state, task.word, task.output) == ("completed", "corrected", lower)
    said = list(Verdict.objects.order_by("id").values_list("decision__word", "evidence"))
    assert said == [("corrected", True), ("approved", False)]


def test_a_correction_below_the_limit_needs_nobody_else(place: Workflow) -> None:
    task = world.in_review(place, FLIGHT)

    done = world.decided(task, "bea", "corrected", output=FLIGHT | {"amount": 180})

    assert done.task_state == "decided"
    assert not Seat.objects.filter(state="open").exists()


def test_a_correction_above_the_limit_needs_a_second_pair_of_eyes(place: Workflow) -> None:
    task = world.in_review(place)

    done = world.decided(task, "bea", "corrected", output=LUNCH | {"amount": 4250})

    assert done.task_state == "in_review"
    assert world.decided(task, "ben", "approved").task_state == "decided"


def test_a_correction_that_the_rules_block_is_refused(place: Workflow) -> None:
    task = world.in_review(place)

    with pytest.raises(Invalid):
        world.decided(task, "bea", "corrected", output=LUNCH | {"merchant": "Casino"})


@pytest.mark.parametrize(
    ("word", "output"), [("rejected", None), ("corrected", FLIGHT | {"amount": 1500})]
)
def test_who_differ_go_to_adjudication(place: Workflow, word: str, output: Any) -> None:
    task = world.in_review(place, FLIGHT)
    world.decided(task, "bea", "approved")

    done = world.decided(task, "ben", word, output=output)

    seat = Seat.objects.get(state="open")
    assert (done.task_state, seat.purpose, seat.group.name) == (
        *("in_review", "adjudicate", "Expense leads"),
    )
    with pytest.raises(NotAllowed):
        world.claimed(task, "bea")
    with pytest.raises(Invalid):
        world.decided(task, "lea", "escalated")
    world.decided(task, "lea", "approved", final=True)
    task = fresh(task)
    assert (task.state, task.output) == ("completed", FLIGHT)


def test_who_corrects_a_correction_goes_to_adjudication(place: Workflow) -> None:
    task = world.in_review(place, FLIGHT)
    world.decided(task, "bea", "corrected", output=FLIGHT | {"amount": 1700})

    world.decided(task, "ben", "corrected", output=FLIGHT | {"amount": 1600})

    assert Seat.objects.get(state="open").purpose == "adjudicate"


def test_blind_deciders_agree_by_value(place: Workflow) -> None:
    text = world.EXPENSES.replace("mode: dual", "mode: dual\n        blind: true")
    blind = world.workflow(text.replace("workflow: expenses", "workflow: blind"))
    task = world.in_review(blind, FLIGHT)
    lower = FLIGHT | {"amount": 1700}

    world.decided(task, "bea", "corrected", output=lower)
    assert (fresh(task).round, fresh(task).proposal) == (1, FLIGHT)
    done = world.decided(task, "ben", "corrected", output=lower)

    assert (done.task_state, fresh(task).output) == ("decided", lower)


# --- Escalation and time


def test_an_escalation_goes_to_the_next_level_and_no_further(place: Workflow) -> None:
    task = world.in_review(place)

    world.decided(task, "bea", "escalated", comment="Is this ours?")

    seat = Seat.objects.get(state="open")
    assert (seat.level, seat.group.name) == (1, "Expense leads")
    with pytest.raises(Invalid):
        world.decided(task, "lea", "escalated")
    world.decided(task, "lea", "approved", final=True)
    words = Verdict.objects.order_by("id").values_list("decision__word", "evidence")
    assert list(words) == [("escalated", False), ("approved", True)]


def test_silence_escalates_and_never_approves(place: Workflow) -> None:
    task = world.in_review(place)
    Seat.objects.update(due_at="2020-01-01T00:00:00Z")

    assert engine.expire_seats() == 1

    decision = Decision.objects.get()
    assert (decision.word, decision.via, decision.actor.kind) == ("escalated", "timeout", "policy")
    assert Seat.objects.get(state="open").level == 1
    Seat.objects.filter(state="open").update(due_at="2020-01-01T00:00:00Z")
    assert engine.expire_seats() == 1
    assert (fresh(task).state, Incident.objects.get().kind) == ("failed", "escalated")
    assert engine.orphans() == []


def test_a_time_out_may_reject_and_is_no_evidence_against_the_agent() -> None:
    text = world.EXPENSES.replace(
        "decide_within: 4h", "decide_within: 4h\n        on_timeout: rejected"
    )
    task = world.in_review(world.workflow(text))
    Seat.objects.update(due_at="2020-01-01T00:00:00Z")

    engine.expire_seats()

    assert settled(task).case.outcome == "refused"
    verdict = Verdict.objects.get()
    assert (verdict.source, verdict.evidence) == ("auto", False)


def test_who_is_looking_at_it_keeps_the_seat_past_its_time(place: Workflow) -> None:
    world.claimed(world.in_review(place), "bea")
    Seat.objects.update(due_at="2020-01-01T00:00:00Z")

    assert engine.expire_seats() == 0


# --- Undo


def test_undo_gives_the_seat_back(place: Workflow) -> None:
    task = world.in_review(place)
    done = world.decided(task, "bea", "approved")

    seat = engine.undo(done.decision.pk, actor=world.actor("bea"))

    assert (fresh(task).state, fresh(task).output, seat.state) == ("in_review", None, "open")
    assert seat.claimed_by == world.actor("bea")
    assert Decision.objects.count() == 1
    world.decided(task, "bea", "rejected", final=True)
    assert list(Verdict.objects.values_list("decision__word", flat=True)) == ["rejected"]


def test_only_its_author_takes_a_decision_back(place: Workflow) -> None:
    done = world.decided(world.in_review(place), "bea", "approved")

    with pytest.raises(NotAllowed):
        engine.undo(done.decision.pk, actor=world.actor("ben"))


def test_what_others_built_on_stays(place: Workflow) -> None:
    task = world.in_review(place, FLIGHT)
    first = world.decided(task, "bea", "approved")
    world.decided(task, "ben", "approved")

    with pytest.raises(Refusal, match="built on it"):
        engine.undo(first.decision.pk, actor=world.actor("bea"))


def test_undo_of_an_escalation_closes_the_next_level(place: Workflow) -> None:
    task = world.in_review(place)
    done = world.decided(task, "bea", "escalated")

    engine.undo(done.decision.pk, actor=world.actor("bea"))

    seat = Seat.objects.get(state="open")
    assert (seat.level, seat.claimed_by) == (0, world.actor("bea"))


def test_undo_of_a_correction_that_opened_a_round_asks_about_the_old_value(
    place: Workflow,
) -> None:
    task = world.in_review(place, FLIGHT)
    done = world.decided(task, "bea", "corrected", output=FLIGHT | {"amount": 1700})

    seat = engine.undo(done.decision.pk, actor=world.actor("bea"))

    task = fresh(task)
    assert (task.round, task.proposal, seat.round) == (3, FLIGHT, 3)
    world.decided(task, "bea", "approved")
    assert world.decided(task, "ben", "approved", final=True).case_state == "completed"
    assert Verdict.objects.count() == 2


def test_undo_in_the_middle_of_four_eyes(place: Workflow) -> None:
    task = world.in_review(place, FLIGHT)
    done = world.decided(task, "bea", "approved")

    engine.undo(done.decision.pk, actor=world.actor("bea"))

    assert Seat.objects.filter(state="open").count() == 2
    world.decided(task, "bea", "rejected")
    assert world.decided(task, "ben", "rejected", final=True).case_state == "completed"
