"""Work under way: cases, tasks, attempts, routings and seats."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orchestrator.models.actors import Actor
from orchestrator.models.definitions import DecisionRight, Step, Workflow, WorkflowVersion
from orchestrator.models.fields import (
    Mode,
    OrderedJSONField,
    Word,
    append_only,
    frozen_when_finished,
    moment,
    moves,
    one_of,
    probability,
)
from orchestrator.models.querysets import CaseQuerySet, SeatQuerySet, TaskQuerySet
from orchestrator.models.words import PENDING, OrderedWords, Words


class CaseState(models.TextChoices):
    OPEN = "open", _("open")
    CANCELLING = "cancelling", _("cancelling")
    COMPLETED = "completed", _("completed")
    CANCELLED = "cancelled", _("cancelled")


class CaseOrigin(models.TextChoices):
    LIVE = "live", _("live")
    SEED = "seed", _("seed")
    REPLAY = "replay", _("replay")


class Case(models.Model):
    """One item travelling through a version. ``seq`` and ``head`` end its chain of events."""

    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="cases")
    version = models.ForeignKey(WorkflowVersion, on_delete=models.PROTECT, related_name="cases")
    key = models.CharField(max_length=200)
    body_digest = models.CharField(max_length=64)
    origin = models.CharField(max_length=8, choices=CaseOrigin, default=CaseOrigin.LIVE)
    state = models.CharField(max_length=12, choices=CaseState, default=CaseState.OPEN)
    outcome = models.CharField(max_length=80, blank=True)
    data = OrderedJSONField(default=dict)
    provenance = models.JSONField(default=dict)
    initiator = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    caller = models.ForeignKey(
        "Task", on_delete=models.PROTECT, null=True, db_index=False, related_name="called"
    )
    data_key = models.BinaryField(null=True)
    seq = models.BigIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)
    created_at = moment()
    completed_at = models.DateTimeField(null=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("workflow", "key"), name="case_key_once"),
            one_of("state", CaseState, "case_state_known"),
            one_of("origin", CaseOrigin, "case_origin_known"),
            models.CheckConstraint(
                condition=Q(state__in=("open", "cancelling"), completed_at=None)
                | Q(state__in=("completed", "cancelled"), completed_at__isnull=False),
                name="case_closed_has_time",
            ),
        )
        indexes = (
            models.Index(
                fields=("workflow",),
                condition=Q(state__in=("open", "cancelling")),
                name="case_open",
            ),
            models.Index(
                fields=("id",),
                condition=Q(state__in=("open", "cancelling")),
                name="case_open_in_order",
            ),
            models.Index(
                fields=("key",), opclasses=("varchar_pattern_ops",), name="case_key_prefix"
            ),
            models.Index(fields=("caller",), condition=~Q(caller=None), name="case_called"),
            BrinIndex(fields=("created_at",), name="case_times"),
            GinIndex(OrderedWords("data"), name="case_words", gin_pending_list_limit=PENDING),
        )
        triggers = (
            moves(
                ("open", "completed"),
                ("open", "cancelling"),
                ("cancelling", "cancelled"),
                ("completed", "open"),
            ),
        )
        permissions = (("cancel_case", "Can cancel a case"),)

    def __str__(self) -> str:
        return self.key


class TaskState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    READY = "ready", _("ready")
    RUNNING = "running", _("running")
    IN_REVIEW = "in_review", _("in review")
    DECIDED = "decided", _("decided")
    COMPLETED = "completed", _("completed")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class Task(models.Model):
    """One step of one case. ``scope`` is its path through forks and items.

    ``proposal`` is the value under review, ``output`` and ``word`` what was decided of it.
    ``lane`` is the connection that performs it, or minus the step's id where outsiders fetch the
    work; ``given`` an input that a person put in the place of the mapped one; ``brief`` what the
    performer is told besides.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="tasks")
    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="+")
    step_key = models.CharField(max_length=80)
    scope = models.CharField(max_length=200, blank=True)
    visit = models.PositiveIntegerField(default=1)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    compensates = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="compensation"
    )
    state = models.CharField(max_length=10, choices=TaskState)
    round = models.PositiveIntegerField(default=0)
    proposal = models.JSONField(null=True)
    output = models.JSONField(null=True)
    word = models.CharField(max_length=10, choices=Word, blank=True)
    run_at = models.DateTimeField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    crashes = models.PositiveIntegerField(default=0)
    wait_key = models.CharField(max_length=200, blank=True)
    expects = models.PositiveIntegerField(default=0)
    arrived = models.PositiveIntegerField(default=0)
    settle_at = models.DateTimeField(null=True)
    effect_key = models.CharField(max_length=400, unique=True)
    lane = models.BigIntegerField(null=True)
    given = models.JSONField(null=True)
    brief = models.JSONField(null=True)
    created_at = moment()
    finished_at = models.DateTimeField(null=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("case", "step_key", "scope", "visit"), name="task_visit_once"
            ),
            one_of("state", TaskState, "task_state_known"),
            models.CheckConstraint(
                condition=Q(state="running", lease_expires_at__isnull=False)
                | (~Q(state="running") & Q(lease_expires_at=None)),
                name="task_running_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(state="decided", settle_at__isnull=False)
                | (~Q(state="decided") & Q(settle_at=None)),
                name="task_decided_has_settle_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="ready") | Q(run_at__isnull=False),
                name="task_ready_has_run_time",
            ),
        )
        indexes = (
            models.Index(fields=("run_at", "id"), condition=Q(state="ready"), name="task_ready"),
            models.Index(
                fields=("lane", "run_at", "id"), condition=Q(state="ready"), name="task_lane"
            ),
            models.Index(
                fields=("lease_expires_at",), condition=Q(state="running"), name="task_running"
            ),
            models.Index(fields=("lane",), condition=Q(state="running"), name="task_under_way"),
            models.Index(
                fields=("settle_at",), condition=Q(state="decided"), name="task_to_settle"
            ),
            models.Index(
                fields=("id",),
                condition=~Q(state__in=("completed", "cancelled")),
                name="task_open_in_order",
            ),
        )
        triggers = (
            moves(
                ("waiting", "ready"),
                ("waiting", "completed"),
                ("waiting", "failed"),
                ("ready", "running"),
                ("ready", "in_review"),
                ("ready", "failed"),
                ("running", "ready"),
                ("running", "waiting"),
                ("running", "failed"),
                ("running", "completed"),
                ("running", "in_review"),
                ("in_review", "decided"),
                ("in_review", "completed"),
                ("in_review", "ready"),
                ("in_review", "failed"),
                ("decided", "in_review"),
                ("decided", "failed"),
                ("decided", "completed"),
                ("failed", "waiting"),
                ("failed", "ready"),
                ("failed", "in_review"),
                ("failed", "completed"),
                ("waiting", "cancelled"),
                ("ready", "cancelled"),
                ("running", "cancelled"),
                ("in_review", "cancelled"),
                ("decided", "cancelled"),
                ("failed", "cancelled"),
            ),
        )

    def __str__(self) -> str:
        return self.effect_key


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
        return f"{self.task}: {self.action}"


