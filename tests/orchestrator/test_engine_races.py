"""Acts that meet: one of them wins, the other is told, and nothing is half done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from orchestrator import engine
from orchestrator.models import Actor, Case, Decision, Task, Verdict
from tests import world
from tests.orchestrator.races import at_once, check, deciding
from tests.world import FLIGHT, LUNCH

pytestmark = pytest.mark.django_db(transaction=True)


def test_thirty_decisions_on_one_seat_are_one() -> None:
    task = world.in_review(world.workflow(), LUNCH)
    act = deciding(task, world.actor("bea"))

    found = Counter(at_once(*[act] * 30))

    assert found == {"completed": 1, "AlreadyDecided": 29}
    assert Decision.objects.count() == Verdict.objects.count() == 1
    check(task)


def test_four_eyes_at_the_same_moment_agree_once() -> None:
    task = world.in_review(world.workflow(), FLIGHT)
    acts = [deciding(task, world.actor(name)) for name in ("bea", "ben")]

    found = at_once(*acts)

    assert sorted(map(str, found)) == ["completed", "in_review"]
    assert check(task).outcome == "booked"


def test_a_decision_and_a_cancellation_leave_one_outcome() -> None:
    place, lea = world.workflow(), world.actor("lea")
    for _ in range(5):
        task = world.in_review(place, LUNCH)
        cancel = cancelling(task, lea)

        found = at_once(deciding(task, world.actor("bea")), cancel)

        case = check(task)
        assert case.outcome in ("booked", "cancelled")
        wanted = {"CaseClosed", "completed"} if case.outcome == "booked" else {"cancelled"}
        assert wanted <= {str(row) for row in found}


def cancelling(task: Task, by: Actor) -> Callable[[], str]:
    return lambda: engine.cancel_case(task.case_id, actor=by, reason="Stop.").outcome


def test_several_sweeps_settle_once() -> None:
    place = world.workflow()
    tasks = [world.in_review(place, LUNCH) for _ in range(10)]
    for task in tasks:
        world.decided(task, "bea", "approved")
    Task.objects.update(settle_at="2020-01-01T00:00:00Z")

    at_once(*[engine.settle_due] * 4)

    assert Verdict.objects.count() == 10
    assert {case.state for case in Case.objects.all()} == {"completed"}
    for task in tasks:
        check(task)


def test_several_workers_do_each_step_once() -> None:
    place = world.workflow()
    row = {"data": {"text": "x"}, "output": {"value": LUNCH, "confidence": 0.99}}
    rows = [row | {"key": f"k{number}"} for number in range(40)]
    engine.start_cases(place, actor=world.actor("alice"), cases=rows)

    taken = at_once(*[engine.work_until_idle] * 4)

    assert sum(int(str(count)) for count in taken) == 40
    assert Case.objects.filter(outcome="booked").count() == 40


def test_the_same_key_from_many_senders_is_one_case() -> None:
    place, alice = world.workflow(), world.actor("alice")

    def start() -> bool:
        return engine.start_case(place, actor=alice, key="one", data={"text": "x"}).created

    found = Counter(at_once(*[start] * 12))

    assert found == {True: 1, False: 11}
    assert Case.objects.count() == Task.objects.count() == 1
