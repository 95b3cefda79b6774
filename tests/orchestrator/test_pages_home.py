"""The start page: a part for each role, with what waits, what needs a hand and what is odd."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from orchestrator import engine, lifesigns
from orchestrator.definitions import import_draft
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import Counter, Event, Incident, Seat, Task, Workflow
from orchestrator.models.queues import LANES
from tests.world import (
    EXPENSES,
    FLIGHT,
    LUNCH,
    actor,
    claimed,
    decided,
    in_review,
    person,
    started,
    workflow,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def expenses() -> Workflow:
    return workflow()


def page_of(name: str) -> Any:
    client = Client()
    client.force_login(person(name))
    return client.get("/")


def part(page: Any, role: str) -> Any:
    """The data of one role's part of a page."""
    return next(section.data for section in page.context["sections"] if section.role == role)


def line(page: Any, role: str) -> str:
    return next(str(part.line) for part in page.context["sections"] if part.role == role)


def roles(page: Any) -> list[str]:
    return [section.role for section in page.context["sections"]]


def incident_in(place: Workflow, key: str = "broken") -> Incident:
    task = in_review(place, key=key)
    with acting(task.case_id) as act:
        return open_incident(act, locked_task(act, task.pk), "nobody", "The ledger is away.")


def test_bea_sees_how_much_waits_for_her_and_where(expenses: Workflow) -> None:
    for _ in range(3):
        in_review(expenses)

    page = page_of("bea")

    (queue,) = part(page, "reviewer")["queues"]
    assert (queue.count, queue.more, queue.late) == (3, False, 0)
    assert queue.url == "/review/?workflow=expenses&step=read"
    assert "3 tasks wait for you." in page.content.decode()
    assert "Start reviewing" in page.content.decode()


@pytest.mark.parametrize("name", ["carl", "lea", "cara", "alice", "dora"])
def test_what_others_decide_does_not_wait_for(expenses: Workflow, name: str) -> None:
    in_review(expenses, key="only-for-reviewers")

    page = page_of(name)

    assert not any(section.data.get("queues") for section in page.context["sections"])
    assert "only-for-reviewers" not in page.content.decode()
    assert "Start reviewing" not in page.content.decode()


def test_late_work_is_said_to_be_late(expenses: Workflow) -> None:
    in_review(expenses)
    Seat.objects.update(due_at=timezone.now() - timedelta(hours=2))

    page = page_of("bea").content.decode()

    assert "1 task waits for you, 1 late." in page
    assert "2 h</time> late" in page


def test_counting_ends_at_99(expenses: Workflow) -> None:
    seat = fields_of(Seat.objects.get(task=in_review(expenses)))
    row = fields_of(Task.objects.get())
    tasks = Task.objects.bulk_create(
        Task(**row | {"visit": number, "effect_key": str(number)}) for number in range(2, 150)
    )
    Seat.objects.bulk_create(Seat(**seat | {"task_id": task.pk}) for task in tasks)

    page = page_of("bea")

    assert [(row.count, row.more) for row in part(page, "reviewer")["queues"]] == [(99, True)]
    assert "99+ tasks wait for you." in page.content.decode()


def fields_of(row: Seat | Task) -> dict[str, Any]:
    skipped = {"id", "created_at"}
    return {f.attname: getattr(row, f.attname) for f in row._meta.fields if f.name not in skipped}


def test_who_took_part_is_not_asked_again(expenses: Workflow) -> None:
    task = in_review(expenses, FLIGHT)
    decided(task, "bea", "approved")

    assert part(page_of("bea"), "reviewer")["queues"] == []
    assert len(part(page_of("ben"), "reviewer")["queues"]) == 1


def test_what_bea_holds_waits_for_nobody_else(expenses: Workflow) -> None:
    task = in_review(expenses, key="held-by-bea")
    claimed(task, "bea")

    mine, others = page_of("bea"), page_of("ben")

    assert [row["case_key"] for row in part(mine, "reviewer")["claimed"]] == ["held-by-bea"]
    assert f'href="/review/tasks/{task.pk}/"' in mine.content.decode()
    assert [part(others, "reviewer")[name] for name in ("queues", "claimed")] == [[], []]


