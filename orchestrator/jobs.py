"""What Celery runs. A message is only a doorbell: the sweep finds due rows without any."""

from __future__ import annotations

import logging
import platform
import time
from typing import Any

from django.conf import settings
from django.dispatch import receiver
from django.utils import timezone
from kombu.exceptions import OperationalError

from orchestrator import attachments, engine, lifesigns, metrics, pressure
from orchestrator.celery import app
from orchestrator.engine import lanes
from orchestrator.models.partitions import ensure_partitions
from orchestrator.signals import work_ready

logger = logging.getLogger(__name__)

SETTLED_AT_ONCE = 200
SECONDS_AT_ONCE = 2.0
"""A worker that is asked to stop finishes its message: the stop is as quick as this."""

SECONDS_TO_COUNT = 0.5
SECONDS_ENROLLED = 10.0


@receiver(work_ready)
def ring(**_: Any) -> None:
    """Wake a worker. Without the broker the work waits for the next sweep, at most a second."""
    _send(work)


def _send(job: Any) -> None:
    try:
        job.delay()
    except OperationalError:
        logger.warning("The broker does not answer; the sweep will find the work.")


@app.task
def work() -> None:
    """Perform what is ready; another message goes on where time is up."""
    _enroll()
    some = engine.work_until_idle(seconds=SECONDS_AT_ONCE)
    # Afterwards: who waits for the work should not wait for the timers too.
    if engine.fire_timers() or some:
        ring()


_enrolled: dict[str, float] = {}


def _enroll() -> None:
    """Say now and then how many functions this machine has: no lane may take all there are."""
    now = time.monotonic()
    if now < _enrolled.get("until", 0):
        return
    lanes.enroll(platform.node(), settings.CELERY_WORKER_CONCURRENCY)
    _enrolled["until"] = now + SECONDS_ENROLLED


@app.task
def sweep() -> None:
    """Each second: what is due, found without any message."""
    engine.expire_leases()
    engine.resume_due()
    engine.fire_seat_timers()
    engine.expire_seats()
    engine.fire_timers()
    while engine.settle_due(SETTLED_AT_ONCE) == SETTLED_AT_ONCE:
        lifesigns.report(lifesigns.TIMERS)
    # At the end: a sweep that breaks has not been made.
    lifesigns.report(lifesigns.TIMERS)
    if engine.is_work_ready():
        ring()
    if engine.is_bulk_pending():
        _send(bulk)


@app.task
def bulk() -> None:
    """Do rows of what was asked for many; another message goes on where time is up."""
    done = engine.work_bulks(SECONDS_AT_ONCE)
    # What others are about to do is theirs; should they not come to it, the sweep rings.
    if done and engine.is_bulk_pending():
        _send(bulk)


@app.task
def count() -> None:
    """Each two seconds: bring the counters up to now. Deadlines wait meanwhile, so not for long."""
    end = time.monotonic() + SECONDS_TO_COUNT
    while engine.fold_counters() and time.monotonic() < end:
        continue


@app.task
def report() -> None:
    """Each ten seconds: some worker takes this message, so one lives."""
    lifesigns.report(lifesigns.WORKER)


@app.task
def weigh() -> None:
    """Each five seconds: how much machine work waits, for who brings more."""
    pressure.measure()


@app.task
def measure() -> None:
    """Each minute: what `/metrics` tells and takes too long to count while it is asked."""
    lifesigns.report(lifesigns.MEASURE, metrics.measure())


@app.task
def maintain() -> None:
    """Each hour: keep the months ahead in partitions of their own, and no file that no case has."""
    ensure_partitions(timezone.now().date())
    attachments.remove_unused()
