"""The places of those who decide."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orchestrator.models.actors import Actor
from orchestrator.models.definitions import Workflow
from orchestrator.models.fields import moment, moves, one_of
from orchestrator.models.querysets import SeatQuerySet
from orchestrator.models.running import Task


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
        return f"{self.task} {self.get_purpose_display()} {self.number}"

    def is_held(self, at: datetime) -> bool:
        """Whether a claim on it lasts at that moment."""
        return self.claim_expires_at is not None and self.claim_expires_at > at

    @property
    def refs(self) -> dict[str, int]:
        """What an event about the seat refers to."""
        return {"task": self.task_id, "seat": self.pk}
