"""What Celery runs. A message is only a doorbell: the sweep finds due rows without any."""

from __future__ import annotations

from django.utils import timezone

from orchestrator import engine
from orchestrator.celery import app
from orchestrator.models.partitions import ensure_partitions


@app.task
def sweep() -> None:
    """Each second: give back what its worker no longer holds."""
    engine.expire_leases()


@app.task
def maintain() -> None:
    """Each hour: keep the months ahead in partitions of their own."""
    ensure_partitions(timezone.now().date())
