"""What a person does about many incidents at once; each is judged when its turn comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.utils.translation import gettext as _

from orchestrator.engine.bulk import begin_bulk, does
from orchestrator.engine.cancelling import cancel_for
from orchestrator.engine.entrusting import entrust
from orchestrator.engine.handing import hand_over
from orchestrator.engine.incidents import reason_given
from orchestrator.engine.resolving import retry, skip_step
from orchestrator.exceptions import Invalid, NotFound
from orchestrator.models import Actor, Bulk, BulkRow

RETRY: Final = "retry_incidents"
SKIP: Final = "skip_incidents"
CANCEL: Final = "cancel_incidents"
ASSIGN: Final = "assign_incidents"
HAND: Final = "hand_incidents"
RESOLVES: Final = (RETRY, SKIP, CANCEL, ASSIGN, HAND)
MOST_AT_ONCE: Final = 10_000


def resolve_many(
    verb: str,
    incidents: Sequence[int],
    *,
    actor: Actor,
    reason: str = "",
    to: Actor | None = None,
) -> Bulk:
    """Have one of ``RESOLVES`` done to each incident, as if the actor did it one by one.

    What is refused stays as it is, with the reason on its row. Raises Invalid where nothing is
    chosen or too much, or where a reason or a person is missing.
    """
    if not incidents:
        raise Invalid(_("Choose at least one incident."))
    if len(incidents) > MOST_AT_ONCE:
        raise Invalid(_("At most %s incidents at once: narrow the filter.") % MOST_AT_ONCE)
    params: dict[str, Any] = {}
    if verb in (SKIP, CANCEL):
        params["reason"] = reason_given(reason)
    if verb == ASSIGN:
        params["to"] = _person(to).pk
    return begin_bulk(verb, by=actor, params=params, incidents=incidents)


def _person(to: Actor | None) -> Actor:
    if to is None:
        raise Invalid(_("Choose somebody."))
    return to


def _id(row: BulkRow) -> int:
    if row.incident_id is None:
        raise NotFound
    return row.incident_id


@does(RETRY)
def _retry(row: BulkRow) -> None:
    retry(_id(row), actor=row.bulk.by)


@does(SKIP)
def _skip(row: BulkRow) -> None:
    skip_step(_id(row), actor=row.bulk.by, reason=row.bulk.params["reason"])


@does(CANCEL)
def _cancel(row: BulkRow) -> None:
    cancel_for(_id(row), actor=row.bulk.by, reason=row.bulk.params["reason"])


@does(HAND)
def _hand(row: BulkRow) -> None:
    hand_over(_id(row), actor=row.bulk.by)


@does(ASSIGN)
def _assign(row: BulkRow) -> None:
    entrust(_id(row), actor=row.bulk.by, to=Actor.objects.get(pk=row.bulk.params["to"]))
