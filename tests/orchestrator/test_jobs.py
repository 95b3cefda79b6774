"""The doorbell rings from every process, and the work does not depend on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from orchestrator import engine, jobs
from orchestrator.celery import app
from orchestrator.models import Case, Task
from tests import world
from tests.world import LUNCH

LISTENS = """
import django
django.setup()
from orchestrator.signals import work_ready
raise SystemExit(0 if work_ready.has_listeners() else "nobody listens")
"""


def test_a_web_process_rings_the_workers() -> None:
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LISTENS],
        env={
            "DJANGO_SETTINGS_MODULE": "orchestrator.settings",
            "REWIRE_HOME": str(settings.HOME.path),
        },
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.django_db(transaction=True)
def test_a_case_for_a_machine_rings_once_it_is_committed() -> None:
    place = world.workflow()
    with app.connection_for_write() as broker:
        queue = broker.default_channel.client  # type: ignore[attr-defined]
        queue.delete("celery")

        world.started(place)

        assert queue.llen("celery") == 1
        queue.delete("celery")


@pytest.fixture
def no_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The broker's address leads to a closed port; connections that are kept are let go."""
    monkeypatch.setattr(app.conf, "broker_url", "redis://127.0.0.1:1/0")
    app._after_fork()  # type: ignore[attr-defined]
    yield
    monkeypatch.undo()
    app._after_fork()  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_work_is_taken_in_and_done(
    no_broker: None, caplog: pytest.LogCaptureFixture
) -> None:
    place = world.workflow()
    row = {"key": "a", "data": {"text": "x"}, "output": {"value": LUNCH, "confidence": 0.99}}

    engine.start_cases(place, actor=world.actor("alice"), cases=[row])
    jobs.work()

    assert "The broker does not answer" in caplog.text
    assert Case.objects.get().outcome == "booked"


@pytest.mark.django_db(transaction=True)
def test_the_sweep_settles_what_is_due() -> None:
    task = world.in_review(world.workflow(), LUNCH)
    world.decided(task, "bea", "approved")
    Task.objects.update(settle_at="2020-01-01T00:00:00Z")

    jobs.sweep()

    assert Case.objects.get().outcome == "booked"


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_worker_that_loses_its_broker_lets_go_of_what_it_had_in_hand(is_closed: bool) -> None:
    with app.connection_for_read() as connection:
        channel: Any = connection.channel()
        channel.queue_declare("doorbells")
        with app.amqp.Producer(channel) as producer:
            producer.publish({"ring": 1}, routing_key="doorbells")
        message = channel.basic_get("doorbells", no_ack=False)

        # As kombu leaves it when the connection broke.
        channel._disconnect_pools()
        channel.connection.client = None
        if is_closed:
            channel.close()
        message.ack()
        channel.close()