def test_what_bea_decided_lately_is_listed_unless_she_took_it_back(expenses: Workflow) -> None:
    kept, taken_back = in_review(expenses, key="kept"), in_review(expenses, key="taken-back")
    decided(kept, "bea", "approved")
    done = decided(taken_back, "bea", "rejected")
    engine.undo(done.decision.pk, actor=actor("bea"))

    page = page_of("bea")

    assert [(row["case_key"], row["word"]) for row in part(page, "reviewer")["recent"]] == [
        ("kept", "approved")
    ]
    assert part(page_of("ben"), "reviewer")["recent"] == []


@pytest.mark.parametrize(
    ("name", "sees"), [("lea", True), ("dora", True), ("bea", False), ("cara", False)]
)
def test_incidents_are_shown_to_who_may_resolve_them(
    expenses: Workflow, name: str, sees: bool
) -> None:
    incident_in(expenses)

    page = page_of(name)
    shown = page.context["sections"]

    assert any("broken" in str(section.data.get("incidents")) for section in shown) is sees
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
    with django_assert_max_num_queries(44):
        page = client.get("/")

    assert len(part(page, "lead")["incidents"]) == 8


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bea", ["reviewer"]),
        ("lea", ["lead"]),
        ("alice", ["owner"]),
        ("cara", ["auditor"]),
        ("dora", ["admin"]),
    ],
)
def test_each_role_has_a_home_of_its_own(
    expenses: Workflow, name: str, expected: list[str]
) -> None:
    in_review(expenses)

    assert roles(page_of(name)) == expected


def test_several_roles_have_their_parts_in_order(expenses: Workflow) -> None:
    person("ben").groups.add(*Group.objects.filter(name__in=["Leads", "Auditors"]))

    assert roles(page_of("ben")) == ["reviewer", "lead", "auditor"]


def test_what_waits_for_somebody_who_is_no_reviewer_comes_last(expenses: Workflow) -> None:
    Seat.objects.filter(task=in_review(expenses)).update(
        group=Group.objects.get(name="Expense leads")
    )

    assert roles(page_of("lea")) == ["lead", "reviewer"]


def test_who_has_no_role_is_told_so(expenses: Workflow) -> None:
    page = page_of("zoe")

    assert roles(page) == []
    assert "gives you a role or a group" in page.content.decode()


def test_bea_reads_what_is_late_and_what_is_due_soon(expenses: Workflow) -> None:
    late, soon, _later = (Seat.objects.filter(task=in_review(expenses)) for _ in range(3))
    late.update(due_at=timezone.now() - timedelta(minutes=5))
    soon.update(due_at=timezone.now() + timedelta(minutes=50))

    assert line(page_of("bea"), "reviewer") == ("3 tasks wait for you, 1 late, 1 due soon.")


def test_lea_sees_what_waits_who_is_on_what_and_what_was_decided(expenses: Workflow) -> None:
    first = in_review(expenses, key="held")
    in_review(expenses)
    Seat.objects.filter(task=first).update(due_at=timezone.now() - timedelta(hours=1))
    claimed(first, "bea")
    decided(in_review(expenses), "ben", "approved")
    settled_now()

    page = page_of("lea")
    data = part(page, "lead")

    assert line(page, "lead") == "2 tasks wait for your teams, 1 late, 1 person works on 1 of them."
    assert {row.step for row in data["waits"]} == {"Read the receipt"}
    assert [(row.group, row.count, row.late) for row in data["waits"]] == [
        ("Expense reviewers", 2, 1)
    ]
    assert [(row.name, row.held, row.late, row.today) for row in data["load"]] == [
        ("Bea", 1, 1, 0),
        ("Ben", 0, 0, 1),
    ]
    assert [(row.who, row.case_key, row.late) for row in data["held"]] == [("Bea", "held", True)]


def test_each_number_of_a_lead_opens_so_many_cases(expenses: Workflow) -> None:
    claimed(in_review(expenses), "bea")
    in_review(expenses, FLIGHT)
    task = in_review(expenses)
    Seat.objects.filter(task=task).update(group=Group.objects.get(name="Expense leads"))
    decided(in_review(expenses), "ben", "approved")
    decided(in_review(expenses), "bea", "approved")
    settled_now()
    lea = Client()
    lea.force_login(person("lea"))

    data = part(page_of("lea"), "lead")
    numbers = [(row.url, row.count) for row in data["waits"]]
    numbers += [(row.held_url, row.held) for row in data["load"]]
    numbers += [(row.today_url, row.today) for row in data["load"]]

    assert sorted(count for _url, count in numbers) == [0, 1, 1, 1, 1, 2]
    for url, count in numbers:
        page = lea.get(url)
        assert len(page.context["rows"]) == count, url
        assert "A case is listed once" in page.content.decode()
    assert len(lea.get("/cases/?what=waiting&step=read&group=none").context["rows"]) == 0


