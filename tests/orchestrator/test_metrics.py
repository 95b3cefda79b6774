"""``/metrics``: what it counts, who may read it, and that it ends in time."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from orchestrator import engine, jobs, metrics
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import Connection, Seat, Task
from tests.world import FLIGHT, actor, claimed, decided, in_review, started, workflow

pytestmark = pytest.mark.django_db

OUTCOMES = ("booked", "refused", "cancelled")
SAMPLE = re.compile(
    r'(?P<name>rewire_[a-z_]+)(?:\{(?P<labels>(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? '
    r"(?P<value>[0-9.e+-]+|\+Inf|NaN)"
)


def scraped() -> dict[str, float]:
    """The samples as ``name{labels}``, read as strictly as Prometheus does."""
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found, typed = {}, set()
    for line in answer.content.decode().removesuffix("\n").split("\n"):
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert kind == "gauge"
            assert name not in typed
            typed.add(name)
        elif not line.startswith("# HELP "):
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            assert sample["name"] in typed
            found[line.rpartition(" ")[0]] = float(sample["value"])
    return found


def test_everything_that_is_under_way_is_counted() -> None:
    place = workflow()
    started(place)
    started(place)
    claimed(in_review(place), "bea")
    in_review(place, FLIGHT)
    decided(in_review(place), "bea", "approved")
    broken = in_review(place)
    with acting(broken.case_id) as act:
        open_incident(act, locked_task(act, broken.pk), "nobody", "Nobody is there.")
    Seat.objects.filter(claimed_by=None).update(due_at=timezone.now() - timedelta(hours=1))
    Task.objects.filter(state="ready").update(run_at=timezone.now() - timedelta(seconds=90))

    found = scraped()

    wanted = {
        "rewire_cases_open": 6,
        "rewire_incidents_open": 1,
        'rewire_incidents{kind="nobody"}': 1,
        'rewire_tasks{state="ready"}': 2,
        'rewire_tasks{state="running"}': 0,
        'rewire_tasks{state="decided"}': 1,
        "rewire_settle_overdue": 0,
        "rewire_tasks_in_review": 2,
        "rewire_seats_open": 3,
        "rewire_seats_late": 2,
        "rewire_claims_live": 1,
    }
    assert {name: found[name] for name in wanted} == wanted
    assert 90 <= found["rewire_ready_oldest_seconds"] < 120
    assert {found[name] for name in found if name.startswith("rewire_metrics_missing")} == {0}


def test_a_decision_past_its_window_is_overdue_until_it_settles() -> None:
    decided(in_review(workflow()), "bea", "approved")
    Task.objects.update(settle_at=timezone.now() - timedelta(seconds=1))

    assert scraped()["rewire_settle_overdue"] == 1
    jobs.sweep.apply()
    assert scraped()["rewire_settle_overdue"] == 0


def test_cases_by_outcome_are_read_from_the_counters() -> None:
    place = workflow()
    started(place, {"merchant": "Kantine", "amount": 12}, confidence=0.99)
    started(place, {"merchant": "Casino", "amount": 12}, confidence=0.99)
    engine.cancel_case(in_review(place).case_id, actor=actor("lea"), reason="A double.")

    jobs.count.apply()

    found = scraped()
    outcomes = [f'rewire_cases{{workflow="expenses",outcome="{name}"}}' for name in OUTCOMES]
    assert [found[name] for name in outcomes] == [1, 1, 1]


def test_orphans_are_measured_by_a_job() -> None:
    orphan = in_review(workflow())
    Seat.objects.filter(task=orphan).update(state="withdrawn")
    before = scraped()

    jobs.measure.apply()

    found = scraped()
    assert before["rewire_orphans"] != before["rewire_orphans"]
    assert before["rewire_measured_seconds"] == float("inf")
    assert found["rewire_orphans"] == 1
    assert found["rewire_measured_seconds"] < 10


def test_a_stop_is_a_number() -> None:
    place = workflow()
    engine.halt(None, actor=actor("lea"), reason="Everything looks wrong.")

    found = scraped()

    assert (found['rewire_halted{workflow="*"}'], found['rewire_halted{workflow="expenses"}']) == (
        1,
        0,
    )
    engine.resume(None, actor=actor("lea"))
    engine.halt(place, actor=actor("lea"), reason="This one looks wrong.")
    found = scraped()
    assert (found['rewire_halted{workflow="*"}'], found['rewire_halted{workflow="expenses"}']) == (
        0,
        1,
    )


def test_workers_that_report_are_heard() -> None:
    before = scraped()

    jobs.sweep.apply()
    jobs.report.apply()

    after = scraped()
    assert before['rewire_silence_seconds{process="timers"}'] == float("inf")
    assert (before["rewire_processing"], after["rewire_processing"]) == (0, 1)
    assert after['rewire_silence_seconds{process="timers"}'] < 10
    assert after['rewire_silence_seconds{process="worker"}'] < 10


def test_no_content_and_no_name_of_a_person_is_told() -> None:
    task = in_review(workflow(), {"merchant": "Schmidt-Rottluff", "amount": 4711}, key="key-0815")
    claimed(task, "bea")

    text = Client().get("/metrics").content.decode()

    assert not re.search("Schmidt|4711|0815|bea", text)


def test_a_part_that_takes_too_long_is_named_and_the_rest_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "MILLISECONDS", 50)
    monkeypatch.setattr(metrics, "SEATS", "SELECT 0, 0, 0, 0 FROM pg_sleep(20)")

    found = scraped()

    assert found['rewire_metrics_missing{part="seats"}'] == 1
    assert found['rewire_metrics_missing{part="tasks"}'] == 0
    assert "rewire_seats_open" not in found
    assert "rewire_cases_open" in found


@pytest.mark.parametrize("number", [1, 30])
def test_it_asks_the_same_few_questions_however_much_there_is(
    number: int, django_assert_num_queries: Any
) -> None:
    place = workflow()
    for _ in range(number):
        in_review(place)
    # Eight parts: a savepoint, its limit, the query, and the savepoint's end. Of cases and of
    # connections two.
    with django_assert_num_queries(8 * 4 + 2):
        metrics.exposition()


def test_labels_cannot_break_the_format() -> None:
    gauge = metrics.Gauge("x", "Help.", [({"a": 'quote " slash \\ line \n'}, 1)])

    *_, line = gauge.lines()

    assert line == r'rewire_x{a="quote \" slash \\ line \n"} 1'
    assert SAMPLE.fullmatch(line)


@pytest.mark.parametrize(
    ("address", "forwarded", "proxies", "status"),
    [
        ("127.0.0.1", "", 0, 200),
        ("::1", "", 0, 200),
        ("10.1.2.3", "", 0, 401),
        ("", "", 0, 401),
        # Somebody behind a proxy of the machine is not near, whether the proxy is known or not.
        ("127.0.0.1", "203.0.113.9", 0, 401),
        ("127.0.0.1", "203.0.113.9", 1, 401),
        ("127.0.0.1", "127.0.0.1, 203.0.113.9", 1, 401),
        ("127.0.0.1", "127.0.0.1", 2, 401),
        ("127.0.0.1", "203.0.113.9, 127.0.0.1", 1, 200),
        ("127.0.0.1", "nonsense", 1, 401),
    ],
)
def test_only_near_callers_read_without_a_token(
    settings: Settings, address: str, forwarded: str, proxies: int, status: int
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    answer = Client().get("/metrics", headers=headers, REMOTE_ADDR=address)

    assert answer.status_code == status
    assert (b"rewire_" in answer.content) is (status == 200)


@pytest.mark.parametrize(
    ("wanted", "sent", "status"),
    [
        ("right-token", "Bearer right-token", 200),
        ("right-token", "bearer right-token", 200),
        ("right-token", "Bearer wrong-token", 401),
        ("right-token", "Basic right-token", 401),
        ("right-token", "Bearer ", 401),
        ("", "Bearer ", 401),
        ("", "", 401),
    ],
)
def test_a_token_opens_it_from_anywhere(
    settings: Settings, wanted: str, sent: str, status: int
) -> None:
    settings.METRICS_TOKEN = wanted
    settings.METRICS_NETWORKS = []

    answer = Client().get("/metrics", headers={"Authorization": sent}, REMOTE_ADDR="127.0.0.1")

    assert answer.status_code == status
    assert answer.get("WWW-Authenticate") == (None if status == 200 else "Bearer")


def test_a_scraper_inside_is_not_sent_to_https(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert Client().get("/metrics").status_code == 200
    assert Client().get("/").status_code == 301


def test_reports_are_one_row_for_each_kind_of_process() -> None:
    for _ in range(3):
        jobs.report.apply()
        jobs.sweep.apply()

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orchestrator_counter WHERE scope = 'process'")
        assert cursor.fetchone() == (2,)


def test_connections_that_pause_are_told_and_how_much_waits() -> None:
    started(workflow())
    Connection.objects.update(breaker="open", breaker_until=timezone.now(), failures=7)
    Task.objects.update(state="running", lease_expires_at=timezone.now())
    jobs.weigh()

    found = scraped()

    assert found['rewire_connection_paused{connection="reader"}'] == 1
    assert found['rewire_connection_failures{connection="reader"}'] == 7
    assert found['rewire_calls_under_way{connection="reader"}'] == 1
    assert (found["rewire_work_waiting"], found["rewire_work_waiting_most"]) == (0, 250_000)
