"""Breakers and bulkheads: real workers against servers that hang, fail, recover and are fast."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from orchestrator import engine
from orchestrator.engine import breaking, lanes
from orchestrator.exceptions import NotAllowed
from orchestrator.models import Attempt, Case, Connection, Task, Workflow
from tests import world
from tests.orchestrator.races import at_once
from tests.orchestrator.register import due

pytestmark = pytest.mark.django_db(transaction=True)

CALLING = """
workflow: SLUG
name: SLUG
owner: alice
groups: [Finance]
connections:
  SLUG: {kind: http, settings: {url: "ADDRESS"}}
  ledger: {kind: http, settings: {url: "LEDGER"}}
actors:
  SLUG: {kind: automation, revision: "1", connection: SLUG}
  ledger: {kind: automation, revision: "1", connection: ledger}
accountable: alice
data: {type: object}
steps:
  - {key: ask, name: Ask, kind: automation, actor: SLUG, call: {path: /ask}, timeout: 3s,
     schema: {type: object}, retry: {attempts: 9, base: 9h, cap: 9h}}
  - {key: note, name: Note, kind: automation, actor: ledger, call: {path: /ask}, timeout: 3s,
     schema: {type: object}, retry: {attempts: 9, base: 9h, cap: 9h}}
  - {key: done, name: Done, kind: end, outcome: done}
transitions:
  - {from: ask, to: note}
  - {from: note, to: done}
"""


class Service:
    """Answers after ``delay`` seconds with ``status``; counts who asks at the same time."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("").rstrip("/")
        self.status, self.delay = 200, 0.0
        self.calls = self.now = self.most = 0
        self._lock = threading.Lock()
        server.expect_request("/ask").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        with self._lock:
            self.calls, self.now = self.calls + 1, self.now + 1
            self.most = max(self.most, self.now)
        time.sleep(self.delay)
        with self._lock:
            self.now -= 1
        return Response(json.dumps({}), self.status, content_type="application/json")


@pytest.fixture
def service(settings: Any) -> Iterator[Service]:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    with HTTPServer(threaded=True) as server:
        yield Service(server)


