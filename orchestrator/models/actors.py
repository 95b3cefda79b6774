"""Whoever acts, what they were granted, and the keys of programs."""

from __future__ import annotations

from typing import Final

import pgtrigger
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orchestrator.models.definitions import Workflow
from orchestrator.models.fields import moment, one_of
from orchestrator.models.statements import NUMBER, Kept


class ActorKind(models.TextChoices):
    AGENT = "agent", _("agent")
    AUTOMATION = "automation", _("automation")
    HUMAN = "human", _("human")
    SYSTEM = "system", _("system")
    POLICY = "policy", _("policy")


class ActorManager(models.Manager["Actor"]):
    def for_user(self, user: User) -> Actor:
        """The actor as whom a user acts, made on first sight. User names change, ids do not."""
        defaults = {"kind": ActorKind.HUMAN, "name": f"user:{user.pk}"}
        return OF_USER.first(user.pk) or self.get_or_create(user=user, defaults=defaults)[0]


class Actor(models.Model):
    """Whoever acts. A changed model or prompt is a new ``revision``, so a new row.

    An agent's row is a version of it: ``definition`` says what answered, ``digest`` is its
    SHA-256. Both are empty until it has answered once. What answers otherwise than the actor
    that a step names gets a row of its own, whose ``base`` is that actor.
    """

    kind = models.CharField(max_length=12, choices=ActorKind)
    name = models.CharField(max_length=150)
    revision = models.CharField(max_length=80, blank=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="actor",
    )
    connection = models.ForeignKey(
        "Connection", on_delete=models.PROTECT, null=True, blank=True, related_name="actors"
    )
    base = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, editable=False, related_name="versions"
    )
    definition = models.JSONField(null=True, editable=False)
    digest = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    created_at = moment()

    objects = ActorManager()

    class Meta:
        ordering = ("name", "revision")
        constraints = (
            models.UniqueConstraint(fields=("name", "revision"), name="actor_revision_once"),
            one_of("kind", ActorKind, "actor_kind_known"),
            models.CheckConstraint(
                condition=Q(kind="human", user__isnull=False)
                | (~Q(kind="human") & Q(user__isnull=True)),
                name="actor_human_has_user",
            ),
        )
        triggers = (
            pgtrigger.Protect(
                name="version_frozen",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__digest="")
                & (
                    pgtrigger.Q(old__digest__df=pgtrigger.F("new__digest"))
                    | pgtrigger.Q(old__definition__df=pgtrigger.F("new__definition"))
                ),
            ),
        )

    def __str__(self) -> str:
        if self.user:
            return self.user.get_username()
        return f"{self.name}@{self.revision}" if self.revision else self.name


OF_USER: Final = Kept(lambda user: Actor.objects.filter(user_id=user), NUMBER)


class Debut(models.Model):
    """The first output of an agent version at a step. ``before`` is what had answered there.

    Where something had, the workflow's owner is told, until somebody acknowledges it.
    """

    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="debuts")
    step_key = models.CharField(max_length=80)
    actor = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="debuts")
    before = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        Actor, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("workflow", "step_key", "actor"), name="debut_once"),
        )

    def __str__(self) -> str:
        return f"{self.actor} at {self.step_key}"


class GrantEffect(models.TextChoices):
    ALLOW = "allow", _("allow")
    EXCLUDE = "exclude", _("exclude")


class GrantAction(models.TextChoices):
    """What people and programs may be granted, as pages name it."""

    DECIDE = "decide", _("decide")
    START = "start", _("start cases")
    VIEW = "view", _("look at cases")
    WORK = "work", _("fetch machine work")
    CANCEL = "cancel", _("cancel cases")
    RESOLVE = "resolve", _("resolve incidents")
    HALT = "halt", _("stop automatic approval")
    PUBLISH = "publish", _("publish versions")
    EXPORT = "export", _("export feedback")


class Grant(models.Model):
    """A right given to, or withheld from, an actor or a group, for a while."""

    effect = models.CharField(max_length=8, choices=GrantEffect, default=GrantEffect.ALLOW)
    actor = models.ForeignKey(
        Actor, on_delete=models.PROTECT, null=True, blank=True, related_name="grants"
    )
    group = models.ForeignKey(
        Group, on_delete=models.PROTECT, null=True, blank=True, related_name="grants"
    )
    action = models.CharField(max_length=80)
    limits = models.JSONField(default=dict, blank=True)
    workflow = models.ForeignKey(
        Workflow, on_delete=models.PROTECT, null=True, blank=True, related_name="grants"
    )
    step_key = models.CharField(max_length=80, blank=True)
    valid = DateTimeRangeField()
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="delegations"
    )
    stands_in_for = models.ForeignKey(
        Actor, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    may_delegate = models.BooleanField(default=False)
    created_at = moment()

    class Meta:
        constraints = (
            one_of("effect", GrantEffect, "grant_effect_known"),
            models.CheckConstraint(
                condition=Q(actor__isnull=False, group__isnull=True)
                | Q(actor__isnull=True, group__isnull=False),
                name="grant_has_one_holder",
            ),
        )

    def __str__(self) -> str:
        action = dict(GrantAction.choices).get(self.action, self.action)
        return f"{self.get_effect_display()}, {action}: {self.actor or self.group}"


class ApiKey(models.Model):
    """A program's key: the secret is shown once, only its HMAC is kept."""

    name = models.CharField(max_length=80, blank=True, help_text="What uses this key.")
    prefix = models.CharField(max_length=16, unique=True)
    hmac = models.CharField(max_length=64)
    actor = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="keys")
    scopes = ArrayField(models.CharField(max_length=16))
    created_at = moment()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"rw_{self.prefix}_…"
