"""What a stranger sees of the demo first, and the task of each of its people."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from pytest_django import Settings

from integrations.demo import feeding, people
from integrations.demo.refunds import STORE, generator
from integrations.demo.welcome import picks
from integrations.demo.welcome.errands import Errand, cards
from orchestrator import engine
from orchestrator.definitions import clone_to_draft
from orchestrator.models import Case, Task, Workflow
from tests.world import actor, claimed, decided


@pytest.fixture
def unpaused() -> Iterator[None]:
    yield
    feeding.set_paused(paused=False)


def errand(name: str) -> Errand:
    return next(card.errand for card in cards(name) if card.name == name)


def ticks(name: str) -> list[bool]:
    return [mark.done for mark in errand(name).marks]


def entered(client: Client, name: str) -> Any:
    return client.post(f"/demo/as/{name}/", follow=True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/demo/", "/demo/map/", "/demo/as/bea/", "/demo/verify/1/", "/demo/kill/"]
)
def test_where_the_demo_is_not_installed_none_of_it_exists(client: Client, path: str) -> None:
    people.ensure()
    path = f"/demo/{path}"

    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404
    client.force_login(User.objects.get(username="dora"))
    assert client.get(path).status_code == 404
    assert b"/demo/" not in client.get("/").content


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("path", ["/", "/review/", "/cases/"])
def test_who_is_signed_out_is_welcomed_wherever_they_come(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/demo/")


@pytest.mark.django_db
@pytest.mark.usefixtures("installed")
def test_before_the_demo_is_set_up_the_page_says_so(client: Client) -> None:
    assert b"Not set up yet" in client.get("/demo/").content


def test_a_stranger_sees_the_live_map_and_a_card_for_each_role(
    refunds: Workflow, client: Client
) -> None:
    page = client.get("/demo/").content.decode()

    waiting = Task.objects.filter(case__workflow=refunds, state="in_review").count()
    assert f"{waiting} open cases" in page or f"{waiting:,} open cases" in page
    for person in people.PEOPLE:
        assert f'action="/demo/as/{person.name}/"' in page
    assert "RR-0" not in page, "what cases say is for those who are signed in"
    assert client.get("/demo/map/").content.decode().count("map-chip") > 0


def test_one_click_lets_a_stranger_in_as_one_of_the_demos_people(
    refunds: Workflow, client: Client
) -> None:
    answer = entered(client, "bea")

    assert answer.redirect_chain == [("/demo/#bea", 302)]
    assert answer.context["user"].username == "bea"
    assert b'<a href="/demo/"' in client.get("/cases/").content, "and there is a way back"


def test_who_decides_one_goes_on_among_the_refunds(refunds: Workflow, client: Client) -> None:
    page = entered(client, "bea").content.decode()

    assert (
        re.findall(r'href="/review/tasks/\d+/(.*?)"', page)
        == ["?workflow=refunds&amp;step=read"] * 5
    )
    assert page.count("btn-main") == 1, "the next step is told from the others"


def test_who_signs_out_is_welcomed_again(refunds: Workflow, client: Client) -> None:
    entered(client, "bea")

    assert client.post("/accounts/logout/")["Location"] == "/demo/"


def test_nobody_else_is_let_in_and_a_link_is_not_enough(refunds: Workflow) -> None:
    User.objects.create_superuser("root", password="root")
    strict = Client(enforce_csrf_checks=True)

    assert strict.post("/demo/as/bea/").status_code == 403
    assert Client().get("/demo/as/bea/").status_code == 405
    assert Client().post("/demo/as/root/").status_code == 404
    User.objects.filter(username="bea").update(is_active=False)
    assert Client().post("/demo/as/bea/").status_code == 404


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:8000"), ("127.0.0.1", "https://demo.example.org")],  # noqa: S104
)
def test_where_others_can_come_a_click_opens_nothing(
    refunds: Workflow, client: Client, settings: Settings, host: str, url: str
) -> None:
    settings.HOST, settings.REWIRE_URL = host, url

    page = client.get("/demo/").content.decode()

    assert "/demo/as/" not in page
    assert "without a password" in page
    assert client.post("/demo/as/bea/").status_code == 404


def test_bea_decides_five_and_corrects_the_one_with_a_wrong_amount(refunds: Workflow) -> None:
    five = picks.five(refunds, actor("bea"), wanted=5, wrong=True)
    (misread,) = (task for task in five if picks.is_misread(task))
    assert len(five) == 5
    assert ticks("bea") == [False, False]

    for task in five:
        if task == misread:
            due = STORE.truth()[task.case.key]
            decided(
                task, "bea", "corrected", output={**(task.proposal or {}), "amount": due["amount"]}
            )
        else:
            decided(task, "bea", "approved")

    assert ticks("bea") == [True, True]
    assert errand("bea").links == []


def test_ben_is_the_second_and_refused_where_he_was_the_first(
    refunds: Workflow, client: Client
) -> None:
    first, second = picks.nobody_yet(refunds).order_by("pk")[:2]
    decided(first, "ben", "approved")
    decided(second, "bea", "approved")
    assert errand("ben").links[0].text.startswith("Take it again")
    assert ticks("ben") == [False, False]

    entered(client, "ben")
    page = client.post(f"/demo/again/{first.pk}/", follow=True).content.decode()
    assert "needs other eyes" in page[page.index('id="ben"') :], "on the card, not above the page"
    assert page.count("needs other eyes") == 1
    assert errand("ben").links[0].text.startswith("Be the second")
    assert ticks("ben") == [True, False]

    decided(second, "ben", "approved")
    assert ticks("ben") == [True, True]
    assert ticks("bea") == [False, False]


def test_lea_gives_back_what_bea_holds_and_decides_a_doubtful_one(refunds: Workflow) -> None:
    held = claimed(picks.five(refunds, actor("bea"), wanted=1, wrong=False)[0], "bea")

    engine.unclaim(held.pk, actor=actor("lea"))
    assert ticks("lea") == [True, False]
    decided(picks.for_leads(refunds).order_by("pk")[0], "lea", "rejected")

    assert ticks("lea") == [True, True]


def test_alice_lowers_the_limit_and_publishes(refunds: Workflow) -> None:
    assert ticks("alice") == [False, False]

    assert refunds.published_version
    draft = clone_to_draft(refunds.published_version)
    rule = draft.steps.get(key="read").rights.get(name=picks.AUTOMATIC)
    for clause in (rule.condition or {})["all"]:
        if clause["fact"] == "output/amount":
            clause["value"] = 40
    rule.save()
    engine.publish(draft, actor=actor("alice"))

    assert errand("alice").marks[0].text == "Limit lowered to 40"
    assert ticks("alice") == [True, True]


def test_cara_sees_why_and_verifies_the_record(refunds: Workflow, client: Client) -> None:
    entered(client, "cara")
    why, case = errand("cara").links[0].url, errand("cara").check
    assert picks.AUTOMATIC in client.get(why.partition("#")[0]).content.decode()

    page = client.post(f"/demo/verify/{case}/", follow=True).content.decode()

    assert "The record holds" in page
    assert ticks("cara") == [True]
    assert LogEntry.objects.get().user.username == "cara"


def test_an_altered_record_is_found_out(refunds: Workflow, client: Client) -> None:
    entered(client, "cara")
    case = errand("cara").check
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE orchestrator_event SET payload = '{\"a\": 1}' WHERE stream = %s AND seq = 2",
            [f"case:{case}"],
        )
        cursor.execute("SET session_replication_role = DEFAULT")

    page = client.post(f"/demo/verify/{case}/", follow=True).content.decode()

    assert "Link 2 is missing or was altered" in page
    assert ticks("cara") == [False]


def test_who_may_not_see_a_case_cannot_have_it_verified(refunds: Workflow, client: Client) -> None:
    carl = User.objects.create_user("carl")
    client.force_login(carl)

    assert client.post(f"/demo/verify/{errand('cara').check}/").status_code == 404


def test_dora_pauses_the_arrivals_and_lets_them_go_on(
    refunds: Workflow, client: Client, unpaused: None
) -> None:
    entered(client, "dora")

    assert b"No more refunds arrive" in client.post("/demo/pause/", follow=True).content
    assert feeding.is_paused()
    assert b"Let refunds arrive" in client.get("/demo/").content
    assert b"Refunds arrive again" in client.post("/demo/pause/", follow=True).content
    assert not feeding.is_paused()


def test_nothing_arrives_while_it_is_paused(refunds: Workflow, unpaused: None) -> None:
    arrived = Case.objects.filter(workflow=refunds, key="RR-02201")

    feeding.set_paused(paused=True)
    feeding.take_turn()
    assert not arrived.exists()

    feeding.set_paused(paused=False)
    feeding.take_turn()
    assert arrived.exists()


@pytest.mark.parametrize("path", ["/demo/kill/", "/demo/pause/"])
def test_nobody_but_an_administrator_kills_or_pauses(
    refunds: Workflow, client: Client, unpaused: None, path: str
) -> None:
    assert client.post(path)["Location"].startswith("/demo/?next=")
    for name in ("bea", "lea", "alice", "cara"):
        entered(client, name)
        assert client.post(path).status_code == 403

    assert not feeding.is_paused()
    assert Case.objects.filter(workflow=refunds, key__gt="RR-02200").count() == 0


def test_outside_of_a_group_there_is_nobody_to_kill(
    refunds: Workflow, client: Client, tmp_path: Path, settings: Settings
) -> None:
    settings.HOME = type(settings.HOME).at(tmp_path)
    (tmp_path / "demo").mkdir()
    other = subprocess.Popen(["/bin/sleep", "60"])
    (tmp_path / "lock").write_text(str(other.pid))
    entered(client, "dora")

    page = client.post("/demo/kill/", follow=True).content.decode()

    assert "No worker was caught" in page
    assert other.poll() is None
    other.kill()
    other.wait()
    assert ticks("dora") == [False, False]


def test_the_reserve_arrives_in_its_order_and_then_no_more(refunds: Workflow) -> None:
    first, second = feeding.feed(), feeding.feed(2)
    keys = (
        Case.objects.filter(pk__in=[*first, *second]).order_by("pk").values_list("key", flat=True)
    )
    assert list(keys) == ["RR-02201", "RR-02202", "RR-02203"]

    assert len(feeding.feed(1000)) == generator.RESERVE - 3
    assert feeding.feed() == []


def test_what_the_reserve_says_is_true_is_known_too(trained: None) -> None:
    assert len(STORE.truth()) == generator.CASES + generator.RESERVE
