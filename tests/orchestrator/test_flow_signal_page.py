"""A signal brought by hand: which, by whom, with what; what is refused is typed only once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from orchestrator import engine
from orchestrator.models import Case, Event, Inbound
from tests import world
from tests.orchestrator.flows import asked, begun, definition, open_steps, published, step, told
from tests.orchestrator.test_flow_paper import FILE

pytestmark = pytest.mark.django_db


@pytest.fixture
def case() -> Case:
    return begun(published(FILE), {"country": "DE", "lines": [{"name": "tea"}]})


@pytest.fixture
def alice() -> Client:
    return signed_in("alice")


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(world.person(name))
    return client


def url(case: Case) -> str:
    return reverse("bring_signal", args=[case.pk])


def posted(page: Any, **fields: str) -> dict[str, str]:
    """What the form carries, and what is typed into it: ``amount`` is the field of that name."""
    carried = {"name": page.context["name"], "id": page.context["id"]}
    return carried | {f"f/{name}": text for name, text in fields.items()}


def test_a_person_brings_a_signal_in_the_form_of_its_step(alice: Client, case: Case) -> None:
    assert "paid" in alice.get(reverse("case", args=[case.pk])).context["signals"]
    page = alice.get(url(case), {"name": "paid"})
    assert 'name="f/amount"' in page.content.decode()

    done = alice.post(url(case), posted(page, amount="9"))

    assert done["Location"] == reverse("case", args=[case.pk])
    assert told(case).tasks.get(step_key="payment").output == {"amount": 9}
    event = Event.objects.get(type="signal.received")
    assert event.actor == world.actor("alice")


def test_the_same_form_sent_twice_brings_one_signal(alice: Client, case: Case) -> None:
    form = posted(alice.get(url(case), {"name": "paid"}), amount="9")

    alice.post(url(case), form)
    alice.post(url(case), form)

    assert Inbound.objects.filter(name="paid").count() == 1


def test_what_does_not_fit_says_so_and_nothing_typed_is_lost(alice: Client, case: Case) -> None:
    form = posted(alice.get(url(case), {"name": "paid"}), amount="nine")

    page = alice.post(url(case), form)

    assert page.status_code == 422
    html = page.content.decode()
    assert 'value="nine"' in html
    assert 'id="f/amount-error"' in html
    assert form["id"] in html
    assert not Inbound.objects.exists()


def test_news_have_the_form_of_what_they_write(alice: Client, case: Case) -> None:
    page = alice.get(url(case), {"name": "moved"})
    assert 'name="f/to"' in page.content.decode()

    alice.post(url(case), posted(page, to="Rome"))

    assert told(case).data["address"] == "Rome"


def test_a_signal_of_no_known_form_is_typed_as_text(alice: Client) -> None:
    text = definition(
        [step("pay", "event", flow={"signal": "paid", "within": "1d"}), asked("last")],
        "pay last",
        "last done",
    )
    case = begun(published(text))
    page = alice.get(url(case))
    wrong = alice.post(url(case), posted(page) | {"data": "{a: [1}"})
    assert wrong.status_code == 422
    assert "{a: [1}" in wrong.content.decode()

    alice.post(url(case), posted(page) | {"data": "amount: 3"})

    assert open_steps(case) == ["last"]


def test_a_refusal_of_the_engine_stands_above_the_form(alice: Client, case: Case) -> None:
    form = posted(alice.get(url(case), {"name": "paid"}), amount="9")
    unknown = alice.post(url(case), form | {"name": "payd"})
    assert unknown.status_code == 422
    assert "it knows moved, paid" in unknown.content.decode()
    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="Sent twice.")

    closed = alice.post(url(case), form)

    assert closed.status_code == 409
    assert 'value="9"' in closed.content.decode()


def test_only_who_may_bring_cases_brings_signals(case: Case) -> None:
    cara = signed_in("cara")

    assert cara.get(reverse("case", args=[case.pk])).context["signals"] == []
    assert cara.get(url(case)).status_code == 403
    assert cara.post(url(case), {"name": "paid", "id": "1", "f/amount": "9"}).status_code == 403
    assert signed_in("carl").get(url(case)).status_code == 404
    assert not Inbound.objects.exists()
