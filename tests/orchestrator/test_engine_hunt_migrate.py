"""Migrations that meet what has been done already, and what is being done this moment."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_httpserver import HTTPServer

from orchestrator import engine
from orchestrator.connectors import Result
from orchestrator.exceptions import AlreadyDecided, StaleFence, UndoClosed
from orchestrator.models import Actor, BulkRow, Case, Decision, Grant, Task, Timer, Workflow
from tests import world
from tests.orchestrator.flows import (
    ANSWER,
    READER,
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
from tests.orchestrator.races import is_waiting
from tests.orchestrator.register import BOOKING, Register, booking
from tests.orchestrator.register import begun as register_case
from tests.orchestrator.test_migrating import migrated, verdicts, versions

pytestmark = pytest.mark.django_db


def planned(place: Workflow, *keys: str, **steps: str) -> engine.Plan:
    return engine.plan_of(*versions(place), {**{key: key for key in keys}, **steps})


def row(case: Case) -> BulkRow:
    return BulkRow.objects.filter(case=case).latest("id")


def test_what_a_branch_has_done_is_joined_although_its_step_is_gone() -> None:
    ways = ["split law", "split money", "money meet", "meet done"]
    opener, join = step("split", "fork", flow={"join": "meet"}), step("meet", "join")
    old = [opener, asked("law"), asked("check"), asked("money"), join]
    new = [opener, asked("law2"), asked("check"), asked("money"), join]
    case = begun(published(definition(old, *ways, "law check", "check meet")))
    answered(case, "law", "fine")
    place = published(definition(new, "split law2", *ways[1:], "law2 check", "check meet"))
    assert migrated(planned(place, "split", "check", "money", "meet")).total == 1

    answered(case, "check")
    answered(case, "money")

    assert told(case).state == "completed"
    assert case.data["law"] == {"text": "fine"}


@pytest.mark.parametrize("swapped", [True, False])
def test_steps_that_changed_places_or_names_come_again(swapped: bool) -> None:
    """Their visits and keys are taken already."""
    case = begun(published(definition([asked("look"), asked("last")], "look last", "last done")))
    steps = [asked("last"), asked("look")] if swapped else [asked("view"), asked("look")]
    if swapped:
        answered(case, "look")
    key = steps[0]["key"]
    place = published(definition(steps, f"{key} look", "look done"))
    plan = planned(place, last="last") if swapped else planned(place, look="view")
    assert migrated(plan).total == 1

    answered(case, key)

    assert open_steps(case) == ["look"]
    keys = list(case.tasks.values_list("effect_key", flat=True))
    assert len(keys) == len(set(keys)) == (3 if swapped else 2)
    answered(case, "look")
    assert (told(case).state, engine.orphans()) == ("completed", [])


def reading(*rights: Any, key: str = "read", **more: Any) -> dict[str, Any]:
    people = {"mode": "review", "group": "Expense reviewers"}
    return step(key, "agent", actor="reader", schema=ANSWER, undo="0s",
                rights=[*rights, people], **more)  # fmt: skip


SURE = {"mode": "auto", "when": {"fact": "confidence", "op": "ge", "value": 0.5}}


def test_what_led_the_case_on_is_not_taken_back() -> None:
    case = begun(published(definition([reading(), asked("last")], "read last", "last done",
                                      **READER)))  # fmt: skip
    work = engine.claim_work()
    assert work
    engine.submit_output(work, Result(output={"text": "x"}, confidence=0.7))
    place = published(
        definition([reading(SURE), asked("more")], "read more", "more done", **READER)
    )
    bulk = migrated(planned(place, "read"))
    assert open_steps(case) == ["more"]

    engine.revert(bulk.pk, actor=world.actor("alice"))
    engine.work_bulks()

    assert (told(case).version.number, row(case).state) == (2, "refused")
    answered(case, "more")
    assert (told(case).state, engine.orphans()) == ("completed", [])


def test_branches_that_the_new_rules_approve_go_over_together() -> None:
    flow = {"join": "meet", "complete_when": "any"}
    ways = ["split read", "split law", "read meet", "law meet", "meet last", "last done"]

    def text(*rights: Any) -> str:
        steps = [step("split", "fork", flow=flow), reading(*rights),
                 reading(*rights, key="law"), step("meet", "join"), asked("last")]  # fmt: skip
        return definition(steps, *ways, **READER)

    case = begun(published(text()))
    for _ in range(2):
        work = engine.claim_work()
        assert work
        engine.submit_output(work, Result(output={"text": "x"}, confidence=0.7))
    plan = planned(published(text(SURE)), "split", "read", "law", "meet", "last")

    migrated(plan)

    assert (row(case).state, row(case).message) == ("done", "")
    assert (told(case).version.number, open_steps(case)) == (2, ["last"])
    assert task_of(case, "law").state == "cancelled"


def test_a_value_that_somebody_corrected_goes_over_only_by_hand() -> None:
    """It waits for others in a new round, and would be asked about as the agent gave it."""
    leads = "mode: review\n        group: Expense leads"
    text = world.EXPENSES.replace("mode: dual\n        group: Expense reviewers", leads)
    place = world.workflow(text)
    task = world.in_review(place, world.LUNCH)
    world.decided(task, "bea", "corrected", output=world.FLIGHT)
    task.refresh_from_db()
    assert (task.round, task.state) == (2, "in_review")
    assert not task.seats.filter(round=2).exclude(state="open").exists()
    new = world.workflow(text.replace("name: Booked", "name: Is booked"))

    assert verdicts(planned(new, "read"))[task.case.key][0] == "hand"


def test_what_could_not_be_undone_any_more_goes_over_only_by_hand() -> None:
    def text(key: str) -> str:
        return definition(
            [asked(key, compensated_by="unbook"), asked("last"), asked("unbook")],
            f"{key} last",
            "last done",
        )

    case = begun(published(text("book")))
    answered(case, "book")
    plan = planned(published(text("reserve")), "last")

    kind, reason = verdicts(plan)["c-1"]

    assert kind == "hand"
    assert "Book" in reason


@pytest.mark.parametrize(("over", "kind"), [("books", "safe"), ("other", "refused")])
def test_a_write_that_may_have_happened_is_not_made_again_at_another_system(
    httpserver: HTTPServer, settings: Any, over: str, kind: str
) -> None:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    register = Register(httpserver)
    place = booking(register, "idempotent")
    case = register_case(place)
    register.stumbles = [-500]
    engine.work_until_idle()
    assert task_of(case, "book").state == "ready"

    text = BOOKING.replace("name: Booking", "name: Booking anew")
    text = text.replace("books: {kind: http", f"{over}: {{kind: http")
    text = text.replace('"1", connection: books', f'"2", connection: {over}')
    booking(register, "idempotent", text)

    assert verdicts(planned(place, "book"))["k"][0] == kind


def test_an_output_that_came_along_is_not_asked_for_again() -> None:
    place = world.workflow()
    line = {"key": "k", "data": {"text": "x"}, "output": {"value": world.LUNCH}}
    engine.start_cases(place, actor=world.actor("alice"), cases=[line])
    new = world.workflow(
        world.EXPENSES.replace("name: Booked", "name: Is booked").replace(
            'revision: "1", connection: reader', 'revision: "2"'
        )
    )
    migrated(planned(new, "read"))

    assert Task.objects.get().lane is None
    engine.work_until_idle()
    assert Task.objects.get().state == "in_review"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("back", [False, True])
def test_what_a_worker_takes_this_moment_is_not_pulled_from_under_it(back: bool) -> None:
    def text(key: str) -> str:
        return definition([reading(key=key)], f"{key} done", **READER)

    case = begun(published(text("read")))
    plan = planned(published(text("view")), read="view")
    if back:
        bulk = migrated(plan)
        engine.revert(bulk.pk, actor=world.actor("alice"))
    else:
        engine.migrate(plan, actor=world.actor("alice"))

    def work() -> None:
        engine.work_bulks(0.5)
        connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        assert engine.claim_work()
        other = pool.submit(work)
        while not is_waiting() and not other.done():
            time.sleep(0.005)
    other.result()

    assert row(case).state == "refused"
    assert told(case).version.number == (2 if back else 1)


# --- What was over before, under a version whose steps are gone


def over() -> tuple[Case, engine.Plan, Decision]:
    """A case past two steps that the new version has not; at one it waited for a signal."""
    first = asked("look", undo="9h")
    event = step("pay", "event", flow={"signal": "paid", "within": "1d"})
    case = begun(published(definition([first, event, asked("last")],
                                      "look pay", "pay last", "last done")))  # fmt: skip
    said = world.decided(
        task_of(case, "look"), "bea", "responded", output={"text": "x"}, final=True
    )
    engine.signal(case.pk, actor=world.actor("alice"), name="paid", message_id="1")
    plan = planned(published(definition([asked("last")], "last done")), "last")
    assert migrated(plan).total == 1
    return case, plan, said.decision


def test_the_timers_of_steps_that_are_gone_hold_nothing_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    over()
    Timer.objects.update(due_at="2020-01-01T00:00Z")

    engine.fire_timers()

    assert not Timer.objects.filter(fired_at=None).exists()
    assert "broke" not in caplog.text


def test_who_decides_or_takes_back_what_is_gone_is_told_that_it_is_over() -> None:
    case, _, decision = over()
    look = task_of(case, "look")
    token = look.seats.get().claim_token
    assert token

    with pytest.raises(UndoClosed):
        engine.undo(decision.pk, actor=world.actor("bea"))
    with pytest.raises(AlreadyDecided):
        engine.decide(
            look.pk, actor=world.actor("bea"), claim_token=token, digest="", word="responded"
        )


def test_one_of_several_decisions_is_not_taken_back_after_a_migration() -> None:
    place = world.workflow()
    task = world.in_review(place, world.FLIGHT)
    said = world.decided(task, "bea", "approved")
    new = world.workflow(world.EXPENSES.replace("name: Booked", "name: Is booked"))
    migrated(planned(new, "read"), by_hand=True)

    with pytest.raises(UndoClosed):
        engine.undo(said.decision.pk, actor=world.actor("bea"))

    world.decided(task, "bea", "approved")
    world.decided(task, "ben", "approved", final=True)
    assert Case.objects.get().outcome == "booked"


def test_an_outside_worker_learns_that_its_step_is_gone() -> None:
    pack = step("pack", "automation", actor="packer", schema={"type": "object"})
    more = {"actors": {"packer": {"kind": "automation", "revision": "1"}}}
    place = published(definition([pack, asked("last")], "pack last", "last done", **more))
    packer = Actor.objects.create(kind="automation", name="packing-station")
    Grant.objects.create(actor=packer, action="work", workflow=place, valid=("2020-01-01", None))
    case = begun(place)
    (found,) = engine.fetch_work(packer, ["automation"], 1)
    engine.complete_work(found.work.task_id, found.work.fence, {"value": {}}, actor=packer)
    migrated(planned(published(definition([asked("last")], "last done", **more)), "last"))
    assert told(case).version.number == 2

    with pytest.raises(StaleFence):
        engine.complete_work(found.work.task_id, found.work.fence, {"value": {}}, actor=packer)
