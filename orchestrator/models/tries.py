"""What came of the work: each try, and where its output went and why."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.db import models

from orchestrator.models.actors import Actor
from orchestrator.models.definitions import DecisionRight
from orchestrator.models.fields import (
    Mode,
    append_only,
    frozen_when_finished,
    moment,
    one_of,
    probability,
)
from orchestrator.models.running import Task
from orchestrator.models.words import PENDING, Words


class Attempt(models.Model):
    """One try by one actor; frozen once finished. Cost in millionths of ``currency``."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="tries")
    number = models.PositiveIntegerField()
    shadow = models.BooleanField(default=False)
    actor = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    input = models.JSONField(null=True)
    output = models.JSONField(null=True)
    confidence = models.FloatField(null=True)
    field_confidence = models.JSONField(default=dict)
    model = models.CharField(max_length=200, blank=True)
    cost_micros = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    tokens_in = models.PositiveIntegerField(null=True)
    tokens_out = models.PositiveIntegerField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    error = models.JSONField(null=True)
    started_at = moment()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("task", "number", "shadow"), name="attempt_number_once"
            ),
            probability("confidence", "attempt_confidence_passes"),
        )
        indexes = (
            BrinIndex(fields=("finished_at",), name="attempt_times"),
            GinIndex(Words("output"), name="attempt_words", gin_pending_list_limit=PENDING),
        )
        triggers = (frozen_when_finished(),)

    def __str__(self) -> str:
        return f"{self.task} #{self.number}"


class Routing(models.Model):
    """Where an output went and why, with the full trace and the facts it rests on."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="routings")
    round = models.PositiveIntegerField()
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, null=True, related_name="+")
    right = models.ForeignKey(DecisionRight, on_delete=models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=8, choices=Mode)
    reason = models.TextField(blank=True)
    why = models.JSONField(default=list)
    facts = models.JSONField(default=dict)
    epoch = models.PositiveIntegerField(null=True)
    score = models.FloatField(null=True)
    tau = models.FloatField(null=True)
    pi = models.FloatField(null=True)
    pi_min = models.FloatField(null=True)
    coin = models.FloatField(null=True)
    created_at = moment()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("task", "round"), name="routing_round_once"),
            one_of("action", Mode, "routing_action_known"),
            *(probability(name, f"routing_{name}_passes") for name in ("score", "pi", "pi_min")),
        )
        indexes = (BrinIndex(fields=("created_at",), name="routing_times"),)
        triggers = (append_only(),)

    def __str__(self) -> str:
        return f"{self.task}: {self.get_action_display()}"