def test_the_numbers_of_bea_and_alice_open_so_many_rows(expenses: Workflow) -> None:
    in_review(expenses)
    in_review(expenses)
    incident_in(expenses)
    bea, alice = Client(), Client()
    bea.force_login(person("bea"))
    alice.force_login(person("alice"))

    (queue,) = part(page_of("bea"), "reviewer")["queues"]
    home = alice.get("/")
    (row,) = part(home, "owner")["rows"]

    assert len(bea.get(queue.url).context["rows"]) == queue.count
    assert f'href="/incidents/?workflow={row.slug}"' in home.content.decode()
    there = alice.get("/incidents/", {"workflow": row.slug})
    assert there.context["total"] == row.incidents == 1


def settled_now() -> None:
    Task.objects.filter(state="decided").update(settle_at=timezone.now())
    engine.settle_due()


def test_a_lead_of_another_team_sees_none_of_it(expenses: Workflow) -> None:
    claimed(in_review(expenses, key="not-yours"), "bea")
    person("carl").groups.add(Group.objects.get(name="Leads"))

    page = page_of("carl")

    assert line(page, "lead") == "Nothing waits for your teams."
    assert "not-yours" not in page.content.decode()


def test_lea_gives_back_what_bea_holds(expenses: Workflow) -> None:
    seat = claimed(in_review(expenses, key="held"), "bea")
    client = Client()
    client.force_login(person("lea"))

    answer = client.post(reverse("release_seat", args=[seat.pk]), follow=True)

    assert "held waits for Expense reviewers again." in answer.content.decode()
    assert part(page_of("ben"), "reviewer")["queues"][0].count == 1


def test_alice_sees_how_her_workflow_does(expenses: Workflow) -> None:
    started(expenses, LUNCH, confidence=0.99)
    seat = Seat.objects.filter(task=in_review(expenses))
    seat.update(created_at=timezone.now() - timedelta(hours=3))
    decided(seat.get().task, "bea", "approved", seconds=40)
    settled_now()
    incident_in(expenses)
    import_draft(EXPENSES.replace("value: 1000", "value: 2000"))
    engine.fold_counters()

    page = page_of("alice")
    (row,) = part(page, "owner")["rows"]

    assert line(page, "owner") == (
        "33% of Expenses decided by rules, 1 draft not published, 1 incident."
    )
    assert (row.slowest, row.waited, row.draft) == ("Read the receipt", "3 h", "Draft 2")
    assert row.draft_url == "/workflows/expenses/?version=2"


def test_an_owner_sees_only_workflows_of_her_own(expenses: Workflow) -> None:
    person("lea").groups.add(Group.objects.get(name="Workflow owners"))

    assert roles(page_of("lea")) == ["lead"]


def test_cara_sees_that_the_record_holds_and_what_was_odd(expenses: Workflow) -> None:
    task = in_review(expenses, key="cancelled-one")
    in_review(expenses)
    engine.cancel_case(task.case_id, actor=actor("lea"), reason="Sent twice.")
    engine.halt(expenses, actor=actor("lea"), reason="A look at the rules.")

    page = page_of("cara")
    found = part(page, "auditor")["deviations"]

    assert line(page, "auditor") == "The newest 2 chains hold, 2 deviations lately."
    assert [(row.place, row.moment.text) for row in found] == [
        ("Expenses", "stopped automatic approval"),
        ("cancelled-one", "cancelled the case"),
    ]


def test_cara_is_told_where_the_record_was_altered(expenses: Workflow) -> None:
    case = in_review(expenses, key="altered").case
    in_review(expenses)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        Event.objects.filter(stream=f"case:{case.pk}", seq=2).update(payload={"other": 1})
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")

    page = page_of("cara")

    assert line(page, "auditor") == "1 chain of the newest 2 broken."
    assert [(row.key, row.number) for row in part(page, "auditor")["broken"]] == [("altered", 2)]
    assert "The record was altered." in page.content.decode()


