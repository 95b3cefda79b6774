"""A write that may have happened: looked up where it can be, else brought before a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_httpserver import HTTPServer

from orchestrator import engine
from orchestrator.connectors import Call, Result
from orchestrator.definitions import import_draft
from orchestrator.definitions.checking import problems, warnings
from orchestrator.engine import reconciling, working
from orchestrator.exceptions import Invalid
from orchestrator.models import (
    Attempt,
    Case,
    Connection,
    Delivery,
    Event,
    Incident,
    Seat,
    Task,
    Verdict,
)
from tests import world
from tests.orchestrator.register import BOOKING, Register, begun, booking, due

pytestmark = pytest.mark.django_db


@pytest.fixture
def register(httpserver: HTTPServer, settings: Any) -> Register:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    return Register(httpserver)


def settled() -> Case:
    """The case after the time to undo."""
    Task.objects.filter(state="decided").update(settle_at="2020-01-01T00:00:00Z")
    engine.settle_due()
    return Case.objects.get()


def in_doubt(register: Register, effect: str = "in_doubt_to_human", stumble: int = -503) -> Task:
    """A task whose write got no clear answer, before a person."""
    register.stumbles = [stumble]
    begun(booking(register, effect))
    engine.work_until_idle()
    task = Task.objects.get()
    assert (task.state, task.seats.get().purpose) == ("in_review", "reconcile")
    return task


# --- The system of record is asked first


def test_what_has_happened_is_not_written_again(register: Register) -> None:
    register.stumbles = [-503]
    case = begun(booking(register, "verify_first"))

    engine.work_until_idle()
    assert (Task.objects.get().state, Delivery.objects.get().state) == ("ready", "in_doubt")
    due()
    engine.work_until_idle()

    case.refresh_from_db()
    assert (case.state, case.data["book"]) == ("completed", {"number": 1, "amount": 5})
    assert (register.writes, register.reads) == ([f"{case.pk}:book::1"], 1)
    assert Delivery.objects.get().state == "confirmed"


def test_what_has_not_happened_is_written_again_under_its_key(register: Register) -> None:
    register.stumbles = [503]
    case = begun(booking(register, "verify_first"))

    engine.work_until_idle()
    due()
    engine.work_until_idle()

    assert (register.writes, register.reads) == ([f"{case.pk}:book::1"] * 2, 1)
    assert Case.objects.get().state == "completed"


def test_who_looked_for_long_has_as_long_to_write_as_without_a_look(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else somebody else would look, find nothing yet, and write beside it."""
    register.stumbles = [503]
    begun(booking(register, "verify_first"))
    engine.work_until_idle()
    due()
    looks, answers = reconciling.verified, working._answer
    held: list[timedelta] = []

    def long(over: Connection, call: Call) -> Result | None:
        Task.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=1))
        return looks(over, call)

    def timed(over: Connection, call: Call) -> Result:
        lease = Task.objects.get().lease_expires_at
        assert lease
        held.append(lease - timezone.now())
        return answers(over, call)

    monkeypatch.setattr(reconciling, "verified", long)
    monkeypatch.setattr(working, "_answer", timed)
    engine.work_until_idle()

    assert Case.objects.get().state == "completed"
    assert held[0] > timedelta(seconds=2)


def test_what_was_refused_is_tried_again_without_a_look(register: Register) -> None:
    register.stumbles = [429]
    begun(booking(register, "verify_first"))

    engine.work_until_idle()
    due()
    engine.work_until_idle()

    assert (len(register.writes), register.reads) == (2, 0)


def test_while_nobody_can_look_it_is_not_written_and_in_the_end_a_person_is_asked(
    register: Register,
) -> None:
    register.stumbles, register.reading = [-503], 500
    begun(booking(register, "verify_first"))

    for _ in range(4):
        engine.work_until_idle()
        due()

    assert (len(register.writes), register.reads) == (1, 2)
    assert Task.objects.get().seats.get().purpose == "reconcile"


def test_an_answer_that_does_not_tell_asks_a_person(register: Register) -> None:
    register.stumbles = [-503]
    begun(booking(register, "verify_first"))
    engine.work_until_idle()
    next(iter(register.booked.values())).pop("amount")
    due()

    engine.work_until_idle()

    assert len(register.writes) == 1
    assert Task.objects.get().seats.get().purpose == "reconcile"


def test_a_worker_that_is_lost_in_a_call_leaves_a_doubt_not_before_it(register: Register) -> None:
    begun(booking(register, "in_doubt_to_human"))
    work = engine.claim_work()
    assert work
    Task.objects.update(lease_expires_at="2020-01-01T00:00:00Z")
    engine.expire_leases()
    assert Task.objects.get().state == "ready"

    register.stumbles = [-503]
    begun_again = engine.claim_work()
    assert begun_again
    Delivery.objects.create(
        key=work.effect_key,
        task_id=work.task_id,
        connection=Task.objects.get().step.actor.connection,  # type: ignore[union-attr,misc]
        state="sending",
    )
    Task.objects.update(lease_expires_at="2020-01-01T00:00:00Z")
    engine.expire_leases()

    assert Task.objects.get().seats.get().purpose == "reconcile"
    assert Delivery.objects.get().state == "in_doubt"


# --- A person finds out


def test_a_write_in_doubt_comes_before_the_group_that_the_rules_ask(register: Register) -> None:
    task = in_doubt(register)

    assert Seat.objects.get().group.name == "Expense reviewers"
    assert (Delivery.objects.get().state, len(register.writes)) == ("in_doubt", 1)
    assert engine.orphans() == []
    assert "answered 503" in str(Attempt.objects.get().error)
    assert Event.objects.filter(type="delivery.in_doubt").count() == 1
    assert task.proposal is None


