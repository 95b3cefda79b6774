"""A lead hands an open seat to a named person: the others do not get it, and the record says so."""

from __future__ import annotations

import pytest

from orchestrator import authority, engine
from orchestrator.exceptions import AlreadyDecided, NotAllowed, NotFound, StaleClaim
from orchestrator.models import Event, Seat, Task, Workflow
from orchestrator.views.home.reviewing import first_seats
from tests.world import FLIGHT, actor, claimed, decided, in_review, person, workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Workflow:
    return workflow()


@pytest.fixture
def task(place: Workflow) -> Task:
    return in_review(place)


def seat_of(task: Task) -> Seat:
    return Seat.objects.get(task=task, number=1)


def assigned(task: Task, to: str = "ben", by: str = "lea") -> Seat:
    engine.assign(seat_of(task).pk, actor=actor(by), to=actor(to))
    return seat_of(task)


def next_of(name: str, **more: str) -> int | None:
    seat = engine.claim_next(actor=actor(name), **more)  # type: ignore[arg-type]
    return seat.task_id if seat else None


@pytest.mark.parametrize("order", ["due", "confidence", "created"])
def test_what_is_assigned_comes_first_and_to_nobody_else(place: Workflow, order: str) -> None:
    _first, second, third = in_review(place), in_review(place), in_review(place)
    assigned(third)

    assert next_of("ben", order=order) == third.pk
    assert next_of("bea", order=order) == _first.pk
    assert next_of("bea", order=order) == second.pk
    assert next_of("bea", order=order) is None


def test_who_skipped_it_before_gets_it_first_once_it_is_assigned(place: Workflow) -> None:
    task, _other = in_review(place), in_review(place)
    seat = claimed(task, "ben")
    engine.skip(task.pk, actor=actor("ben"), token=str(seat.claim_token))
    assigned(task)

    assert next_of("ben") == task.pk


def test_nobody_else_claims_it_by_hand(task: Task) -> None:
    assigned(task)

    with pytest.raises(StaleClaim, match="lea has assigned this to ben"):
        engine.claim(task.pk, actor=actor("bea"))
    assert authority.may(actor("bea"), "claim", seat_of(task)).reasons == [
        "lea has assigned this to ben."
    ]
    assert authority.may(actor("ben"), "claim", seat_of(task)).allowed
    assert engine.claim(task.pk, actor=actor("ben")).task_id == task.pk


def test_whoever_held_it_holds_it_no_more(task: Task) -> None:
    seat = claimed(task, "bea")

    assigned(task)

    with pytest.raises(StaleClaim):
        engine.heartbeat(task.pk, actor=actor("bea"), token=str(seat.claim_token))
    with pytest.raises(StaleClaim):
        engine.decide(
            task.pk,
            actor=actor("bea"),
            claim_token=str(seat.claim_token),
            digest=engine.screen_digest(seat.task, seat.task.case),
            word="approved",
        )
    assert next_of("ben") == task.pk


def test_of_two_seats_the_one_that_is_free_is_seen(place: Workflow) -> None:
    """Not the one before it, which is assigned to somebody else."""
    task = in_review(place, FLIGHT)
    first, second = Seat.objects.filter(task=task).order_by("number")
    engine.assign(first.pk, actor=actor("lea"), to=actor("ben"))

    assert list(Seat.objects.open().queue(actor("bea"))) == [second]
    assert list(Seat.objects.open().queue(actor("ben"))) == [first]
    assert len(list(first_seats(actor("bea")))) == 1


def test_who_holds_it_and_is_assigned_goes_on_with_the_same_claim(task: Task) -> None:
    token = claimed(task, "ben").claim_token

    assert assigned(task).claim_token == token


def test_the_record_says_who_assigned_what_to_whom(task: Task) -> None:
    seat = claimed(task, "bea")

    assigned(task)
    engine.unassign(seat.pk, actor=actor("alice"))

    given, taken = Event.objects.filter(type__startswith="seat.", type__endswith="assigned")
    refs = {"task": task.pk, "seat": seat.pk, "person": actor("ben").pk}
    assert (given.actor, given.refs) == (actor("lea"), refs)
    assert given.payload == {"held_by": actor("bea").pk}
    assert (taken.type, taken.actor, taken.refs) == ("seat.unassigned", actor("alice"), refs)