class SeatPurpose(models.TextChoices):
    GATE = "gate", _("gate")
    AUDIT = "audit", _("audit")
    SECOND = "second", _("second opinion")
    SEED = "seed", _("seeded answer")
    ADJUDICATE = "adjudicate", _("adjudication")
    RECONCILE = "reconcile", _("reconciliation")
    RECALL = "recall", _("recall")


class SeatState(models.TextChoices):
    OPEN = "open", _("open")
    DECIDED = "decided", _("decided")
    EXPIRED = "expired", _("expired")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Seat(models.Model):
    """One place for one decider on one output: what is queued, claimed and decided.

    ``rank`` is the confidence, -1 when unknown; ``demand`` the value of the limit fact;
    ``barred`` the ids of actors that may not take it, ``skipped`` of those that passed it on.
    A ``pended`` seat waits for somebody until ``back_at`` and is nobody's meanwhile.
    """

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="seats")
    round = models.PositiveIntegerField()
    purpose = models.CharField(max_length=12, choices=SeatPurpose, default=SeatPurpose.GATE)
    number = models.PositiveSmallIntegerField()
    level = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=SeatState, default=SeatState.OPEN)
    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="+")
    step_key = models.CharField(max_length=80)
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField()
    rank = models.FloatField(default=-1)
    demand = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    barred = ArrayField(models.BigIntegerField(), default=list)
    skipped = ArrayField(models.BigIntegerField(), default=list)
    assigned_to = models.ForeignKey(
        Actor, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    assigned_by = models.ForeignKey(
        Actor, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    pended = models.JSONField(null=True)
    back_at = models.DateTimeField(null=True)
    blind = models.BooleanField(default=False)
    claimed_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+")
    claim_token = models.UUIDField(null=True)
    claimed_at = models.DateTimeField(null=True)
    claim_expires_at = models.DateTimeField(null=True)
    shown_digest = models.CharField(max_length=64, blank=True)
    draft = models.JSONField(null=True)
    decided_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+")
    decision = models.OneToOneField(
        "Decision", on_delete=models.PROTECT, null=True, related_name="filled"
    )
    created_at = moment()

    objects = SeatQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("task", "round", "purpose", "number", "level"), name="seat_place_once"
            ),
            models.UniqueConstraint(
                fields=("task", "round", "decided_by"),
                condition=Q(decided_by__isnull=False),
                name="seat_nobody_twice",
            ),
            one_of("state", SeatState, "seat_state_known"),
            one_of("purpose", SeatPurpose, "seat_purpose_known"),
            models.CheckConstraint(
                condition=Q(rank=-1) | Q(rank__gte=0, rank__lte=1), name="seat_rank_passes"
            ),
            models.CheckConstraint(
                condition=Q(state__in=("decided", "expired"), decision__isnull=False)
                | Q(state__in=("open", "withdrawn"), decision=None),
                name="seat_decided_has_decision",
            ),
            models.CheckConstraint(
                condition=Q(claimed_by=None, claim_token=None, claim_expires_at=None)
                | Q(
                    claimed_by__isnull=False,
                    claim_token__isnull=False,
                    claim_expires_at__isnull=False,
                ),
                name="seat_claim_is_whole",
            ),
        )
        indexes = (
            *(
                models.Index(
                    fields=("workflow", "step_key", "group", order, "id"),
                    condition=Q(state="open"),
                    name=f"seat_open_by_{order.split('_', maxsplit=1)[0]}",
                )
                for order in ("due_at", "rank", "created_at")
            ),
            models.Index(fields=("due_at",), condition=Q(state="open"), name="seat_due"),
            models.Index(
                fields=("claimed_by",),
                condition=Q(state="open", claimed_by__isnull=False),
                name="seat_claimed",
            ),
            models.Index(
                fields=("assigned_to",),
                condition=Q(state="open", assigned_to__isnull=False),
                name="seat_assigned",
            ),
            models.Index(
                fields=("back_at",),
                condition=Q(state="open", back_at__isnull=False),
                name="seat_pended",
            ),
        )
        triggers = (
            moves(
                ("open", "decided"),
                ("open", "expired"),
                ("open", "withdrawn"),
                ("decided", "open"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.task} {self.purpose} {self.number}"

    def is_held(self, at: datetime) -> bool:
        """Whether a claim on it lasts at that moment."""
        return self.claim_expires_at is not None and self.claim_expires_at > at

    @property
    def refs(self) -> dict[str, int]:
        """What an event about the seat refers to."""
        return {"task": self.task_id, "seat": self.pk}
