"""Handing seats out by page: from the lead's home and the case; what the people then see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orchestrator import engine
from orchestrator.models import Seat, Task, Workflow
from tests.world import FLIGHT, actor, claimed, decided, in_review, person, workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Workflow:
    return workflow()


@pytest.fixture
def task(place: Workflow) -> Task:
    return in_review(place, key="R-1")


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(person(name))
    return client


def seat_of(task: Task) -> Seat:
    return Seat.objects.get(task=task, number=1)


def door(task: Task) -> str:
    return reverse("assign_seat", args=[seat_of(task).pk])


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_lea_hands_what_bea_has_left_open_to_ben(task: Task) -> None:
    claimed(task, "bea")
    lea = client_of("lea")
    home = text_of(lea.get("/"))
    assert f'href="{door(task)}"' in home

    page = text_of(lea.get(door(task), headers={"Referer": "http://testserver/"}))
    assert "<strong>Bea</strong> works on it now" in page
    answer = lea.post(door(task), {"to": "ben", "next": "http://testserver/"}, follow=True)

    assert answer.redirect_chain == [("http://testserver/", 302)]
    assert "R-1 is assigned to Ben." in text_of(answer)
    assert [row.assigned_to for row in part(answer, "lead")["assigned"]] == ["Ben"]
    mine = part(client_of("ben").get("/"), "reviewer")["assigned"]
    assert [(row["case_key"], row["by"]) for row in mine] == [("R-1", "Lea")]
    assert part(client_of("bea").get("/"), "reviewer")["queues"] == []


def part(page: Any, role: str) -> Any:
    return next(section.data for section in page.context["sections"] if section.role == role)


def test_what_is_late_is_offered_to_hand_out(task: Task, place: Workflow) -> None:
    in_review(place)
    Seat.objects.filter(task=task).update(due_at=timezone.now() - timedelta(hours=3))

    late = part(client_of("lea").get("/"), "lead")["late"]

    assert [(row.case_key, row.assigned_to) for row in late] == [("R-1", "")]


def test_it_is_first_in_the_queue_and_marked_for_both(task: Task, place: Workflow) -> None:
    Seat.objects.filter(task=task).update(due_at=timezone.now() + timedelta(days=9))
    in_review(place, key="R-2")
    client_of("lea").post(door(task), {"to": "ben"})

    ben, bea = client_of("ben").get("/review/"), client_of("bea").get("/review/")

    assert [row.case_key for row in ben.context["rows"]] == ["R-1", "R-2"]
    assert "Assigned to you by Lea" in text_of(ben)
    assert [(row.case_key, row.assigned_to) for row in bea.context["rows"]] == [
        ("R-2", ""),
        ("R-1", "Ben"),
    ]
    taken = client_of("ben").post("/review/next/")
    assert taken.headers["Location"] == f"/review/tasks/{task.pk}/"
    assert "Lea has assigned this to you." in text_of(
        client_of("ben").get(taken.headers["Location"])
    )


def test_who_held_it_loses_nothing_that_was_typed(task: Task) -> None:
    seat = claimed(task, "bea")
    client_of("lea").post(door(task), {"to": "ben"})
    typed = {
        "claim_token": str(seat.claim_token),
        "digest": engine.screen_digest(seat.task, seat.task.case),
        "decision": "rejected",
        "comment": "Not a receipt at all.",
        "comment-rejected": "Not a receipt at all.",
    }

    answer = client_of("bea").post(f"/review/tasks/{task.pk}/decide/", typed)

    assert answer.status_code == 409
    assert "Lea has handed this to Ben." in text_of(answer)
    assert "Not a receipt at all." in text_of(answer)
    assert "lea has assigned this to ben." in text_of(
        client_of("bea").get(f"/review/tasks/{task.pk}/")
    )


def test_the_case_says_for_whom_it_waits_and_lets_the_owner_hand_it_on(task: Task) -> None:
    case = reverse("case", args=[task.case_id])
    alice = client_of("alice")
    assert "“Read the receipt” waits for Expense reviewers." in text_of(alice.get(case))

    alice.post(door(task), {"to": "ben", "next": case})
    page = text_of(alice.get(case))
    assert "“Read the receipt” is assigned to Ben." in page
    assert "assigned “Read the receipt” to Ben" in page
    assert "unassign" not in text_of(client_of("bea").get(case))

    back = alice.post(
        reverse("unassign_seat", args=[seat_of(task).pk]),
        headers={"Referer": f"http://testserver{case}"},
    )
    assert back.headers["Location"] == f"http://testserver{case}"
    assert "withdrew “Read the receipt” from Ben" in text_of(alice.get(case))


def test_who_may_not_is_shown_with_the_reason_and_refused(place: Workflow) -> None:
    task = in_review(place, FLIGHT)
    decided(task, "bea", "approved")
    seat = Seat.objects.open().get(task=task)
    url, lea = reverse("assign_seat", args=[seat.pk]), client_of("lea")

    people = lea.get(url).context["people"]
    assert [(one.name, bool(one.why_not)) for one in people] == [("Ben", False), ("Bea", True)]

    answer = lea.post(url, {"to": "bea"})
    assert answer.status_code == 403
    assert "needs other eyes" in text_of(answer)
    assert Seat.objects.get(pk=seat.pk).assigned_to is None


@pytest.mark.parametrize("to", ["", "nobody", "carl", "lea"])
def test_only_people_of_the_group_are_chosen(task: Task, to: str) -> None:
    answer = client_of("lea").post(door(task), {"to": to})

    assert answer.status_code == 422
    assert "Choose somebody of the group." in text_of(answer)


def test_the_page_leads_back_to_this_site_only(task: Task) -> None:
    answer = client_of("lea").post(door(task), {"to": "ben", "next": "https://evil.example/"})

    assert answer.headers["Location"] == "/"


def test_who_holds_least_is_offered_first(task: Task, place: Workflow) -> None:
    claimed(in_review(place), "bea")

    people = client_of("lea").get(door(task)).context["people"]

    assert [(one.name, one.held) for one in people] == [("Ben", 0), ("Bea", 1)]
    assert actor("bea").kind == "human"
