"""Acts on flows that meet: one of them wins, nothing happens twice, and nothing is left behind."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F

from orchestrator import engine
from orchestrator.connectors import PermanentError, Result
from orchestrator.definitions import import_draft
from orchestrator.engine import failing
from orchestrator.engine.bulk import DOES
from orchestrator.exceptions import Invalid, StaleFence
from orchestrator.models import (
    Actor,
    Bulk,
    BulkRow,
    Case,
    Connection,
    Decision,
    Event,
    Grant,
    Incident,
    Task,
    Timer,
    Verdict,
    Workflow,
)
from orchestrator.models.fields import ClockTimestamp
from tests import world
from tests.orchestrator.flows import (
    READER,
    asked,
    begun,
    definition,
    open_steps,
    published,
    step,
    told,
)
from tests.orchestrator.races import at_once, check, deciding, is_waiting
from tests.world import LUNCH

pytestmark = pytest.mark.django_db(transaction=True)

SURE = {"mode": "auto", "when": {"fact": "confidence", "op": "ge", "value": 0.9}}
PEOPLE = {"mode": "review", "group": "Expense reviewers"}


@pytest.fixture(autouse=True)
def _nothing_breaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert "broke" not in caplog.text


def reading(key: str, *rights: Any) -> dict[str, Any]:
    return step(key, "agent", actor="reader", schema={"type": "object"}, undo="0s",
                rights=[*rights, PEOPLE])  # fmt: skip


def begin(place: Workflow) -> Case:
    return begun(place, key=f"case-{uuid4().hex[:12]}")


def answering(task: Task, by: str) -> Callable[[], str]:
    """An act that answers a human step with a claim held already."""
    seat = engine.claim(task.pk, actor=world.actor(by))
    fresh = Task.objects.select_related("case").get(pk=task.pk)
    token, digest = str(seat.claim_token), engine.screen_digest(fresh, fresh.case)
    actor = world.actor(by)

    def act() -> str:
        done = engine.decide(
            task.pk,
            actor=actor,
            claim_token=token,
            digest=digest,
            word="responded",
            output={"text": by},
        )
        return str(done.task_state)

    return act


def opened(case: Case, key: str) -> int:
    rows = Event.objects.filter(stream=f"case:{case.pk}", type="task.opened", payload__step=key)
    return rows.count()


# --- Decisions


def test_a_decision_and_the_end_of_its_time_are_one_of_them() -> None:
    place = world.workflow()
    for wait in (0, 5, 10, 20):
        task = world.in_review(place, LUNCH)
        act = deciding(task, world.actor("bea"))
        # The claim ends this moment, and the seat was due long ago.
        ends = ClockTimestamp() + timedelta(milliseconds=wait)
        task.seats.update(due_at="2020-01-01T00:00Z", claim_expires_at=ends)

        found = at_once(act, engine.expire_seats, engine.expire_seats)

        words = list(Decision.objects.filter(task=task).values_list("word", flat=True))
        case = check(task)
        if found[0] == "completed":
            assert (words, case.outcome) == (["approved"], "booked")
        else:
            assert set(words) <= {"escalated"}
            assert task.seats.filter(state="open").exists()


def test_a_publication_in_the_middle_changes_no_running_case() -> None:
    place = world.workflow()
    task = world.in_review(place, LUNCH)
    text = world.EXPENSES.replace("outcome: booked", "outcome: filed")
    draft = import_draft(text)
    alice = world.actor("alice")

    def start() -> str:
        return str(world.started(place, LUNCH, confidence=0.99).outcome)

    found = at_once(
        deciding(task, world.actor("bea")), lambda: engine.publish(draft, actor=alice), start
    )

    assert found[0] == "completed"
    assert check(task).outcome == "booked"
    for case in Case.objects.exclude(pk=task.case_id):
        assert case.outcome == {1: "booked", 2: "filed"}[case.version.number]


def test_an_undo_and_the_end_of_its_window_are_one_of_them() -> None:
    place = world.workflow()
    for _ in range(4):
        task = world.in_review(place, LUNCH)
        done = world.decided(task, "bea", "approved")
        ends = ClockTimestamp() + timedelta(milliseconds=10)
        Task.objects.filter(pk=task.pk).update(settle_at=ends)
        bea = world.actor("bea")

        def sweep() -> int:
            return sum(engine.settle_due() for _ in range(20))

        found = at_once(lambda: engine.undo(done.decision.pk, actor=bea), sweep, sweep)  # noqa: B023

        task.refresh_from_db()
        if found[0] == "UndoClosed":
            assert (task.state, Verdict.objects.filter(decision__task=task).count()) == (
                "completed",
                1,
            )
        else:
            assert (task.state, task.seats.get().state) == ("in_review", "open")
        check(task)


# --- Branches


def test_branches_that_come_to_their_join_at_the_same_time_fire_it_once() -> None:
    keys = [f"read{number}" for number in range(6)]
    text = definition(
        [
            step("split", "fork", flow={"join": "meet"}),
            *(reading(key, SURE) for key in keys),
            step("meet", "join"),
            asked("last"),
        ],
        *(f"split {key}" for key in keys),
        *(f"{key} meet" for key in keys),
        "meet last",
        "last done",
        **READER,
    )
    place = published(text)
    Connection.objects.update(bulkhead=100)
    for _ in range(2):
        case = begin(place)
        taken = [work for _ in keys if (work := engine.claim_work())]
        assert len(taken) == 6
        result = Result(output={"a": 1}, confidence=0.95)

        at_once(*(partial(engine.submit_output, work, result) for work in taken))

        assert open_steps(case) == ["last"]
        assert opened(case, "last") == 1
        assert told(case).data.keys() == set(keys)
        check(case.tasks.first())  # type: ignore[arg-type]


@pytest.mark.parametrize("wanted", ["any", "all"])
def test_two_people_in_two_branches_and_a_cancellation(wanted: str) -> None:
    text = definition(
        [
            step("split", "fork", flow={"join": "meet", "complete_when": wanted}),
            asked("law"),
            asked("money"),
            step("meet", "join"),
            asked("last"),
        ],
        "split law",
        "split money",
        "law meet",
        "money meet",
        "meet last",
        "last done",
    )
    place, dora = published(text), world.actor("dora")
    for cancels in (False, True):
        case = begin(place)
        law, money = (case.tasks.get(step_key=key) for key in ("law", "money"))
        acts: list[Callable[[], object]] = [answering(law, "bea"), answering(money, "ben")]
        if cancels:
            acts.append(partial(engine.cancel_case, case.pk, actor=dora, reason="No."))

        found = Counter(str(row) for row in at_once(*acts))

        assert opened(case, "last") <= 1
        assert engine.orphans() == []
        if not cancels:
            assert found["completed"] == (1 if wanted == "any" else 2)
            assert open_steps(case) == ["last"]
        else:
            assert (told(case).state, open_steps(case)) == ("cancelled", [])


# --- Waits


def test_a_signal_and_its_deadline_are_one_of_them() -> None:
    text = definition(
        [step("pay", "event", flow={"signal": "paid", "within": "9d"}), step("late", "end")],
        ("pay late", {"fact": "signal", "op": "eq", "value": "timed_out"}),
        "pay done",
    )
    place, alice = published(text), world.actor("alice")
    for number in range(5):
        case = begin(place)
        Timer.objects.filter(task__case=case).update(due_at="2020-01-01T00:00Z")

        found = at_once(
            partial(engine.signal, case.pk, actor=alice, name="paid", message_id=str(number)),
            engine.fire_timers,
            engine.fire_timers,
        )

        assert told(case).outcome in ("done", "late")
        assert (case.outcome == "late") == (found[0] == "CaseClosed")
        assert Event.objects.filter(stream=f"case:{case.pk}", type="task.settled").count() == 1
        assert engine.orphans() == []


def test_the_same_signal_from_many_senders_is_taken_once() -> None:
    text = definition(
        [step("pay", "event", flow={"signal": "paid", "within": "9d"}), asked("last")],
        "pay last",
        "last done",
    )
    case, alice = begin(published(text)), world.actor("alice")
    act = partial(engine.signal, case.pk, actor=alice, name="paid", message_id="1")

    found = Counter(row.status for row in at_once(*[act] * 8))  # type: ignore[attr-defined]

    assert found == {"taken": 1, "existing": 7}
    assert opened(case, "last") == 1


# --- Called cases


def test_a_caller_that_is_cancelled_while_what_it_called_ends() -> None:
    published(definition([asked("look")], "look done", workflow="child", name="Child"))
    text = definition(
        [step("call", "subflow", flow={"workflow": "child"}), asked("last")],
        "call last",
        "last done",
    )
    place, dora = published(text), world.actor("dora")
    for _ in range(4):
        case = begin(place)
        child = Case.objects.get(caller__case=case)
        engine_acts = (
            answering(child.tasks.get(), "bea"),
            partial(engine.cancel_case, case.pk, actor=dora, reason="No."),
            engine.fire_timers,
            engine.fire_timers,
        )

        at_once(*engine_acts)
        engine.fire_timers()
        engine.fire_timers()

        assert (told(case).state, open_steps(case)) == ("cancelled", [])
        assert told(child).state in ("completed", "cancelled")
        assert not Timer.objects.filter(fired_at=None).exists()
        assert engine.orphans() == []


def test_a_called_case_that_is_cancelled_from_two_sides() -> None:
    published(definition([asked("look")], "look done", workflow="child", name="Child"))
    text = definition([step("call", "subflow", flow={"workflow": "child"})], "call done")
    place, dora = published(text), world.actor("dora")
    for _ in range(4):
        case = begin(place)
        child = Case.objects.get(caller__case=case)

        at_once(
            partial(engine.cancel_case, case.pk, actor=dora, reason="No."),
            partial(engine.cancel_case, child.pk, actor=dora, reason="No."),
            engine.fire_timers,
        )
        engine.fire_timers()
        engine.fire_timers()

        assert {told(case).state, told(child).state} == {"cancelled"}
        assert engine.orphans() == []


# --- Sweeps and bulks


def sweep() -> None:
    engine.expire_leases()
    engine.resume_due()
    engine.fire_seat_timers()
    engine.expire_seats()
    engine.fire_timers()
    engine.settle_due()


def test_sweeps_of_several_beats_do_everything_once() -> None:
    text = definition(
        [
            step("split", "fork", flow={"join": "meet"}),
            asked("ask", undo="10s"),
            step("rest", "timer", flow={"after": "3d"}),
            reading("read", SURE),
            step("meet", "join"),
            asked("last"),
        ],
        "split ask",
        "split rest",
        "split read",
        "ask meet",
        "rest meet",
        "read meet",
        "meet last",
        "last done",
        **READER,
    )
    place = published(text)
    cases = [begin(place) for _ in range(2)]
    for case in cases:
        world.decided(case.tasks.get(step_key="ask"), "bea", "responded", output={"text": "x"})
    Connection.objects.update(bulkhead=100)
    works = [work for _ in cases if (work := engine.claim_work())]
    past = "2020-01-01T00:00Z"
    Task.objects.filter(state="running").update(lease_expires_at=past)
    Task.objects.filter(state="decided").update(settle_at=past)
    Timer.objects.update(due_at=past)

    at_once(*[sweep] * 4)

    read = Task.objects.filter(step_key="read")
    assert {(task.state, task.fence, task.crashes) for task in read} == {("ready", 2, 1)}
    for work in works:
        with pytest.raises(StaleFence):
            engine.submit_output(work, Result(output={"a": 1}, confidence=0.95))
    Connection.objects.update(settings={"output": {"a": 1}, "confidence": 0.95})
    at_once(*[engine.work_until_idle] * 3)
    for case in cases:
        assert (open_steps(case), opened(case, "last")) == (["last"], 1)
        check(case.tasks.first())  # type: ignore[arg-type]


def test_a_bulk_retry_that_several_workers_share_tries_each_once() -> None:
    place = published(definition([reading("read")], "read done", **READER))
    Connection.objects.update(bulkhead=100, breaker_after=100)
    cases = [begin(place) for _ in range(12)]
    for _ in cases:
        work = engine.claim_work()
        assert work
        failing.fail(work, {}, PermanentError("gone"))
    incidents = list(Incident.objects.values_list("id", flat=True))
    dora = world.actor("dora")
    engine.resolve_many("retry_incidents", incidents, actor=dora)
    engine.resolve_many("retry_incidents", incidents, actor=dora)

    at_once(*[partial(engine.work_bulks, 20.0)] * 4)
    # What another one held is tried again.
    engine.work_bulks()

    assert dict(Counter(BulkRow.objects.values_list("state", flat=True))) == {
        "done": 12,
        "refused": 12,
    }
    assert Incident.objects.filter(resolution="retried").count() == 12
    assert Task.objects.filter(state="ready").count() == 12
    assert not engine.is_bulk_pending()


def retried() -> Bulk:
    """A bulk of one incident, not begun."""
    case = world.started(world.workflow())
    incident = Incident.objects.create(task=case.tasks.get(), kind="stuck", fingerprint="x")
    return engine.resolve_many("retry_incidents", [incident.pk], actor=world.actor("dora"))


def test_a_row_waits_for_the_database_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_row: BulkRow) -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setitem(DOES, "retry_incidents", gone)
    bulk = retried()

    with pytest.raises(OperationalError):
        engine.work_bulks()

    assert bulk.rows.get().state == "pending"


def test_a_bulk_has_an_end() -> None:
    many = range(engine.MOST_AT_ONCE + 1)

    with pytest.raises(Invalid, match="At most 10000 incidents at once"):
        engine.resolve_many("retry_incidents", many, actor=world.actor("dora"))


def test_an_older_count_of_a_bulk_overwrites_no_newer_one() -> None:
    bulk = retried()

    def count() -> None:
        try:
            engine.work_bulks(0)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Bulk.objects.select_for_update().get()
        late = pool.submit(count)
        while not is_waiting() and not late.done():
            time.sleep(0.005)
        BulkRow.objects.update(state="done")
    late.result()

    bulk.refresh_from_db()
    assert (bulk.done, bulk.finished_at is not None) == (1, True)


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_migration_and_a_decision_are_done_one_after_the_other(by_hand: bool) -> None:
    place = published(definition([asked("look"), asked("last")], "look last", "last done"))
    cases = [begin(place) for _ in range(3)]
    acts = [answering(case.tasks.get(), "bea") for case in cases] if by_hand else []
    new = published(definition([asked("look"), asked("more")], "look more", "more done"))
    old, now = new.versions.order_by("number")
    plan = engine.plan_of(old, now, {"look": "look"})
    engine.migrate(plan, actor=world.actor("alice"), by_hand=True)
    if not by_hand:
        acts = [answering(case.tasks.get(), "bea") for case in cases]

    found = at_once(*acts, partial(engine.work_bulks, 20.0), partial(engine.work_bulks, 20.0))
    engine.work_bulks()

    for case, said in zip(cases, found, strict=False):
        moved = told(case).version.number == 2
        if moved and said != "completed":
            assert (said, open_steps(case)) == ("StaleClaim", ["look"])
        else:
            assert open_steps(case) == ["last"]
            assert BulkRow.objects.get(case=case).state == "refused"
    assert engine.orphans() == []


# --- Those who come late


def test_a_lease_that_ends_while_its_worker_hands_in() -> None:
    place = published(definition([reading("read", SURE), asked("last")], "read last", "last done",
                                 **READER))  # fmt: skip
    result = Result(output={"a": 1}, confidence=0.95)
    for _ in range(5):
        case = begin(place)
        work = engine.claim_work()
        assert work
        Task.objects.filter(pk=work.task_id).update(lease_expires_at=F("created_at"))

        found = at_once(
            partial(engine.submit_output, work, result), engine.expire_leases, engine.expire_leases
        )

        task = Task.objects.get(pk=work.task_id)
        if found[0] == "StaleFence":
            assert (task.state, task.crashes) == ("ready", 1)
            again = engine.claim_work()
            assert again
            engine.submit_output(again, result)
        assert (open_steps(case), opened(case, "last")) == (["last"], 1)
        check(task)


def test_an_outside_worker_that_comes_late_meets_who_has_the_work_now() -> None:
    text = definition(
        [step("pack", "automation", actor="packer", schema={"type": "object"}), asked("last")],
        "pack last",
        "last done",
        actors={"packer": {"kind": "automation", "revision": "1"}},
    )
    place = published(text)
    packer = Actor.objects.create(kind="automation", name="packing-station")
    Grant.objects.create(actor=packer, action="work", workflow=place, valid=("2020-01-01", None))
    for _ in range(4):
        case = begin(place)
        (first,) = engine.fetch_work(packer, ["automation"], 5)
        Task.objects.filter(state="running").update(lease_expires_at=F("created_at"))
        engine.expire_leases()
        (second,) = engine.fetch_work(packer, ["automation"], 5)
        assert second.work.fence > first.work.fence

        acts = [
            partial(engine.complete_work, one.work.task_id, one.work.fence,
                    {"value": {"by": who}}, actor=packer)
            for one, who in ((first, "late"), (second, "now"), (second, "now"))
        ]  # fmt: skip
        found = at_once(*acts)

        assert found[0] == "StaleFence"
        assert [row == "StaleFence" for row in found].count(False) == 1
        assert told(case).data == {"pack": {"by": "now"}}
        assert opened(case, "last") == 1


def test_work_that_is_claimed_and_cancelled_at_the_same_time() -> None:
    place = published(definition([reading("read", SURE)], "read done", **READER))
    Connection.objects.update(settings={"output": {"a": 1}, "confidence": 0.95}, bulkhead=100)
    dora = world.actor("dora")
    for _ in range(4):
        case = begin(place)

        at_once(
            engine.work_until_idle,
            engine.work_until_idle,
            partial(engine.cancel_case, case.pk, actor=dora, reason="No."),
        )

        assert told(case).state in ("completed", "cancelled")
        assert not case.tasks.filter(state__in=("ready", "running")).exists()
        check(case.tasks.get())
