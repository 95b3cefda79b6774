"""A reviewer waits for somebody: the seat is nobody's meanwhile, and comes back by itself.

What was typed stays, and who waited is offered the seat first when it is back: on a date, on a
signal, or by hand. The time to decide stops only for reasons that say so in the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from orchestrator import authority, calendars
from orchestrator.definitions.format import seconds
from orchestrator.engine.acts import Act, acting_on, locked_task
from orchestrator.engine.bench import Bench, bench_of
from orchestrator.engine.clocks import keep_for
from orchestrator.engine.deciding import bench_for
from orchestrator.engine.sweeping import reach, swept
from orchestrator.exceptions import Invalid, NotAllowed, NotFound
from orchestrator.models import Actor, Seat, Task, Timer
from orchestrator.models.fields import ClockOnce
from orchestrator.pointers import Problem

MOST_PARTY: Final = 200
MOST_NOTE: Final = 2000
MOST: Final = "14d"
"""How long a wait may last where the reason does not say."""


def pend(
    task_id: int,
    *,
    actor: Actor,
    claim_token: UUID | str,
    reason: str,
    until: datetime | None = None,
    party: str = "",
    note: str = "",
    signal: str = "",
) -> Seat:
    """Wait for ``party`` with the seat that the token names.

    ``reason`` is a code of the step's ``pend``; ``until`` when the seat comes back at the
    latest, by default as late as the reason allows; ``signal`` the name of one that brings it
    back earlier. Raises NotFound, StaleClaim, AlreadyDecided, NotAllowed, and Invalid with the
    place of every problem.
    """
    texts = {"party": party.strip(), "note": note.strip(), "signal": signal.strip()}
    with bench_for(task_id, claim_token, actor) as bench:
        authority.require(actor, "decide", bench.seat)
        row = _reason(bench, reason, until, texts)
        _hold(bench, row, until or _latest(bench.act, row), texts)
    return bench.seat


def _reason(
    bench: Bench, code: str, until: datetime | None, texts: Mapping[str, str]
) -> Mapping[str, Any]:
    """The step's reason of this code. Raises Invalid with the place of every problem."""
    row = next((one for one in bench.task.step.pend if one["code"] == code), None)
    found = [*_problems(bench.act, bench.task, row, until), *_text_problems(bench.act, texts)]
    if found or row is None:
        raise Invalid(found[0].message, problems=[one.as_json() for one in found])
    return dict(row)


def _hold(
    bench: Bench, row: Mapping[str, Any], back_at: datetime, texts: Mapping[str, str]
) -> None:
    act, seat, pauses = bench.act, bench.seat, bool(row.get("pauses"))
    said = {"by": act.actor.pk, "at": act.now.isoformat(), "reason": row["code"]}
    more = {"label": row["label"], "pauses": pauses, "clocks": _clocks(seat)}
    seat.pended = said | more | dict(texts)
    # The claim ends but its holder stays: what was typed is kept with it.
    seat.back_at, seat.claim_expires_at = back_at, act.now
    seat.assigned_to = seat.assigned_by = None
    if pauses:
        _shift(act, seat, back_at)
    seat.save()
    told = {"reason": row["code"], "until": back_at.isoformat(), "pauses": pauses}
    act.note("seat.pended", seat.refs, told)


def _latest(act: Act, row: Mapping[str, Any]) -> datetime:
    return act.now + timedelta(seconds=seconds(row.get("most", MOST)))


def _problems(
    act: Act, task: Task, row: Mapping[str, Any] | None, until: datetime | None
) -> Iterator[Problem]:
    if row is None:
        codes = ", ".join(one["code"] for one in task.step.pend)
        message = _("Choose one of %s.") % codes if codes else _("Nobody waits at this step.")
        yield Problem("/reason", message)
    elif until is not None and until <= act.now:
        yield Problem("/until", _("Choose a time that is still to come."))
    elif until is not None and until > _latest(act, row):
        most = row.get("most", MOST)
        yield Problem("/until", _("For this reason a wait lasts at most %s.") % most)


def _text_problems(act: Act, texts: Mapping[str, str]) -> Iterator[Problem]:
    for name, most in (("party", MOST_PARTY), ("note", MOST_NOTE)):
        if len(texts[name]) > most or "\x00" in texts[name]:
            yield Problem(f"/{name}", _("Write at most %s characters.") % f"{most:,}")
    known = signals_of(act.definition.version.signals, act.definition.steps.values())
    if texts["signal"] and texts["signal"] not in known:
        named = ", ".join(known) or _("none")
        yield Problem("/signal", _("This workflow knows these signals: %s.") % named)


