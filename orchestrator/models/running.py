"""Work under way: cases, and their tasks."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orchestrator.models.actors import Actor
from orchestrator.models.definitions import Step, Workflow, WorkflowVersion
from orchestrator.models.fields import OrderedJSONField, Word, moment, moves, one_of
from orchestrator.models.querysets import CaseQuerySet, TaskQuerySet
from orchestrator.models.words import PENDING, OrderedWords


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
