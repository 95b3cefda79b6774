"""The record: decisions, corrections, verdicts, events and what is counted from them."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orchestrator.models.actors import Actor
from orchestrator.models.definitions import Workflow
from orchestrator.models.fields import Word, append_only, moment, one_of
from orchestrator.models.querysets import VerdictQuerySet
from orchestrator.models.running import Task
from orchestrator.models.seats import Seat
from orchestrator.models.tries import Routing


class Decision(models.Model):
    """What an actor with the right said of an output. It stands while its seat points at it.

    ``via`` names the door (page, api, ``rule:<version>/<n>``); ``patch`` is RFC 6902.
    """

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="decisions")
    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, null=True, related_name="decisions")
    round = models.PositiveIntegerField()
    actor = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="decisions")
    on_behalf_of = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+")
    via = models.CharField(max_length=80)
    word = models.CharField(max_length=10, choices=Word)
    output = models.JSONField(null=True)
    patch = models.JSONField(default=list)
    reasons = models.JSONField(default=dict)
    comment = models.TextField(blank=True)
    proof = models.JSONField(default=dict)
    shown_digest = models.CharField(max_length=64, blank=True)
    seconds = models.FloatField(null=True)
    created_at = moment()

    class Meta:
        constraints = (one_of("word", Word, "decision_word_known"),)
        indexes = (BrinIndex(fields=("created_at",), name="decision_times"),)
        triggers = (append_only(),)

    def __str__(self) -> str:
        return f"{self.task} {self.get_word_display()}"


class Correction(models.Model):
    """One field's change inside a decision."""

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="corrections")
    path = models.TextField()
    op = models.CharField(max_length=8)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(op__in=("add", "remove", "replace")), name="correction_op_known"
            ),
        )
        triggers = (append_only(),)

    def __str__(self) -> str:
        return self.path or "/"


class VerdictSource(models.TextChoices):
    AUTO = "auto", _("automatic")
    REVIEW = "review", _("review")
    AUDIT = "audit", _("audit")
    SECOND = "second", _("second opinion")
    SEED = "seed", _("seeded answer")
    COMPLAINT = "complaint", _("complaint")


class Verdict(models.Model):
    """What a settled decision says of an output. Its id is the feedback cursor."""

    decision = models.OneToOneField(
        Decision, on_delete=models.PROTECT, null=True, related_name="verdict"
    )
    routing = models.ForeignKey(
        Routing, on_delete=models.PROTECT, null=True, related_name="verdicts"
    )
    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="verdicts")
    source = models.CharField(max_length=10, choices=VerdictSource)
    error = models.BooleanField()
    raw_error = models.BooleanField()
    evidence = models.BooleanField()
    created_at = moment()

    objects = VerdictQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("routing",), condition=Q(evidence=True), name="verdict_evidence_once"
            ),
            one_of("source", VerdictSource, "verdict_source_known"),
            models.CheckConstraint(
                condition=Q(decision__isnull=False) | Q(source="complaint"),
                name="verdict_has_decision",
            ),
        )
        indexes = (
            models.Index(fields=("workflow", "id"), name="verdict_feed"),
            BrinIndex(fields=("created_at",), name="verdict_times"),
        )
        triggers = (append_only(),)

    def __str__(self) -> str:
        return f"{self.decision} ({self.get_source_display()})"


class Event(models.Model):
    """One link of a case's or a workflow's chain: ids and digests, never content.

    The table is partitioned by month of ``at``, so its key in the database is (id, at).
    ``seq`` has no gaps: the lock on the stream's head row counts it.
    """

    stream = models.CharField(max_length=32)
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    type = models.CharField(max_length=60)
    actor = models.ForeignKey(
        Actor, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    refs = models.JSONField(default=dict)
    payload = models.JSONField(default=dict)
    prev = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        indexes = (models.Index(fields=("stream", "seq"), name="event_stream"),)
        triggers = (append_only(),)

    def __str__(self) -> str:
        return f"{self.stream}/{self.seq} {self.type}"


class Counter(models.Model):
    """Folded from events by one job: what pages read instead of counting.

    ``scope`` is ``<grain>/<workflow>/<part>`` with grain hour, day, month or now; the part is
    the number of a version, ``@`` and the id of an agent, or ``*`` for all; ``hour`` the
    beginning of that hour, day or month in UTC.
    """

    scope = models.CharField(max_length=120)
    measure = models.CharField(max_length=60)
    hour = models.DateTimeField()
    count = models.BigIntegerField(default=0)
    histogram = models.JSONField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("scope", "measure", "hour"), name="counter_once"),
        )

    def __str__(self) -> str:
        return f"{self.scope} {self.measure}"


class Follower(models.Model):
    """Whoever takes the log in afterwards, and the id of the last event it has taken."""

    name = models.CharField(max_length=40, primary_key=True)
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"


class Waiting(models.Model):
    """A task that the counters count as waiting for people."""

    task = models.OneToOneField(
        Task, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="+"
    )
    workflow = models.ForeignKey(
        Workflow,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )

    def __str__(self) -> str:
        return f"{self.task_id} waits"
