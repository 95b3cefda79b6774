"""Who looks after an incident."""

from __future__ import annotations

from django.utils.translation import gettext as _

from orchestrator import authority
from orchestrator.engine.acts import acting
from orchestrator.engine.incidents import begin, case_of
from orchestrator.exceptions import NotAllowed
from orchestrator.models import Actor, ActorKind, Incident


def entrust(incident_id: int, *, actor: Actor, to: Actor | None) -> None:
    """Let ``to`` look after an open incident; with None nobody does any more.

    Raises NotFound, and NotAllowed for whoever resolves no incidents here, also as ``to``.
    """
    with acting(case_of(incident_id), actor) as act:
        incident, task = begin(act, incident_id)
        authority.require(actor, "resolve", incident)
        if to is not None and (reasons := not_fit(incident, to)):
            raise NotAllowed(reasons=reasons)
        before, incident.assigned_to = incident.assigned_to_id, to
        incident.save(update_fields=["assigned_to"])
        refs = {"task": task.pk, "incident": incident.pk}
        if to is not None:
            act.note("incident.assigned", refs | {"person": to.pk})
        elif before is not None:
            act.note("incident.unassigned", refs | {"person": before})


def not_fit(incident: Incident, to: Actor) -> list[str]:
    """Why somebody cannot look after an incident, as sentences; none where they can."""
    if to.kind != ActorKind.HUMAN:
        return [_("Only people look after incidents.")]
    if authority.may(to, "resolve", incident).allowed:
        return []
    return [_("%s does not hold the right to resolve here.") % to]
