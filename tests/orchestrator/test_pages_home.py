"""The start page: what waits, what is claimed, what needs a hand, what was decided, the stop."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orchestrator import engine
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import Incident, Seat, Task, Workflow
from tests.world import FLIGHT, actor, claimed, decided, in_review, person, workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def expenses() -> Workflow:
    return workflow()


def page_of(name: str) -> Any:
    client = Client()
    client.force_login(person(name))
    return client.get("/")


def incident_in(place: Workflow, key: str = "broken") -> Incident:
    task = in_review(place, key=key)
    with acting(task.case_id) as act:
        return open_incident(act, locked_task(act, task.pk), "nobody", "The ledger is away.")


def test_bea_sees_how_much_waits_for_her_and_where(expenses: Workflow) -> None:
    for _ in range(3):
        in_review(expenses)

    page = page_of("bea")

    (queue,) = page.context["queues"]
    assert (queue.count, queue.more, queue.late) == (3, False, False)
    assert queue.url == "/review/?workflow=expenses&step=read"
    assert "3 tasks wait for you." in page.content.decode()
    assert "Start reviewing" in page.content.decode()


@pytest.mark.parametrize("name", ["carl", "lea", "cara", "alice", "dora"])
def test_what_others_decide_does_not_wait_for(expenses: Workflow, name: str) -> None:
    in_review(expenses, key="only-for-reviewers")

    page = page_of(name)

    assert page.context["queues"] == []
    assert "All quiet" in page.content.decode()
    assert "Start reviewing" not in page.content.decode()


def test_late_work_is_said_to_be_late(expenses: Workflow) -> None:
    in_review(expenses)
    Seat.objects.update(due_at=timezone.now() - timedelta(hours=2))

    page = page_of("bea").content.decode()

    assert "1 task waits for you, some of them late." in page
    assert "2 h</time> late" in page


def test_counting_ends_at_99(expenses: Workflow) -> None:
    seat = fields_of(Seat.objects.get(task=in_review(expenses)))
    row = fields_of(Task.objects.get())
    tasks = Task.objects.bulk_create(
        Task(**row | {"visit": number, "effect_key": str(number)}) for number in range(2, 150)
    )
    Seat.objects.bulk_create(Seat(**seat | {"task_id": task.pk}) for task in tasks)

    page = page_of("bea")

    assert (page.context["queues"][0].count, page.context["queues"][0].more) == (99, True)
    assert "99+ tasks wait for you." in page.content.decode()


def fields_of(row: Seat | Task) -> dict[str, Any]:
    skipped = {"id", "created_at"}
    return {f.attname: getattr(row, f.attname) for f in row._meta.fields if f.name not in skipped}


def test_who_took_part_is_not_asked_again(expenses: Workflow) -> None:
    task = in_review(expenses, FLIGHT)
    decided(task, "bea", "approved")

    assert page_of("bea").context["queues"] == []
    assert len(page_of("ben").context["queues"]) == 1


def test_what_bea_holds_waits_for_nobody_else(expenses: Workflow) -> None:
    task = in_review(expenses, key="held-by-bea")
    claimed(task, "bea")

    mine, others = page_of("bea"), page_of("ben")

    assert [row["case_key"] for row in mine.context["claimed"]] == ["held-by-bea"]
    assert f'href="/review/tasks/{task.pk}/"' in mine.content.decode()
    assert (others.context["queues"], others.context["claimed"]) == ([], [])


def test_what_bea_decided_lately_is_listed_unless_she_took_it_back(expenses: Workflow) -> None:
    kept, taken_back = in_review(expenses, key="kept"), in_review(expenses, key="taken-back")
    decided(kept, "bea", "approved")
    done = decided(taken_back, "bea", "rejected")
    engine.undo(done.decision.pk, actor=actor("bea"))

    page = page_of("bea")

    assert [(row["case_key"], row["word"]) for row in page.context["recent"]] == [
        ("kept", "approved")
    ]
    assert page_of("ben").context["recent"] == []


@pytest.mark.parametrize(
    ("name", "sees"), [("lea", True), ("dora", True), ("bea", False), ("cara", False)]
)
def test_incidents_are_shown_to_who_may_resolve_them(
    expenses: Workflow, name: str, sees: bool
) -> None:
    incident_in(expenses)

    page = page_of(name)

    assert bool(page.context["incidents"]) is sees
    assert ("The ledger is away." in page.content.decode()) is sees


def test_a_stop_is_announced_to_who_sees_the_workflow(expenses: Workflow) -> None:
    engine.halt(expenses, actor=actor("lea"), reason="Too many wrong amounts.")

    assert "Expenses is stopped." in page_of("bea").content.decode()
    assert "is stopped" not in page_of("carl").content.decode()


@pytest.mark.parametrize(("name", "may"), [("lea", True), ("dora", True), ("bea", False)])
def test_the_stop_of_everything_is_offered_to_who_may(
    expenses: Workflow, name: str, may: bool
) -> None:
    assert (reverse("stop_all") in page_of(name).content.decode()) is may


def test_lea_stops_everything_and_lets_it_go_on(expenses: Workflow) -> None:
    client = Client()
    client.force_login(person("lea"))

    refused = client.post(reverse("stop_all"), {"reason": " "})
    client.post(reverse("stop_all"), {"reason": "The agent was replaced by mistake."})
    page = page_of("bea").content.decode()

    assert refused.status_code == 422
    assert "Everything is stopped" in page
    assert "The agent was replaced by mistake." in page
    assert reverse("resume_all") not in page

    client.post(reverse("resume_all"))
    assert engine.halted(None) is None


def test_bea_stops_nothing(expenses: Workflow) -> None:
    client = Client()
    client.force_login(person("bea"))

    answer = client.post(reverse("stop_all"), {"reason": "I want to."})

    assert answer.status_code == 403
    assert "You do not hold the right to halt here." in answer.content.decode()
    assert engine.halted(None) is None


def test_the_page_asks_the_same_few_questions_however_much_waits(
    expenses: Workflow, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        in_review(expenses, key=f"case-{number}")
        incident_in(expenses, f"broken-{number}")
    person("bea").groups.add(Group.objects.get(name="Leads"))

    client = Client()
    client.force_login(person("bea"))
    with django_assert_max_num_queries(22):
        page = client.get("/")

    assert len(page.context["incidents"]) == 8
