"""Timers, signals, decision tables, called cases, and what undoes what was done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from orchestrator import calendars, engine
from orchestrator.exceptions import CaseClosed, Invalid, NotAllowed, SignalConflict
from orchestrator.models import Case, Event, Inbound, Incident, Task, Timer
from tests import world
from tests.orchestrator.flows import (
    answered,
    asked,
    begun,
    definition,
    open_steps,
    published,
    step,
    task_of,
    told,
)
from tests.programs import Program, refusal

pytestmark = pytest.mark.django_db


def passed(**time: float) -> None:
    """Let time go by: what is due later comes that much nearer."""
    Timer.objects.update(due_at=F("due_at") - timedelta(**time))


def waiting(**flow: Any) -> str:
    return definition(
        [step("rest", "timer", flow=flow), asked("last")],
        "rest last",
        "last done",
        data={"type": "object", "properties": {"day": {"type": "string"}}},
    )


def test_a_timer_leads_on_when_its_time_has_come_and_only_once() -> None:
    case = begun(published(waiting(after="3d")))
    assert open_steps(case) == ["rest"]
    assert engine.fire_timers() == 0

    passed(days=3)
    assert engine.fire_timers() == 1
    assert open_steps(case) == ["last"]
    assert engine.fire_timers() == 0
    assert engine.orphans() == []


@pytest.mark.parametrize(
    ("day", "due"),
    [("2020-01-31", True), ("2020-01-31T10:00:00+02:00", True), ("2999-01-31", False)],
)
def test_a_timer_can_wait_until_a_moment_that_the_case_names(day: str, due: bool) -> None:
    case = begun(published(waiting(until="/day")), {"day": day})

    engine.fire_timers()

    assert open_steps(case) == (["last"] if due else ["rest"])


@pytest.mark.parametrize(
    "day", ["soon", "2026-02-30", "2026-01-31T10:00:00", "9999-12-31T23:00:00-02:00"]
)
def test_a_moment_that_is_none_is_an_incident(day: str) -> None:
    case = begun(published(waiting(until="/day")), {"day": day})

    assert "no date or time at /day" in task_of(case, "rest").incidents.get().detail["message"]
    assert engine.orphans() == []


def test_a_timer_of_working_time_counts_the_hours_of_the_calendar() -> None:
    hours = {"timezone": "UTC", "hours": {"mon": ["09:00-10:00"]}}
    rest = step("rest", "timer", flow={"after": "2h", "working": True})
    case = begun(published(definition([rest], "rest done", calendar=hours)))

    timer = Timer.objects.get()

    assert timer.due_at == calendars.due(task_of(case, "rest").created_at, 7200, hours)
    assert timer.due_at - case.created_at > timedelta(days=6)


def paid(**flow: Any) -> str:
    return definition(
        [
            step("pay", "event", schema={"type": "object", "required": ["amount"]},
                 flow={"signal": "payment", "within": "30d", **flow}),
            asked("last"),
            step("late", "end", outcome="late"),
        ],
        ("pay late", {"fact": "signal", "op": "eq", "value": "timed_out"}),
        "pay last",
        "last done",
        signals={"address": {"/address": "/now"}},
        data={"type": "object", "properties": {"address": {"type": "string"}}},
    )  # fmt: skip


def brought(case: Case, name: str, message: str, data: Any, by: str = "alice") -> engine.Signalled:
    return engine.signal(case.pk, actor=world.actor(by), name=name, message_id=message, data=data)


def test_a_signal_leads_the_case_on_once() -> None:
    case = begun(published(paid()))

    first = brought(case, "payment", "m-1", {"amount": 5})
    again = brought(case, "payment", "m-1", {"amount": 5})

    assert (first.status, first.tasks) == ("taken", (task_of(case, "pay").pk,))
    assert (again.status, again.tasks) == ("existing", first.tasks)
    assert open_steps(case) == ["last"]
    assert told(case).data["pay"] == {"amount": 5}
    with pytest.raises(SignalConflict):
        brought(case, "payment", "m-1", {"amount": 6})
    passed(days=31)
    engine.fire_timers()
    assert open_steps(case) == ["last"]


def test_a_signal_that_comes_before_its_step_is_kept_for_it() -> None:
    text = definition(
        [asked("first"), step("pay", "event", flow={"signal": "payment", "within": "1d"})],
        "first pay",
        "pay done",
    )
    case = begun(published(text))

    assert brought(case, "payment", "m-1", {"amount": 5}).status == "kept"
    answered(case, "first")

    assert told(case).state == "completed"
    assert case.data["pay"] == {"amount": 5}
    assert Inbound.objects.get(name="payment").task == task_of(case, "pay")


def test_silence_takes_only_an_exit_that_asks_for_it() -> None:
    case = begun(published(paid()))
    passed(days=30)
    engine.fire_timers()
    assert (told(case).state, case.outcome) == ("completed", "late")

    text = definition(
        [step("pay", "event", flow={"signal": "payment", "within": "1d"})],
        "pay done",
        workflow="mute",
    )
    mute = begun(published(text))
    passed(days=1)
    engine.fire_timers()
    assert task_of(mute, "pay").incidents.get().kind == "stuck"
    assert engine.orphans() == []


def test_news_are_written_into_the_case_file_and_what_is_open_looks_again() -> None:
    case = begun(published(paid()))
    brought(case, "payment", "m-1", {"amount": 5})
    task = task_of(case, "last")
    before = engine.screen_digest(task, told(case))

    assert brought(case, "address", "m-2", {"now": "Berlin"}).status == "taken"

    assert told(case).data["address"] == "Berlin"
    assert case.provenance["/address"]["signal"] == "address"
    assert engine.screen_digest(task, case) != before


@pytest.mark.parametrize(
    ("name", "data", "path"),
    [
        ("paiment", {"amount": 5}, "/name"),
        ("payment", {"amounts": 5}, "/data/amount"),
        ("payment", [1], "/data"),
        ("", {"amount": 5}, "/name"),
        ("p" * 81, {"amount": 5}, "/name"),
    ],
)
def test_a_signal_that_fits_nothing_is_refused_and_not_kept(
    name: str, data: Any, path: str
) -> None:
    case = begun(published(paid()))

    with pytest.raises(Invalid) as refusal:
        brought(case, name, "m-1", data)

    assert refusal.value.details["problems"][0]["path"] == path
    assert not Inbound.objects.exists()


def test_only_who_may_bring_cases_brings_signals_and_only_to_open_ones() -> None:
    case = begun(published(paid()))
    with pytest.raises(NotAllowed):
        brought(case, "payment", "m-1", {"amount": 5}, by="cara")

    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="Sent twice.")
    with pytest.raises(CaseClosed):
        brought(case, "payment", "m-1", {"amount": 5})


def test_each_of_several_waits_takes_the_signal_that_is_meant_for_it() -> None:
    text = definition(
        [
            step("each", "for_each",
                 flow={"items": "/lines", "join": "all", "collect": "/sent"}),
            step("ship", "event",
                 flow={"signal": "shipped", "within": "5d", "match": {"/line": "/item/id"}}),
            step("all", "join"),
        ],
        "each ship",
        "ship all",
        "all done",
        data={"type": "object", "properties": {"lines": {"type": "array"}}},
    )  # fmt: skip
    case = begun(published(text), {"lines": [{"id": "a"}, {"id": "b"}]})

    brought(case, "shipped", "m-1", {"line": "b"})
    assert task_of(case, "ship").state == "completed"
    assert brought(case, "shipped", "m-2", {"line": "c"}).status == "kept"
    brought(case, "shipped", "m-3", {"line": "a"})

    assert told(case).state == "completed"
    assert [row["ship"]["line"] for row in case.data["sent"]] == ["a", "b"]


def test_a_table_decides_by_its_first_row_that_holds_and_says_why() -> None:
    rows = [
        {"when": {"fact": "case/sum", "op": "gt", "value": 100}, "output": "high"},
        {"when": {"fact": "case/sum", "op": "le", "value": 100}, "output": "low"},
    ]
    text = definition(
        [step("rank", "decision", schema={"type": "string"}, flow={"rows": rows})],
        "rank done",
        data={"type": "object", "properties": {"sum": {"type": "number"}}},
    )
    place = published(text)

    low = begun(place, {"sum": 7})
    unknown = begun(place, {}, key="c-2")

    assert (told(low).state, low.data["rank"]) == ("completed", "low")
    attempt = task_of(low, "rank").tries.get()
    assert attempt.actor.kind == "policy"
    assert attempt.input
    assert [row["truth"] for row in attempt.input["rows"]] == [False, True]
    assert task_of(unknown, "rank").incidents.get().kind == "undecided"
    assert engine.orphans() == []


def test_a_loop_of_steps_that_take_no_time_stops_with_an_incident() -> None:
    rows = [{"output": 1}]
    text = definition(
        [
            step("one", "decision", schema={"type": "integer"}, flow={"rows": rows}),
            step("two", "decision", schema={"type": "integer"}, flow={"rows": rows}),
        ],
        "one two",
        ("two done", {"fact": "case/one", "op": "eq", "value": 2}),
        "two one",
    )

    case = begun(published(text))

    assert case.tasks.get(state="failed").incidents.get().kind == "loop"
    assert engine.orphans() == []


CHILD = definition(
    [asked("look")],
    "look done",
    workflow="child",
    name="Child",
    data={"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
)


def calling(**more: Any) -> str:
    return definition(
        [
            step("call", "subflow", flow={"workflow": "child"}, input={"name": "/name"},
                 output={"/said": "/data/look/text"}, **more),
            asked("last"),
        ],
        "call last",
        "last done",
        data={"type": "object", "properties": {"name": {"type": "string"}}},
    )  # fmt: skip


def test_a_step_can_be_a_whole_case_of_another_workflow() -> None:
    published(CHILD)
    case = begun(published(calling()), {"name": "x"})
    child = Case.objects.get(workflow__slug="child")
    assert (child.caller, child.data) == (task_of(case, "call"), {"name": "x"})
    assert engine.orphans() == []

    answered(child, "look", "fine")
    assert open_steps(case) == ["call"]
    assert engine.fire_timers() == 1

    assert open_steps(case) == ["last"]
    assert told(case).data == {"name": "x", "said": "fine"}


def test_a_called_case_that_does_not_begin_or_is_cancelled_is_an_incident() -> None:
    published(CHILD)
    place = published(calling())

    wrong = begun(place, {})
    assert "/data" in task_of(wrong, "call").incidents.get().detail["message"]

    case = begun(place, {"name": "x"}, key="c-2")
    child = Case.objects.get(workflow__slug="child")
    engine.cancel_case(child.pk, actor=world.actor("dora"), reason="No.")
    engine.fire_timers()
    incident = task_of(case, "call").incidents.get()
    assert incident.kind == "call_cancelled"

    engine.retry(incident.pk, actor=world.actor("dora"))
    again = Case.objects.filter(workflow__slug="child").latest("id")
    assert again.pk != child.pk
    answered(again, "look")
    engine.fire_timers()
    assert open_steps(case) == ["last"]


def test_workflows_do_not_call_each_other_without_end() -> None:
    published(definition([asked("look")], "look done"))
    itself = step("call", "subflow", flow={"workflow": "flow"})

    begun(published(definition([itself], "call done")))

    assert Case.objects.count() == 9
    (stopped,) = Incident.objects.all()
    assert "more than 8 deep" in stopped.detail["message"]


def test_cancelling_the_caller_cancels_the_called_case() -> None:
    published(CHILD)
    case = begun(published(calling()), {"name": "x"})

    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="No.")
    engine.fire_timers()

    assert Case.objects.get(workflow__slug="child").state == "cancelled"
    assert engine.orphans() == []


def undone() -> str:
    return definition(
        [
            asked("book", compensated_by="unbook"),
            asked("pay", compensated_by="unpay"),
            asked("last"),
            asked("unbook"),
            asked("unpay", input={"what": "/undoes/output"}),
        ],
        "book pay",
        "pay last",
        "last done",
    )


def test_a_cancelled_case_undoes_what_it_did_newest_first() -> None:
    case = begun(published(undone()))
    answered(case, "book", "a room")
    answered(case, "pay", "90 €")

    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="Sent twice.")
    assert (told(case).state, open_steps(case)) == ("cancelling", ["unpay"])
    undo = task_of(case, "unpay")
    assert undo.compensates == task_of(case, "pay")
    assert engine.data_of(undo)["undoes"]["output"] == {"text": "90 €"}
    assert engine.orphans() == []

    answered(case, "unpay")
    assert open_steps(case) == ["unbook"]
    answered(case, "unbook")
    assert told(case).state == "cancelled"
    assert case.data == {"book": {"text": "a room"}, "pay": {"text": "90 €"}}
    assert Event.objects.filter(type="case.cancelled").count() == 1


def test_what_was_never_done_needs_no_undoing() -> None:
    case = begun(published(undone()))
    world.decided(task_of(case, "book"), "bea", "responded", output={"text": "a room"})

    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="No.")

    assert open_steps(case) == ["unbook"]
    assert not Task.objects.filter(step_key="unpay").exists()
    answered(case, "unbook")
    assert told(case).state == "cancelled"


def test_a_program_brings_a_signal_over_the_api() -> None:
    case = begun(published(paid()))
    program = Program("alice")
    path, body = f"cases/{case.pk}/signals", {"name": "payment", "id": "m-1", "data": {"amount": 5}}

    told_first = program.post(path, body).json()
    told_again = program.post(path, body).json()

    assert told_first == {"status": "taken", "tasks": [task_of(case, "pay").pk]}
    assert told_again == told_first | {"status": "existing"}
    refusal(program.post(path, body | {"data": {"amount": 6}}), 409, "signal-conflict")
    refusal(program.post(path, body | {"name": "x", "id": "m-2"}), 422, "invalid")
    refusal(Program("cara").post(path, body | {"id": "m-3"}), 403, "not-allowed")
    refusal(Program("carl").post(path, body | {"id": "m-4"}), 404, "not-found")
