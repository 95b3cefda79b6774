from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orchestrator import engine
from orchestrator.models import Decision, Seat, Workflow
from tests import world
from tests.review.conftest import SignIn
from tests.review.paper import form_on, text_of

ROWS = """
        lines:
          type: array
          title: Lines
          items:
            type: object
            required: [sku]
            properties: {sku: {type: string, title: Item}, price: {type: number, title: Price}}
        paid_on:"""


def test_bea_looks_before_she_claims(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses, text="Kantine, 42.50 EUR", confidence=0.5)

    page = bea.get(f"/review/tasks/{task.pk}/")

    assert "Kantine, 42.50 EUR" in text_of(page)
    assert "Claim and review" in text_of(page)
    assert "f/amount" not in form_on(page).fields
    assert Seat.objects.get().claimed_by is None


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_no_hidden_character_turns_the_title_round(
    bea: Client, expenses: Workflow, headers: dict[str, str]
) -> None:
    key = "<i>pay\u202egnp.exe"
    task = world.in_review(expenses, key=key)
    addresses = [f"/review/tasks/{task.pk}/", f"/cases/{task.case_id}/"]

    before = [bea.get(address, headers=headers).content.decode() for address in addresses]
    world.decided(task, "bea", "approved")
    after = [bea.get(address, headers=headers).content.decode() for address in addresses]

    for page in before + after:
        assert "\u202e" not in page
        assert "&lt;i&gt;payU+202Egnp.exe" in page.partition("</title>")[0]


