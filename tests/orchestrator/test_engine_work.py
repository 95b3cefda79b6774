"""Machine steps: claimed once, tried again, given up to a person, never done twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from orchestrator import engine
from orchestrator.connectors import Result
from orchestrator.engine import failing
from orchestrator.exceptions import Invalid, NotAllowed, NotFound, StaleFence
from orchestrator.models import (
    Attempt,
    Case,
    Connection,
    Delivery,
    Event,
    Incident,
    Step,
    Task,
    Workflow,
)
from tests import world
from tests.orchestrator.register import BOOKS
from tests.world import LUNCH

pytestmark = pytest.mark.django_db

BOOKING = (
    BOOKS
    + """\
    call: {method: POST, path: /book}
    schema:
      type: object
      required: [number]
      properties: {number: {type: integer}}
    effect: EFFECT
    retry: {attempts: 3, base: 9h, cap: 9h}
    timeout: 2s
  - {key: filed, name: File it, kind: system, actor: books, effect: idempotent, timeout: 2s,
     call: {method: POST, path: /file}, schema: {type: object}}
  - {key: done, name: Done, kind: end, outcome: done}
transitions:
  - {from: book, to: filed}
  - {from: filed, to: done}
"""
)


@pytest.fixture
def books(httpserver: HTTPServer, settings: Any) -> HTTPServer:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    httpserver.expect_request("/file").respond_with_json({})
    return httpserver


def booking(books: HTTPServer, effect: str = "idempotent") -> Workflow:
    return world.workflow(BOOKING, ADDRESS=books.url_for("").rstrip("/"), EFFECT=effect)


def begin(place: Workflow) -> Case:
    return engine.start_case(place, actor=world.actor("alice"), key="k", data={}).case


def due() -> None:
    """Let the time until the next try pass."""
    Task.objects.filter(state="ready").update(run_at="2020-01-01T00:00:00Z")


def answering(*answers: Response) -> Any:
    rest = list(answers)

    def answer(request: Request) -> Response:
        return rest.pop(0) if len(rest) > 1 else rest[0]

    return answer


OK = Response('{"number": 7}', content_type="application/json")
BUSY = Response("busy", status=503)
REFUSED = Response("no such account", status=404)


def test_a_step_of_a_system_is_done_once_under_its_key(books: HTTPServer) -> None:
    books.expect_request("/book").respond_with_json({"number": 7})
    case = begin(booking(books))

    assert engine.work_until_idle() == 2

    case.refresh_from_db()
    assert (case.state, case.data["book"]) == ("completed", {"number": 7})
    keys = [request.headers["Idempotency-Key"] for request, _ in books.log]
    assert keys == [f"{case.pk}:book::1", f"{case.pk}:filed::1"]
    assert set(Delivery.objects.values_list("state", flat=True)) == {"confirmed"}
    assert Attempt.objects.filter(error__isnull=True).count() == 2


def test_the_next_machine_step_is_handed_on_in_the_same_commit(books: HTTPServer) -> None:
    books.expect_request("/book").respond_with_json({"number": 7})
    begin(booking(books))

    assert engine.work_until_idle(limit=1) == 1
    assert Task.objects.get(step_key="filed").state == "ready"

    work = engine.claim_work()
    assert work is not None
    assert engine.perform(work, hand_on=True) is None
    assert Case.objects.get().state == "completed"


def test_a_try_that_failed_is_made_again_under_the_same_key(books: HTTPServer) -> None:
    books.expect_request("/book").respond_with_handler(answering(BUSY, OK))
    begin(booking(books))

    engine.work_until_idle()
    task = Task.objects.get()
    assert (task.state, task.attempts) == ("ready", 1)
    due()
    engine.work_until_idle()

    keys = {request.headers["Idempotency-Key"] for request, _ in books.log if "book" in request.url}
    assert len(keys) == 1
    assert Case.objects.get().state == "completed"
    errors = Attempt.objects.order_by("id").values_list("error__kind", flat=True)
    assert list(errors) == ["transient", None, None]


@pytest.mark.parametrize("answer", [OK, BUSY])
def test_a_try_tells_when_it_began(books: HTTPServer, answer: Response) -> None:
    books.expect_request("/book").respond_with_handler(answering(answer))
    begin(booking(books))
    work = engine.claim_work()
    assert work is not None
    Task.objects.update(lease_expires_at=F("lease_expires_at") - timedelta(seconds=5))

    engine.perform(work)

    one = Attempt.objects.get()
    assert one.finished_at is not None
    assert 5 <= (one.finished_at - one.started_at).total_seconds() < 15


def test_when_the_tries_are_spent_a_person_is_asked(books: HTTPServer) -> None:
    books.expect_request("/book").respond_with_handler(answering(BUSY))
    begin(booking(books))

    for _ in range(4):
        engine.work_until_idle()
        due()

    incident = Incident.objects.get()
    assert (Task.objects.get().state, Task.objects.get().attempts) == ("failed", 3)
    assert (incident.kind, incident.state) == ("transient", "open")
    assert "tried 3 times" in incident.detail["message"]
    assert engine.orphans() == []


def test_waits_between_tries_are_drawn_from_nothing_to_a_growing_bound() -> None:
    """Full jitter: of many that failed at once no crowd comes back at once."""
    step = Step(retry={"base": "2s", "cap": "60s"})

    for attempts, bound in ((1, 2), (3, 8), (9, 60)):
        waits = [failing._wait(Task(step=step, attempts=attempts), None) for _ in range(500)]
        assert 0 <= min(waits) < bound / 10
        assert bound * 9 / 10 < max(waits) <= bound
        assert bound * 0.4 < sum(waits) / len(waits) < bound * 0.6
    # What the other side asks for holds, but for an hour at most.
    assert failing._wait(Task(step=step, attempts=1), 300) == 300
    assert failing._wait(Task(step=step, attempts=1), 9e9) == 3600


def test_what_cannot_help_is_not_tried_again(books: HTTPServer) -> None:
    books.expect_request("/book").respond_with_handler(answering(REFUSED))
    begin(booking(books))

    engine.work_until_idle()

    assert (Task.objects.get().state, Incident.objects.get().kind) == ("failed", "permanent")


def test_an_output_outside_the_schema_is_no_output(books: HTTPServer) -> None:
    books.expect_request("/book").respond_with_json({"number": "seven"})
    begin(booking(books))

    engine.work_until_idle()

    assert Task.objects.get().state == "ready"
    assert "schema" in str(Attempt.objects.get().error)


def test_a_lost_worker_gives_its_task_back(books: HTTPServer) -> None:
    books.expect_request("/book").respond_with_json({"number": 7})
    begin(booking(books))
    lost = engine.claim_work()
    Task.objects.update(lease_expires_at="2020-01-01T00:00:00Z")

    assert engine.expire_leases() == [Task.objects.get().pk]

    engine.work_until_idle()
    case = Case.objects.get()
    assert case.state == "completed"
    assert lost is not None
    with pytest.raises(StaleFence):
        engine.submit_output(lost, Result(output={"number": 8}))
    case.refresh_from_db()
    assert case.data["book"] == {"number": 7}
    assert Event.objects.filter(type="attempt.lost").count() == 1
    assert Attempt.objects.filter(error__kind="lost").count() == 1


def test_what_kills_three_workers_is_quarantined(books: HTTPServer) -> None:
    begin(booking(books))
    for _ in range(3):
        assert engine.claim_work() is not None
        Task.objects.update(lease_expires_at="2020-01-01T00:00:00Z")
        engine.expire_leases()

    assert (Task.objects.get().state, Incident.objects.get().kind) == ("failed", "quarantine")
    assert Task.objects.get().crashes == 3


def test_a_task_is_claimed_by_one_worker(books: HTTPServer) -> None:
    begin(booking(books))

    assert engine.claim_work() is not None
    assert engine.claim_work() is None


def test_a_connector_that_breaks_fails_towards_a_person() -> None:
    place = world.workflow()
    Connection.objects.update(kind="no-such-kind")
    world.started(place)

    engine.work_until_idle()

    assert Incident.objects.get().kind == "permanent"


# --- What people do about incidents


@pytest.fixture
def failed(books: HTTPServer) -> Incident:
    books.expect_request("/book").respond_with_handler(answering(REFUSED, OK))
    begin(booking(books))
    engine.work_until_idle()
    return Incident.objects.get()


def test_an_incident_is_retried(failed: Incident) -> None:
    engine.retry(failed.pk, actor=world.actor("lea"))

    engine.work_until_idle()
    failed.refresh_from_db()
    assert (failed.state, failed.resolution) == ("resolved", "retried")
    assert failed.resolved_by == world.actor("lea")
    assert Case.objects.get().state == "completed"


def test_a_step_is_skipped_with_a_reason(failed: Incident) -> None:
    with pytest.raises(Invalid):
        engine.skip_step(failed.pk, actor=world.actor("lea"), reason="  ")

    engine.skip_step(failed.pk, actor=world.actor("lea"), reason="Booked by hand.")

    engine.work_until_idle()
    case = Case.objects.get()
    failed.refresh_from_db()
    assert (case.state, "book" in case.data) == ("completed", False)
    assert (failed.resolution, failed.reason) == ("skipped", "Booked by hand.")


def test_an_incident_is_resolved_once_and_by_who_may(failed: Incident) -> None:
    with pytest.raises(NotAllowed):
        engine.retry(failed.pk, actor=world.actor("bea"))
    engine.retry(failed.pk, actor=world.actor("lea"))

    with pytest.raises(NotFound):
        engine.retry(failed.pk, actor=world.actor("lea"))


def test_a_cancelled_case_has_nothing_open(failed: Incident) -> None:
    case = engine.cancel_case(Case.objects.get().pk, actor=world.actor("lea"), reason="Stop.")

    assert (case.state, case.outcome) == ("cancelled", "cancelled")
    assert Task.objects.get().state == "cancelled"
    failed.refresh_from_db()
    assert (failed.state, failed.resolution) == ("resolved", "cancelled")
    assert engine.orphans() == []


def test_a_result_that_comes_after_the_cancellation_changes_nothing(books: HTTPServer) -> None:
    begin(booking(books))
    work = engine.claim_work()
    engine.cancel_case(Case.objects.get().pk, actor=world.actor("lea"), reason="Stop.")

    assert work is not None
    with pytest.raises(StaleFence):
        engine.submit_output(work, Result(output={"number": 8}))
    assert Case.objects.get().data == {}


def test_cancelling_closes_the_seats_that_people_hold() -> None:
    task = world.in_review(world.workflow(), LUNCH)
    world.claimed(task, "bea")

    engine.cancel_case(task.case_id, actor=world.actor("lea"), reason="Duplicate.")

    assert task.seats.get().state == "withdrawn"


def test_only_who_may_cancels_and_only_once() -> None:
    task = world.in_review(world.workflow(), LUNCH)
    with pytest.raises(NotAllowed):
        engine.cancel_case(task.case_id, actor=world.actor("bea"), reason="I want to.")
    engine.cancel_case(task.case_id, actor=world.actor("lea"), reason="Duplicate.")

    with pytest.raises(Exception, match="closed"):
        engine.cancel_case(task.case_id, actor=world.actor("lea"), reason="Again.")
