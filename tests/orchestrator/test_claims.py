"""Claims: who gets which seat, for how long, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestrator import engine
from orchestrator.engine import picking
from orchestrator.exceptions import (
    AlreadyDecided,
    CaseClosed,
    Invalid,
    NotAllowed,
    NotFound,
    StaleClaim,
)
from orchestrator.models import (
    Actor,
    Attempt,
    Case,
    Event,
    Grant,
    Seat,
    Task,
    Workflow,
    WorkflowVersion,
)
from orchestrator.models.queues import served
from tests.orchestrator.queue import person, seat, workflow

pytestmark = pytest.mark.django_db

REVIEWERS = ("Expense team", "Expense reviewers")


@pytest.fixture
def expenses() -> Workflow:
    return workflow()


@pytest.fixture
def bea(expenses: Workflow) -> Actor:
    return person("bea", *REVIEWERS)


@pytest.fixture
def ben(expenses: Workflow) -> Actor:
    return person("ben", *REVIEWERS)


def allow(holder: Actor, **columns: Any) -> Grant:
    valid = (timezone.now() - timedelta(days=1), None)
    return Grant.objects.create(actor=holder, action="decide", valid=valid, **columns)


def lapse(row: Seat) -> None:
    """As if the claim had ended a second ago."""
    Seat.objects.filter(pk=row.pk).update(claim_expires_at=timezone.now() - timedelta(seconds=1))


def taken(actor: Actor, **wanted: Any) -> list[str]:
    """Case keys in the order in which the actor gets them, until nothing is left."""
    keys = []
    while row := engine.claim_next(actor=actor, **wanted):
        keys.append(row.task.case.key)
    return keys


# --- The next seat


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        ("due", ["second", "first", "third"]),
        ("confidence", ["third", "second", "first"]),
        ("created", ["first", "second", "third"]),
    ],
)
def test_seats_come_in_queue_order(
    expenses: Workflow, bea: Actor, order: str, keys: list[str]
) -> None:
    start = timezone.now()
    for number, (key, due, rank) in enumerate(
        [("first", 20, 0.9), ("second", 10, 0.5), ("third", 30, -1)]
    ):
        seat(expenses, key, due=due, rank=rank, created_at=start + timedelta(seconds=number))

    assert taken(bea, order=order) == keys


def test_the_best_of_all_lanes_comes_first(bea: Actor, expenses: Workflow) -> None:
    travel = workflow("travel", "Expense team", key="book")
    seat(expenses, "e-2", due=20)
    seat(travel, "t-1", due=10)
    seat(expenses, "e-3", due=30, deciders="Expense leads")
    seat(travel, "t-4", due=40)

    assert taken(bea) == ["t-1", "e-2", "t-4"]


def test_a_claim_is_whole_and_touches_nothing_else(expenses: Workflow, bea: Actor) -> None:
    seat(expenses, "c-1")
    case = Case.objects.values().get(key="c-1")
    task = Task.objects.values().get()

    row = engine.claim_next(actor=bea, seconds=60)

    assert row
    assert (row.claimed_by_id, row.state) == (bea.pk, "open")
    assert row.claim_token
    assert row.claimed_at
    assert row.claim_expires_at
    lasts = row.claim_expires_at - row.claimed_at
    assert abs(lasts - timedelta(seconds=60)) < timedelta(seconds=1)
    assert abs(row.claimed_at - timezone.now()) < timedelta(seconds=10)
    assert Case.objects.values().get() == case
    assert Task.objects.values().get() == task
    assert not Event.objects.exists()


def test_the_seat_comes_with_what_is_shown_of_it(expenses: Workflow, bea: Actor) -> None:
    seat(expenses, "c-1")
    row = engine.claim_next(actor=bea)

    assert row
    with CaptureQueriesContext(connection) as queries:
        assert row.task.case.workflow.slug == "expenses"
        assert row.task.step.key == "read"
    assert not queries.captured_queries


@pytest.mark.parametrize(
    "columns",
    [
        {"deciders": "Travel reviewers"},
        {"state": "withdrawn"},
        {"barred": "bea"},
        {"demand": 501},
        {"demand": None},
    ],
)
def test_what_bea_may_not_decide_is_passed_over(
    expenses: Workflow, bea: Actor, columns: dict[str, Any]
) -> None:
    allow(bea, limits={"max": 500}, workflow=expenses)
    if columns.get("barred"):
        columns = {"barred": [bea.pk]}
    if columns.get("deciders"):
        Grant.objects.all().delete()
    seat(expenses, "hers not", due=1, **columns)
    seat(expenses, "hers", due=2, demand=500)

    assert taken(bea) == ["hers"]


def test_without_sight_or_a_lane_there_is_nothing(expenses: Workflow) -> None:
    seat(expenses, "c-1")

    assert engine.claim_next(actor=person("carl", "Travel team", "Expense reviewers")) is None
    assert engine.claim_next(actor=person("cleo", "Expense team")) is None
    assert engine.claim_next(actor=person("dora", superuser=True)) is None


def test_an_agent_gets_no_output_of_its_own(expenses: Workflow) -> None:
    reader, checker = (Actor.objects.create(kind="agent", name=name) for name in ("read", "check"))
    for agent in (reader, checker):
        allow(agent, workflow=expenses)
    row = seat(expenses, "c-1")
    Attempt.objects.create(task=row.task, number=1, actor=reader)

    assert engine.claim_next(actor=reader) is None
    assert taken(checker) == ["c-1"]


def test_who_stands_in_gets_nothing_that_bars_the_other(expenses: Workflow, bea: Actor) -> None:
    carl = person("carl", "Travel team")
    allow(carl, workflow=expenses, stands_in_for=bea)
    seat(expenses, "hers", barred=[bea.pk])
    seat(expenses, "free")

    assert taken(carl) == ["free"]


def test_a_filter_narrows_the_lanes(expenses: Workflow, bea: Actor) -> None:
    travel = workflow("travel", "Expense team", key="book")
    for key in ("t-1", "t-2"):
        seat(travel, key)
    seat(expenses, "e-1")

    assert engine.claim_next(actor=bea, workflow="expenses", step="book") is None
    assert taken(bea, workflow="expenses") == ["e-1"]
    assert taken(bea, step="book") == ["t-1", "t-2"]


def test_a_workflow_out_of_sight_is_not_found(bea: Actor) -> None:
    workflow("secret", "Board")

    for slug in ("secret", "nowhere"):
        with pytest.raises(NotFound):
            engine.claim_next(actor=bea, workflow=slug)


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ({"seconds": 29}, "/seconds"),
        ({"seconds": 3601}, "/seconds"),
        ({"seconds": True}, "/seconds"),
        ({"seconds": "60"}, "/seconds"),
        ({"order": "id; DROP TABLE"}, "/order"),
    ],
)
def test_what_makes_no_sense_is_refused(bea: Actor, wanted: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        engine.claim_next(actor=bea, **wanted)

    assert refused.value.details["problems"][0]["path"] == path


def test_a_halted_workflow_is_still_reviewed(expenses: Workflow, bea: Actor) -> None:
    Workflow.objects.update(halted_at=timezone.now())
    seat(expenses, "c-1")

    assert taken(bea) == ["c-1"]


def test_the_queue_far_beyond_one_reach(expenses: Workflow, bea: Actor, ben: Actor) -> None:
    """Claimed seats at the head hide none behind them."""
    keys = [f"c-{number}" for number in range(30)]
    for number, key in enumerate(keys):
        seat(expenses, key, due=number)

    first = [engine.claim_next(actor=bea) for _ in range(20)]

    assert [row and row.task.case.key for row in first] == keys[:20]
    assert taken(ben) == keys[20:]


def test_the_number_of_queries_does_not_grow(expenses: Workflow, bea: Actor) -> None:
    def queries() -> int:
        for version in WorkflowVersion.objects.all():
            engine.definition_of(version.pk)
        with CaptureQueriesContext(connection) as captured:
            engine.claim_next(actor=bea)
        return len(captured)

    seat(expenses, "c-0")
    few = queries()
    for number in range(20):
        seat(workflow(f"w-{number}", "Expense team"), f"c-{number}")

    assert queries() == few


# --- One person, one seat of a task


def test_no_claim_reads_the_whole_table(expenses: Workflow, bea: Actor) -> None:
    """Where the actor held many seats before, the planner thinks that it holds many now."""
    row = seat(expenses, "one")
    Seat.objects.bulk_create(_left(row, bea, number) for number in range(2, 2000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orchestrator_seat")
    held, lanes, _ = picking._begun(bea)
    asked = served(held, None, None, lanes)
    asked |= {"actor": bea.pk, "seconds": 600, "token": uuid4(), "skipped": False}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {picking._next('due', picking.FOR_ACTOR, 8)._statement}", asked)
        plan = " ".join(line for (line,) in cursor.fetchall())
    assert "Index Scan using seat_open_by_due" in plan
    assert "Seq Scan on orchestrator_seat" not in plan


def _left(row: Seat, actor: Actor, number: int) -> Seat:
    """Another seat like it, whose claim ended."""
    said = {name: value for name, value in vars(row).items() if name not in ("_state", "id")}
    said |= {"number": number, "claimed_by_id": actor.pk}
    return Seat(
        **said | {"claim_token": uuid4(), "claimed_at": row.due_at, "claim_expires_at": row.due_at}
    )


def test_nobody_gets_both_seats_of_a_task(expenses: Workflow, bea: Actor, ben: Actor) -> None:
    first = seat(expenses, "dual", due=1)
    second = seat(expenses, "dual", due=2, of=first.task)
    seat(expenses, "other", due=3)

    assert taken(bea) == ["dual", "other"]
    assert engine.claim(first.task_id, actor=bea) == first
    assert engine.claim_next(actor=ben) == second
    with pytest.raises(StaleClaim):
        engine.claim(first.task_id, actor=person("bert", *REVIEWERS))


def test_who_decided_one_seat_does_not_get_the_other(expenses: Workflow, bea: Actor) -> None:
    row = seat(expenses, "dual", barred=[bea.pk])

    assert engine.claim_next(actor=bea) is None
    with pytest.raises(NotAllowed) as refused:
        engine.claim(row.task_id, actor=bea)
    assert "other eyes" in refused.value.message


# --- Claiming one by name


def test_a_second_claim_renews_the_first(expenses: Workflow, bea: Actor) -> None:
    row = seat(expenses, "c-1")
    first = engine.claim(row.task_id, actor=bea, seconds=60)

    again = engine.claim(row.task_id, actor=bea, seconds=600)

    assert again.claim_token == first.claim_token
    assert again.claim_expires_at
    assert first.claim_expires_at
    assert again.claim_expires_at > first.claim_expires_at + timedelta(seconds=500)


def test_an_ended_claim_can_be_taken_by_anybody(expenses: Workflow, bea: Actor, ben: Actor) -> None:
    row = engine.claim(seat(expenses, "c-1").task_id, actor=bea)
    with pytest.raises(StaleClaim):
        engine.claim(row.task_id, actor=ben)
    lapse(row)

    taken_over = engine.claim_next(actor=ben)

    assert taken_over == row
    assert taken_over.claim_token != row.claim_token
    lapse(row)
    assert engine.claim(row.task_id, actor=bea).claim_token != row.claim_token


def test_a_case_of_another_team_is_not_found(expenses: Workflow) -> None:
    row = seat(expenses, "c-1")

    with pytest.raises(NotFound):
        engine.claim(row.task_id, actor=person("carl", "Travel team", "Expense reviewers"))


def test_the_wrong_person_is_refused_with_the_reason(expenses: Workflow) -> None:
    row = seat(expenses, "c-1")

    with pytest.raises(NotAllowed) as refused:
        engine.claim(row.task_id, actor=person("dora", superuser=True))

    assert "Expense reviewers" in refused.value.message


@pytest.mark.parametrize(
    ("columns", "refusal"),
    [
        ({"state": "completed", "finished_at": timezone.now()}, AlreadyDecided),
        ({"state": "decided", "settle_at": timezone.now()}, AlreadyDecided),
        ({"state": "cancelled"}, CaseClosed),
        ({"state": "ready", "run_at": timezone.now()}, NotFound),
    ],
)
def test_a_task_that_asks_nobody_says_why(
    expenses: Workflow, bea: Actor, columns: dict[str, Any], refusal: type[Exception]
) -> None:
    row = seat(expenses, "c-1", state="withdrawn")
    steps = ["decided", "completed"] if columns["state"] == "completed" else [columns["state"]]
    for state in steps:
        settle = {"settle_at": timezone.now() if state == "decided" else None}
        Task.objects.update(**columns | settle | {"state": state})

    with pytest.raises(refusal):
        engine.claim(row.task_id, actor=bea)


# --- Keeping and ending a claim


def test_a_heartbeat_lets_the_claim_last(expenses: Workflow, bea: Actor) -> None:
    row = engine.claim(seat(expenses, "c-1").task_id, actor=bea, seconds=30)

    until = engine.heartbeat(row.task_id, actor=bea, token=str(row.claim_token), seconds=900)

    row.refresh_from_db()
    assert row.claim_expires_at == until
    assert until > timezone.now() + timedelta(seconds=800)
    with pytest.raises(Invalid):
        engine.heartbeat(row.task_id, actor=bea, token=str(row.claim_token), seconds=4000)


ACTS: list[Callable[..., Any]] = [
    engine.heartbeat,
    engine.release,
    engine.skip,
    lambda *args, **names: engine.save_draft(*args, **names, draft={}),
]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("how", ["ended", "taken", "token", "nonsense", "task", "person"])
def test_who_does_not_hold_the_claim_changes_nothing(
    expenses: Workflow, bea: Actor, ben: Actor, act: Callable[..., Any], how: str
) -> None:
    row = engine.claim(seat(expenses, "c-1").task_id, actor=bea)
    other = engine.claim(seat(expenses, "c-2").task_id, actor=ben)
    asked: dict[str, Any] = {"actor": bea, "token": row.claim_token}
    task_id = other.task_id if how == "task" else row.task_id
    if how in ("ended", "taken"):
        lapse(row)
    if how == "taken":
        engine.claim(row.task_id, actor=ben)
    wrong: dict[str, Any] = {"token": uuid4(), "nonsense": "x", "person": ben}
    asked |= {"actor" if how == "person" else "token": wrong[how]} if how in wrong else {}
    before = list(Seat.objects.order_by("pk").values())

    with pytest.raises(StaleClaim):
        act(task_id, **asked)

    assert list(Seat.objects.order_by("pk").values()) == before


def test_a_released_seat_is_free_at_its_place(expenses: Workflow, bea: Actor, ben: Actor) -> None:
    row = engine.claim(seat(expenses, "c-1").task_id, actor=bea)
    seat(expenses, "c-2", due=10)
    assert row.claim_token

    engine.release(row.task_id, actor=bea, token=row.claim_token)

    assert Seat.objects.filter(
        pk=row.pk, claim_token=None, claimed_at=None, draft__isnull=True
    ).exists()
    assert taken(ben) == ["c-1", "c-2"]


def test_a_skipped_seat_comes_last_for_who_skipped_it(
    expenses: Workflow, bea: Actor, ben: Actor
) -> None:
    row = engine.claim(seat(expenses, "c-1").task_id, actor=bea)
    seat(expenses, "c-2", due=10)
    assert row.claim_token

    engine.skip(row.task_id, actor=bea, token=row.claim_token)

    assert taken(bea) == ["c-2", "c-1"]
    Seat.objects.update(claimed_by=None, claim_token=None, claimed_at=None, claim_expires_at=None)
    assert taken(ben) == ["c-1", "c-2"]


def test_a_skipped_seat_can_be_claimed_by_name_and_skipped_again(
    expenses: Workflow, bea: Actor
) -> None:
    row = seat(expenses, "c-1")
    for _ in range(2):
        token = engine.claim(row.task_id, actor=bea).claim_token
        assert token
        engine.skip(row.task_id, actor=bea, token=token)

    row.refresh_from_db()
    assert row.skipped == [bea.pk]


def test_a_draft_stays_with_who_typed_it(expenses: Workflow, bea: Actor, ben: Actor) -> None:
    row = engine.claim(seat(expenses, "c-1").task_id, actor=bea)
    assert row.claim_token
    typed = {"output": {"amount": 12}}

    engine.save_draft(row.task_id, actor=bea, token=row.claim_token, draft=typed)

    lapse(row)
    again = engine.claim(row.task_id, actor=bea)
    assert again.draft == typed
    lapse(row)
    assert engine.claim(row.task_id, actor=ben).draft is None
    assert Seat.objects.filter(pk=row.pk, draft__isnull=True).exists()


@pytest.mark.parametrize("how", ["next", "release"])
def test_nobody_inherits_a_draft(expenses: Workflow, bea: Actor, ben: Actor, how: str) -> None:
    row = engine.claim(seat(expenses, "c-1").task_id, actor=bea)
    assert row.claim_token
    engine.save_draft(row.task_id, actor=bea, token=row.claim_token, draft={"secret": 1})
    if how == "release":
        engine.release(row.task_id, actor=bea, token=row.claim_token)
    else:
        lapse(row)

    got = engine.claim_next(actor=ben)

    assert got
    assert (got, got.draft) == (row, None)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_jumps_an_hour_is_harmless(
    expenses: Workflow, bea: Actor, ben: Actor, hours: int
) -> None:
    row = seat(expenses, "c-1")
    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        held = engine.claim(row.task_id, actor=bea, seconds=60)
        assert held.claim_token
        assert engine.claim_next(actor=ben) is None
        until = engine.heartbeat(row.task_id, actor=bea, token=held.claim_token, seconds=60)

    assert abs(until - timezone.now()) < timedelta(minutes=2)


# --- The queue as a page shows it


@pytest.mark.parametrize("order", ["due", "confidence", "created"])
def test_pages_of_the_queue_join_without_gap(
    expenses: Workflow, bea: Actor, ben: Actor, order: str
) -> None:
    travel = workflow("travel", "Expense team", key="book")
    for number in range(11):
        seat((expenses, travel)[number % 2], f"c-{number}", due=number % 3, rank=number % 4 / 4)
    seat(expenses, "hers not", barred=[bea.pk])
    allow(bea, limits={"max": 100}, workflow=expenses, step_key="read")
    seat(expenses, "too much", demand=101)
    engine.claim_next(actor=ben)
    column = {"due": "due_at", "confidence": "rank", "created": "created_at"}[order]

    pages: list[list[Seat]] = []
    after = None
    while page := list(Seat.objects.queue(bea, order, size=4, after=after)):
        pages.append(page)
        after = (getattr(page[-1], column), page[-1].pk)

    assert [len(page) for page in pages] == [4, 4, 3]
    everything = Seat.objects.open().for_actor(bea).order_by(column, "pk")
    assert [row for page in pages for row in page] == list(everything)


def test_the_queue_of_one_step(expenses: Workflow, bea: Actor) -> None:
    travel = workflow("travel", "Expense team", key="book")
    here, there = seat(expenses, "e-1"), seat(travel, "t-1")

    assert Seat.objects.queue(bea, workflow=expenses.pk).get() == here
    assert Seat.objects.queue(bea, step="book").get() == there
    assert not Seat.objects.queue(bea, workflow=expenses.pk, step="book")
    assert not Seat.objects.queue(person("cleo", "Expense team"))
