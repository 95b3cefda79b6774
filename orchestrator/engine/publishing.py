"""From a draft to the version that runs."""

from __future__ import annotations

import hashlib

from django.db import transaction
from django.utils.translation import gettext as _

from orchestrator.definitions import export_version, problems
from orchestrator.engine import events
from orchestrator.engine.definition import policy_actor
from orchestrator.exceptions import NotFound, Unpublishable
from orchestrator.models import Actor, Workflow, WorkflowVersion


@transaction.atomic
def publish(version: WorkflowVersion, *, actor: Actor) -> WorkflowVersion:
    """Make a draft the version that new cases take; from then on it never changes.

    Raises Unpublishable with every problem, and NotFound when it is no draft any more.
    """
    workflow, now = events.locked(Workflow, version.workflow_id)
    draft = workflow.versions.filter(pk=version.pk, published_at=None).first()
    if draft is None:
        raise NotFound(_("This draft was published or replaced meanwhile."))
    if found := problems(draft):
        raise Unpublishable(problems=[problem.as_json() for problem in found])
    draft.published_at, draft.published_by = now, actor.user
    draft.digest = hashlib.sha256(export_version(draft).encode()).hexdigest()
    draft.save(update_fields=["published_at", "published_by", "digest"])
    workflow.published_version = draft
    workflow.save(update_fields=["published_version"])
    policy_actor(draft)
    if draft.accountable:
        Actor.objects.for_user(draft.accountable)
    entry = events.Entry(
        "version.published",
        actor,
        {"workflow": workflow.pk, "version": draft.pk},
        {"number": draft.number, "digest": draft.digest},
    )
    events.append(workflow, now, [entry])
    return draft
