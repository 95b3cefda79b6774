"""Hand an open seat to a named person, and take that back."""

from __future__ import annotations

from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext as _

from orchestrator import authority
from orchestrator.engine.acts import acting
from orchestrator.engine.claims import FREE
from orchestrator.exceptions import AlreadyDecided, NotAllowed, NotFound
from orchestrator.models import Actor, ActorKind, Seat
from orchestrator.models.fields import ClockTimestamp


def assign(seat_id: int, *, actor: Actor, to: Actor) -> Seat:
    """From now on only ``to`` may claim the seat, until it is released, skipped or withdrawn.

    Somebody else's claim on it ends. Raises NotFound, AlreadyDecided, and NotAllowed: for who
    does not lead here, and with the reasons why ``to`` may not decide it.
    """
    seat = _seat(seat_id, actor)
    with acting(seat.task.case_id, actor) as act:
        _lock(seat)
        if reasons := hindrances(seat, to):
            raise NotAllowed(reasons=reasons)
        held_by = _holder(seat)
        act.note("seat.assigned", seat.refs | {"person": to.pk}, {"held_by": held_by})
        freed = {} if held_by == to.pk else FREE
        wanted = Func(F("skipped"), Value(to.pk), function="array_remove")
        Seat.objects.filter(pk=seat.pk).update(
            **freed | {"assigned_to": to, "assigned_by": actor, "skipped": wanted}
        )
    return seat


def unassign(seat_id: int, *, actor: Actor) -> Seat:
    """Let the whole group have the seat again; a claim on it goes on.

    Raises NotFound, also where it is assigned to nobody, NotAllowed and AlreadyDecided.
    """
    seat = _seat(seat_id, actor)
    with acting(seat.task.case_id, actor) as act:
        _lock(seat)
        if seat.assigned_to_id is None:
            raise NotFound(_("This is assigned to nobody."))
        act.note("seat.unassigned", seat.refs | {"person": seat.assigned_to_id})
        Seat.objects.filter(pk=seat.pk).update(assigned_to=None, assigned_by=None)
    return seat


def hindrances(seat: Seat, to: Actor) -> list[str]:
    """Why the seat cannot be handed to somebody, as sentences; none where it can."""
    if to.kind != ActorKind.HUMAN:
        return [_("Only people are assigned to seats.")]
    reasons = authority.may(to, "decide", seat).reasons
    if _has_another(seat, to):
        reasons = [*reasons, _("This person has another seat of this task.")]
    return reasons


def _seat(seat_id: int, actor: Actor) -> Seat:
    """A seat that the actor may hand out. Raises NotFound and NotAllowed."""
    seats = Seat.objects.visible_to(actor).select_related("task__step", "task__case__workflow")
    seat = seats.filter(pk=seat_id).first()
    if seat is None:
        raise NotFound
    authority.require(actor, "assign", seat)
    return seat


def _lock(seat: Seat) -> None:
    """Read the seat again, locked after its case. Raises AlreadyDecided when it is over."""
    now = Seat.objects.open().select_for_update(no_key=True).filter(pk=seat.pk).first()
    if now is None:
        raise AlreadyDecided
    for name in ("barred", "claimed_by_id", "claim_expires_at", "assigned_to_id"):
        setattr(seat, name, getattr(now, name))


def _holder(seat: Seat) -> int | None:
    live = Seat.objects.filter(pk=seat.pk, claim_expires_at__gt=ClockTimestamp())
    return live.values_list("claimed_by", flat=True).first()


def _has_another(seat: Seat, to: Actor) -> bool:
    """One person never takes two seats of one round."""
    held = Q(claimed_by=to, claim_expires_at__gt=ClockTimestamp())
    others = Seat.objects.open().filter(task=seat.task_id, round=seat.round)
    return others.filter(held | Q(assigned_to=to)).exclude(pk=seat.pk).exists()
