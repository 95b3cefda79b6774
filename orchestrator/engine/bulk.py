"""One act on many cases or incidents: each in a transaction of its own, with what came of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.db import OperationalError, transaction

from orchestrator.exceptions import Refusal
from orchestrator.models import Actor, Bulk, BulkRow, BulkState
from orchestrator.models.fields import ClockTimestamp

Does = Callable[[BulkRow], None]
DOES: Final[dict[str, Does]] = {}
"""What is done to one row, by the verb of its bulk. A Refusal is kept on the row."""

CHUNK: Final = 1000
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
    if not rows:
        _count(bulk.pk)
    return bulk


def is_bulk_pending() -> bool:
    """Whether a bulk has rows to do, or ended with a worker that could not say so any more."""
    return Bulk.objects.filter(finished_at=None).exists()


def work_bulks(seconds: float = 2.0) -> int:
    """Do pending rows, oldest first, for so long; returns how many were done.

    Several workers share them. A row that breaks is refused with what broke it.
    """
    end, done = time.monotonic() + seconds, 0
    while time.monotonic() < end and _next():
        done += 1
    for bulk_id in Bulk.objects.filter(finished_at=None).values_list("id", flat=True):
        _count(bulk_id)
    return done


@transaction.atomic
def _next() -> BulkRow | None:
    rows = BulkRow.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
    pending = rows.select_related("bulk__by").filter(state=BulkState.PENDING)
    row = pending.order_by("bulk", "id").first()
    if row is not None:
        _do(row)
    return row


def _do(row: BulkRow) -> None:
    row.state = BulkState.DONE
    try:
        with transaction.atomic():
            DOES[row.bulk.verb](row)
    except Refusal as refusal:
        row.state, row.message = BulkState.REFUSED, refusal.message[:2000]
    except OperationalError:
        raise
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