@pytest.mark.parametrize("end", ["release", "skip", "unassign", "unclaim"])
def test_the_others_get_it_again(task: Task, end: str) -> None:
    seat = assigned(task)
    token = str(claimed(task, "ben").claim_token)
    match end:
        case "release" | "skip":
            getattr(engine, end)(task.pk, actor=actor("ben"), token=token)
        case "unclaim":
            engine.unclaim(seat.pk, actor=actor("lea"))
        case "unassign":
            engine.release(task.pk, actor=actor("ben"), token=token)
            assigned(task)
            engine.unassign(seat.pk, actor=actor("lea"))

    assert seat_of(task).assigned_to is None
    assert next_of("bea") == task.pk


def test_it_can_be_handed_on(task: Task) -> None:
    assigned(task, "ben")
    assigned(task, "bea")

    assert next_of("ben") is None
    assert next_of("bea") == task.pk


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("lea", None),
        ("alice", None),
        ("dora", None),
        ("bea", NotAllowed),
        ("cara", NotAllowed),
        ("carl", NotFound),
    ],
)
def test_leads_and_the_owner_assign(task: Task, name: str, refusal: type[Exception] | None) -> None:
    if refusal is None:
        assert assigned(task, by=name).assigned_by == actor(name)
        return
    with pytest.raises(refusal):
        assigned(task, by=name)
    assert seat_of(task).assigned_to is None
    with pytest.raises(refusal):
        engine.unassign(seat_of(task).pk, actor=actor(name))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("carl", "You may not see this workflow."),
        ("lea", "Expense reviewers decide here, and whoever holds a Grant to."),
    ],
)
def test_nobody_is_assigned_who_may_not_decide(task: Task, name: str, reason: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        assigned(task, name)

    assert refused.value.details["reasons"] == [reason]
    assert seat_of(task).assigned_to is None


def test_who_had_a_part_in_it_is_not_assigned(place: Workflow) -> None:
    task = in_review(place, FLIGHT)
    decided(task, "bea", "approved")
    open_seat = Seat.objects.open().get(task=task)

    with pytest.raises(NotAllowed, match="other eyes"):
        engine.assign(open_seat.pk, actor=actor("lea"), to=actor("bea"))


@pytest.mark.parametrize("how", ["assigned", "claimed"])
def test_nobody_gets_both_seats_of_a_task(place: Workflow, how: str) -> None:
    task = in_review(place, FLIGHT)
    first, second = Seat.objects.filter(task=task).order_by("number")
    if how == "assigned":
        engine.assign(first.pk, actor=actor("lea"), to=actor("ben"))
    else:
        assert claimed(task, "ben").pk == first.pk

    with pytest.raises(NotAllowed, match="another seat"):
        engine.assign(second.pk, actor=actor("lea"), to=actor("ben"))


def test_a_program_is_no_person(task: Task) -> None:
    with pytest.raises(NotAllowed, match="Only people"):
        engine.assign(seat_of(task).pk, actor=actor("lea"), to=task.tries.get().actor)


def test_what_is_over_is_not_assigned(task: Task) -> None:
    engine.cancel_case(task.case_id, actor=actor("lea"), reason="Sent twice.")

    with pytest.raises(AlreadyDecided):
        assigned(task)
    with pytest.raises(AlreadyDecided):
        engine.unassign(seat_of(task).pk, actor=actor("lea"))


def test_what_is_assigned_to_nobody_is_not_withdrawn(task: Task) -> None:
    with pytest.raises(NotFound):
        engine.unassign(seat_of(task).pk, actor=actor("lea"))


def test_an_assignment_does_not_outlive_the_right_to_decide(task: Task) -> None:
    assigned(task)
    ben = actor("ben")
    person("bea").groups.through.objects.filter(
        user__username="ben", group__name="Expense reviewers"
    ).delete()

    assert engine.claim_next(actor=ben) is None
