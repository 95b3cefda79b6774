"""What people find out about a write in doubt, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from django.utils.translation import gettext as _

from orchestrator import schema
from orchestrator.connectors import Call, CallError, Result, connector_class
from orchestrator.definitions.rules import is_careful
from orchestrator.engine.acts import Act
from orchestrator.engine.bench import Bench, is_handed
from orchestrator.engine.definition import allowed_words, answering_words
from orchestrator.engine.doubting import CannotTell
from orchestrator.engine.failing import again
from orchestrator.engine.reading import is_json
from orchestrator.exceptions import Invalid
from orchestrator.models import (
    Connection,
    DecisionRight,
    Delivery,
    DeliveryState,
    Seat,
    SeatPurpose,
    SeatState,
    Step,
    Task,
    TaskState,
    Word,
)
from orchestrator.models.rows import store
from orchestrator.pointers import Problem

NO_WAY: Final = "The step does not say how to look whether its write happened."
FOUND_OUT: Final = [Word.APPROVED, Word.CORRECTED, Word.REJECTED, Word.ESCALATED]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the system of record says now. ``answer`` is what it has, ``message`` why it cannot
    be told."""

    state: Literal["there", "missing", "unknown"]
    answer: Any = None
    message: str = ""


def words_on(seat: Seat, step: Step, right: DecisionRight | None) -> list[str]:
    """What a decider may say on a seat. On one that reconciles every finding can be said,
    whatever the rule allows of outputs. May query, as ``is_handed`` does."""
    if is_handed(seat, step):
        return answering_words(right, seat.level)
    if seat.purpose != SeatPurpose.RECONCILE:
        return allowed_words(step, right, seat.level)
    may_escalate = not seat.level and right is not None and right.escalates_to_id is not None
    return [str(word) for word in FOUND_OUT if may_escalate or word != Word.ESCALATED]


def found_output(bench: Bench, word: str, output: Any) -> Any:
    """The output of a write that happened: what was given, else what the system of record has.

    Raises Invalid where it does not fit the step's schema; None where it did not happen.
    """
    if word not in (Word.APPROVED, Word.CORRECTED):
        return None
    if output is None and word == Word.APPROVED:
        output = Delivery.objects.filter(task=bench.task).values_list("response", flat=True).first()
    found = schema.validate(bench.task.step.schema, output)
    if found:
        rows = [Problem(f"/output{row.path}", row.message).as_json() for row in found]
        raise Invalid(_("Give the output that the write had; it is not known."), problems=rows)
    return output


def settled(act: Act, task: Task) -> bool:
    """Let what people found of a write take effect; whether it is made again.

    A task that nobody had to reconcile is left as it is.
    """
    if not is_careful(task.step) or not _is_reconciled(task):
        return False
    happened = task.word != Word.REJECTED
    rows = Delivery.objects.filter(task=task)
    if happened:
        rows.update(state=DeliveryState.CONFIRMED, response=task.output, next_at=None)
    else:
        rows.update(state=DeliveryState.PENDING)
        _make_ready(act, task)
    act.note("delivery.reconciled", {"task": task.pk}, {"happened": happened})
    return not happened


def _is_reconciled(task: Task) -> bool:
    seats = Seat.objects.filter(task=task, round=task.round, purpose=SeatPurpose.RECONCILE)
    return seats.filter(state=SeatState.DECIDED).exists()


def _make_ready(act: Act, task: Task) -> None:
    """Again under the same key. Back in review first: no way leads from decided to ready."""
    task.output, task.word, task.crashes = None, "", 0
    if task.state == TaskState.DECIDED:
        task.state, task.settle_at = TaskState.IN_REVIEW, None
        store(task, "state", "output", "word", "settle_at")
    again(act, task)


def look(task: Task) -> Seen:
    """Ask the system of record what became of a task's write, changing nothing there.

    Outside any transaction, for it may take the step's whole time-out. What it has is kept
    with the delivery.
    """
    delivery = Delivery.objects.select_related("connection").filter(task=task).first()
    if delivery is None:
        return Seen("unknown", message="Nothing was sent.")
    call = Call(
        input=delivery.request,
        schema=task.step.schema,
        step=task.step.call,
        idempotency_key=delivery.key,
        timeout=float(task.step.timeout),
        attempt=task.attempts,
    )
    try:
        found = verified(delivery.connection, call)
    except CallError as error:
        return Seen("unknown", message=str(error))
    if found is None:
        return Seen("missing")
    rows = Delivery.objects.filter(pk=delivery.pk).exclude(state=DeliveryState.CONFIRMED)
    rows.update(response=found.output)
    return Seen("there", found.output)


def verified(sent_over: Connection, call: Call) -> Result | None:
    """What the system of record has of an earlier write; None where it has nothing.

    Raises TransientError where it cannot be asked now, and CannotTell. Both say that the write
    may have happened.
    """
    if not call.step.get("verify"):
        raise CannotTell(NO_WAY, may_have_happened=True)
    try:
        connector: Any = connector_class(sent_over.kind)(sent_over.settings, sent_over.secret)
        found: Result | None = connector.verify(call)
    except CallError as error:
        if not error.transient:
            raise CannotTell(str(error), may_have_happened=True) from error
        error.may_have_happened = True
        raise
    except Exception as error:
        # Whatever a connector's code does, the case ends up with a person, not lost.
        raise CannotTell(f"{type(error).__name__}: {error}", may_have_happened=True) from error
    return found if found is None else _fitting(call, found)


def _fitting(call: Call, found: Result) -> Result:
    if not is_json(found.output) or schema.validate(call.schema, found.output):
        message = _("What the system of record has does not fit the step's schema.")
        raise CannotTell(message, may_have_happened=True)
    return found
