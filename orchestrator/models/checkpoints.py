"""What stands for events that were removed: where each chain goes on, and that nobody moved it."""

from __future__ import annotations

from django.db import models

from orchestrator.models.fields import append_only, moment


class Checkpoint(models.Model):
    """A month of events or inbound messages that was removed under retention.

    ``digest`` is the SHA-256 over the cuts of the month in the order of their ids; ``sha256``
    that of the file that was written before, empty without one.
    """

    table = models.CharField(max_length=20)
    month = models.DateField()
    rows = models.BigIntegerField()
    streams = models.BigIntegerField()
    digest = models.CharField(max_length=64, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    created_at = moment()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("table", "month"), name="checkpoint_month_once"),
        )
        triggers = (append_only(),)

    def __str__(self) -> str:
        return f"{self.table} {self.month:%Y-%m}"


class Cut(models.Model):
    """The last link of a stream in a month that was removed: its kept part begins after it.

    It counts once its month has a checkpoint.
    """

    stream = models.CharField(max_length=32)
    month = models.DateField()
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("stream", "month"), name="cut_once"),)
        indexes = (models.Index(fields=("month", "id"), name="cut_order"),)
        triggers = (append_only(),)

    def __str__(self) -> str:
        return f"{self.stream}/{self.seq}"