def test_a_write_in_doubt_keeps_its_case_on_its_version(register: Register) -> None:
    in_doubt(register)
    old, new = booking(register, "in_doubt_to_human").versions.order_by("number")

    (verdict,) = engine.dry_run(engine.plan_of(old, new, engine.same_steps(old, new))).verdicts

    assert (verdict.kind, verdict.reasons) == ("refused", ["Book it has to be reconciled first."])


def test_it_happened_and_this_is_what_came_of_it(register: Register) -> None:
    task = in_doubt(register)

    world.decided(task, "bea", "corrected", output={"number": 1})

    assert Task.objects.get().state == "decided"
    case = settled()
    assert (case.state, case.outcome, case.data["book"]) == ("completed", "done", {"number": 1})
    assert (Delivery.objects.get().state, Delivery.objects.get().response) == (
        "confirmed",
        {"number": 1},
    )
    assert (Verdict.objects.count(), len(register.writes)) == (0, 1)
    assert Event.objects.get(type="delivery.reconciled").payload == {"happened": True}


def test_without_an_answer_nobody_says_that_it_happened(register: Register) -> None:
    task = in_doubt(register)
    with pytest.raises(Invalid) as refused:
        world.decided(task, "bea", "approved")
    assert refused.value.details["problems"][0]["path"].startswith("/output")

    seen = engine.look(Task.objects.select_related("step").get())
    assert (seen.state, seen.answer) == ("there", {"number": 1, "amount": 5})

    world.decided(task, "bea", "approved")
    assert settled().data["book"] == {"number": 1, "amount": 5}


def test_it_did_not_happen_so_it_is_done_again_under_the_same_key(register: Register) -> None:
    task = in_doubt(register, stumble=503)
    assert engine.look(Task.objects.select_related("step").get()).state == "missing"

    world.decided(task, "bea", "rejected")

    assert engine.work_until_idle() == 0
    settled()
    now = Task.objects.get()
    assert (now.state, now.word, Delivery.objects.get().state) == ("ready", "", "pending")
    engine.work_until_idle()
    assert register.writes == [task.effect_key] * 2
    assert Case.objects.get().outcome == "done"
    assert [verdict.source for verdict in Verdict.objects.all()] == ["auto"]


def test_a_finding_is_taken_back_within_the_window(register: Register) -> None:
    task = in_doubt(register)
    done = world.decided(task, "bea", "rejected")

    engine.undo(done.decision.pk, actor=world.actor("bea"))

    assert Task.objects.get().state == "in_review"
    world.decided(task, "bea", "corrected", output={"number": 1})
    assert settled().data["book"] == {"number": 1}


def test_the_next_level_is_asked_about_the_same_write(register: Register) -> None:
    task = in_doubt(register)

    world.decided(task, "bea", "escalated")

    seat = Seat.objects.get(state="open")
    assert (seat.purpose, seat.level, seat.group.name) == ("reconcile", 1, "Expense leads")
    world.decided(task, "lea", "corrected", output={"number": 1})
    assert settled().state == "completed"


def test_nobodys_silence_sends_it_again(register: Register) -> None:
    in_doubt(register)
    Seat.objects.update(due_at="2020-01-01T00:00:00Z")

    engine.expire_seats()

    seat = Seat.objects.get(state="open")
    assert (seat.purpose, seat.level) == ("reconcile", 1)
    assert len(register.writes) == 1


def test_without_anybody_to_ask_it_is_an_incident(register: Register) -> None:
    register.stumbles = [-503]
    place = booking(register, "in_doubt_to_human")
    begun(place)
    for name in ("bea", "ben"):
        world.person(name).groups.clear()

    engine.work_until_idle()

    assert (Incident.objects.get().kind, Delivery.objects.get().state) == ("in_doubt", "in_doubt")


def test_a_cancelled_case_asks_nobody_any_more(register: Register) -> None:
    in_doubt(register)

    engine.cancel_case(Case.objects.get().pk, actor=world.actor("lea"), reason="Stop.")

    assert Seat.objects.get().state == "withdrawn"


# --- What a definition has to say


def test_a_careful_step_names_who_is_asked(register: Register) -> None:
    world.people()
    text = BOOKING.replace("ADDRESS", register.url).replace("EFFECT", "verify_first")
    draft = import_draft(text)
    assert problems(draft) == []
    assert [found.message for found in warnings(draft) if "every output" in found.message] == []

    draft.steps.get(key="book").rights.filter(mode="review").delete()

    assert [found.path for found in problems(draft)] == ["/steps/0/rights"]


@pytest.mark.parametrize("effect", ["verify_first", "in_doubt_to_human"])
def test_what_nobody_would_look_after_is_not_published(register: Register, effect: str) -> None:
    """A write of a step that is none of a system of record would be repeated all the same."""
    world.people()
    text = BOOKING.replace("ADDRESS", register.url).replace("EFFECT", effect)

    draft = import_draft(text.replace("kind: system\n    actor", "kind: automation\n    actor"))

    assert "/steps/0/effect" in [found.path for found in problems(draft)]


def test_a_step_that_verifies_says_how(register: Register) -> None:
    world.people()
    text = BOOKING.replace("ADDRESS", register.url).replace("EFFECT", "verify_first")
    draft = import_draft(text)
    draft.steps.filter(key="book").update(call={"method": "POST", "path": "/book"})

    assert "/steps/0/call/verify" in [found.path for found in warnings(draft)]
