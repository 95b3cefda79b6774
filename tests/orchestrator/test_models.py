"""What the database itself refuses, whoever writes: the last line of every promise."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from orchestrator import engine, models
from orchestrator.models.partitions import ensure_partitions
from tests import world

pytestmark = pytest.mark.django_db

CREATED = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def draft(alice: User) -> models.WorkflowVersion:
    workflow = models.Workflow.objects.create(slug="refunds", name="Refunds", owner=alice)
    return models.WorkflowVersion.objects.create(workflow=workflow, number=1, accountable=alice)


@pytest.fixture
def step(draft: models.WorkflowVersion) -> models.Step:
    return models.Step.objects.create(
        version=draft, key="read", name="Read", position=1, kind=models.StepKind.AGENT
    )


@pytest.fixture
def agent() -> models.Actor:
    return models.Actor.objects.create(kind="agent", name="reader", revision="1")


@pytest.fixture
def task(step: models.Step, agent: models.Actor) -> models.Task:
    case = models.Case.objects.create(
        workflow=step.version.workflow,
        version=step.version,
        key="order-1",
        body_digest="0" * 64,
        initiator=agent,
    )
    return models.Task.objects.create(
        case=case,
        step=step,
        step_key=step.key,
        state=models.TaskState.READY,
        run_at=timezone.now(),
        effect_key="order-1:read::1",
    )


def running(task: models.Task, **columns: Any) -> models.Task:
    lease = timezone.now() + timedelta(seconds=60)
    changes = {"state": "running", "run_at": None, "lease_expires_at": lease, **columns}
    models.Task.objects.filter(pk=task.pk).update(**changes)
    task.refresh_from_db()
    return task


def refused(words: str) -> Any:
    """The database says no, naming the guard; the test's transaction goes on."""
    return pytest.raises((IntegrityError, DatabaseError), match=words)


def seat(task: models.Task, **columns: Any) -> models.Seat:
    row: dict[str, Any] = {
        "task": task,
        "round": 1,
        "number": 1,
        "workflow": task.case.workflow,
        "step_key": task.step_key,
        "group": Group.objects.get_or_create(name="Reviewers")[0],
        "due_at": timezone.now(),
    }
    return models.Seat.objects.create(**row | columns)


def decision(task: models.Task, actor: models.Actor) -> models.Decision:
    return models.Decision.objects.create(
        task=task, round=1, actor=actor, via="page", word=models.Word.APPROVED
    )


def test_a_user_acts_as_one_actor(alice: User) -> None:
    actor = models.Actor.objects.for_user(alice)

    assert (actor, str(actor)) == (models.Actor.objects.for_user(alice), "alice")


def test_a_published_version_is_frozen(step: models.Step) -> None:
    version = step.version
    version.published_at = timezone.now()
    version.save(update_fields=["published_at"])

    for change in (
        lambda: models.WorkflowVersion.objects.filter(pk=version.pk).update(notes="new"),
        lambda: models.Step.objects.filter(pk=step.pk).update(name="new"),
        lambda: models.DecisionRight.objects.create(step=step, position=1, mode="auto"),
        step.delete,
    ):
        with refused("(?i)cannot"), transaction.atomic():
            change()


def test_a_draft_changes_freely(step: models.Step) -> None:
    models.Step.objects.filter(pk=step.pk).update(name="Read the mail")

    assert models.DecisionRight.objects.create(step=step, position=1, mode="review").pk


def test_publishing_needs_somebody_accountable(draft: models.WorkflowVersion) -> None:
    with refused("version_published_has_accountable"), transaction.atomic():
        models.WorkflowVersion.objects.filter(pk=draft.pk).update(
            accountable=None, published_at=timezone.now()
        )


def test_a_workflow_has_one_draft(draft: models.WorkflowVersion) -> None:
    with refused("version_one_draft"), transaction.atomic():
        models.WorkflowVersion.objects.create(workflow=draft.workflow, number=2)


@pytest.mark.parametrize("confidence", [float("nan"), float("inf"), -0.1, 1.01])
def test_a_confidence_that_is_no_probability_is_refused(
    task: models.Task, agent: models.Actor, confidence: float
) -> None:
    with refused("attempt_confidence_passes"), transaction.atomic():
        models.Attempt.objects.create(task=task, number=1, actor=agent, confidence=confidence)


@pytest.mark.parametrize("rank", [float("nan"), 1.5, -0.5])
def test_a_seat_is_ranked_by_a_probability(task: models.Task, rank: float) -> None:
    with refused("seat_rank_passes"), transaction.atomic():
        seat(task, rank=rank)