@pytest.fixture
def hanging() -> Iterator[str]:
    """The address of a server that takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def calling(slug: str, url: str, ledger: str, **limits: int) -> Workflow:
    place = world.workflow(CALLING, SLUG=slug, ADDRESS=url, LEDGER=ledger)
    Connection.objects.filter(name=slug).update(**limits)
    return place


def begin(place: Workflow, count: int) -> None:
    cases = [{"key": f"{number}", "data": {}} for number in range(count)]
    engine.start_cases(place, actor=world.actor("alice"), cases=cases)


def test_a_system_that_hangs_slows_nothing_else(service: Service, hanging: str) -> None:
    begin(calling("slow", hanging, service.url, bulkhead=2), 6)
    begin(calling("quick", service.url, service.url), 30)

    def work() -> None:
        engine.work_until_idle(seconds=1.5)

    started = time.monotonic()
    ended: list[float] = []

    def watch() -> None:
        while Case.objects.filter(workflow__slug="quick", state="open").exists():
            assert time.monotonic() < started + 10
            time.sleep(0.02)
        ended.append(time.monotonic() - started)

    at_once(work, work, work, watch)

    # The three seconds that each hanging call takes held up nobody else.
    assert ended[0] < 2.5
    assert 1 <= Attempt.objects.filter(task__case__workflow__slug="slow").count() <= 2


def test_never_more_calls_at_once_than_the_bulkhead_allows(service: Service) -> None:
    service.delay = 0.05
    begin(calling("narrow", service.url, service.url, bulkhead=2), 12)
    Connection.objects.filter(name="ledger").update(bulkhead=2)

    while Case.objects.filter(state="open").exists():
        at_once(*[engine.work_until_idle] * 8)

    # Both connections are the same server.
    assert service.most <= 4
    assert service.calls == 24
    assert set(Task.objects.values_list("attempts", flat=True)) == {1}


def test_of_many_claims_at_the_same_moment_as_many_go_on_as_there_is_room(
    service: Service,
) -> None:
    begin(calling("narrow", service.url, service.url, bulkhead=3), 8)
    barrier = threading.Barrier(8)

    def claim() -> bool:
        connection.ensure_connection()
        barrier.wait()
        work = engine.claim_work()
        barrier.wait()
        if work is None:
            return False
        through = breaking.admitted(_narrow(), work.task_id, 3)
        if through is None:
            lanes.give_back(work)
        return through is not None

    assert sum(map(bool, at_once(*[claim] * 8))) <= 3
    assert Task.objects.filter(state="running").count() <= 3
    assert not Task.objects.filter(state="ready").exclude(attempts=0).exists()


def test_one_worker_is_always_left_to_other_lanes(service: Service, hanging: str) -> None:
    lanes.enroll("here", 2)
    lanes.enroll("there", 1)
    begin(calling("slow", hanging, service.url), 6)
    begin(calling("quick", service.url, service.url), 1)
    Task.objects.filter(case__workflow__slug="quick").update(run_at="2999-01-01T00:00:00Z")

    taken = [engine.claim_work() for _ in range(3)]

    assert [work is None for work in taken] == [False, False, True]
    due()
    last = engine.claim_work()
    assert last
    assert Case.objects.get(pk=last.case_id).workflow.slug == "quick"
    assert engine.claim_work() is None


def _narrow() -> int:
    return Connection.objects.get(name="narrow").pk


def test_after_some_failures_in_a_row_calls_pause_and_no_try_is_spent(service: Service) -> None:
    service.status = 503
    begin(calling("shaky", service.url, service.url, breaker_after=3), 5)

    engine.work_until_idle()

    shaky = Connection.objects.get(name="shaky")
    assert (shaky.breaker, shaky.failures, service.calls) == ("open", 3, 3)
    assert shaky.breaker_until is not None
    waiting = Task.objects.filter(state="ready", attempts=0)
    assert waiting.count() == 2
    assert engine.claim_work() is None
    assert not engine.is_work_ready()
    assert engine.orphans() == []


def test_what_the_request_itself_is_to_blame_for_does_not_count(service: Service) -> None:
    service.status = 404
    begin(calling("shaky", service.url, service.url, breaker_after=2), 4)

    engine.work_until_idle()

    assert service.calls == 4
    assert Connection.objects.get(name="shaky").breaker == "closed"


def test_a_success_ends_the_row(service: Service) -> None:
    begin(calling("shaky", service.url, service.url, breaker_after=3), 3)
    for status in (503, 503, 200, 503, 503):
        service.status = status
        engine.work_until_idle(limit=1)
        due()

    shaky = Connection.objects.get(name="shaky")
    assert (shaky.breaker, shaky.failures) == ("closed", 2)


def paused(service: Service, count: int) -> None:
    begin(calling("shaky", service.url, service.url), count)
    Connection.objects.filter(name="shaky").update(
        breaker="open", breaker_until="2020-01-01T00:00:00Z", failures=5
    )


def test_after_the_pause_one_call_tries_and_its_success_lets_the_others_go_on(
    service: Service,
) -> None:
    paused(service, 6)
    service.status, service.delay = 503, 0.2

    at_once(*[lambda: engine.work_until_idle(seconds=0.1)] * 6)

    assert service.calls == 1
    assert Connection.objects.get(name="shaky").breaker == "open"
    assert Task.objects.filter(attempts=0).count() == 5

    service.status, service.delay = 200, 0
    Connection.objects.filter(name="shaky").update(breaker_until="2020-01-01T00:00:00Z")
    engine.work_until_idle()
    shaky = Connection.objects.get(name="shaky")
    assert (shaky.breaker, shaky.failures, shaky.breaker_until) == ("closed", 0, None)
    assert Case.objects.filter(state="completed").count() == 5


def test_a_call_that_is_refused_after_the_pause_shows_that_somebody_answers(
    service: Service,
) -> None:
    paused(service, 2)
    service.status = 404

    engine.work_until_idle()

    assert Connection.objects.get(name="shaky").breaker == "closed"
    assert service.calls == 2


def test_an_answer_from_before_the_pause_does_not_end_it(service: Service) -> None:
    begin(calling("shaky", service.url, service.url), 1)
    shaky = Connection.objects.filter(name="shaky")
    shaky.update(failures=1)
    work = engine.claim_work()
    assert work
    through = breaking.admitted(shaky.get().pk, work.task_id, 3)
    assert through
    shaky.update(breaker="open", breaker_until="2999-01-01T00:00:00Z")

    breaking.answered(through)

    assert shaky.get().breaker == "open"


def test_a_call_that_tries_and_never_comes_back_is_followed_by_another(service: Service) -> None:
    paused(service, 2)
    work = engine.claim_work()
    assert work
    shaky = Connection.objects.get(name="shaky").pk
    assert breaking.admitted(shaky, work.task_id, 3)
    assert engine.claim_work() is None

    Connection.objects.update(breaker_until="2020-01-01T00:00:00Z")

    engine.work_until_idle()
    assert Case.objects.filter(state="completed").count() == 1


def test_the_next_step_of_a_case_waits_for_a_connection_that_pauses(service: Service) -> None:
    begin(calling("shaky", service.url, service.url), 1)
    Connection.objects.filter(name="ledger").update(
        breaker="open", breaker_until="2999-01-01T00:00:00Z"
    )

    engine.work_until_idle()

    note = Task.objects.get(step_key="note")
    assert (note.state, note.attempts, service.calls) == ("ready", 0, 1)
    assert engine.orphans() == []


def test_success_writes_nothing_to_the_connection(service: Service) -> None:
    begin(calling("fine", service.url, service.url), 1)
    before = _rows()

    engine.work_until_idle()

    assert service.calls == 2
    assert _rows() == before


def _rows() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, xmin::text FROM orchestrator_connection ORDER BY id")
        return list(cursor.fetchall())


def test_looking_past_a_lane_costs_the_same_however_much_waits_in_it(service: Service) -> None:
    begin(calling("shaky", service.url, service.url), 1)
    Connection.objects.filter(name="shaky").update(
        breaker="open", breaker_until="2999-01-01T00:00:00Z"
    )
    few = _pages()
    with connection.cursor() as cursor:
        cursor.execute(MANY, [3000])
        cursor.execute("ANALYZE orchestrator_task")

    assert _pages() < few + 40


MANY = """
INSERT INTO orchestrator_task (case_id, step_id, step_key, scope, visit, state, round, word, run_at,
    fence, attempts, crashes, wait_key, expects, arrived, effect_key, lane, created_at)
SELECT case_id, step_id, step_key, 'x' || n, 1, 'ready', 0, '', run_at, 0, 0, 0, '', 0, 0,
    effect_key || n, lane, now()
FROM orchestrator_task, generate_series(1, %s) AS n
"""


def _pages() -> int:
    """How many pages of the database a claim looks at."""
    sql = lanes.CLAIM.replace("{reach}", "4")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", {"grace": 30})
        plan = cursor.fetchone()[0]
    found = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return int(found["Shared Hit Blocks"] + found["Shared Read Blocks"])


def test_only_who_may_ends_a_pause(service: Service) -> None:
    paused(service, 1)
    shaky = Connection.objects.get(name="shaky")
    with pytest.raises(NotAllowed):
        engine.close_breaker(shaky.pk, actor=world.actor("bea"))

    engine.close_breaker(shaky.pk, actor=world.actor("dora"))

    shaky.refresh_from_db()
    assert (shaky.breaker, shaky.failures) == ("closed", 0)
