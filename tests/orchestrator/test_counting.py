"""The counters follow the log: nothing is lost, nothing counts twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from threading import Event as Signal
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from orchestrator import engine, jobs
from orchestrator.engine import counting
from orchestrator.histograms import bucket
from orchestrator.models import (
    Actor,
    Case,
    CaseOrigin,
    Counter,
    Event,
    Follower,
    Workflow,
)
from tests import world
from tests.orchestrator.races import at_once
from tests.orchestrator.troubles import broken, failing, reading
from tests.world import FLIGHT, LUNCH, actor, decided, in_review, started


@pytest.fixture
def place(db: None) -> Workflow:
    return world.workflow()


def counts(place: Workflow, version: int | str = "*", grain: str = "month") -> dict[str, Any]:
    """Measure -> sum over all hours, with the histogram where it has one."""
    while engine.fold_counters():
        continue
    found: dict[str, Any] = {}
    for row in Counter.objects.filter(scope=f"{grain}/{place.pk}/{version}", count__gt=0):
        found[row.measure] = row.histogram or row.count
    return found


def now(place: Workflow) -> dict[str, int]:
    return counts(place, grain="now")


def test_what_the_rules_approve_and_what_they_ask_people(place: Workflow) -> None:
    started(place, LUNCH, confidence=0.99)
    started(place, {**LUNCH, "merchant": "Casino"}, confidence=0.99)
    task = in_review(place)
    in_review(place, FLIGHT)

    found = counts(place)

    rights = {right.name: str(right.pk) for right in task.step.rights.all()}
    assert (found["started"], found["completed"]) == (4, 2)
    assert (found["auto"], found["blocked"]) == (1, 1)
    assert found["asked"] == {rights["Everything else"]: 1, rights["Much money"]: 1}
    assert sum(found["lead"].values()) == 2


def test_what_people_say_and_for_how_long(place: Workflow) -> None:
    decided(in_review(place), "bea", "approved", final=True, seconds=8)
    decided(in_review(place), "bea", "corrected", output={**LUNCH, "amount": 1}, seconds=8)
    decided(in_review(place), "ben", "rejected")

    found = counts(place)

    assert found["said"] == {"approved": 1, "corrected": 1, "rejected": 1}
    assert found["seconds"] == {"24": 2}
    assert sum(found["waited"].values()) == 3


def test_a_decision_taken_back_counts_no_more(place: Workflow) -> None:
    done = decided(in_review(place), "bea", "rejected", seconds=3)
    assert counts(place)["said"] == {"rejected": 1}

    engine.undo(done.decision.pk, actor=actor("bea"))

    found = counts(place)
    assert "said" not in found
    assert "seconds" not in found


def test_a_consent_that_is_carried_over_is_no_second_decision(place: Workflow) -> None:
    decided(in_review(place), "bea", "corrected", output=FLIGHT)

    assert counts(place)["said"] == {"corrected": 1}


def test_agreement_is_counted_by_tenths_of_confidence(place: Workflow) -> None:
    less = {**LUNCH, "amount": 1}
    for confidence, word, more in (
        (0.3, "approved", {}),
        (0.39, "corrected", {"output": less}),
        (0.82, "approved", {}),
        (None, "rejected", {}),
        (0.82, "corrected", {"output": {**LUNCH, "category": "other"}}),
    ):
        task = in_review(place, confidence=confidence)
        decided(task, "bea", word, final=True, **more)

    found = counts(place)

    assert found["judged"] == {"3": 2, "8": 2, "unknown": 1}
    assert found["agreed"] == {"3": 1, "8": 2}, "a field that is not material was corrected"


def test_tries_and_what_they_cost(place: Workflow) -> None:
    started(place, LUNCH, confidence=0.99, cost_micros=1200, currency="EUR")
    started(place, LUNCH, confidence=0.99, cost_micros=300, currency="USD")
    started(place, LUNCH, confidence=0.99)

    found = counts(place)

    assert found["tries"] == 3
    assert found["cost"] == {"EUR": 1200, "USD": 300}


def test_failed_tries_are_counted(place: Workflow) -> None:
    started(place)
    engine.work_until_idle()  # the fake connector has no answer for this

    found = counts(place)

    assert found["failed"] == found["tries"] == 1


def test_versions_are_counted_apart_and_together(place: Workflow) -> None:
    started(place, LUNCH, confidence=0.99)
    later = world.workflow(world.EXPENSES, **{"value: 0.9": "value: 0.8"})
    started(later, LUNCH, confidence=0.99)
    started(later, LUNCH, confidence=0.99)

    assert (counts(place, 1)["auto"], counts(place, 2)["auto"], counts(place)["auto"]) == (1, 2, 3)


def test_agent_versions_are_counted_apart_and_together(place: Workflow) -> None:
    costs: dict[str, Any] = {"cost_micros": 500, "currency": "EUR", "latency_ms": 800}
    started(place, LUNCH, confidence=0.99, model="m-1", **costs)
    started(place, LUNCH, confidence=0.99, model="m-2", **costs)
    taken_back = decided(in_review(place, model="m-2"), "bea", "rejected")
    decided(in_review(place, confidence=0.72, model="m-2"), "bea", "approved", final=True)
    engine.undo(taken_back.decision.pk, actor=actor("bea"))

    old, new = Actor.objects.filter(kind="agent").order_by("pk")

    whole, first, second = counts(place), counts(place, f"@{old.pk}"), counts(place, f"@{new.pk}")
    assert (first["tries"], first["auto"], first["cost"]) == (1, 1, {"EUR": 500})
    assert first["latency"] == {str(bucket(0.8)): 1}
    assert first.keys() == {"tries", "auto", "cost", "latency"}
    assert (second["tries"], second["auto"], sum(second["asked"].values())) == (3, 1, 2)
    assert (second["said"], second["agreed"]) == ({"approved": 1}, {"7": 1})
    assert (whole["tries"], whole["auto"], whole["judged"]) == (4, 2, {"7": 1})


@pytest.mark.usefixtures("db")
def test_who_answers_in_place_of_an_agent_is_not_counted_as_it() -> None:
    incident = broken(failing())
    place, reader = incident.task.case.workflow, Actor.objects.get(kind="agent")
    engine.hand_over(incident.pk, actor=actor("dora"))

    decided(incident.task, "bea", "responded", output={"sum": 1}, final=True)

    assert counts(place)["said"] == {"responded": 1}
    assert counts(place, f"@{reader.pk}").keys() == {"tries", "failed", "latency"}


@pytest.mark.usefixtures("db")
def test_automations_have_no_record_of_their_own() -> None:
    place = broken(failing([reading(kind="automation")])).task.case.workflow

    assert counts(place)["failed"] == 1
    assert not Counter.objects.filter(scope__contains="@").exists()


def test_hours_days_and_months_say_the_same(place: Workflow) -> None:
    started(place, LUNCH, confidence=0.99)
    in_review(place)

    assert counts(place, grain="hour") == counts(place, grain="day") == counts(place, grain="month")
    at = Case.objects.latest("pk").created_at.astimezone(UTC)
    assert Counter.objects.filter(scope=f"hour/{place.pk}/*").latest("hour").hour == at.replace(
        minute=0, second=0, microsecond=0
    )


def test_cases_that_try_something_out_are_not_counted(place: Workflow) -> None:
    engine.start_case(
        place,
        actor=actor("alice"),
        key="seed",
        data={"text": ""},
        output={"value": LUNCH},
        origin=CaseOrigin.SEED,
    )

    assert counts(place) == {}
    assert now(place) == {}


def test_how_many_are_open_and_wait_for_people(place: Workflow) -> None:
    task, other, last = in_review(place), in_review(place), in_review(place, FLIGHT)
    started(place, LUNCH, confidence=0.99)
    assert now(place) == {"open": 3, "in_review": 3}

    done = decided(task, "bea", "approved")
    decided(last, "bea", "approved")
    assert now(place) == {"open": 3, "in_review": 2}

    engine.undo(done.decision.pk, actor=actor("bea"))
    engine.cancel_case(other.case_id, actor=actor("lea"), reason="Twice.")
    assert now(place) == {"open": 2, "in_review": 2}

    decided(last, "ben", "approved", final=True)
    assert now(place) == {"open": 1, "in_review": 1}


def test_a_fold_may_stop_anywhere_and_go_on(place: Workflow) -> None:
    for _ in range(3):
        decided(in_review(place), "bea", "approved", final=True, seconds=2)

    while engine.fold_counters(limit=1):
        continue

    one_by_one = everything()
    assert one_by_one["said", f"month/{place.pk}/*"] == {"approved": 3}
    assert Follower.objects.get().position == Event.objects.latest("id").pk
    engine.rebuild_counters()
    assert everything() == one_by_one


def everything() -> dict[tuple[str, str], Any]:
    rows = Counter.objects.exclude(count=0)
    return {(row.measure, row.scope): row.histogram or row.count for row in rows}


def test_counting_the_log_again_gives_the_same_numbers(place: Workflow) -> None:
    done = decided(in_review(place, confidence=0.7), "bea", "rejected", seconds=4)
    started(place, LUNCH, confidence=0.99, cost_micros=7, currency="EUR")
    engine.fold_counters()
    engine.undo(done.decision.pk, actor=actor("bea"))
    decided(in_review(place, FLIGHT), "ben", "corrected", output=LUNCH, final=True)
    engine.cancel_case(in_review(place).case_id, actor=actor("lea"), reason="No.")
    engine.fold_counters()
    before = everything()

    Counter.objects.update(count=99)
    call_command("rebuild_counters")

    assert everything() == before
    assert before["open", f"now/{place.pk}/*"] == 1


def test_the_job_brings_the_counters_up_to_now(place: Workflow) -> None:
    started(place, LUNCH, confidence=0.99)

    jobs.count()

    assert Follower.objects.get().position == Event.objects.latest("id").pk
    assert settings.CELERY_BEAT_SCHEDULE["count"]["task"] == jobs.count.name
    assert settings.CELERY_TASK_ROUTES[jobs.count.name] == {"queue": "timers"}


@pytest.mark.django_db(transaction=True)
def test_what_commits_late_is_waited_for() -> None:
    place, alice = world.workflow(), world.actor("alice")
    go_on, has_written = Signal(), Signal()

    def slowly() -> None:
        with transaction.atomic():
            engine.start_case(place, actor=alice, key="early id", data={"text": ""})
            has_written.set()
            assert go_on.wait(20)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(closing(slowly))
        assert has_written.wait(20)
        engine.start_case(place, actor=alice, key="late id", data={"text": ""})

        assert engine.fold_counters() == 0, "an event with a smaller id may still appear"

        go_on.set()
        slow.result(20)
    assert counts(place)["started"] == 2


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_not_waited_for() -> None:
    place, alice = world.workflow(), world.actor("alice")
    with transaction.atomic():
        engine.start_case(place, actor=alice, key="gone", data={"text": ""})
        transaction.set_rollback(True)
    engine.start_case(place, actor=alice, key="there", data={"text": ""})

    assert counts(place)["started"] == 1


@pytest.mark.django_db(transaction=True)
def test_many_writers_and_several_folds_lose_and_double_nothing() -> None:
    place, alice = world.workflow(), world.actor("alice")
    output = {"value": LUNCH, "confidence": 0.99}

    def writer(number: int) -> Callable[[], None]:
        def write() -> None:
            for turn in range(15):
                with transaction.atomic():
                    engine.start_case(
                        place,
                        actor=alice,
                        key=f"{number}-{turn}",
                        data={"text": ""},
                        output=output,
                    )
                    transaction.set_rollback(turn % 5 == 4)

        return write

    def fold() -> None:
        for _ in range(40):
            engine.fold_counters(limit=7)

    at_once(*(writer(number) for number in range(6)), fold, fold)

    found = counts(place)
    assert Case.objects.count() == 6 * 12
    assert (found["started"], found["auto"], found["completed"]) == (72, 72, 72)
    folded = everything()
    engine.rebuild_counters()
    assert everything() == folded


@pytest.mark.django_db(transaction=True)
def test_a_second_fold_at_the_same_time_leaves_it_to_the_first(place: Workflow) -> None:
    started(place)
    Follower.objects.create(name=counting.NAME)
    with transaction.atomic():
        Follower.objects.select_for_update().get()

        assert at_once(engine.fold_counters) == [0]

    assert counts(place)["started"] == 1


def closing(act: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            act()
        finally:
            connection.close()

    return run


def test_no_event_but_those_of_cases_disturbs_the_fold(place: Workflow) -> None:
    engine.halt(place, actor=actor("alice"), reason="Look.")

    assert counts(place) == {}
    assert Follower.objects.get().position == Event.objects.latest("id").pk
