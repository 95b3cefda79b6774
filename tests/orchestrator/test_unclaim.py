"""A lead ends somebody's claim: others may take the seat, and the record says who did it."""

from __future__ import annotations

import pytest

from orchestrator import engine
from orchestrator.exceptions import NotAllowed, NotFound, StaleClaim
from orchestrator.models import Case, Event, Seat, Workflow
from orchestrator.models.fields import ClockTimestamp
from tests.world import LUNCH, actor, claimed, in_review, workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Workflow:
    return workflow()


@pytest.fixture
def held(place: Workflow) -> Seat:
    """What bea holds, with something typed."""
    seat = claimed(in_review(place), "bea")
    assert seat.claim_token
    engine.save_draft(seat.task_id, actor=actor("bea"), token=seat.claim_token, draft={"a": 1})
    return seat


def test_others_may_take_it_and_the_claim_is_over(held: Seat) -> None:
    engine.unclaim(held.pk, actor=actor("lea"))

    taken = engine.claim(held.task_id, actor=actor("ben"))
    assert (taken.pk, taken.draft) == (held.pk, None)
    with pytest.raises(StaleClaim):
        engine.heartbeat(held.task_id, actor=actor("bea"), token=str(held.claim_token))


def test_what_bea_saw_decides_nothing_any_more(held: Seat) -> None:
    engine.unclaim(held.pk, actor=actor("lea"))

    with pytest.raises(StaleClaim):
        engine.decide(
            held.task_id,
            actor=actor("bea"),
            claim_token=str(held.claim_token),
            digest=engine.screen_digest(held.task, held.task.case),
            word="corrected",
            output=LUNCH | {"amount": 1},
        )


def test_the_record_says_who_ended_whose_claim(held: Seat) -> None:
    engine.unclaim(held.pk, actor=actor("lea"))

    case = Case.objects.get()
    event = Event.objects.get(stream=f"case:{case.pk}", type="seat.released")
    assert (event.actor, event.seq) == (actor("lea"), case.seq)
    assert event.refs == {"task": held.task_id, "seat": held.pk}
    assert event.payload == {"held_by": actor("bea").pk}


@pytest.mark.parametrize(
    ("name", "refusal"),
    [("ben", NotAllowed), ("bea", NotAllowed), ("cara", NotAllowed), ("carl", NotFound)],
)
def test_who_does_not_lead_ends_no_claim(held: Seat, name: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        engine.unclaim(held.pk, actor=actor(name))

    assert Seat.objects.claimed_by(actor("bea")).exists()


@pytest.mark.parametrize("ended", ["released", "expired", "decided elsewhere"])
def test_a_claim_that_is_over_is_not_ended_again(held: Seat, ended: str) -> None:
    if ended == "released":
        engine.release(held.task_id, actor=actor("bea"), token=str(held.claim_token))
    elif ended == "expired":
        Seat.objects.filter(pk=held.pk).update(claim_expires_at=ClockTimestamp())
    else:
        engine.cancel_case(held.task.case_id, actor=actor("lea"), reason="Sent twice.")

    with pytest.raises(StaleClaim):
        engine.unclaim(held.pk, actor=actor("lea"))
    assert not Event.objects.filter(type="seat.released").exists()


def test_a_seat_that_is_none_is_not_found(place: Workflow) -> None:
    with pytest.raises(NotFound):
        engine.unclaim(2**40, actor=actor("lea"))
