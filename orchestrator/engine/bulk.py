"""One act on many cases or incidents: each in a transaction of its own, with what came of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils.translation import gettext_noop
from psycopg.errors import DeadlockDetected, LockNotAvailable

from orchestrator.exceptions import Refusal
from orchestrator.models import Actor, Bulk, BulkRow, BulkState, Case, Task
from orchestrator.models.fields import ClockTimestamp

Does = Callable[[BulkRow], None]
DOES: Final[dict[str, Does]] = {}
"""What is done to one row, by the verb of its bulk. A Refusal is kept on the row."""

CHUNK: Final = 1000
HELD: Final = gettext_noop("Something else holds its case this moment; it is tried again.")
BROKE: Final = "It broke (%s); the log has the details."

logger = logging.getLogger(__name__)


def does(verb: str) -> Callable[[Does], Does]:
    """Let this function do the rows of a verb."""

    def keep(function: Does) -> Does:
        DOES[verb] = function
        return function

    return keep


@transaction.atomic
def begin_bulk(
    verb: str,
    *,
    by: Actor,
    params: dict[str, Any],
    cases: Iterable[int] = (),
    incidents: Iterable[int] = (),
) -> Bulk:
    """Write down what is to be done; workers do it row by row. The caller has the right."""
    rows = [BulkRow(case_id=pk) for pk in cases] + [BulkRow(incident_id=pk) for pk in incidents]
    bulk = Bulk.objects.create(verb=verb, params=params, by=by, total=len(rows))
    for row in rows:
        row.bulk = bulk
    BulkRow.objects.bulk_create(rows, batch_size=CHUNK)
    return bulk


def is_bulk_pending() -> bool:
    """Whether a bulk has rows to do, or ended with a worker that could not say so any more."""
    return Bulk.objects.filter(finished_at=None).exists()


def work_bulks(seconds: float = 2.0) -> int:
    """Do pending rows, oldest first, for so long; returns how many were done.

    Several workers share them. A row that breaks is refused with what broke it; one whose case
    somebody else holds locked stays, says so, and is tried again after those behind it.
    """
    end, done = time.monotonic() + seconds, 0
    held: set[int] = set()
    while time.monotonic() < end and (row := _next(held)):
        if row.state == BulkState.PENDING:
            held.add(row.pk)
        else:
            done += 1
    for bulk_id in Bulk.objects.filter(finished_at=None).values_list("id", flat=True):
        _count(bulk_id)
    return done


@transaction.atomic
def _next(held: Collection[int]) -> BulkRow | None:
    rows = BulkRow.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
    pending = rows.select_related("bulk__by").filter(state=BulkState.PENDING)
    row = pending.exclude(pk__in=held).order_by("bulk", "id").first()
    if row is None:
        return None
    if _is_free(row):
        _do(row)
    if row.state == BulkState.PENDING and row.message != HELD:
        row.message = HELD
        row.save(update_fields=["message"])
    return row


def _is_free(row: BulkRow) -> bool:
    """Whether nobody else holds the row's case; then this transaction does."""
    of_incident = Task.objects.filter(incidents=row.incident_id).values("case")
    cases = Case.objects.filter(Q(pk=row.case_id) if row.case_id else Q(pk__in=of_incident))
    free = cases.select_for_update(skip_locked=True, no_key=True)
    return bool(free.values_list("pk", flat=True))


def _do(row: BulkRow) -> None:
    row.state, row.message = BulkState.DONE, ""
    try:
        with transaction.atomic():
            DOES[row.bulk.verb](row)
    except Refusal as refusal:
        row.state, row.message = BulkState.REFUSED, refusal.message[:2000]
    except OperationalError as error:
        if not isinstance(error.__cause__, (LockNotAvailable, DeadlockDetected)):
            raise
        row.state = BulkState.PENDING
        return
    except Exception as error:
        # One row that always breaks would hold up every row after it, of all bulks.
        logger.exception("A row of the bulk %s broke", row.bulk_id)
        row.state, row.message = BulkState.REFUSED, BROKE % type(error).__name__
    row.finished_at = ClockTimestamp()
    row.save(update_fields=["state", "message", "before", "seq", "finished_at"])


def _count(bulk_id: int) -> None:
    with transaction.atomic():
        bulk = Bulk.objects.select_for_update(no_key=True).get(pk=bulk_id)
        # Counted under the lock: an older count would overwrite a newer one.
        pending = BulkRow.objects.filter(bulk=bulk_id, state=BulkState.PENDING).count()
        bulk.done = bulk.total - pending
        if not pending and bulk.finished_at is None:
            bulk.finished_at = ClockTimestamp()
        bulk.save(update_fields=["done", "finished_at"])
