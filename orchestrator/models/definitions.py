"""A workflow as versioned data: steps, transitions and who may decide what."""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from orchestrator.models.fields import (
    Mode,
    OrderedJSONField,
    Word,
    frozen_definition,
    moment,
    one_of,
    probability,
)
from orchestrator.models.querysets import WorkflowQuerySet


class Workflow(models.Model):
    """A named, owned way of working. ``seq`` and ``head`` end its chain of events."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    groups: models.ManyToManyField[Group, Any] = models.ManyToManyField(
        Group, blank=True, related_name="workflows", help_text="Whose members see this workflow."
    )
    published_version = models.ForeignKey(
        "WorkflowVersion", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    halted_at = models.DateTimeField(null=True, editable=False)
    seq = models.BigIntegerField(default=0, editable=False)
    head = models.CharField(max_length=64, blank=True, editable=False)
    created_at = moment()

    objects = WorkflowQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        permissions = (
            ("publish_workflow", "Can publish a version"),
            ("halt_workflow", "Can stop and resume automatic approval"),
        )

    def __str__(self) -> str:
        return self.name


class WorkflowVersion(models.Model):
    """One definition of a workflow; immutable once ``published_at`` is set."""

    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    accountable = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who answers for what the rules of this version approve.",
    )
    data_schema = OrderedJSONField(default=dict, blank=True, help_text="JSON Schema of case data.")
    calendar = models.JSONField(default=dict, blank=True)
    signals = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text="name: what it writes into case data, as path: path in the signal.",
    )
    revision = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    notes = models.TextField(blank=True)
    published_at = models.DateTimeField(null=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )
    digest = models.CharField(max_length=64, blank=True, editable=False)
    created_at = moment()

    class Meta:
        ordering = ("workflow", "-number")
        constraints = (
            models.UniqueConstraint(fields=("workflow", "number"), name="version_number_once"),
            models.UniqueConstraint(
                fields=("workflow",), condition=Q(published_at=None), name="version_one_draft"
            ),
            models.CheckConstraint(
                condition=Q(published_at=None) | Q(accountable__isnull=False),
                name="version_published_has_accountable",
            ),
        )
        triggers = (
            pgtrigger.Protect(
                name="frozen",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__published_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.workflow} v{self.number}"


class StepKind(models.TextChoices):
    AGENT = "agent", _("agent")
    AUTOMATION = "automation", _("automation")
    HUMAN = "human", _("human")
    SYSTEM = "system", _("system of record")
    DECISION = "decision", _("decision")
    TIMER = "timer", _("timer")
    EVENT = "event", _("event")
    FORK = "fork", _("fork")
    JOIN = "join", _("join")
    FOR_EACH = "for_each", _("for each")
    SUBFLOW = "subflow", _("subflow")
    END = "end", _("end")


MACHINE = frozenset({StepKind.AGENT, StepKind.AUTOMATION, StepKind.SYSTEM})
"""Steps that a machine performs."""

DECIDED = MACHINE | {StepKind.HUMAN}
"""Steps of whose output somebody decides: their rules say who."""

SILENT = frozenset({StepKind.TIMER, StepKind.FORK, StepKind.JOIN, StepKind.FOR_EACH, StepKind.END})
"""Steps that put nothing into the case file unless they are told to."""


class StepEffect(models.TextChoices):
    PURE = "pure", _("pure: try again freely")
    IDEMPOTENT = "idempotent", _("idempotent: the key makes a second try harmless")
    VERIFY_FIRST = "verify_first", _("verify first: read before a second write")
    IN_DOUBT = "in_doubt_to_human", _("in doubt: a person looks before a second write")


class Step(models.Model):
    """A node of a version. Paths in the JSON fields are JSON pointers, times are seconds."""

    version = models.ForeignKey(WorkflowVersion, on_delete=models.CASCADE, related_name="steps")
    key = models.SlugField(max_length=80)
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, choices=StepKind)
    actor = models.ForeignKey(
        "Actor", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    instructions = models.TextField(blank=True)
    call = models.JSONField(default=dict, blank=True)
    outcome = models.CharField(max_length=80, blank=True)
    schema = OrderedJSONField(default=dict, blank=True, help_text="JSON Schema of the output.")
    input_mapping = models.JSONField(null=True, blank=True, help_text="name: path in case data")
    output_mapping = models.JSONField(null=True, blank=True, help_text="path: path in the output")
    evidence = models.JSONField(default=list, blank=True)
    reasons = models.JSONField(default=list, blank=True)
    material = models.JSONField(default=list, blank=True, help_text="Empty: every field counts.")
    limit = models.CharField(max_length=200, blank=True)
    effect = models.CharField(max_length=20, choices=StepEffect, default=StepEffect.PURE)
    retry = models.JSONField(default=dict, blank=True)
    timeout = models.PositiveIntegerField(default=30)
    undo_seconds = models.PositiveIntegerField(default=10)
    compensated_by = models.CharField(max_length=80, blank=True)
    flow = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text="What only this kind of step has, as a timer its time.",
    )
    rework = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text="The steps that a reviewer may send this back to, and how often.",
    )
    pend = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="What a reviewer may wait for.",
    )

    class Meta:
        ordering = ("version", "position")
        constraints = (
            models.UniqueConstraint(fields=("version", "key"), name="step_key_once"),
            one_of("kind", StepKind, "step_kind_known"),
            one_of("effect", StepEffect, "step_effect_known"),
        )
        triggers = (frozen_definition("part.version_id"),)

    def __str__(self) -> str:
        return self.name

    @property
    def outputs(self) -> dict[str, Any]:
        """Where the output goes: path in the case file -> path in the output."""
        if self.output_mapping is None:
            return {} if self.kind in SILENT else {f"/{self.key}": ""}
        return self.output_mapping if isinstance(self.output_mapping, dict) else {}


class Transition(models.Model):
    """An edge of a version. Of a source's edges in order, the first that matches is taken."""

    version = models.ForeignKey(
        WorkflowVersion, on_delete=models.CASCADE, related_name="transitions"
    )
    source = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="transitions")
    target = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()
    condition = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ("version", "source", "position")
        constraints = (
            models.UniqueConstraint(fields=("source", "position"), name="transition_place_once"),
        )
        triggers = (frozen_definition("part.version_id"),)

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"