def signals_of(news: Mapping[str, Any], steps: Any) -> list[str]:
    """The names of the signals that a version knows, sorted."""
    return sorted({*news, *(step.flow["signal"] for step in steps if "signal" in step.flow)})


def unpend(task_id: int, *, actor: Actor) -> list[Seat]:
    """Go on with what was waiting, now: one's own seats of the task, a lead those of all.

    Raises NotFound where nothing waits, and NotAllowed.
    """
    with acting_on(task_id, actor) as (act, task):
        waiting = _waiting(task)
        own = [seat for seat in waiting if pender_of(seat) == actor.pk]
        if not waiting:
            raise NotFound(_("Nothing waits here."))
        if not own and not authority.may(actor, "assign", task).allowed:
            raise NotAllowed(reasons=[_("Who waits here goes on with it, or who leads.")])
        return [_resume(act, task, seat, "hand") for seat in own or waiting]


def signalled(act: Act, name: str) -> None:
    """Bring back what waits for this signal in the act's case."""
    rows = Seat.objects.pended().filter(task__case=act.case, pended__signal=name)
    for task_id in sorted(set(rows.values_list("task_id", flat=True))):
        task = locked_task(act, task_id)
        for seat in _waiting(task, pended__signal=name):
            _resume(act, task, seat, "signal")


def resume_due(limit: int = 200) -> int:
    """Bring back what waited long enough, the longest due first; returns how many seats."""
    rows = Seat.objects.pended().filter(back_at__lte=ClockOnce()).order_by("back_at")
    return len(
        swept(_resume_one, list(rows.values_list("id", "task_id")[: reach(_resume_one, limit)]))
    )


def _resume_one(seat_id: int, task_id: int) -> bool:
    with acting_on(task_id) as (act, task):
        due = [
            seat
            for seat in _waiting(task)
            if seat.pk == seat_id and seat.back_at and seat.back_at <= act.now
        ]
        for seat in due:
            _resume(act, task, seat, "due")
    return bool(due)


def _waiting(task: Task, **those: Any) -> list[Seat]:
    """The seats of the task that wait for somebody, or those of them, locked."""
    seats = Seat.objects.pended().select_for_update(no_key=True)
    return list(seats.filter(task=task, **those).order_by("id"))


def pender_of(seat: Seat) -> int | None:
    """The id of the actor that waits, or waited last, with this seat."""
    return (seat.pended or {}).get("by")


def _resume(act: Act, task: Task, seat: Seat, why: str) -> Seat:
    right = bench_of(act, task, seat).right
    told = seat.pended or {}
    if told.get("pauses"):
        _shift(act, seat, act.now)
    seat.pended = told | {"ended": act.now.isoformat()}
    seat.back_at = None
    seat.save(update_fields=["pended", "back_at", "due_at"])
    person = Actor.objects.filter(pk=pender_of(seat) or 0).first()
    # Whom a lead has handed it to meanwhile has it still.
    is_free = seat.assigned_to_id is None
    if person and is_free and authority.may(person, "decide", seat).allowed:
        keep_for(act, seat, right, person)
    act.note("seat.resumed", seat.refs, {"why": why})
    return seat


def _clocks(seat: Seat) -> dict[str, str]:
    """What would be due without the wait: the seat itself, and its timers by id."""
    timers = Timer.objects.filter(seat=seat, fired_at=None).values_list("id", "due_at")
    return {"seat": seat.due_at.isoformat()} | {str(pk): at.isoformat() for pk, at in timers}


def _shift(act: Act, seat: Seat, until: datetime) -> None:
    """Let the wait until then not count: each clock stands still for its working time.

    What was late already comes no earlier than the seat itself.
    """
    told, calendar = seat.pended or {}, act.definition.version.calendar
    waited = calendars.between(datetime.fromisoformat(told["at"]), until, calendar)
    for name, text in told["clocks"].items():
        moved = calendars.due(datetime.fromisoformat(text), waited, calendar)
        if name == "seat":
            seat.due_at = max(moved, until)
        else:
            Timer.objects.filter(pk=name, fired_at=None).update(due_at=moved)
