"""Waiting for somebody and sending back, on plain pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orchestrator import engine
from orchestrator.models import Decision, Seat, Task
from tests import waiting, world
from tests.review.conftest import SignIn
from tests.review.paper import Form, form_on, text_of

pytestmark = pytest.mark.django_db
RULE = "        start_within: 1h\n        remind_before: 30m\n"


@pytest.fixture
def task() -> Task:
    return world.in_review(waiting.workflow(rule=RULE), key="lunch")


@pytest.fixture
def bea(client_of: SignIn) -> Client:
    return client_of("bea")


@pytest.fixture
def form(bea: Client, task: Task) -> Form:
    return form_on(bea.post(f"/review/tasks/{task.pk}/claim/", follow=True))


def _wait(bea: Client, form: Form, **more: str) -> Any:
    until = timezone.localtime() + timedelta(days=1)
    said = {
        "pend-reason": "supplier",
        "pend-party": "Kantine",
        "pend-note": "They asked <b>why</b>",
        "pend-until": f"{until:%Y-%m-%dT%H:%M}",
        "comment": "Half done",
    }
    return form.set(said | more).press(bea, "Wait", follow=True)


def test_who_waits_finds_it_on_the_home_and_in_the_queue(
    bea: Client, form: Form, task: Task
) -> None:
    page = _wait(bea, form)

    assert "Waiting for others" in text_of(page)
    for address in ("/", "/review/"):
        told = text_of(bea.get(address))
        assert "Waiting for others" in told
        assert "Kantine" in told
        assert "Resume now" in told


def test_resuming_brings_back_what_was_typed(bea: Client, form: Form, task: Task) -> None:
    _wait(bea, form)
    shown = bea.get(f"/review/tasks/{task.pk}/")
    assert "You wait for somebody." in text_of(shown)
    assert "They asked &lt;b&gt;why&lt;/b&gt;" in text_of(shown)

    page = bea.post(f"/review/tasks/{task.pk}/resume/", follow=True)

    assert form_on(page).fields["comment"] == "Half done"
    assert form_on(page).fields["claim_token"]


def test_others_see_who_waits_and_cannot_take_it(
    bea: Client, form: Form, task: Task, client_of: SignIn
) -> None:
    _wait(bea, form)
    ben = client_of("ben")

    page = ben.get(f"/review/tasks/{task.pk}/")

    assert "bea waits for somebody" in text_of(page).lower()
    assert ben.post(f"/review/tasks/{task.pk}/claim/").status_code == 409
    assert "lunch" not in text_of(ben.get("/review/"))
    assert ben.post(f"/review/tasks/{task.pk}/resume/").status_code == 403


def test_a_lead_sees_who_waits_for_whom_and_ends_it(
    bea: Client, form: Form, task: Task, client_of: SignIn
) -> None:
    _wait(bea, form)
    lea = client_of("lea")
    told = text_of(lea.get("/"))
    assert "Waiting for others" in told
    assert "Kantine" in told

    page = lea.post(f"/review/tasks/{task.pk}/resume/", follow=True)

    assert page.status_code == 200
    seat = Seat.objects.get(task=task)
    assert (seat.back_at, seat.assigned_to) == (None, world.actor("bea"))
    assert "Kept for you" in text_of(bea.get("/review/"))


def test_a_day_that_is_past_comes_back_with_what_was_typed(
    bea: Client, form: Form, task: Task
) -> None:
    page = _wait(bea, form, **{"pend-until": "2020-01-01T09:00"})

    assert page.status_code == 422
    assert "still to come" in text_of(page)
    assert form_on(page).fields["pend-party"] == "Kantine"
    assert Seat.objects.get().back_at is None


def test_sending_back_without_javascript_offers_undo_and_tells_the_next_person(
    bea: Client, form: Form, task: Task, client_of: SignIn
) -> None:
    said = {"back-to": "receive", "back-instructions": "Ask for the <i>date</i>."}

    page = form.set(said).press(bea, "Send back", follow=True)

    assert "Undo" in text_of(page)
    decision = Decision.objects.get()
    assert (decision.word, decision.via) == ("rejected", "page")
    Task.objects.filter(pk=task.pk).update(settle_at="2020-01-01T00:00:00Z")
    engine.settle_due()
    received = Task.objects.get(step_key="receive")
    told = text_of(client_of("ben").get(f"/review/tasks/{received.pk}/"))
    assert "sent back by bea" in told.lower()
    assert "Ask for the &lt;i&gt;date&lt;/i&gt;." in told
    assert "sent “Read the receipt” back" in text_of(bea.get(f"/cases/{task.case_id}/"))


def test_sending_back_without_a_word_keeps_the_page(bea: Client, form: Form, task: Task) -> None:
    form.set({"back-to": "read", "back-instructions": " ", "comment": "Hm"})

    page = form.press(bea, "Send back")

    assert page.status_code == 422
    assert "Say what is to be done." in text_of(page)
    assert form_on(page).fields["comment"] == "Hm"


def test_the_button_says_when_it_was_sent_back_as_often_as_allowed(bea: Client, task: Task) -> None:
    for _ in range(2):
        last = Task.objects.filter(case=task.case_id).order_by("-id")[0]
        waiting.sent_back(last)
        Task.objects.filter(pk=last.pk).update(settle_at="2020-01-01T00:00:00Z")
        engine.settle_due()
        engine.work_until_idle(limit=1)
    last = Task.objects.filter(case=task.case_id).order_by("-id")[0]

    page = bea.post(f"/review/tasks/{last.pk}/claim/", follow=True)

    assert "Send it back to be done anew" in text_of(page)
    assert "was there as often as this step allows" in text_of(page)


def test_reminders_and_missed_starts_are_told(bea: Client, task: Task, client_of: SignIn) -> None:
    waiting.passed(task, timedelta(hours=3.6))
    engine.fire_seat_timers()

    assert "due soon" in text_of(bea.get("/"))
    queue = text_of(bea.get("/review/"))
    assert "not begun in time" in queue
    assert "due soon" in queue
    assert "Not started in time" in text_of(client_of("lea").get("/"))


def test_what_nobody_began_stands_first(bea: Client, task: Task) -> None:
    sooner = world.in_review(task.case.workflow, key="sooner")
    Seat.objects.filter(task=sooner).update(due_at=timezone.now() + timedelta(minutes=90))
    waiting.passed(task, timedelta(hours=2))
    engine.fire_seat_timers()

    page = text_of(bea.get("/review/"))

    assert page.index("lunch") < page.index("sooner")


def settled() -> None:
    Task.objects.filter(state="decided").update(settle_at="2020-01-01T00:00:00Z")
    engine.settle_due()


def test_who_does_a_step_anew_begins_with_what_they_gave(task: Task, client_of: SignIn) -> None:
    """Nothing is typed twice; what they then give is theirs, whatever stood there."""
    waiting.sent_back(task, to="receive")
    settled()
    world.decided(
        Task.objects.get(step_key="receive"), "ben", "responded", output={"note": "12 Nov"}
    )
    engine.work_until_idle()
    waiting.sent_back(Task.objects.filter(step_key="read").latest("id"), to="receive")
    settled()
    ben, again = client_of("ben"), Task.objects.filter(step_key="receive").latest("id")

    page = ben.post(f"/review/tasks/{again.pk}/claim/", follow=True)
    assert 'value="12 Nov"' in page.content.decode()
    form_on(page).set({"f/note": "13 Nov"}).press(ben, "Done", follow=True)

    again.refresh_from_db()
    assert (again.word, again.output) == ("responded", {"note": "13 Nov"})
