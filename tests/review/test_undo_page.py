from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from orchestrator import engine
from orchestrator.models import Decision, Seat, Task, Workflow
from tests import world
from tests.review.conftest import SignIn
from tests.review.paper import form_on, text_of


@pytest.fixture
def decided(bea: Client, expenses: Workflow) -> Task:
    """Bea has corrected it, and nothing follows from it yet."""
    task = world.in_review(expenses, key="lunch")
    page = bea.post(f"/review/tasks/{task.pk}/claim/", follow=True)
    form = form_on(page).fill(amount="45.20").set({"comment": "The total."})
    form.press(bea, "corrected")
    task.refresh_from_db()
    assert task.state == "decided"
    return task


def url() -> str:
    return f"/review/decisions/{Decision.objects.latest('id').pk}/undo/"


def test_undo_opens_the_task_again_with_what_was_said(bea: Client, decided: Task) -> None:
    page = bea.post(url(), follow=True)

    form = form_on(page)
    assert (form.fields["f/amount"], form.fields["comment"]) == ("45.2", "The total.")
    assert Task.objects.get().state == "in_review"
    assert Seat.objects.get().claimed_by == world.actor("bea")


def test_by_htmx_the_task_is_swapped_in(bea: Client, decided: Task) -> None:
    part = bea.post(url(), HTTP_HX_REQUEST="true")

    assert part.headers["HX-Push-Url"] == f"/review/tasks/{decided.pk}/"
    assert "Taken back. It is yours again." in text_of(part)
    assert "<title>lunch" in part.content.decode()


def test_undo_leads_back_to_the_same_part_of_the_queue(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)
    part = "?workflow=expenses&order=confidence"
    page = bea.post(f"/review/tasks/{task.pk}/claim/{part}", follow=True)

    page = form_on(page).press(bea, "approved", follow=True)
    (undo,) = set(re.findall(r'"(/review/decisions/[^"]*)"', page.content.decode()))
    page = bea.post(unescape(undo), follow=True)

    assert page.redirect_chain[-1][0] == f"/review/tasks/{task.pk}/{part}"


def test_what_was_taken_back_can_be_decided_anew(bea: Client, decided: Task) -> None:
    page = bea.post(url(), follow=True)

    form_on(page).fill(amount="42.5").press(bea, "approved")

    assert [row.word for row in Decision.objects.order_by("id")] == ["corrected", "approved"]
    assert Task.objects.get().word == "approved"


def test_after_the_window_the_task_of_the_moment_stays(bea: Client, decided: Task) -> None:
    Task.objects.update(settle_at=timezone.now() - timedelta(seconds=1))
    engine.settle_due()

    part = bea.post(url(), HTTP_HX_REQUEST="true")

    assert part.status_code == 409
    assert part.headers["HX-Reswap"] == "none"
    assert "The time to undo this decision is over" in text_of(part)
    assert bea.post(url()).status_code == 409


def test_nobody_undoes_what_another_decided(ben: Client, decided: Task) -> None:
    assert ben.post(url()).status_code == 403
    assert Task.objects.get().state == "decided"


def test_for_carl_there_is_no_such_decision(client_of: SignIn, decided: Task) -> None:
    assert client_of("carl").post(url()).status_code == 404
    assert client_of("bea").post("/review/decisions/999999/undo/").status_code == 404


def test_looking_at_the_address_undoes_nothing(bea: Client, decided: Task) -> None:
    assert bea.get(url()).headers["Location"] == "/review/"
    assert Task.objects.get().state == "decided"


def test_only_ones_own_decision_is_told_after_a_redirect(
    ben: Client, bea: Client, decided: Task
) -> None:
    done = Decision.objects.get().pk

    assert "Corrected lunch" in text_of(bea.get(f"/review/?done={done}"))
    assert "Corrected lunch" not in text_of(ben.get(f"/review/?done={done}"))
    assert bea.get("/review/?done=99999999999999999999").status_code == 200
