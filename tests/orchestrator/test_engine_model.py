"""The engine against a small model of it: whatever is done in whatever order, they agree.

The model knows of each case which steps are open and in which state, and little else. Beside it
the laws hold after every step: no orphan, every chain whole, no step of a case opened twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any, Final

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from orchestrator import engine
from orchestrator.connectors import PermanentError, Result, TransientError
from orchestrator.engine import failing
from orchestrator.engine.events import first_breaks
from orchestrator.engine.leasing import Work
from orchestrator.exceptions import CaseClosed, Invalid, Pended, StaleFence, UndoClosed
from orchestrator.models import (
    Case,
    Connection,
    Decision,
    Event,
    Incident,
    Seat,
    Task,
    Timer,
    Workflow,
    WorkflowVersion,
)
from tests import waiting, world
from tests.orchestrator.flows import asked, definition, published, step

PERSON: Final = {
    "mode": "review",
    "group": "Expense reviewers",
    "escalates_to": "Expense leads",
    "allowed": ["responded", "rejected", "escalated"],
    "start_within": "1d",
    "remind_before": "1d",
    "decide_within": "9d",
}
STEPS: Final[list[dict[str, Any]]] = [
    asked("ask", undo="10s", compensated_by="unask"),
    step("split", "fork", flow={"join": "meet"}),
    step(
        "read",
        "agent",
        actor="reader",
        schema={"type": "object"},
        retry={"attempts": 2, "base": "1s", "cap": "1s"},
        rights=[
            {"mode": "auto", "when": {"fact": "confidence", "op": "ge", "value": 0.9}},
            {"mode": "review", "group": "Expense reviewers"},
        ],
        undo="0s",
    ),
    step("paid", "event", flow={"signal": "paid", "within": "9d"}),
    step("meet", "join"),
    asked(
        "last",
        rights=[PERSON],
        pend=[{"code": "asks", "label": "Somebody is asked", "most": "9d"}],
        rework={"to": ["ask"], "visits": 3},
    ),
    asked("unask"),
]
WAYS: Final = (
    "ask split",
    "split read",
    "split paid",
    "read meet",
    "paid meet",
    "meet last",
    "last done",
)


def flow(name: str) -> str:
    return definition(
        STEPS,
        *WAYS,
        name=name,
        connections={"reader": {"kind": "fake", "settings": {}}},
        actors={"reader": {"kind": "agent", "revision": "1", "connection": "reader"}},
    )


KEYS: Final = {row["key"]: row["key"] for row in STEPS}
PAST: Final = timedelta(days=30)
picks = st.integers(min_value=0, max_value=99)

Steps = dict[str, str]


@dataclass
class Model:
    """What is known of an open case beside the states of its steps.

    ``asked`` counts the visits of ask, ``answered`` those that were answered and not undone,
    ``kept`` the signals that wait for their step. ``level`` is who has to look at last, where
    ``pended`` says that somebody waits with it; ``tries`` are those of read on this visit.
    """

    steps: Steps
    version: int
    asked: int = 1
    answered: int = 0
    kept: int = 0
    level: int = 0
    pended: bool = False
    tries: int = 0
    judged: bool = False

    @property
    def is_undone(self) -> bool:
        return "unask" in self.steps


class Engine(RuleBasedStateMachine):
    versions: tuple[WorkflowVersion, WorkflowVersion]
    place: Workflow
    numbers = count()

    def __init__(self) -> None:
        super().__init__()
        self.kept = transaction.atomic()
        self.kept.__enter__()
        self.open: dict[int, Model] = {}
        self.done: dict[int, str] = {}
        self.signals: dict[int, int] = {}
        self.last: tuple[int, int] | None = None
        self.zombies: list[Work] = []

    @initialize(far=st.booleans())
    def begin(self, far: bool) -> None:
        for number in range(3):
            self.start()
            if far:
                self.lead_on(number)

    @rule()
    @precondition(lambda self: len(self.open) < 3)
    def start(self) -> None:
        key = f"model-{next(self.numbers)}"
        case = engine.start_case(type(self).place, actor=world.actor("alice"), key=key, data={})
        self.open[case.case.pk] = Model({"ask": "in_review"}, version=1)

    @rule(pick=picks)
    @precondition(lambda self: self.open)
    def lead_on(self, pick: int) -> None:
        """Straight on to the last step: by chance alone few cases would come there."""
        pk = sorted(self.open)[pick % len(self.open)]
        steps = self.open[pk].steps
        if steps.get("ask") == "in_review":
            self.say(self.task(pk, "ask"), self.open[pk], "responded", {"text": "x"})
            steps["ask"] = "decided"
        if steps.get("ask") == "decided":
            self.settle()
        while any("ready" in case.steps.values() for case in self.open.values()):
            self.work("sure")
        if steps.get("paid") == "waiting":
            self.bring(pk)

    @rule(pick=picks, word=st.sampled_from(["responded", "responded", "rejected", "escalated"]))
    @precondition(lambda self: self.at(0, "in_review"))
    def decide(self, pick: int, word: str) -> None:
        found = self.at(pick, "in_review")
        if found is None:
            return
        pk, key = found
        case, task = self.open[pk], self.task(pk, key)
        word = self.word(case, key, word)
        value = {"text": "x"} if word == "responded" else None
        if key == "last" and case.pended:
            with pytest.raises(Pended):
                self.say(task, case, word, value)
            return
        said = self.say(task, case, word, value)
        self.last = (said.decision.pk, pk) if key == "ask" else None
        if key == "ask":
            case.steps[key] = "decided"
        elif word == "escalated":
            case.level = 1
        else:
            self.finish(pk, key, word)

    def word(self, case: Model, key: str, word: str) -> str:
        """What can be said there."""
        if word == "escalated" and (key != "last" or case.level):
            word = "responded"
        return "approved" if key == "read" and word == "responded" else word

    def say(self, task: Task, case: Model, word: str, value: Any) -> engine.Decided:
        return world.decided(task, self.who(task, case), word, output=value)

    def who(self, task: Task, case: Model) -> str:
        return "lea" if task.step_key == "last" and case.level else "bea"

    def task(self, pk: int, key: str) -> Task:
        done = ("completed", "cancelled")
        return Task.objects.exclude(state__in=done).get(case=pk, step_key=key)

    def seat(self, pk: int) -> Seat:
        return Seat.objects.get(task=self.task(pk, "last"), state="open")

    @rule(pick=picks)
    @precondition(lambda self: self.at_last(0) is not None)
    def pend(self, pick: int) -> None:
        """Whoever has to decide the last step waits, or goes on."""
        if (pk := self.at_last(pick)) is None:
            return
        case, task = self.open[pk], self.task(pk, "last")
        who = self.who(task, case)
        if case.pended:
            engine.unpend(task.pk, actor=world.actor(who))
        else:
            token = world.claimed(task, who).claim_token
            assert token
            engine.pend(task.pk, actor=world.actor(who), claim_token=token, reason="asks")
        case.pended = not case.pended

    @rule(pick=picks, takes_back=st.booleans())
    @precondition(lambda self: self.at_last(0) is not None)
    def assign(self, pick: int, takes_back: bool) -> None:
        if (pk := self.at_last(pick)) is None:
            return
        case, seat = self.open[pk], self.seat(pk)
        by, to = world.actor("dora"), world.actor("lea" if case.level else "bea")
        engine.assign(seat.pk, actor=by, to=to)
        if takes_back:
            engine.unassign(seat.pk, actor=by)

    @rule(pick=picks)
    @precondition(lambda self: self.at_last(0) is not None)
    def send_back(self, pick: int) -> None:
        pk = self.at_last(pick)
        if pk is None or self.open[pk].pended:
            return
        case, task = self.open[pk], self.task(pk, "last")
        act = partial(waiting.sent_back, task, by=self.who(task, case), to="ask")
        if case.asked == 3:
            with pytest.raises(Invalid):
                act()
            return
        act()
        case.steps, case.level = {"ask": "in_review"}, 0
        case.asked += 1

    @rule(forward=st.booleans())
    def migrate(self, forward: bool) -> None:
        """Take all cases to the other version, or back."""
        old, new = type(self).versions if forward else reversed(type(self).versions)
        plan = engine.plan_of(old, new, KEYS)
        bulk = engine.migrate(plan, actor=world.actor("alice"), by_hand=True)
        while engine.work_bulks():
            pass
        wanted = {
            pk
            for pk, case in self.open.items()
            if case.version == (0 if forward else 1)
            and not case.is_undone
            and not {"running", "decided"} & set(case.steps.values())
        }
        assert set(bulk.rows.values_list("case", flat=True)) == wanted
        assert set(bulk.rows.values_list("state", flat=True)) <= {"done"}
        for pk in wanted:
            case = self.open[pk]
            case.version = 1 - case.version
            if case.steps.get("last") == "in_review":
                case.level, case.pended = 0, False

    @rule()
    def run_out_of_time(self) -> None:
        """Nobody decides in time: the next level, and where there is none a person looks."""
        Seat.objects.filter(state="open").update(
            due_at=F("due_at") - PAST, claim_expires_at=F("claim_expires_at") - PAST
        )
        Timer.objects.filter(seat__isnull=False).update(due_at=F("due_at") - PAST)
        engine.fire_seat_timers()
        engine.expire_seats()
        for case in self.open.values():
            for key, state in case.steps.items():
                if state == "in_review" and (key != "last" or case.level):
                    case.steps[key] = "failed"
                    case.judged = case.judged or key == "read"
                elif state == "in_review":
                    case.level = 1
            case.pended = False

    @rule()
    @precondition(lambda self: self.last is not None)
    def undo(self) -> None:
        assert self.last is not None
        decision, pk = self.last
        case = self.open.get(pk)
        if case is not None and case.steps.get("ask") == "decided":
            engine.undo(decision, actor=world.actor("bea"))
            case.steps["ask"] = "in_review"
            held = Seat.objects.filter(task__case=pk, claimed_by__isnull=False)
            held.update(claim_expires_at=F("created_at"))
        else:
            with pytest.raises(UndoClosed):
                engine.undo(decision, actor=world.actor("bea"))
        self.last = None

    @rule()
    @precondition(lambda self: self.at(0, "decided"))
    def settle(self) -> None:
        """Let every undo window end."""
        Task.objects.filter(state="decided").update(settle_at=F("settle_at") - PAST)
        words = dict(Task.objects.filter(state="decided").values_list("case", "word"))
        engine.settle_due()
        for pk, word in words.items():
            self.finish(pk, "ask", word)

    @rule(outcome=st.sampled_from(["sure", "unsure", "transient", "permanent", "hang"]))
    @precondition(lambda self: self.at(0, "ready"))
    def work(self, outcome: str) -> None:
        Task.objects.filter(state="ready").update(run_at=F("created_at"))
        work = engine.claim_work()
        if work is None:
            assert not any("ready" in case.steps.values() for case in self.open.values())
            return
        case = self.open[work.case_id]
        assert case.steps["read"] == "ready"
        case.tries += 1
        if outcome == "hang":
            case.steps["read"] = "running"
            self.zombies.append(work)
        elif outcome in {"sure", "unsure"}:
            self.hand_in(work, 0.95 if outcome == "sure" else 0.5)
        else:
            error = TransientError("busy") if outcome == "transient" else PermanentError("no")
            failing.fail(work, {}, error)
            again = outcome == "transient" and case.tries < self.most(work)
            case.steps["read"], case.judged = ("ready" if again else "failed"), False

    def most(self, work: Work) -> int:
        retried = Incident.objects.filter(task=work.task_id, resolution="retried").count()
        return 2 * (1 + retried)

    def hand_in(self, work: Work, confidence: float) -> None:
        engine.submit_output(work, Result(output={"a": 1}, confidence=confidence))
        if confidence >= 0.9:
            self.finish(work.case_id, "read", "approved")
        else:
            self.open[work.case_id].steps["read"] = "in_review"

    @rule(is_late=st.booleans())
    @precondition(lambda self: self.zombies)
    def come_back(self, is_late: bool) -> None:
        """A worker that hung hands in, perhaps after its lease."""
        work = self.zombies.pop()
        if is_late:
            Task.objects.filter(pk=work.task_id, state="running").update(
                lease_expires_at=F("created_at") - PAST
            )
            engine.expire_leases()
        task = Task.objects.get(pk=work.task_id)
        if task.state == "running" and task.fence == work.fence:
            self.hand_in(work, 0.95)
            return
        with pytest.raises(StaleFence):
            engine.submit_output(work, Result(output={"a": 1}, confidence=0.95))
        case = self.open.get(work.case_id)
        if case is not None and case.steps.get("read") == "running" and task.state != "running":
            case.steps["read"] = "failed" if task.state == "failed" else "ready"
            case.judged = False

    @rule(pick=picks, is_new=st.booleans())
    def signal(self, pick: int, is_new: bool) -> None:
        pk = sorted({**self.open, **self.done})[pick % (len(self.open) + len(self.done))]
        if pk in self.signals and not is_new:
            assert self.brought(pk, self.signals[pk]).status == "existing"
        elif pk in self.done or self.open[pk].is_undone:
            with pytest.raises(CaseClosed):
                self.brought(pk, self.signals.get(pk, 0) + 1)
        else:
            self.bring(pk)

    def brought(self, pk: int, number: int) -> engine.Signalled:
        alice = world.actor("alice")
        return engine.signal(pk, actor=alice, name="paid", message_id=str(number))

    def bring(self, pk: int) -> None:
        """A signal that was not there before: taken, or kept for its step."""
        self.signals[pk] = self.signals.get(pk, 0) + 1
        self.brought(pk, self.signals[pk])
        if self.open[pk].steps.get("paid") == "waiting":
            self.finish(pk, "paid", "")
        else:
            self.open[pk].kept += 1

    @rule()
    def let_time_pass(self) -> None:
        """Every wait has been in vain: no transition asks for that, so a person looks."""
        Timer.objects.filter(fired_at=None, task__isnull=False).update(due_at=F("due_at") - PAST)
        engine.fire_timers()
        for case in self.open.values():
            if case.steps.get("paid") == "waiting":
                case.steps["paid"] = "failed"

    @rule(pick=picks, way=st.sampled_from(["retry", "skip"]))
    @precondition(lambda self: self.at(0, "failed"))
    def resolve(self, pick: int, way: str) -> None:
        found = self.at(pick, "failed")
        if found is None:
            return
        pk, key = found
        case = self.open[pk]
        incident = Incident.objects.get(task__case=pk, task__step_key=key, state="open")
        if way == "skip":
            engine.skip_step(incident.pk, actor=world.actor("dora"), reason="Not needed.")
            self.finish(pk, key, "")
            return
        engine.retry(incident.pk, actor=world.actor("dora"))
        if key == "paid":
            self.await_signal(pk)
        elif key == "read" and not case.judged:
            case.steps[key] = "ready"
        else:
            case.steps[key], case.level = "in_review", 0

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        pk = sorted({**self.open, **self.done})[pick % (len(self.open) + len(self.done))]
        if pk in self.done or self.open[pk].is_undone:
            with pytest.raises(CaseClosed):
                engine.cancel_case(pk, actor=world.actor("dora"), reason="No.")
            return
        engine.cancel_case(pk, actor=world.actor("dora"), reason="No.")
        self.unwind(pk)

    def unwind(self, pk: int) -> None:
        case = self.open[pk]
        if case.answered:
            case.answered -= 1
            case.steps = {"unask": "in_review"}
        else:
            self.close(pk, "cancelled")

    def at(self, pick: int, state: str) -> tuple[int, str] | None:
        """A step in this state, if there is one."""
        found = [
            (pk, key)
            for pk, case in sorted(self.open.items())
            for key, is_at in sorted(case.steps.items())
            if is_at == state
        ]
        return found[pick % len(found)] if found else None

    def at_last(self, pick: int) -> int | None:
        """A case that people look at for the last time, if there is one."""
        rows = sorted(self.open.items())
        found = [pk for pk, case in rows if case.steps.get("last") == "in_review"]
        return found[pick % len(found)] if found else None

    def finish(self, pk: int, key: str, word: str) -> None:
        """What the model says happens when a step is done."""
        case = self.open[pk]
        del case.steps[key]
        if key == "unask":
            self.unwind(pk)
        elif key == "ask" and word == "rejected":
            self.close(pk, "completed")
        elif key == "ask":
            case.answered += word == "responded"
            case.steps |= {"read": "ready", "paid": "waiting", "meet": "waiting"}
            case.tries, case.judged = 0, False
            self.await_signal(pk)
        elif key in {"read", "paid"} and not case.steps.keys() & {"read", "paid"}:
            del case.steps["meet"]
            case.steps["last"], case.level = "in_review", 0
        elif key == "last":
            self.close(pk, "completed")

    def await_signal(self, pk: int) -> None:
        """A signal that came early is taken at once."""
        case = self.open[pk]
        case.steps["paid"] = "waiting"
        if case.kept:
            case.kept -= 1
            self.finish(pk, "paid", "")

    def close(self, pk: int, state: str) -> None:
        del self.open[pk]
        self.done[pk] = state

    @invariant()
    def agree(self) -> None:
        done = ("completed", "cancelled")
        rows = Task.objects.exclude(state__in=done).values_list("case", "step_key", "state")
        found: dict[int, Steps] = {}
        for pk, key, state in rows:
            found.setdefault(pk, {})[key] = state
        assert found == {pk: case.steps for pk, case in self.open.items()}
        states = dict(Case.objects.filter(pk__in=self.done).values_list("pk", "state"))
        assert states == self.done

    @invariant()
    def hold(self) -> None:
        assert engine.orphans() == []
        cases = Case.objects.filter(pk__in=[*self.open, *self.done])
        assert first_breaks(list(cases)) == {}
        opened: list[Any] = [
            (stream, row["step"], row["visit"], row.get("scope"))
            for stream, row in Event.objects.filter(
                stream__in=[f"case:{case.pk}" for case in cases], type="task.opened"
            ).values_list("stream", "payload")
        ]
        assert len(opened) == len(set(opened))

    @invariant()
    def count_once(self) -> None:
        """Of the decisions on a task one stands for each seat."""
        standing = Decision.objects.filter(filled__isnull=False)
        seats = list(standing.values_list("seat", flat=True))
        assert len(seats) == len(set(seats))

    def teardown(self) -> None:
        """Nothing is left for the next run to stumble over."""
        transaction.set_rollback(True)
        self.kept.__exit__(None, None, None)


@pytest.mark.django_db
def test_any_order_of_acts_keeps_the_engine_and_its_model_together() -> None:
    published(flow("Before"))
    Engine.place = published(flow("After"))
    Engine.versions = tuple(Engine.place.versions.order_by("number"))  # type: ignore[assignment]
    # What holds a connection back is another matter.
    Connection.objects.update(breaker_after=10_000, bulkhead=10_000)

    run(
        Engine,
        settings=settings(
            max_examples=12,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
