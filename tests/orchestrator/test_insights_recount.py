"""Whatever happened, the insights say what a slow look at every row says, and lead to its cases."""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from math import ceil
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orchestrator import engine, insights
from orchestrator.exceptions import Refusal
from orchestrator.insights import wording
from orchestrator.models import (
    ASKING,
    MACHINE,
    Attempt,
    Case,
    Debut,
    Decision,
    Routing,
    Task,
    Verdict,
    Workflow,
)
from tests import world
from tests.world import FLIGHT, LUNCH, actor, decided, person

pytestmark = pytest.mark.django_db

NUMBER = re.compile(r'<a[^>]*href="(/cases/\?[^"]+)"[^>]*>([\d,]+)</a>')
WAYS = ("begin", "begin", "begin", "decide", "decide", "decide", "undo", "cancel", "work")
VALUES: tuple[dict[str, Any], ...] = ({}, {"merchant": "Casino"}, {"amount": 400}, FLIGHT)
WORDS = ("approved", "approved", "corrected", "rejected", "escalated")


class History:
    """A workflow in two versions, and so many acts of people and machines by chance."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.places = [
            world.workflow(),
            world.workflow(world.EXPENSES, **{"value: 1000": "value: 500"}),
        ]
        self.made: list[Decision] = []

    def go_on(self, acts: int) -> None:
        for _ in range(acts):
            # What is refused has not happened.
            with suppress(Refusal, IndexError):
                getattr(self, self.chance.choice(WAYS))()
            if self.chance.random() < 0.2:
                engine.fold_counters(limit=self.chance.randint(1, 40))
        while engine.fold_counters():
            continue

    def begin(self) -> None:
        chance = self.chance
        value: dict[str, Any] | None = {**LUNCH, **chance.choice(VALUES)}
        if chance.random() < 0.1:
            value = None
        world.started(
            chance.choice(self.places),
            value,
            confidence=chance.choice([None, 0.1, 0.55, 0.7, 0.95, 1]),
            cost_micros=chance.choice([None, chance.randint(0, 10**6)]),
            currency=chance.choice(["EUR", "USD"]),
            model=chance.choice(["", "m-2"]),
        )

    def decide(self) -> None:
        chance = self.chance
        task = chance.choice(list(Task.objects.filter(state="in_review").order_by("pk")))
        word = chance.choice(WORDS)
        more: dict[str, Any] = {"output": {**LUNCH, "amount": 3}} if word == "corrected" else {}
        by = chance.choice(["bea", "ben", "lea"])
        seconds = chance.choice([None, chance.uniform(0, 400)])
        final = chance.random() < 0.5
        done = decided(task, by, word, final=final, seconds=seconds, comment="So.", **more)
        self.made.append(done.decision)

    def undo(self) -> None:
        decision = self.chance.choice(self.made[-3:])
        engine.undo(decision.pk, actor=decision.actor)

    def cancel(self) -> None:
        case = self.chance.choice(list(Case.objects.filter(state="open").order_by("pk")))
        engine.cancel_case(case.pk, actor=actor("lea"), reason="No.")

    def work(self) -> None:
        engine.work_until_idle(limit=1)


class Recount:
    """Every number of the page by a look at each row. Only one agent tried each task here."""

    def __init__(self, version: int | None = None, agent: int | None = None) -> None:
        cases = Case.objects.filter(version__number=version) if version else Case.objects.all()
        tasks = Task.objects.filter(case__in=cases, step__kind__in=MACHINE)
        tasks = (
            tasks.filter(pk__in=Attempt.objects.filter(actor=agent).values("task"))
            if agent
            else tasks
        )
        self.cases = cases.none() if agent else cases
        made = Decision.objects.filter(task__in=tasks).exclude(via=engine.CONSENT)
        people = made.filter(actor__kind="human", filled__isnull=False)
        rules = made.filter(seat=None)
        asked = Routing.objects.filter(task__in=tasks, round=1, action__in=ASKING)
        judged = Verdict.objects.filter(routing__task__in=tasks, evidence=True)
        tries = Attempt.objects.filter(task__in=tasks, finished_at__isnull=False)
        self.found: dict[str, list[int]] = {
            "started": ids(self.cases, "pk"),
            "completed": ids(self.cases.filter(state="completed"), "pk"),
            "cancelled": ids(self.cases.filter(state="cancelled"), "pk"),
            "auto": ids(rules.filter(word="approved"), "task__case"),
            "blocked": ids(rules.filter(word="rejected"), "task__case"),
            "asked": ids(asked, "task__case"),
            "decided": ids(people, "task__case"),
            "overridden": ids(people.filter(word__in=["corrected", "rejected"]), "task__case"),
            "judged": ids(judged, "routing__task__case"),
            "agreed": ids(judged.filter(error=False), "routing__task__case"),
            "tried": ids(tries, "task__case"),
            "failed": ids(tries.filter(error__isnull=False), "task__case"),
            **{word: ids(people.filter(word=word), "task__case") for word in WORDS},
        }
        self.reasons = Counter(str(row) for row in asked.values_list("right", flat=True))
        self.lead = [
            (case.completed_at - case.created_at).total_seconds()
            for case in self.cases.filter(state="completed")
            if case.completed_at
        ]
        seated = people.select_related("seat")
        self.waited = [
            (row.created_at - row.seat.created_at).total_seconds() for row in seated if row.seat
        ]
        self.cost: dict[str, int] = defaultdict(int)
        for micros, currency in tries.values_list("cost_micros", "currency"):
            if micros is not None:
                self.cost[currency] += micros

    def count(self, what: str) -> int:
        return len(self.found[what])


def ids(rows: Any, path: str) -> list[int]:
    return list(rows.values_list(path, flat=True))


def exact(seconds: Iterable[float], share: float) -> float | None:
    found = sorted(seconds)
    return found[max(0, ceil(share * len(found)) - 1)] if found else None


def figures(place: Workflow, part: str, period: str, now: datetime) -> insights.Figures:
    parts = insights.slices(place.pk, part, insights.PERIODS[period], now)
    return insights.figures(insights.added(parts))


@pytest.mark.parametrize("seed", range(3))
def test_every_number_is_that_of_a_recount_and_opens_its_cases(seed: int) -> None:
    history = History(seed)
    history.go_on(120)
    place, now = history.places[0], timezone.now()
    client = Client()
    client.force_login(person("alice"))

    looks: dict[str, dict[str, int]] = {"*": {}, "1": {"version": 1}, "2": {"version": 2}}
    agents = Debut.objects.values_list("actor", flat=True)
    looks |= {f"@{agent}": {"agent": agent} for agent in agents}
    assert len(looks) == 5
    for part, chosen in looks.items():
        slow = Recount(**chosen)
        for period in ("24h", "30d", "all"):
            fast = figures(place, part, period, now)
            told = {
                "started": fast.started,
                "completed": fast.completed,
                "cancelled": fast.cancelled,
                "auto": fast.automation.part,
                "blocked": fast.blocked,
                "asked": fast.asked,
                "decided": sum(fast.said.values()),
                "overridden": fast.overrides.part,
                "judged": sum(band.share.whole for band in fast.bands),
                "agreed": sum(band.share.part for band in fast.bands),
                "tried": fast.tries,
                "failed": fast.failed,
                **{word: fast.said.get(word, 0) for word in WORDS},
            }
            assert told == {what: slow.count(what) for what in told}
            assert Counter(fast.reasons) == slow.reasons
            assert fast.cost == {name: sum_ for name, sum_ in slow.cost.items() if sum_}
            for spread, seconds in ((fast.lead, slow.lead), (fast.waited, slow.waited)):
                assert spread.count == len(seconds)
                for share, number in ((0.5, spread.p50), (0.9, spread.p90)):
                    exactly = exact(seconds, share)
                    assert (number is None) == (exactly is None)
                    assert number is None or number == pytest.approx(exactly, rel=0.05, abs=0.002)

            query: dict[str, Any] = {"workflow": place.slug, "period": period, **chosen}
            answer = client.get("/insights/", query)
            tiles = {tile.label: tile.value for tile in answer.context.get("tiles") or ()}
            lead = wording.duration(fast.lead.p50)
            assert "agent" in chosen or tiles["Lead time"] == lead
            assert tiles["Time to decision"] == wording.duration(fast.waited.p50)
            page = answer.content.decode()
            links = {html.unescape(url): number for url, number in NUMBER.findall(page)}
            for what, cases in slow.found.items():
                url = next((url for url in links if re.search(rf"what={what}(&|$)", url)), "")
                assert bool(url) == bool(cases), what
                if url and "band=" not in url:
                    rows = client.get(url).context["rows"]
                    assert len(rows) == min(len(set(cases)), 50), url
                    assert int(links[url].replace(",", "")) == len(cases), url


def test_a_slice_has_its_first_moment_and_not_that_of_the_next() -> None:
    world.started(world.workflow())
    at, moment = Case.objects.get().created_at, timedelta(microseconds=1)

    def found(since: datetime | None = None, until: datetime | None = None) -> int:
        wanted = insights.Selection("started", since, until)
        return insights.selected(Case.objects.all(), wanted).count()

    assert (found(since=at), found(until=at)) == (1, 0)
    assert (found(since=at + moment), found(until=at + moment)) == (0, 1)