def test_a_finished_attempt_is_frozen(task: models.Task, agent: models.Actor) -> None:
    attempt = models.Attempt.objects.create(task=task, number=1, actor=agent)
    attempt.output, attempt.finished_at = {"amount": 5}, timezone.now()
    attempt.save(update_fields=["output", "finished_at"])

    with refused("(?i)cannot"), transaction.atomic():
        models.Attempt.objects.filter(pk=attempt.pk).update(output={"amount": 6})


@pytest.mark.parametrize("state", ["completed", "decided", "waiting"])
def test_a_ready_task_cannot_jump(task: models.Task, state: str) -> None:
    with refused("(?i)transition"), transaction.atomic():
        models.Task.objects.filter(pk=task.pk).update(state=state)


def test_a_completed_task_stays(task: models.Task) -> None:
    models.Task.objects.filter(pk=running(task).pk).update(state="completed", lease_expires_at=None)

    with refused("(?i)transition"), transaction.atomic():
        models.Task.objects.filter(pk=task.pk).update(state="ready", run_at=timezone.now())


def test_columns_follow_the_state(task: models.Task) -> None:
    with refused("task_running_has_lease"), transaction.atomic():
        models.Task.objects.filter(pk=task.pk).update(state="running")


def test_a_step_is_visited_once_in_a_scope(task: models.Task) -> None:
    with refused("task_visit_once"), transaction.atomic():
        models.Task.objects.create(
            case=task.case,
            step=task.step,
            step_key=task.step_key,
            state="ready",
            run_at=timezone.now(),
            effect_key="another",
        )


def test_nobody_decides_twice_in_a_round(task: models.Task, agent: models.Actor) -> None:
    filled: dict[str, Any] = {"state": "decided", "decided_by": agent}
    seat(task, **filled, decision=decision(task, agent))

    with refused("seat_nobody_twice"), transaction.atomic():
        seat(task, **filled, number=2, decision=decision(task, agent))


def test_a_decided_seat_names_its_decision(task: models.Task, agent: models.Actor) -> None:
    with refused("seat_decided_has_decision"), transaction.atomic():
        seat(task, state="decided", decided_by=agent)


def test_a_claim_is_whole(task: models.Task, agent: models.Actor) -> None:
    with refused("seat_claim_is_whole"), transaction.atomic():
        seat(task, claimed_by=agent)


def test_the_record_is_written_once(task: models.Task, agent: models.Actor) -> None:
    made = decision(task, agent)
    rows = (
        made,
        models.Correction.objects.create(decision=made, path="/amount", op="replace"),
        models.Routing.objects.create(task=task, round=1, action="review"),
        models.Event.objects.create(
            stream="case:1", seq=1, at=CREATED, type="case.started", actor=agent, hash="0" * 64
        ),
    )

    for row in rows:
        table = row._meta.db_table
        for change in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):  # noqa: S608
            with refused("(?i)cannot"), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(change)


def test_a_late_lease_is_given_back_and_fenced(task: models.Task) -> None:
    late = timezone.now() - timedelta(seconds=1)
    running(task, lease_expires_at=late, fence=3)

    assert engine.expire_leases() == [task.pk]

    task.refresh_from_db()
    assert (task.state, task.fence, task.crashes) == ("ready", 4, 1)
    assert task.run_at is not None
    assert task.lease_expires_at is None


def test_a_live_lease_stays(task: models.Task) -> None:
    running(task)

    assert engine.expire_leases() == []


def test_months_get_partitions_once(agent: models.Actor) -> None:
    made = ensure_partitions(date(2031, 11, 20))

    assert made == [
        f"orchestrator_{table}_{month}"
        for table in ("event", "inbound")
        for month in ("2031_11", "2031_12", "2032_01", "2032_02")
    ]
    assert ensure_partitions(date(2031, 11, 20)) == []
    models.Event.objects.create(
        stream="case:1",
        seq=1,
        at=datetime(2031, 12, 31, 23, tzinfo=UTC),
        type="case.started",
        actor=agent,
        hash="0" * 64,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orchestrator_event_2031_12")
        assert cursor.fetchone() == (1,)


def test_a_month_that_came_late_keeps_its_rows(agent: models.Actor) -> None:
    models.Event.objects.create(
        stream="case:1",
        seq=1,
        at=datetime(2041, 5, 2, tzinfo=UTC),
        type="case.started",
        actor=agent,
        hash="0" * 64,
    )

    assert "orchestrator_event_2041_05" not in ensure_partitions(date(2041, 5, 9))


def test_the_fields_of_a_schema_keep_their_order() -> None:
    place = world.workflow()

    step = models.Step.objects.get(version__workflow=place, key="read")

    assert list(step.schema["properties"]) == ["merchant", "amount", "category", "paid_on"]
