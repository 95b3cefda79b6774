"""Statements made once do what the ORM's do."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.expressions import DatabaseDefault
from django.test.utils import CaptureQueriesContext

from orchestrator.models import (
    Attempt,
    Case,
    Decision,
    Routing,
    Seat,
    SeatPurpose,
    SeatState,
    Task,
    Verdict,
    VerdictSource,
)
from orchestrator.models.rows import insert, insert_beside, insert_families, insert_many, new, store
from orchestrator.models.statements import ID, TOKEN, Joined, Kept
from tests import world

pytestmark = pytest.mark.django_db

WITH_CASE = Kept(lambda pk: Task.objects.select_related("case").filter(pk=pk), ID)
OF_TASK = Kept(lambda task, token: Seat.objects.filter(task_id=task, claim_token=token), ID, TOKEN)

COLUMNS = ("workflow", "version", "body_digest", "data", "initiator", "created_at")


def test_a_kept_query_gives_the_rows_of_its_queryset() -> None:
    place = world.workflow()
    first, second = world.in_review(place), world.in_review(place)

    for task in (first, second):
        with CaptureQueriesContext(connection) as captured:
            found = WITH_CASE.first(task.pk)
            assert found is not None
            case = found.case
        assert len(captured) == 1
        assert found.__dict__.keys() == Task.objects.get(pk=task.pk).__dict__.keys()
        assert (found.proposal, case.data) == (task.proposal, {"text": "A receipt"})
        assert case == Case.objects.get(pk=task.case_id)


def test_each_value_goes_to_its_place() -> None:
    seat = world.claimed(world.in_review(world.workflow()), "bea")

    assert OF_TASK.all(seat.task_id, seat.claim_token) == [seat]
    assert OF_TASK.first(seat.task_id, uuid4()) is None
    assert OF_TASK.first(seat.task_id + 1, seat.claim_token) is None


def test_a_value_that_the_query_wraps_is_refused() -> None:
    wrapped = Kept(lambda by: Seat.objects.filter(pended__by=by), ID)

    with pytest.raises(AssertionError, match="became something else"):
        wrapped.first(1)


JOINED = Joined(
    """
    SELECT {task}, {case}, {decision}, task.id + 1 FROM orchestrator_task AS task
    JOIN orchestrator_case AS "case" ON "case".id = task.case_id
    LEFT JOIN orchestrator_decision AS decision ON decision.task_id = task.id
    WHERE task.id = %s
    """,
    task=Task,
    case=Case,
    decision=Decision,
)


def test_rows_of_several_kinds_come_together() -> None:
    task = world.in_review(world.workflow())

    with CaptureQueriesContext(connection) as captured:
        found = JOINED.first([task.pk])
        assert found is not None
        row, case, decision, after = found
        assert (row.proposal, case.data) == (task.proposal, {"text": "A receipt"})

    assert len(captured) == 1
    assert (row, case, decision, after) == (task, task.case, None, task.pk + 1)
    assert row.__dict__.keys() == Task.objects.get(pk=task.pk).__dict__.keys()
    assert JOINED.first([task.pk + 1]) is None


def test_a_row_is_stored_with_the_new_one_that_it_points_at() -> None:
    task = world.in_review(world.workflow())
    bea = world.actor("bea")
    seat, other = world.claimed(task, "bea"), world.in_review(task.case.workflow).seats.get()
    seat.state, seat.decided_by, seat.step_key = SeatState.DECIDED, bea, "not stored"
    decision = Decision(task=task, seat=seat, round=1, actor=bea, word="approved", via="test")

    with CaptureQueriesContext(connection) as captured:
        insert_beside(seat, "state", "decided_by", new=[decision], link="decision")

    assert len(captured) == 1
    found = Seat.objects.select_related("decision").get(pk=seat.pk)
    assert (found.decision, found.decided_by, found.step_key) == (decision, bea, task.step_key)
    assert found.decision is not None
    assert (found.decision.via, found.state) == ("test", "decided")
    assert Seat.objects.get(pk=other.pk).state == SeatState.OPEN


def test_a_call_comes_before_the_new_rows_draw_their_ids() -> None:
    task = world.in_review(world.workflow())
    world.decided(task, "bea", "approved")
    routed, decision = Routing.objects.get(task=task), Decision.objects.get(task=task)
    verdict = new(
        Verdict,
        decision=decision,
        routing=routed,
        workflow_id=task.case.workflow_id,
        source=VerdictSource.REVIEW,
        error=False,
        raw_error=False,
        evidence=True,
    )

    call = "setval(pg_get_serial_sequence('orchestrator_verdict', 'id'), 70000)"
    insert_beside(task, "word", new=[verdict], after=call)

    assert Verdict.objects.get(decision=decision).pk == 70001


def test_new_rows_get_their_ids_and_keep_what_they_say() -> None:
    task = world.in_review(world.workflow())
    again = Attempt.objects.get(task=task)
    rows = [
        Attempt(task=task, number=number, actor=again.actor, output={"n": number}, confidence=0.25)
        for number in (2, 3)
    ]

    insert(*rows)

    found = Attempt.objects.filter(pk__in=[row.pk for row in rows]).order_by("number")
    assert [(row.output, row.confidence, row.input) for row in found] == [
        ({"n": 2}, 0.25, None),
        ({"n": 3}, 0.25, None),
    ]
    assert all(row.started_at for row in found)


def test_only_the_named_fields_are_stored() -> None:
    task = world.in_review(world.workflow())
    task.proposal, task.fence, task.round = {"amount": 1.5}, 7, 9

    store(task, "proposal", "fence")

    found = Task.objects.get(pk=task.pk)
    assert (found.proposal, found.fence, found.round) == ({"amount": 1.5}, 7, 1)


def test_many_new_rows_come_as_one_text() -> None:
    task = world.in_review(world.workflow())
    seat = Seat.objects.get(task=task)
    seat.pk, seat.number, seat.barred, seat.claim_token = None, 2, [3, 4], None
    case = Case.objects.get(pk=task.case_id)
    case.data = {"text": "ä \\ \t", "n": [1.5, None, 10**17]}
    tried = [Case(**{name: getattr(case, name) for name in COLUMNS} | {"key": key}) for key in "ab"]
    tried[0].pk, tried[1].pk = case.pk + 1000, case.pk + 1001
    tried[1].key = case.key

    assert insert_many(tried) == {case.pk + 1000}
    assert len(insert_many([seat])) == 1

    found = Seat.objects.get(task=task, number=2)
    assert (found.demand, found.barred, found.draft, found.due_at) == (
        seat.demand,
        [3, 4],
        None,
        seat.due_at,
    )
    assert Case.objects.get(key="a").data == {"text": "ä \\ \t", "n": [1.5, None, 10**17]}


def test_children_come_with_the_parents_that_were_not_there() -> None:
    old = world.in_review(world.workflow())
    case = Case.objects.get(pk=old.case_id)
    cases, tasks = [], []
    for number, key in enumerate(("new", case.key)):
        copy = Case.objects.get(pk=case.pk)
        copy.pk, copy.key = case.pk + 1000 + number, key
        child = Task.objects.get(pk=old.pk)
        child.pk, child.case_id = old.pk + 1000 + number, copy.pk
        child.effect_key = f"{copy.pk}:read::1"
        cases.append(copy)
        tasks.append(child)

    assert insert_families(cases, tasks, "case_id") == {case.pk + 1000}
    assert insert_families([], [], "case_id") == set()

    assert list(Case.objects.order_by("id")) == [case, cases[0]]
    assert list(Task.objects.order_by("id")) == [old, tasks[0]]
    assert Task.objects.get(pk=tasks[0].pk).proposal == old.proposal


def test_new_rows_beside_another_get_their_ids() -> None:
    task = world.in_review(world.workflow())
    seats = [Seat.objects.get(task=task) for _ in range(2)]
    for number, seat in enumerate(seats, 2):
        seat.pk, seat.number = None, number
    task.word = "approved"

    insert_beside(task, "word", new=seats)

    assert {seat.pk: seat.number for seat in seats} == dict(
        Seat.objects.filter(task=task, number__gt=1).values_list("pk", "number")
    )
    assert Task.objects.get(pk=task.pk).word == "approved"


def test_a_new_row_says_what_the_constructor_would_have_it_say() -> None:
    task = world.in_review(world.workflow())
    for model, values in (
        (Case, {"pk": 7, "workflow_id": 1, "key": "a", "data": {"b": 1}}),
        (Task, {"case": task.case, "step": task.step, "step_key": "read"}),
        (Attempt, {"task": task, "actor": None, "model": "reader", "number": 2}),
        (Seat, {"task": task, "purpose": SeatPurpose.GATE}),
        (Decision, {"task": task, "word": "approved"}),
    ):
        ours, djangos = new(model, **values), model(**values)
        said, expected = dict(ours.__dict__), dict(djangos.__dict__)
        state, usual = said.pop("_state"), expected.pop("_state")
        assert told(said) == told(expected)
        assert (state.adding, state.fields_cache) == (usual.adding, usual.fields_cache)

    one, other = new(Seat), new(Seat)
    assert one.barred == []
    assert one.barred is not other.barred
    with pytest.raises(KeyError, match="colour"):
        new(Seat, colour="red")


def told(row: dict[str, Any]) -> dict[str, Any]:
    """What the database will fill in is alike, not equal."""
    return {
        name: DatabaseDefault if isinstance(value, DatabaseDefault) else value
        for name, value in row.items()
    }
