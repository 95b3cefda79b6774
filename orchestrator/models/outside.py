"""The outside world and time: connections, deliveries, inbound messages, timers, incidents."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from orchestrator.models.actors import Actor
from orchestrator.models.fields import moment, one_of
from orchestrator.models.querysets import IncidentQuerySet
from orchestrator.models.running import Case, Task
from orchestrator.models.seats import Seat
from orchestrator.models.secrets import SecretField


class Breaker(models.TextChoices):
    CLOSED = "closed", _("closed")
    OPEN = "open", _("open")
    HALF_OPEN = "half_open", _("half open")


class Connection(models.Model):
    """A configured outside system. The secret goes only to the hosts it is bound to."""

    name = models.SlugField(max_length=80, unique=True)
    kind = models.CharField(max_length=40)
    settings = models.JSONField(default=dict, blank=True)
    secret = SecretField(blank=True)
    secret_hosts = models.JSONField(default=list, blank=True)
    breaker = models.CharField(max_length=10, choices=Breaker, default=Breaker.CLOSED)
    breaker_until = models.DateTimeField(null=True, editable=False)
    breaker_after = models.PositiveIntegerField(
        default=5, db_default=5, help_text="Failures in a row after which calls pause."
    )
    breaker_seconds = models.PositiveIntegerField(
        default=30, db_default=30, help_text="How long they pause before one call tries again."
    )
    failures = models.PositiveIntegerField(default=0, editable=False)
    bulkhead = models.PositiveIntegerField(default=8, help_text="Calls under way at once.")

    class Meta:
        ordering = ("name",)
        constraints = (one_of("breaker", Breaker, "connection_breaker_known"),)

    def __str__(self) -> str:
        return self.name


class Timer(models.Model):
    """A moment at which something is due for a task or a seat."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, null=True, related_name="timers")
    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, null=True, related_name="timers")
    kind = models.CharField(max_length=20)
    slot = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    fired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("task", "kind", "slot"), name="timer_task_once"),
            models.UniqueConstraint(fields=("seat", "kind", "slot"), name="timer_seat_once"),
            models.CheckConstraint(
                condition=Q(task__isnull=False, seat__isnull=True)
                | Q(task__isnull=True, seat__isnull=False),
                name="timer_has_one_owner",
            ),
        )
        indexes = (
            models.Index(fields=("due_at",), condition=Q(fired_at=None), name="timer_unfired"),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.task or self.seat}"


class Inbound(models.Model):
    """A message taken once: signals, idempotency keys, periodic slots.

    The table is partitioned by month of ``day``, so its key in the database is (id, day).
    """

    source = models.CharField(max_length=80)
    message_id = models.CharField(max_length=255)
    day = models.DateField()
    body_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(null=True)
    body = models.JSONField(null=True)
    name = models.CharField(max_length=80, blank=True)
    correlation = models.CharField(max_length=255, blank=True)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, null=True, related_name="+")
    received_at = moment()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("source", "message_id", "day"), name="inbound_once"),
        )
        indexes = (
            models.Index(
                fields=("name", "correlation"),
                condition=Q(task=None) & ~Q(name=""),
                name="inbound_unmatched",
            ),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.message_id}"


class DeliveryState(models.TextChoices):
    PENDING = "pending", _("pending")
    SENDING = "sending", _("sending")
    SENT = "sent", _("sent")
    CONFIRMED = "confirmed", _("confirmed")
    IN_DOUBT = "in_doubt", _("in doubt")
    FAILED = "failed", _("failed")


class Delivery(models.Model):
    """One outbound call under a stable key."""

    key = models.CharField(max_length=400, unique=True)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="deliveries")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="deliveries")
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    request = models.JSONField(null=True)
    response = models.JSONField(null=True)
    sent_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0)
    created_at = moment()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = (one_of("state", DeliveryState, "delivery_state_known"),)
        indexes = (
            models.Index(
                fields=("next_at",),
                condition=Q(state__in=("pending", "sending")),
                name="delivery_unsent",
            ),
        )

    def __str__(self) -> str:
        return self.key


