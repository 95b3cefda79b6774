"""Machines that are killed, come back late, or wrote what nobody wants any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_httpserver import HTTPServer

from orchestrator import engine
from orchestrator.connectors import Call, PermanentError, Result
from orchestrator.engine import failing
from orchestrator.engine.leasing import Work
from orchestrator.exceptions import Invalid, StaleFence, Unpublishable
from orchestrator.models import (
    BulkRow,
    Case,
    Connection,
    Delivery,
    Event,
    Incident,
    Task,
    Workflow,
)
from tests import world
from tests.orchestrator.flows import asked, begun, definition, open_steps, published, step, task_of
from tests.orchestrator.register import BOOKING, Register, booking, due
from tests.orchestrator.register import begun as book
from tests.world import LUNCH

pytestmark = pytest.mark.django_db

NEXT_LEVEL = "        escalates_to: Expense leads\n"
ONCE = """  - {from: book, to: refused, when: {fact: decision, op: eq, value: rejected}}
  - {from: book, to: done, when: {fact: case/go, op: eq, value: true}}
"""
GO = "data: {type: object, properties: {go: {type: boolean}}}\nsignals: {mended: {/go: /go}}"


@pytest.fixture
def register(httpserver: HTTPServer, settings: Any) -> Register:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    return Register(httpserver)


def lost(task: Task) -> None:
    """The worker of a task was killed: its lease has ended."""
    Task.objects.filter(pk=task.pk, state="running").update(lease_expires_at="2020-01-01T00:00Z")
    engine.expire_leases()
    task.refresh_from_db()


# --- Workers that are killed


def test_an_output_that_came_along_is_judged_after_its_worker_was_killed() -> None:
    row = {"key": "k", "data": {"text": "x"}, "output": {"value": LUNCH, "confidence": 0.5}}
    engine.start_cases(world.workflow(), actor=world.actor("alice"), cases=[row])
    task = Task.objects.get()
    assert engine.claim_work()

    lost(task)
    assert task.state == "ready"
    engine.work_until_idle()

    task.refresh_from_db()
    assert (task.state, task.proposal, engine.orphans()) == ("in_review", LUNCH, [])
    assert task.seats.get().rank == 0.5


def test_an_output_that_came_along_and_kills_workers_is_quarantined_and_read_anew() -> None:
    row = {"key": "k", "data": {"text": "x"}, "output": {"value": LUNCH, "confidence": 0.5}}
    engine.start_cases(world.workflow(), actor=world.actor("alice"), cases=[row])
    task = Task.objects.get()
    for _ in range(3):
        assert engine.claim_work()
        lost(task)
    incident = Incident.objects.get(task=task)
    assert incident.kind == "quarantine"

    Connection.objects.update(settings={"output": LUNCH, "confidence": 0.99})
    engine.retry(incident.pk, actor=world.actor("dora"))
    engine.work_until_idle()

    assert Case.objects.get().outcome == "booked"


def test_a_bulk_whose_last_worker_was_killed_is_finished_by_another() -> None:
    """It was killed between the last row and the word that all are done."""
    case = world.started(world.workflow())
    bulk = engine.resolve_many(
        "cancel_incidents", [_failed(case).pk], actor=world.actor("dora"), reason="No."
    )
    BulkRow.objects.update(state="done")
    assert engine.is_bulk_pending()

    assert engine.work_bulks() == 0

    bulk.refresh_from_db()
    assert (bulk.done, bulk.finished_at is not None) == (1, True)
    assert not engine.is_bulk_pending()


def _failed(case: Case) -> Incident:
    work = engine.claim_work()
    assert work
    failing.fail(work, {}, PermanentError("gone"))
    return Incident.objects.get(task__case=case)


# --- Workers that come back late


@pytest.mark.parametrize("effect", ["idempotent", "in_doubt_to_human"])
def test_a_worker_that_comes_late_does_not_write_any_more(register: Register, effect: str) -> None:
    book(booking(register, effect))
    late = engine.claim_work()
    assert late
    lost(Task.objects.get())
    engine.work_until_idle()
    assert (len(register.writes), Delivery.objects.get().state) == (1, "confirmed")

    assert engine.perform(late) is None

    assert (len(register.writes), Delivery.objects.get().state) == (1, "confirmed")


def test_a_worker_whose_lease_is_over_does_not_write_although_nobody_took_it_away(
    register: Register,
) -> None:
    book(booking(register, "in_doubt_to_human"))
    late = engine.claim_work()
    assert late
    Task.objects.update(lease_expires_at="2020-01-01T00:00Z")

    assert engine.perform(late) is None

    assert register.writes == []
    engine.expire_leases()
    engine.work_until_idle()
    assert (len(register.writes), Case.objects.get().state) == (1, "completed")


def test_nothing_is_written_for_a_case_that_was_cancelled_before(register: Register) -> None:
    case = book(booking(register, "idempotent"))
    work = engine.claim_work()
    assert work
    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="No.")

    assert engine.perform(work) is None

    assert register.writes == []
    assert not Delivery.objects.exists()


# --- What was written once


def stuck(register: Register, effect: str = "in_doubt_to_human") -> Workflow:
    text = BOOKING.replace("data: {type: object}", GO)
    return booking(register, effect, text[: text.index("  - {from: book")] + ONCE)


def mended() -> None:
    case = Case.objects.get()
    alice, dora = world.actor("alice"), world.actor("dora")
    engine.signal(case.pk, actor=alice, name="mended", message_id="1", data={"go": True})
    engine.retry(Incident.objects.get(state="open").pk, actor=dora)
    engine.work_until_idle()


def test_a_write_that_led_nowhere_is_not_made_twice(register: Register) -> None:
    book(stuck(register))
    engine.work_until_idle()
    assert Incident.objects.get(state="open").kind == "stuck"

    mended()

    assert len(register.writes) == 1
    task = Task.objects.get()
    assert task.state == "in_review"
    assert task.proposal == {"number": 1, "amount": 5}
    world.decided(task, "bea", "approved", final=True)
    assert Case.objects.get().state == "completed"


def test_a_write_that_people_found_and_that_led_nowhere_is_not_made_twice(
    register: Register,
) -> None:
    register.stumbles = [-503]
    book(stuck(register))
    engine.work_until_idle()
    task = Task.objects.get()
    world.decided(task, "bea", "corrected", output={"number": 7}, final=True)
    assert Incident.objects.get(state="open").kind == "stuck"

    mended()

    assert len(register.writes) == 1
    assert (Case.objects.get().state, Case.objects.get().data["book"]) == (
        "completed",
        {"number": 7},
    )


def test_a_write_that_was_made_gets_no_other_input(register: Register) -> None:
    book(stuck(register))
    engine.work_until_idle()
    incident = Incident.objects.get(state="open")

    with pytest.raises(Invalid, match="was made with the old input"):
        engine.give_input(incident.pk, actor=world.actor("dora"), given={"amount": 7})
    engine.work_until_idle()

    assert len(register.writes) == 1


CALLS: list[Call] = []


def quiet(call: Call) -> None:
    CALLS.append(call)


def test_a_write_that_said_nothing_and_led_nowhere_is_not_made_twice(settings: Any) -> None:
    settings.REWIRE_PYTHON_CALLABLES = [__name__]
    CALLS.clear()
    text = definition(
        [
            step(
                "book",
                "system",
                actor="quiet",
                schema={"title": "None"},
                effect="in_doubt_to_human",
                rights=[{"mode": "auto"}, {"mode": "review", "group": "Expense reviewers"}],
            )
        ],
        ("book done", {"fact": "case/go", "op": "eq", "value": True}),
        connections={"quiet": {"kind": "python", "settings": {"callable": f"{__name__}.quiet"}}},
        actors={"quiet": {"kind": "system", "revision": "1", "connection": "quiet"}},
        data={"type": "object", "properties": {"go": {"type": "boolean"}}},
        signals={"mended": {"/go": "/go"}},
    )
    begun(published(text))
    engine.work_until_idle()
    assert Incident.objects.get(state="open").kind == "stuck"

    mended()

    assert len(CALLS) == 1


def test_what_nobody_looked_at_in_time_is_looked_at_when_it_is_tried_again(
    register: Register,
) -> None:
    register.stumbles = [-503]
    book(booking(register, "in_doubt_to_human", BOOKING.replace(NEXT_LEVEL, "")))
    engine.work_until_idle()
    task = Task.objects.get()
    task.seats.update(due_at="2020-01-01T00:00Z")
    engine.expire_seats()
    incident = Incident.objects.get(state="open")
    assert incident.kind == "escalated"

    engine.retry(incident.pk, actor=world.actor("dora"))
    due()
    engine.work_until_idle()

    assert len(register.writes) == 1
    assert task.seats.get(state="open").purpose == "reconcile"


def undoing(register: Register, **book: Any) -> str:
    call = {"method": "POST", "path": "/book"}
    system = {"actor": "books", "schema": {"type": "object"}, "effect": "idempotent",
              "call": call, "timeout": "2s"}  # fmt: skip
    return definition(
        [
            step("book", "system", **{**system, **book}, compensated_by="unbook"),
            asked("last"),
            asked("unbook", input={"what": "/undoes/output"}),
        ],
        "book last",
        "last done",
        connections={"books": {"kind": "http", "settings": {"url": register.url}}},
        actors={"books": {"kind": "system", "revision": "1", "connection": "books"}},
    )


def asks(mode: str = "review") -> dict[str, Any]:
    return {"rights": [{"mode": mode, "group": "Expense reviewers"}]}


def test_a_write_that_people_were_still_to_judge_is_undone(register: Register) -> None:
    case = begun(published(undoing(register, **asks())))
    engine.work_until_idle()
    assert task_of(case, "book").state == "in_review"

    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="No.")

    assert open_steps(case) == ["unbook"]
    undone = engine.data_of(task_of(case, "unbook"))["undoes"]
    assert undone["output"]["number"] == 1
    assert undone["idempotency_key"] == task_of(case, "book").effect_key


def test_what_was_never_written_is_not_undone(register: Register) -> None:
    place = published(undoing(register, undo="9h", **asks()))
    before = begun(place, key="before")
    engine.cancel_case(before.pk, actor=world.actor("dora"), reason="No.")
    assert Case.objects.get(pk=before.pk).state == "cancelled"

    register.stumbles = [422]
    failed = begun(place, key="failed")
    engine.work_until_idle()
    assert Delivery.objects.get(task__case=failed).state == "failed"
    engine.cancel_case(failed.pk, actor=world.actor("dora"), reason="No.")
    assert Case.objects.get(pk=failed.pk).state == "cancelled"


@pytest.mark.parametrize(
    ("stumbles", "answers"),
    [
        ([-500, 500, 500], "an object"),
        ([-500, 422], "an object"),
        ([-500], "an object"),
        ([], "none"),
    ],
)
def test_a_write_that_was_given_up_and_may_have_happened_is_undone(
    register: Register, stumbles: list[int], answers: str
) -> None:
    """Its first try was carried out and nobody heard of it: whatever became of the next ones."""
    schema = {"type": "object"} if answers == "an object" else {"type": "string"}
    case = begun(published(undoing(register, schema=schema)))
    register.stumbles = list(stumbles)
    for _ in stumbles or range(3):
        due()
        engine.work_until_idle()
    book = task_of(case, "book")
    assert (len(register.booked), book.state) == (1, "ready" if stumbles == [-500] else "failed")
    assert Delivery.objects.get(task=book).state == "in_doubt"

    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="No.")

    assert open_steps(case) == ["unbook"]
    assert engine.data_of(task_of(case, "unbook"))["undoes"]["idempotency_key"] == book.effect_key


def test_a_write_whose_worker_was_lost_and_that_was_refused_then_is_undone(
    register: Register,
) -> None:
    case = begun(published(undoing(register)))
    work = engine.claim_work()
    assert work
    failing.sending(work, Connection.objects.get(), {})
    lost(task_of(case, "book"))
    register.stumbles = [422]
    engine.work_until_idle()
    assert task_of(case, "book").state == "failed"

    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="No.")

    assert open_steps(case) == ["unbook"]


def automatic(register: Register, **book: Any) -> str:
    """Whose write is undone by a machine, under a key of its own."""
    system = {"actor": "books", "schema": {"type": "object"}, "effect": "idempotent",
              "call": {"method": "POST", "path": "/book"}, "timeout": "2s"}  # fmt: skip
    return definition(
        [
            step("book", "system", **system, compensated_by="unbook"),
            step("pay", "system", **system, **book),
            step("unbook", "system", **system),
        ],
        "book pay",
        "pay done",
        connections={"books": {"kind": "http", "settings": {"url": register.url}}},
        actors={"books": {"kind": "system", "revision": "1", "connection": "books"}},
    )


def called_off_while_it_writes(register: Register) -> tuple[Case, Work]:
    case = begun(published(automatic(register)))
    work = engine.claim_work()
    assert work
    failing.sending(work, Connection.objects.get(), {})
    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="No.")
    return case, work


def test_a_write_that_is_still_under_way_is_undone_when_it_has_come_to_its_end(
    register: Register,
) -> None:
    """Undone before it lands it would stay for ever."""
    case, _ = called_off_while_it_writes(register)

    assert engine.work_until_idle() == 0
    unbook = task_of(case, "unbook")
    assert unbook.run_at is not None
    assert timedelta(seconds=25) < unbook.run_at - timezone.now() < timedelta(seconds=35)
    due()
    engine.work_until_idle()
    assert register.writes == [unbook.effect_key]
    assert Case.objects.get().state == "cancelled"


def test_an_answer_that_comes_after_the_cancellation_is_there_for_the_undoing(
    register: Register,
) -> None:
    case, work = called_off_while_it_writes(register)

    with pytest.raises(StaleFence):
        engine.submit_output(work, Result(output={"number": 7}))

    assert engine.data_of(task_of(case, "unbook"))["undoes"]["output"] == {"number": 7}
    assert task_of(case, "book").state == "cancelled"


def test_a_step_that_gives_up_has_what_was_done_undone_where_it_says_so(
    register: Register,
) -> None:
    place = published(
        automatic(register, retry={"attempts": 2, "base": "9h", "cap": "9h", "then": "undo"})
    )
    case = begun(place)
    register.stumbles = [0, 429, 429]
    for _ in range(2):
        engine.work_until_idle()
        due()

    engine.work_until_idle()

    assert [key.split(":")[1] for key in register.writes] == ["book", "pay", "pay", "unbook"]
    assert (Case.objects.get().state, Incident.objects.count()) == ("cancelled", 0)
    told = Event.objects.get(type="case.cancelling")
    assert (told.payload, told.actor.kind) == ({"reason": "Pay was given up."}, "policy")
    assert (task_of(case, "pay").state, engine.orphans()) == ("cancelled", [])


def test_a_step_that_kills_its_workers_has_it_undone_too(register: Register) -> None:
    case = begun(published(automatic(register, retry={"then": "undo"})))
    work = engine.claim_work()
    assert work
    engine.submit_output(work, Result(output={}))
    for _ in range(3):
        due()
        assert engine.claim_work()
        lost(task_of(case, "pay"))

    engine.work_until_idle()

    assert (Case.objects.get().state, Incident.objects.count()) == ("cancelled", 0)


def test_an_undoing_that_is_given_up_is_an_incident(register: Register) -> None:
    case = begun(published(automatic(register, retry={"attempts": 1, "then": "undo"})))
    register.stumbles = [0, 422, 422]

    engine.work_until_idle()

    assert Incident.objects.get(state="open").task == task_of(case, "unbook")


def test_where_nothing_would_be_undone_it_is_not_published(register: Register) -> None:
    text = automatic(register, retry={"then": "undo"}).replace(
        '"compensated_by": "unbook"', '"undo": "0s"'
    )

    with pytest.raises(Unpublishable) as refused:
        published(text)

    assert "/steps/1/retry/then" in [row["path"] for row in refused.value.details["problems"]]


def test_a_write_that_was_given_up_is_made_when_it_is_tried_again(register: Register) -> None:
    case = begun(published(undoing(register)))
    register.stumbles = [-500, 422]
    for _ in range(2):
        due()
        engine.work_until_idle()

    engine.retry(Incident.objects.get(state="open").pk, actor=world.actor("dora"))
    engine.work_until_idle()

    assert Delivery.objects.get(task__step_key="book").state == "confirmed"
    assert open_steps(case) == ["last"]
    assert len(set(register.writes)) == 1


def test_a_write_that_was_under_way_is_undone(register: Register) -> None:
    case = begun(published(undoing(register)))
    work = engine.claim_work()
    assert work
    failing.sending(work, Connection.objects.get(), {})

    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="No.")

    assert open_steps(case) == ["unbook"]