def test_an_auditor_of_another_team_sees_no_deviation(expenses: Workflow) -> None:
    task = in_review(expenses, key="not-yours")
    engine.cancel_case(task.case_id, actor=actor("lea"), reason="Sent twice.")
    person("carl").groups.add(Group.objects.get(name="Auditors"))

    page = page_of("carl")

    assert part(page, "auditor")["deviations"] == []
    assert "not-yours" not in page.content.decode()


def test_a_blind_reviewer_reads_no_deviation_of_her_case(expenses: Workflow) -> None:
    task = in_review(expenses, key="blind-one")
    done = decided(task, "ben", "approved")
    engine.undo(done.decision.pk, actor=actor("ben"))
    person("bea").groups.add(Group.objects.get(name="Auditors"))

    before = part(page_of("bea"), "auditor")["deviations"]
    Seat.objects.filter(task=task).update(blind=True)
    blind = part(page_of("bea"), "auditor")["deviations"]

    assert [row.place for row in before] == ["blind-one"]
    assert blind == []


def test_an_empty_place_says_how_to_begin() -> None:
    empty = page_of("dora").content.decode()
    workflow()

    assert "No workflow is here yet." in empty
    assert f'href="{reverse("admin:orchestrator_workflow_add")}"' in empty
    assert "No workflow is here yet." not in page_of("dora").content.decode()


def test_dora_sees_whether_everything_runs(expenses: Workflow) -> None:
    incident_in(expenses)
    lifesigns.report(lifesigns.TIMERS)
    lifesigns.report(lifesigns.WORKER)
    lifesigns.report(lifesigns.MEASURE, {"orphans": 0})

    runs = page_of("dora")
    Counter.objects.filter(measure=lifesigns.WORKER).update(count=F("count") - 60_000)
    silent = page_of("dora")

    assert line(runs, "admin") == "Everything runs, 0 orphans, 1 incident."
    assert line(silent, "admin").startswith("Machine steps: nobody reports, 0 orphans")
    assert [row.silent for row in part(silent, "admin")["processes"]] == [False, True, False]


def test_homes_count_the_incidents_that_are_overdue(expenses: Workflow) -> None:
    for key in ("one", "two"):
        incident_in(expenses, key)
    assert [
        line(page_of(name), role).count("late")
        for name, role in (("alice", "owner"), ("dora", "admin"))
    ] == [0, 0]

    late = Incident.objects.filter(task__case__key="two")
    late.update(due_at=timezone.now() - timedelta(hours=2))

    assert line(page_of("alice"), "owner").endswith("2 incidents, 1 late.")
    assert "2 incidents, 1 late" in line(page_of("dora"), "admin")
    assert line(page_of("lea"), "lead").endswith("1 incident is overdue.")
    assert "2 h</time> late" in page_of("lea").content.decode()


@pytest.mark.parametrize(
    ("name", "most"), [("bea", 19), ("lea", 35), ("alice", 24), ("cara", 22), ("dora", 21)]
)
def test_no_home_asks_more_questions_the_more_there_is(
    expenses: Workflow, name: str, most: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(4):
        claimed(in_review(expenses), "bea" if number % 2 else "ben")
        incident_in(expenses, f"broken-{number}")
        engine.cancel_case(in_review(expenses).case_id, actor=actor("lea"), reason="No.")
    client = Client()
    client.force_login(person(name))

    with django_assert_max_num_queries(most):
        client.get("/")


@pytest.mark.parametrize("name", ["bea", "lea", "alice", "cara", "dora"])
def test_a_home_asks_once_what_somebody_holds(expenses: Workflow, name: str) -> None:
    in_review(expenses)
    page_of(name)

    with CaptureQueriesContext(connection) as asked:
        page_of(name)

    assert sum("WITH RECURSIVE holder" in row["sql"] for row in asked.captured_queries) == 1


@pytest.mark.parametrize("name", ["bea", "lea"])
def test_a_home_asks_once_where_seats_wait(expenses: Workflow, name: str) -> None:
    in_review(expenses)
    page_of(name)

    with CaptureQueriesContext(connection) as asked:
        page_of(name)

    statements = [row["sql"] for row in asked.captured_queries]
    assert sum(sql.strip() == LANES.strip() for sql in statements) == 1


def test_what_bea_holds_is_asked_again_for_the_next_page(expenses: Workflow) -> None:
    in_review(expenses)
    bea, client = person("bea"), Client()
    client.force_login(bea)
    assert "Read the receipt" in client.get("/").content.decode()

    bea.groups.clear()

    assert "Read the receipt" not in client.get("/").content.decode()
