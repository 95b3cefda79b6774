"""The one table of this app: what was taken away, by whom and when."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from orchestrator.models import Actor
from orchestrator.models.fields import append_only, moment


class Export(models.Model):
    """Feedback that was downloaded or written to a file, once it was whole.

    ``workflows`` are the ids of those it was taken from, whether they had rows or not.
    ``actor`` is absent where somebody ran the command on the server. ``filter`` is what was
    asked for, as it came.
    """

    actor = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+")
    workflows = ArrayField(models.BigIntegerField())
    format = models.CharField(max_length=20)
    filter = models.JSONField(default=dict)
    rows = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    cursor = models.BigIntegerField()
    created_at = models.DateTimeField()
    finished_at = moment()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(workflows__len__gt=0), name="export_is_of_a_workflow"
            ),
        )
        triggers = (append_only(),)

    def __str__(self) -> str:
        return f"{self.format} of {self.rows} rows"
