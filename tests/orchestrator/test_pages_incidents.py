"""Incidents: who sees them, and what each button does."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.template.defaultfilters import striptags
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orchestrator import calendars, engine
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import Case, Incident, Workflow
from tests.world import EXPENSES, in_review, person, started, workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def broken() -> Incident:
    return incident_in(workflow())


def incident_in(place: Workflow, key: str = "broken") -> Incident:
    """A task that a person was to decide and that cannot go on."""
    task = in_review(place, key=key)
    with acting(task.case_id) as act:
        return open_incident(act, locked_task(act, task.pk), "nobody", "<b>Nobody</b> is there.")


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(person(name))
    return client


def act_on(incident: Incident, name: str, action: str, **data: str) -> Any:
    return signed_in(name).post(reverse("incident", args=[incident.pk, action]), data)


@pytest.mark.parametrize("name", ["bea", "lea", "cara", "dora"])
def test_incidents_are_listed_to_who_sees_the_workflow(broken: Incident, name: str) -> None:
    page = signed_in(name).get("/incidents/").content.decode()
    group = signed_in(name).get(f"/incidents/?group={broken.fingerprint}").content.decode()

    assert "&lt;b&gt;Nobody&lt;/b&gt; is there." in page
    assert "&lt;b&gt;Nobody&lt;/b&gt; is there." in group
    assert ("Try again" in page) is ("Try again" in group)
    assert ("Try again" in group) is (name in {"lea", "dora"})


def test_a_failed_try_is_told_of_whoever_tried() -> None:
    failing = EXPENSES.replace("settings: {}", "settings: {fail_first: 9, error: rejected}")
    case = started(workflow(failing))
    engine.work_until_idle(limit=5)

    page = signed_in("lea").get(reverse("case", args=[case.pk])).content.decode()

    assert "<strong>reader@1</strong> failed at “Read the receipt”" in page
    assert "“Read the receipt” cannot go on by itself" in page
    assert "Try again" in page


def test_another_team_has_no_incidents(broken: Incident) -> None:
    page = signed_in("carl").get("/incidents/").content.decode()

    assert "Nobody" not in page
    assert "Every step is on its way." in page


def test_lea_has_the_step_tried_again(broken: Incident) -> None:
    answer = act_on(broken, "lea", "retry")

    broken.refresh_from_db()
    assert (broken.state, broken.task.state) == ("resolved", "in_review")
    assert answer["Location"] == reverse("case", args=[broken.task.case_id])
    assert "resolved the trouble at" in signed_in("lea").get(answer["Location"]).content.decode()


def test_lea_skips_the_step_with_a_reason(broken: Incident) -> None:
    act_on(broken, "lea", "skip", reason="Booked by hand.")

    broken.refresh_from_db()
    assert (broken.state, broken.reason) == ("resolved", "Booked by hand.")
    page = signed_in("bea").get(reverse("case", args=[broken.task.case_id])).content.decode()
    assert "Booked by hand." in page


def test_lea_cancels_the_case_with_a_reason(broken: Incident) -> None:
    act_on(broken, "lea", "cancel", reason="Sent twice.")

    broken.refresh_from_db()
    assert broken.state == "resolved"
    assert Case.objects.get(pk=broken.task.case_id).state == "cancelled"


@pytest.mark.parametrize("action", ["skip", "cancel"])
def test_nothing_happens_without_a_reason(broken: Incident, action: str) -> None:
    assert act_on(broken, "lea", action, reason=" ").status_code == 422
    broken.refresh_from_db()
    assert broken.state == "open"


@pytest.mark.parametrize(("name", "status"), [("bea", 403), ("cara", 403), ("carl", 404)])
@pytest.mark.parametrize("action", ["retry", "skip", "cancel", "compensate", "assign"])
def test_who_may_not_resolve_changes_nothing(
    broken: Incident, name: str, status: int, action: str
) -> None:
    assert act_on(broken, name, action, reason="I want to.").status_code == status
    broken.refresh_from_db()
    assert (broken.state, broken.task.state) == ("open", "failed")


def test_an_incident_is_resolved_once(broken: Incident) -> None:
    act_on(broken, "lea", "retry")

    assert act_on(broken, "dora", "retry").status_code == 404


def test_an_incident_knows_its_acts_by_post_only(broken: Incident) -> None:
    client = signed_in("lea")

    assert act_on(broken, "lea", "forget").status_code == 404
    assert client.get(reverse("incident", args=[broken.pk, "retry"])).status_code == 405
    broken.refresh_from_db()
    assert broken.state == "open"


def test_an_incident_is_due_in_the_working_time_that_its_step_gives_people() -> None:
    hours = {day: ["09:00-10:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
    calendar = {"timezone": "Europe/Berlin", "hours": hours}
    text = EXPENSES.replace("\nsteps:\n", f"\ncalendar: {json.dumps(calendar)}\nsteps:\n")

    found = incident_in(workflow(text))

    found.refresh_from_db()
    wanted = calendars.due(found.opened_at, 4 * 3600, calendar)
    assert abs(found.due_at - wanted) < timedelta(seconds=5)


def test_each_incident_says_when_it_is_due_and_who_answers_for_it(broken: Incident) -> None:
    lea = signed_in("lea")
    addresses = ("/incidents/", f"/incidents/?group={broken.fingerprint}")

    for address in addresses:
        page = " ".join(striptags(lea.get(address).content.decode()).split())
        assert "Alice answers for it" in page
        assert "due in 3 h" in page
    assert lea.get("/incidents/?due=late").context["groups"] == []
    assert lea.get("/incidents/?due=nonsense").context["groups"] == []
    Incident.objects.update(due_at=timezone.now() - timedelta(hours=2))
    act_on(broken, "lea", "assign", to="lea")

    for address in addresses:
        page = " ".join(striptags(lea.get(f"{address}").content.decode()).split())
        assert "answers for it" not in page
        assert "2 h late" in page
    (group,) = lea.get("/incidents/?due=late").context["groups"]
    assert (group.count, group.late) == (1, 1)


def test_the_page_asks_the_same_few_questions_however_many_there_are(
    broken: Incident, django_assert_max_num_queries: Any
) -> None:
    place = broken.task.case.workflow
    for number in range(24):
        incident_in(place, f"broken-{number}")
    started(place, key="fine")
    client = signed_in("lea")

    with django_assert_max_num_queries(24):
        page = client.get(f"/incidents/?group={broken.fingerprint}")

    assert len(page.context["incidents"]) == 20
    assert len(client.get(page.context["page"].next_url).context["incidents"]) == 5
