from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from integrations.demo import cases, loading, people, workflows
from integrations.demo.management.commands.demo import publish
from integrations.demo.processes import connect_ledger
from orchestrator import authority, engine
from orchestrator.exceptions import NotAllowed
from orchestrator.models import Actor, Attempt, Case, Connection, Grant, Workflow

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("trained")]


@pytest.fixture(autouse=True)
def demo() -> None:
    people.ensure()
    for slug in workflows.SLUGS:
        publish(slug)


def test_cases_arrive_once_however_often_the_demo_starts() -> None:
    assert loading.load(most=4) == 3 + 4 + 4
    assert loading.load(most=4) == 0
    assert loading.load(most=5) == 0 + 1 + 1

    keys = Case.objects.filter(workflow__slug="digits").values_list("key", flat=True)
    assert sorted(keys) == ["D-0001", "D-0002", "D-0003", "D-0004", "D-0005"]


def test_a_case_that_is_missing_arrives_with_the_next_start() -> None:
    digits = Workflow.objects.get(slug="digits")
    second = list(cases.arriving("digits"))[1]
    engine.start_cases(digits, actor=loading.sender(digits), cases=[second])

    assert loading.load(most=2) == 2 + 1 + 2


def test_programs_send_the_cases_and_may_do_nothing_else() -> None:
    loading.load(most=1)
    scanner, refunds = Actor.objects.get(name="scanner"), Workflow.objects.get(slug="refunds")
    case = Case.objects.get(workflow__slug="digits")

    assert case.initiator == scanner
    assert not authority.may(scanner, "view", case).allowed
    with pytest.raises(NotAllowed):
        engine.start_cases(refunds, actor=scanner, cases=[])
    assert Grant.objects.count() == len(workflows.SLUGS)


def test_the_ledger_is_reached_where_it_listens_this_time() -> None:
    connect_ledger(9123)

    ledger = Connection.objects.get(name="ledger")
    assert ledger.settings == {"url": "http://127.0.0.1:9123", "check_path": "/healthz"}


def test_everybody_of_the_demo_sees_all_of_it() -> None:
    seen = {
        user.username: Workflow.objects.visible_to(Actor.objects.for_user(user)).count()
        for user in User.objects.all()
    }
    assert seen == dict.fromkeys(("bea", "ben", "lea", "alice", "cara", "dora"), 3)


@pytest.mark.usefixtures("fetched")
def test_feedback_is_there_for_everybody_once_its_texts_were_fetched(
    settings: Settings,
) -> None:
    settings.REWIRE_PYTHON_CALLABLES = ["integrations.demo."]
    publish(workflows.FETCHED)

    assert loading.load(most=2, slugs=[workflows.FETCHED]) == 2
    case = Case.objects.get(key="F-001")
    assert case.initiator.name == "survey"
    engine.work_until_idle()
    for name in ("bea", "ben", "lea", "alice", "cara", "dora"):
        actor = Actor.objects.for_user(User.objects.get(username=name))
        assert authority.may(actor, "view", case).allowed
    output = Attempt.objects.get(task__case=case).output or {}
    assert output["sentiment"] in ("positive", "neutral", "negative")