class Trouble(models.TextChoices):
    """Why a step could not go on: the kinds of incident."""

    TRANSIENT = "transient", _("It kept failing")
    PERMANENT = "permanent", _("It was refused")
    QUARANTINE = "quarantine", _("It lost its worker three times")
    NOBODY = "nobody", _("Nobody may decide it")
    SPLIT = "split", _("People differ")
    ESCALATED = "escalated", _("It was escalated to nobody")
    STUCK = "stuck", _("No transition leads on")
    UNDECIDED = "undecided", _("No row of its table holds")
    IN_DOUBT = "in_doubt", _("A write may have happened")
    NOT_CALLED = "not_called", _("It could not call its workflow")
    CALL_CANCELLED = "call_cancelled", _("The case it called was cancelled")
    NOT_UNDONE = "not_undone", _("It was not undone")
    MODELS = "models", _("Its model has ever new names")
    LOOP = "loop", _("It came round too often")


class Incident(models.Model):
    """A task that cannot go on by itself: a row that a person resolves, by ``due_at`` at best."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="incidents")
    kind = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=64)
    state = models.CharField(max_length=10, default="open")
    detail = models.JSONField(default=dict)
    assigned_to = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+")
    resolution = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)
    opened_at = moment()
    due_at = models.DateTimeField(db_default=Now() + timedelta(days=1), editable=False)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+")

    objects = IncidentQuerySet.as_manager()

    class Meta:
        permissions = (("resolve_incident", "Can resolve an incident"),)
        constraints = (
            models.UniqueConstraint(
                fields=("task",), condition=Q(state="open"), name="incident_one_open"
            ),
            models.CheckConstraint(
                condition=Q(state="open", resolved_at=None)
                | Q(state="resolved", resolved_at__isnull=False),
                name="incident_resolved_has_time",
            ),
        )
        indexes = (
            models.Index(fields=("fingerprint",), condition=Q(state="open"), name="incident_open"),
            models.Index(fields=("due_at",), condition=Q(state="open"), name="incident_due"),
        )

    def __str__(self) -> str:
        return f"{self.trouble}: {self.task}"

    @property
    def trouble(self) -> str:
        """Its kind as people read it."""
        known = dict(Trouble.choices).get(self.kind)
        return str(known or self.kind.replace("_", " ").capitalize())


class Bulk(models.Model):
    """One act on many rows: migrations, mass retries, bulk decisions."""

    verb = models.CharField(max_length=40)
    filter = models.JSONField(default=dict)
    params = models.JSONField(default=dict)
    by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    created_at = moment()
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.verb} {self.done}/{self.total}"


class BulkState(models.TextChoices):
    PENDING = "pending", _("pending")
    DONE = "done", _("done")
    REFUSED = "refused", _("refused")
    REVERTED = "reverted", _("reverted")


class BulkRow(models.Model):
    """One case or incident of a bulk. ``before`` is what it takes to go back."""

    bulk = models.ForeignKey(Bulk, on_delete=models.PROTECT, related_name="rows")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="+")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=BulkState, default=BulkState.PENDING)
    message = models.TextField(blank=True)
    before = models.JSONField(null=True)
    seq = models.BigIntegerField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("bulk", "case", "incident"), name="bulk_row_once", nulls_distinct=False
            ),
            one_of("state", BulkState, "bulk_row_state_known"),
            models.CheckConstraint(
                condition=Q(case__isnull=False, incident__isnull=True)
                | Q(case__isnull=True, incident__isnull=False),
                name="bulk_row_has_one_subject",
            ),
        )
        indexes = (
            models.Index(
                fields=("bulk", "id"), condition=Q(state="pending"), name="bulk_row_pending"
            ),
        )

    def __str__(self) -> str:
        return f"{self.bulk}: {self.case or self.incident}"
