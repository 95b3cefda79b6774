from __future__ import annotations

from django.db import models
from django.db.models import Q


class Item(models.Model):
    """All that a bare review application needs to know."""

    key = models.CharField(max_length=200, unique=True)
    data = models.JSONField()
    output = models.JSONField(null=True)
    confidence = models.FloatField(null=True)
    due_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=10, default="open")
    claimed_by = models.IntegerField(null=True)
    token = models.UUIDField(null=True)
    claim_expires_at = models.DateTimeField(null=True)
    word = models.CharField(max_length=10, blank=True)
    decided_at = models.DateTimeField(null=True)

    objects: models.Manager[Item] = models.Manager()

    class Meta:
        indexes = (
            models.Index(fields=("due_at", "id"), condition=Q(state="open"), name="item_open"),
        )

    def __str__(self) -> str:
        return self.key
