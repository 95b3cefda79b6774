"""A published version as the next draft."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from orchestrator.definitions.exporting import export_version
from orchestrator.definitions.importing import import_draft
from orchestrator.exceptions import Refusal
from orchestrator.models import Workflow, WorkflowVersion


@transaction.atomic
def clone_to_draft(version: WorkflowVersion) -> WorkflowVersion:
    """A draft that says what the version says. Raises Refusal when there is a draft already."""
    workflow = Workflow.objects.select_for_update().get(pk=version.workflow_id)
    if draft := workflow.versions.filter(published_at=None).first():
        raise Refusal(
            _("%(draft)s is a draft already: publish it or delete it first.") % {"draft": draft}
        )
    # As it stands now: the row in hand may know an older owner or name.
    clone = import_draft(export_version(workflow.versions.get(pk=version.pk)))
    clone.notes = ""
    clone.save(update_fields=["notes"])
    return clone
