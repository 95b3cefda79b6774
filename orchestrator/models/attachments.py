"""Files that cases refer to: their bytes once, and who brought and who uses them."""

from __future__ import annotations

from django.db import models

from orchestrator.models.actors import Actor
from orchestrator.models.fields import moment
from orchestrator.models.running import Case


class Attachment(models.Model):
    """The bytes of a file, kept once by their SHA-256, however many cases refer to them.

    ``media_type`` is what the bytes look like, whatever their sender said. ``width`` and
    ``height`` are pixels, None where no browser is asked to draw it.
    """

    digest = models.CharField(max_length=64, unique=True)
    size = models.PositiveIntegerField()
    media_type = models.CharField(max_length=80)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    content = models.BinaryField()
    created_at = moment()

    def __str__(self) -> str:
        return f"sha256:{self.digest}"


class Upload(models.Model):
    """Who has brought an attachment, and when last: the right to refer to it."""

    attachment = models.ForeignKey(Attachment, on_delete=models.CASCADE, related_name="uploads")
    actor = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    at = moment()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("attachment", "actor"), name="upload_once_an_actor"),
        )

    def __str__(self) -> str:
        return f"{self.attachment_id} by {self.actor_id}"


class CaseAttachment(models.Model):
    """An attachment that a case came with. Who sees the case sees it, by the name it has there."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="attachments")
    attachment = models.ForeignKey(Attachment, on_delete=models.PROTECT, related_name="cases")
    name = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("case", "attachment", "name"), name="case_attachment_once"
            ),
        )

    def __str__(self) -> str:
        return self.name