class DecisionRight(models.Model):
    """One rule of a step: under which condition who decides, and within which limits."""

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="rights")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=200, blank=True)
    condition = models.JSONField(null=True, blank=True)
    mode = models.CharField(max_length=8, choices=Mode)
    group = models.ForeignKey(
        Group, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    allowed = ArrayField(models.CharField(max_length=12, choices=Word), default=list, blank=True)
    approvals = models.PositiveSmallIntegerField(default=1)
    seats = models.PositiveSmallIntegerField(default=1)
    blind = models.BooleanField(default=False)
    start_within = models.PositiveIntegerField(null=True, blank=True)
    decide_within = models.PositiveIntegerField(default=24 * 3600)
    remind_before = models.PositiveIntegerField(null=True, blank=True)
    on_timeout = models.CharField(max_length=12, choices=Word, default=Word.ESCALATED)
    escalates_to = models.ForeignKey(
        Group, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    audit_rate = models.FloatField(default=0)

    class Meta:
        ordering = ("step", "position")
        constraints = (
            models.UniqueConstraint(fields=("step", "position"), name="right_place_once"),
            one_of("mode", Mode, "right_mode_known"),
            probability("audit_rate", "right_audit_rate_is_a_share"),
            models.CheckConstraint(
                condition=Q(approvals__lte=models.F("seats")), name="right_approvals_within_seats"
            ),
        )
        triggers = (
            frozen_definition(
                "SELECT s.version_id FROM orchestrator_step s WHERE s.id = part.step_id"
            ),
        )

    def __str__(self) -> str:
        return self.name or gettext("Rule %(number)s") % {"number": self.position}
