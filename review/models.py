"""The tables of this app: what was taken away, by whom and when, and the filters people keep."""

from __future__ import annotations

from typing import Self

from django.contrib.auth.models import Group, User
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from orchestrator.models import Actor
from orchestrator.models.fields import append_only, moment, one_of


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


class FilterPage(models.TextChoices):
    """A page whose filters can be kept."""

    QUEUE = "queue", gettext_lazy("queue")
    CASES = "cases", gettext_lazy("cases")
    INCIDENTS = "incidents", gettext_lazy("incidents")


class SavedFilterQuerySet(models.QuerySet["SavedFilter"]):
    def visible_to(self, user: User) -> Self:
        """One's own, and what is shared with a group of one's."""
        own = Q(owner__user=user)
        return self.filter(own | Q(group__in=user.groups.values("pk")))


class SavedFilter(models.Model):
    """A filter of a page under a name: for its owner alone, or for a ``group`` too.

    ``query`` holds parameters of the page's address, and no others than the page knows.
    """

    owner = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    page = models.CharField(max_length=10, choices=FilterPage)
    name = models.CharField(max_length=60)
    query = models.JSONField()
    group = models.ForeignKey(Group, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = moment()

    objects = SavedFilterQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("owner", "page", "name"), name="filter_named_once"),
            one_of("page", FilterPage, "filter_page_known"),
        )

    def __str__(self) -> str:
        return self.name


class DefaultFilter(models.Model):
    """The filter with which a page opens for somebody who asks for nothing else."""

    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="+")
    page = models.CharField(max_length=10, choices=FilterPage)
    filter = models.ForeignKey(SavedFilter, on_delete=models.CASCADE, related_name="defaults")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("actor", "page"), name="filter_one_default"),
        )

    def __str__(self) -> str:
        return f"{self.actor}: {self.filter}"
