"""The engine against a small model of it: whatever is done in whatever order, they agree.

The model knows of each case which steps are open and in which state, nothing else. Beside it the
laws hold after every step: no orphan, every chain whole, no step of a case opened twice.
"""

from __future__ import annotations

from datetime import timedelta
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
from orchestrator.engine.events import first_break
from orchestrator.engine.leasing import Work
from orchestrator.exceptions import CaseClosed, StaleFence, UndoClosed
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
)
from tests import world
from tests.orchestrator.flows import asked, definition, published, step

FLOW: Final = definition(
    [
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
        asked("last"),
        asked("unask"),
    ],
    "ask split",
    "split read",
    "split paid",
    "read meet",
    "paid meet",
    "meet last",
    "last done",
    connections={"reader": {"kind": "fake", "settings": {}}},
    actors={"reader": {"kind": "agent", "revision": "1", "connection": "reader"}},
)
PAST: Final = timedelta(days=30)
picks = st.integers(min_value=0, max_value=99)

Steps = dict[str, str]


class Engine(RuleBasedStateMachine):
    place: Workflow
    numbers = count()

    def __init__(self) -> None:
        super().__init__()
        self.kept = transaction.atomic()
        self.kept.__enter__()
        self.open: dict[int, Steps] = {}
        self.done: dict[int, str] = {}
        self.signals: set[int] = set()
        self.tries: dict[int, int] = {}
        self.last: tuple[int, int, str] | None = None
        self.zombies: list[Work] = []

    @initialize()
    def begin(self) -> None:
        self.start()

    @rule()
    @precondition(lambda self: len(self.open) < 3)
    def start(self) -> None:
        key = f"model-{next(self.numbers)}"
        case = engine.start_case(type(self).place, actor=world.actor("alice"), key=key, data={})
        self.open[case.case.pk] = {"ask": "in_review"}

    @rule(pick=picks, word=st.sampled_from(["responded", "responded", "rejected"]))
    def decide(self, pick: int, word: str) -> None:
        found = self.at(pick, "in_review")
        if found is None:
            return
        pk, key = found
        task = Task.objects.get(case=pk, step_key=key, state="in_review")
        if key == "read":
            word = "approved" if word == "responded" else word
        value = {"text": "x"} if word == "responded" else None
        said = world.decided(task, "bea", word, output=value)
        self.last = (said.decision.pk, pk, key) if key == "ask" else None
        if key == "ask":
            self.open[pk][key] = "decided"
        else:
            self.finish(pk, key, word)

    @rule()
    @precondition(lambda self: self.last is not None)
    def undo(self) -> None:
        assert self.last is not None
        decision, pk, key = self.last
        if self.open.get(pk, {}).get(key) == "decided":
            engine.undo(decision, actor=world.actor("bea"))
            self.open[pk][key] = "in_review"
            Seat.objects.filter(task__case=pk).update(claim_expires_at=F("created_at"))
        else:
            with pytest.raises(UndoClosed):
                engine.undo(decision, actor=world.actor("bea"))
        self.last = None

    @rule()
    def settle(self) -> None:
        """Let every undo window end."""
        Task.objects.filter(state="decided").update(settle_at=F("settle_at") - PAST)
        words = dict(Task.objects.filter(state="decided").values_list("case", "word"))
        engine.settle_due()
        for pk, word in words.items():
            self.finish(pk, "ask", word)

    @rule(outcome=st.sampled_from(["sure", "unsure", "transient", "permanent", "hang"]))
    def work(self, outcome: str) -> None:
        Task.objects.filter(state="ready").update(run_at=F("created_at") - PAST)
        work = engine.claim_work()
        if work is None:
            assert not any("ready" in steps.values() for steps in self.open.values())
            return
        pk = work.case_id
        assert self.open[pk]["read"] == "ready"
        self.tries[pk] = self.tries.get(pk, 0) + 1
        if outcome == "hang":
            self.open[pk]["read"] = "running"
            self.zombies.append(work)
        elif outcome in {"sure", "unsure"}:
            self.hand_in(work, 0.95 if outcome == "sure" else 0.5)
        else:
            error = TransientError("busy") if outcome == "transient" else PermanentError("no")
            failing.fail(work, {}, error)
            again = outcome == "transient" and self.tries[pk] < self.most(pk)
            self.open[pk]["read"] = "ready" if again else "failed"

    def most(self, pk: int) -> int:
        retried = Incident.objects.filter(task__case=pk, resolution="retried").count()
        return 2 * (1 + retried)

    def hand_in(self, work: Work, confidence: float) -> None:
        engine.submit_output(work, Result(output={"a": 1}, confidence=confidence))
        if confidence >= 0.9:
            self.finish(work.case_id, "read", "approved")
        else:
            self.open[work.case_id]["read"] = "in_review"

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
        steps = self.open.get(work.case_id, {})
        if steps.get("read") == "running":
            steps["read"] = "failed" if task.state == "failed" else "ready"

    @rule(pick=picks)
    def signal(self, pick: int) -> None:
        pk = sorted({**self.open, **self.done})[pick % (len(self.open) + len(self.done))]
        arguments = {"actor": world.actor("alice"), "name": "paid", "message_id": "m-1"}
        if pk in self.signals:
            assert engine.signal(pk, **arguments).status == "existing"  # type: ignore[arg-type]
        elif pk in self.done or "unask" in self.open[pk]:
            with pytest.raises(CaseClosed):
                engine.signal(pk, **arguments)  # type: ignore[arg-type]
        else:
            engine.signal(pk, **arguments)  # type: ignore[arg-type]
            self.signals.add(pk)
            if self.open[pk].get("paid") == "waiting":
                self.finish(pk, "paid", "")

    @rule()
    def let_time_pass(self) -> None:
        """Every wait has been in vain: no transition asks for that, so a person looks."""
        Timer.objects.filter(fired_at=None).update(due_at=F("due_at") - PAST)
        engine.fire_timers()
        for steps in self.open.values():
            if steps.get("paid") == "waiting":
                steps["paid"] = "failed"

    @rule(pick=picks, way=st.sampled_from(["retry", "skip"]))
    def resolve(self, pick: int, way: str) -> None:
        found = self.at(pick, "failed")
        if found is None:
            return
        pk, key = found
        incident = Incident.objects.get(task__case=pk, task__step_key=key, state="open")
        if way == "skip":
            engine.skip_step(incident.pk, actor=world.actor("dora"), reason="Not needed.")
            self.finish(pk, key, "")
        else:
            engine.retry(incident.pk, actor=world.actor("dora"))
            self.open[pk][key] = {"read": "ready", "paid": "waiting"}.get(key, "in_review")

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        pk = sorted({**self.open, **self.done})[pick % (len(self.open) + len(self.done))]
        if pk in self.done or "unask" in self.open[pk]:
            with pytest.raises(CaseClosed):
                engine.cancel_case(pk, actor=world.actor("dora"), reason="No.")
            return
        engine.cancel_case(pk, actor=world.actor("dora"), reason="No.")
        if self.open[pk].keys() & {"ask"}:
            self.close(pk, "cancelled")
        else:
            self.open[pk] = {"unask": "in_review"}

    def at(self, pick: int, state: str) -> tuple[int, str] | None:
        """A step in this state, if there is one."""
        found = [
            (pk, key)
            for pk, steps in sorted(self.open.items())
            for key, is_at in sorted(steps.items())
            if is_at == state
        ]
        return found[pick % len(found)] if found else None

    def finish(self, pk: int, key: str, word: str) -> None:
        """What the model says happens when a step is done."""
        steps = self.open[pk]
        del steps[key]
        if key == "unask":
            self.close(pk, "cancelled")
        elif key == "ask" and word == "rejected":
            self.close(pk, "completed")
        elif key == "ask":
            waits = "waiting"
            steps |= {"read": "ready", "paid": waits, "meet": "waiting"}
            if pk in self.signals:
                del steps["paid"]
        elif key in {"read", "paid"} and not steps.keys() & {"read", "paid"}:
            del steps["meet"]
            steps["last"] = "in_review"
        elif key == "last":
            self.close(pk, "completed")

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
        assert found == self.open
        states = dict(Case.objects.filter(pk__in=self.done).values_list("pk", "state"))
        assert states == self.done

    @invariant()
    def hold(self) -> None:
        assert engine.orphans() == []
        for case in Case.objects.filter(pk__in=[*self.open, *self.done]):
            assert first_break(case) is None
            opened: list[Any] = [
                (row["step"], row["visit"], row.get("scope"))
                for row in Event.objects.filter(
                    stream=f"case:{case.pk}", type="task.opened"
                ).values_list("payload", flat=True)
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
    Engine.place = published(FLOW)
    # What holds a connection back is another matter.
    Connection.objects.update(breaker_after=10_000, bulkhead=10_000)

    run(
        Engine,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
