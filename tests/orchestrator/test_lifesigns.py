"""When no worker reports, the pages say so, and stop saying it when one is back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from orchestrator import jobs, lifesigns
from orchestrator.engine import claim_work
from orchestrator.models import Counter, Task, Workflow
from tests.world import in_review, person, started, workflow

pytestmark = pytest.mark.django_db


def page_of(name: str, path: str = "/") -> str:
    client = Client()
    client.force_login(person(name))
    return client.get(path).content.decode()


def report(*, timers: int = 0, worker: int = 0) -> None:
    """Reports of so many seconds ago."""
    for process, seconds in (("timers", timers), ("worker", worker)):
        lifesigns.report(process)
        Counter.objects.filter(scope="process", measure=process).update(count=then(seconds))


def then(seconds: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 - %s * 1000", [seconds]
        )
        return int(cursor.fetchone()[0])


@pytest.fixture(autouse=True)
def _place() -> None:
    workflow()


@pytest.mark.parametrize("name", ["alice", "lea", "dora"])
def test_staff_and_leads_are_told_at_home(name: str) -> None:
    assert "Nothing is being processed: no worker has reported yet." in page_of(name)

    report()
    assert "Nothing is being processed" not in page_of(name)


def test_where_work_waits_it_is_told_too() -> None:
    case = started(Workflow.objects.get())

    pages = ("/insights/", "/review/exports/", "/workflows/expenses/")
    for path in ("/incidents/", f"/cases/{case.pk}/", *pages):
        assert "Nothing is being processed" in page_of("lea", path)
        assert "Nothing is being processed" in page_of("bea", path)


def test_work_of_outsiders_is_no_sign_of_a_worker() -> None:
    started(Workflow.objects.get())
    report(timers=0, worker=75)
    tasks = Task.objects.all()
    tasks.update(state="running", lease_expires_at="2999-01-01T00:00:00Z")
    assert lifesigns.signs().silent() == ""

    tasks.update(lane=-1)

    assert lifesigns.signs().silent() == lifesigns.WORKER


def test_everybody_is_told_in_the_queue() -> None:
    report(timers=75)

    assert "no worker has reported for 75 s." in page_of("bea", "/review/")
    assert "What you decide is kept" in page_of("bea", "/review/")
    assert "no worker" not in page_of("bea")


def test_who_decides_is_told_on_the_task_too() -> None:
    task = in_review(Workflow.objects.get())
    report(timers=75)
    assert "What you decide is kept" in page_of("bea", f"/review/tasks/{task.pk}/")

    report()
    assert "What you decide is kept" not in page_of("bea", f"/review/tasks/{task.pk}/")


@pytest.mark.parametrize(
    ("seconds", "told"), [(29, ""), (31, "for 31 s"), (99, "for 99 s"), (7200, "for 120 min")]
)
def test_it_takes_half_a_minute_of_silence(seconds: int, told: str) -> None:
    report(timers=seconds)

    page = page_of("bea", "/review/")

    assert ("Nothing is being processed" in page) is bool(told)
    assert told in page


def test_a_lost_worker_is_told_apart_from_lost_timers() -> None:
    report(worker=300)

    page = page_of("bea", "/review/")

    assert "No machine step is being performed: no worker for them has reported for 5 min." in page


def test_a_worker_in_a_long_step_is_not_lost() -> None:
    report(worker=300)
    started(Workflow.objects.get(slug="expenses"))
    assert claim_work()

    assert "No machine step" not in page_of("bea", "/review/")


def test_a_sweep_that_breaks_reports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise LookupError

    monkeypatch.setattr("orchestrator.engine.expire_seats", broken)
    jobs.sweep.apply()

    assert lifesigns.signs().seconds == {}


def test_it_is_one_read(django_assert_num_queries: Any) -> None:
    report()

    with django_assert_num_queries(1):
        assert lifesigns.signs().silent() == ""