def test_a_claimed_task_shows_its_form_and_why_it_is_here(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(
        expenses, confidence=0.5, field_confidence={"/amount": 0.31, "/merchant": 0.97}
    )
    world.claimed(task, "bea")

    page = bea.get(f"/review/tasks/{task.pk}/")

    assert form_on(page).fields["f/amount"] == "42.5"
    assert "Why you see this: confidence 0.50 is below 0.90" in text_of(page)
    assert "1 to check" in text_of(page)
    assert [button.value for button in form_on(page).buttons if button.name == "decision"] == [
        "approved", "corrected", "rejected", "escalated",
    ]  # fmt: skip


def test_a_low_confidence_makes_approving_no_main_button(bea: Client, expenses: Workflow) -> None:
    low = world.in_review(expenses, confidence=0.5)
    sure = world.in_review(expenses, world.LUNCH | {"amount": 400}, confidence=0.95)

    pages = {task: bea.post(f"/review/tasks/{task.pk}/claim/", follow=True) for task in (low, sure)}

    assert 'data-approve="equal"' in pages[low].content.decode()
    assert 'data-approve="main"' in pages[sure].content.decode()


def test_the_claim_button_claims(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)

    page = form_on(bea.get(f"/review/tasks/{task.pk}/")).press(bea, "Claim and review", follow=True)

    assert Seat.objects.get().claimed_by == world.actor("bea")
    assert "Approve" in text_of(page)


def test_by_htmx_the_claimed_task_is_swapped_in(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses, key="lunch")

    part = form_on(bea.get(f"/review/tasks/{task.pk}/")).press(bea, "Claim and review", htmx=True)

    assert "<html" not in part.content.decode()
    assert "<title>lunch · Read the receipt · Rewire</title>" in part.content.decode()
    assert "This task is yours now." in text_of(part)
    assert re.search(r"data-clock>(10:00|9:5\d)<", part.content.decode()), (
        "and no other text before"
    )
    assert part.headers["HX-Push-Url"] == f"/review/tasks/{task.pk}/"


def test_ben_sees_that_bea_has_it(ben: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)
    world.claimed(task, "bea")

    page = ben.get(f"/review/tasks/{task.pk}/")

    assert "Bea is looking at this" in text_of(page)
    assert "Claim and review" not in text_of(page)


def test_ben_cannot_take_what_bea_holds(ben: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)
    world.claimed(task, "bea")

    answer = ben.post(f"/review/tasks/{task.pk}/claim/")

    assert answer.status_code == 409
    assert "Bea is looking at this" in text_of(answer)
    assert Seat.objects.get().claimed_by == world.actor("bea")


def test_a_colleague_without_the_right_is_told_who_decides(
    client_of: SignIn, expenses: Workflow
) -> None:
    task = world.in_review(expenses)

    page = client_of("cara").get(f"/review/tasks/{task.pk}/")

    assert "Expense reviewers decide here" in text_of(page)


@pytest.mark.parametrize(
    "part", ["", "history/", "claim/", "decide/", "draft/", "heartbeat/", "release/", "skip/"]
)
def test_for_carl_of_another_team_there_is_nothing(
    client_of: SignIn, expenses: Workflow, part: str
) -> None:
    url = f"/review/tasks/{world.in_review(expenses).pk}/{part}"
    carl = client_of("carl")

    answer = carl.get(url) if part in {"", "history/"} else carl.post(url, {"decision": "approved"})

    assert answer.status_code == 404


@pytest.mark.parametrize("part", ["claim", "decide", "draft", "heartbeat", "release", "skip"])
def test_looking_at_the_address_of_a_deed_leads_to_the_task(
    bea: Client, expenses: Workflow, part: str
) -> None:
    task = world.in_review(expenses)

    answer = bea.get(f"/review/tasks/{task.pk}/{part}/?order=created")

    assert answer.headers["Location"] == f"/review/tasks/{task.pk}/?order=created"
    assert Seat.objects.get().claimed_by is None


def test_a_decided_task_shows_what_was_decided(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)
    world.decided(task, "ben", "rejected", comment="No receipt of ours.")

    page = bea.get(f"/review/tasks/{task.pk}/")

    assert "No receipt of ours." in text_of(page)
    assert "Rejected" in text_of(page)


def test_the_output_says_who_gave_it_and_at_what_cost(bea: Client, expenses: Workflow) -> None:
    said: dict[str, Any] = {
        "model": "reader-7",
        "cost_micros": 1200,
        "currency": "EUR",
        "latency_ms": 1035,
    }
    task = world.in_review(expenses, **said)

    page = text_of(bea.get(f"/review/tasks/{task.pk}/"))

    assert "reader@1, try 1 · 1,035 ms · cost 0.0012 EUR · reader-7" in page


def test_a_blind_seat_shows_neither_confidence_nor_reason(bea: Client, expenses: Workflow) -> None:
    said: dict[str, Any] = {
        "confidence": 0.51,
        "field_confidence": {"/amount": 0.31},
        "model": "reader-7",
    }
    task = world.in_review(expenses, **said)
    Seat.objects.update(blind=True)
    world.claimed(task, "bea")

    page = text_of(bea.get(f"/review/tasks/{task.pk}/"))

    assert "You decide on your own here" in page
    assert "0.51" not in page
    assert "0.31" not in page
    assert "reader-7" not in page
    assert "Why you see this" not in page
    assert "So far" not in page


def test_the_second_of_two_sees_what_the_first_said(ben: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses, world.FLIGHT)
    world.decided(task, "bea", "approved", comment="Fits the invoice.")

    page = text_of(ben.post(f"/review/tasks/{task.pk}/claim/", follow=True))

    assert "Seat 2 of 2" in page
    assert "Fits the invoice." in page


def test_who_settles_a_dispute_sees_both_sides(client_of: SignIn, expenses: Workflow) -> None:
    task = world.in_review(expenses, world.FLIGHT)
    world.decided(task, "bea", "approved")
    world.decided(task, "ben", "corrected", output=world.FLIGHT | {"amount": 1900})

    page = client_of("lea").post(f"/review/tasks/{task.pk}/claim/", follow=True)

    assert "They differ" in text_of(page)
    assert "1800" in text_of(page)
    assert "1900" in text_of(page)
    assert "Adjudication" in text_of(page)


def test_the_case_so_far_is_told(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)

    told = text_of(bea.get(f"/review/tasks/{task.pk}/history/"))

    assert "started the case" in told


def test_who_sits_blind_is_not_told_the_case_so_far(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)
    Seat.objects.update(blind=True)

    assert "one person decides" not in text_of(bea.get(f"/review/tasks/{task.pk}/history/"))
    assert "waits for" not in text_of(bea.get(f"/review/tasks/{task.pk}/history/"))


def test_releasing_gives_the_task_back(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)
    page = bea.post(f"/review/tasks/{task.pk}/claim/", follow=True)

    answer = form_on(page).press(bea, "Release")

    assert answer.headers["Location"] == "/review/"
    assert Seat.objects.get().claimed_by is None


def test_skipping_goes_on_with_the_next(bea: Client, expenses: Workflow) -> None:
    first, second = (world.in_review(expenses, key=key) for key in ("first", "second"))
    page = bea.post("/review/next/", follow=True)

    part = form_on(page).press(bea, "Skip", htmx=True)

    assert "second" in text_of(part)
    assert Seat.objects.get(task=first).claimed_by is None
    assert Seat.objects.get(task=second).claimed_by == world.actor("bea")


def test_a_heartbeat_extends_the_claim(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)
    form = form_on(bea.post(f"/review/tasks/{task.pk}/claim/", follow=True))
    Seat.objects.update(claim_expires_at=timezone.now() + timedelta(seconds=20))

    part = form.press(bea, "Extend", htmx=True)

    left = Seat.objects.get().claim_expires_at - timezone.now()  # type: ignore[operator]
    assert left > timedelta(seconds=500)
    assert 'data-seconds="6' in part.content.decode() or 'data-seconds="59' in part.content.decode()


def test_extending_without_javascript_keeps_what_was_typed(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)
    form = form_on(bea.post(f"/review/tasks/{task.pk}/claim/", follow=True)).fill(amount="43")

    page = form.press(bea, "Extend", follow=True)

    assert form_on(page).fields["f/amount"] == "43"


def test_a_heartbeat_too_late_says_so_and_offers_the_claim(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)
    form = form_on(bea.post(f"/review/tasks/{task.pk}/claim/", follow=True))
    Seat.objects.update(claim_expires_at=timezone.now() - timedelta(seconds=1))

    part = form.press(bea, "Extend", htmx=True)

    assert part.status_code == 409
    assert "Your claim has ended" in text_of(part)
    assert "Claim it again" in text_of(part)


def test_rows_are_added_and_removed_without_javascript(bea: Client) -> None:
    lines = world.workflow(**{"\n        paid_on:": ROWS})
    output = world.LUNCH | {"lines": [{"sku": "Soup"}, {"sku": "Bread"}]}
    task = world.in_review(lines, output)
    page = bea.post(f"/review/tasks/{task.pk}/claim/", follow=True)

    page = form_on(page).press(bea, "add /lines", follow=True)
    assert form_on(page).fields["f/lines/2/sku"] == ""
    form = form_on(page)
    form.fields["f/lines/2/sku"] = "Water"
    page = form.press(bea, "remove /lines/0", follow=True)
    form_on(page).press(bea, "corrected")

    output = Decision.objects.get().output or {}
    assert output["lines"] == [{"sku": "Bread"}, {"sku": "Water"}]


def test_by_htmx_only_the_fields_come_back(bea: Client) -> None:
    lines = world.workflow(**{"\n        paid_on:": ROWS})
    task = world.in_review(lines, world.LUNCH | {"lines": [{"sku": "Soup"}]})
    page = bea.post(f"/review/tasks/{task.pk}/claim/", follow=True)

    part = form_on(page).press(bea, "add /lines", htmx=True).content.decode()

    assert part.lstrip().startswith("<fieldset")
    assert 'name="f/lines/1/sku"' in part
    assert "2, was 1" in part


def test_a_draft_stays_with_who_typed_it(bea: Client, ben: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)
    form = form_on(bea.post(f"/review/tasks/{task.pk}/claim/", follow=True))
    page = form.fill(amount="43").press(bea, "Show changes", follow=True)
    assert form_on(page).fields["f/amount"] == "43"

    form_on(page).press(bea, "Release")
    page = ben.post(f"/review/tasks/{task.pk}/claim/", follow=True)

    assert form_on(page).fields["f/amount"] == "42.5"


def test_a_closed_case_has_nothing_to_claim(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)
    engine.cancel_case(task.case_id, actor=world.actor("lea"), reason="Sent twice.")

    page = bea.post(f"/review/tasks/{task.pk}/claim/")

    assert "Nothing to decide" in text_of(page)
