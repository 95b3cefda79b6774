"""External workers over real HTTP: fetch, keep, hand in, give up; stale fences; long polling."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from django.db import connection
from pytest_django.live_server_helper import LiveServer

from orchestrator import engine, pressure
from orchestrator.api import work
from orchestrator.api.keys import make_key
from orchestrator.exceptions import Overloaded
from orchestrator.models import (
    Actor,
    ActorKind,
    Attempt,
    Case,
    Event,
    Grant,
    Incident,
    Task,
    Workflow,
)
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)

SHOP = """
workflow: SLUG
name: SLUG
owner: alice
groups: [Finance]
actors:
  packer: {kind: automation, revision: "1"}
  labeller: {kind: agent, revision: "1"}
accountable: alice
data: {type: object}
steps:
  - key: pack
    name: Pack it
    kind: automation
    actor: packer
    instructions: Mind the glass.
    call: {room: 7}
    input: {order: /order}
    schema: {type: object, required: [boxes], properties: {boxes: {type: integer}}}
    retry: {attempts: 2, base: 9h, cap: 9h}
    timeout: 20s
  - key: label
    name: Label it
    kind: agent
    actor: labeller
    schema: {type: object, required: [text], properties: {text: {type: string}}}
    rights:
      - {mode: auto, when: {fact: confidence, op: ge, value: 0.9}}
      - {mode: review, group: Expense reviewers}
  - {key: sent, name: Sent, kind: end, outcome: sent}
transitions:
  - {from: pack, to: label}
  - {from: label, to: sent}
"""


@pytest.fixture
def shop() -> Workflow:
    return world.workflow(SHOP, SLUG="shop")


def granted(actor: Actor, place: Workflow, step: str = "") -> None:
    Grant.objects.create(
        actor=actor, action="work", workflow=place, step_key=step, valid=("2020-01-01", None)
    )


def hand(name: str) -> Actor:
    return Actor.objects.create(kind=ActorKind.AUTOMATION, name=name)


@pytest.fixture
def packer(shop: Workflow) -> Actor:
    actor = hand("packing-station")
    granted(actor, shop)
    return actor


class Worker:
    """A program that works, over a connection of its own."""

    def __init__(self, url: str, actor: Actor, *scopes: str) -> None:
        _row, key = make_key(actor=actor, name="a test", scopes=scopes or ("work",))
        self.http = httpx2.Client(
            base_url=f"{url}/api/v1/work", headers={"Authorization": f"Bearer {key}"}, timeout=20
        )

    def claim(self, **wanted: Any) -> httpx2.Response:
        return self.http.post("/claim", json=wanted)

    def one(self) -> dict[str, Any]:
        response = self.claim()
        assert response.status_code == 200, response.text
        (found,) = response.json()
        return dict(found)

    def post(self, task_id: int, act: str, **body: Any) -> httpx2.Response:
        return self.http.post(f"/{task_id}/{act}", json=body)


Working = Callable[..., Worker]


@pytest.fixture
def working(live_server: LiveServer) -> Iterator[Working]:
    """Workers of an actor, with these scopes or the one to work."""
    with ExitStack() as stack:

        def working(actor: Actor, *scopes: str) -> Worker:
            found = Worker(live_server.url, actor, *scopes)
            stack.callback(found.http.close)
            return found

        yield working


@pytest.fixture
def worker(working: Working, packer: Actor) -> Worker:
    return working(packer)


def begun(place: Workflow, key: str = "k") -> Case:
    data = {"order": {"id": 5}}
    return engine.start_case(place, actor=world.actor("alice"), key=key, data=data).case


def test_a_case_goes_through_the_hands_of_two_outsiders(shop: Workflow, worker: Worker) -> None:
    case = begun(shop)
    assert engine.work_until_idle() == 0

    found = worker.one()

    assert (found["step"], found["kind"], found["attempt"]) == ("pack", "automation", 1)
    assert (found["input"], found["call"]) == ({"order": {"id": 5}}, {"room": 7})
    assert found["case"] == {"id": case.pk, "key": "k", "workflow": "shop"}
    assert found["idempotency_key"] == f"{case.pk}:pack::1"
    assert (found["instructions"], found["brief"]) == ("Mind the glass.", None)
    assert found["schema"]["required"] == ["boxes"]
    assert worker.claim().status_code == 204

    done = worker.post(
        found["id"], "complete", fence=found["fence"], output={"value": {"boxes": 2}}
    )
    assert done.json() == {"id": found["id"], "state": "completed"}
    label = worker.one()
    said = {"value": {"text": "Fragile"}, "confidence": 0.95, "model": "m-1", "cost_micros": 12}
    worker.post(label["id"], "complete", fence=label["fence"], output=said)

    case.refresh_from_db()
    assert (case.state, case.data["pack"], case.data["label"]) == (
        "completed",
        {"boxes": 2},
        {"text": "Fragile"},
    )
    attempt = Attempt.objects.get(task=label["id"])
    assert (attempt.confidence, attempt.model, attempt.cost_micros) == (0.95, "m-1", 12)
    assert engine.orphans() == []


def test_what_an_agent_outside_is_unsure_of_goes_to_people(shop: Workflow, worker: Worker) -> None:
    begun(shop)
    found = worker.one()
    worker.post(found["id"], "complete", fence=found["fence"], output={"value": {"boxes": 2}})
    label = worker.one()

    said = {"value": {"text": "?"}, "confidence": 0.2}
    done = worker.post(label["id"], "complete", fence=label["fence"], output=said)

    assert done.json()["state"] == "in_review"


def test_who_was_too_slow_is_told_and_changes_nothing(shop: Workflow, worker: Worker) -> None:
    begun(shop)
    slow = worker.one()
    Task.objects.update(lease_expires_at="2020-01-01T00:00:00Z")
    engine.expire_leases()
    quick = worker.one()
    assert (quick["id"], quick["fence"] > slow["fence"]) == (slow["id"], True)

    for act, more in (
        ("heartbeat", {}),
        ("complete", {"output": {"value": {"boxes": 9}}}),
        ("fail", {"error": "Too late."}),
    ):
        late = worker.post(slow["id"], act, fence=slow["fence"], **more)
        assert (late.status_code, late.json()["type"]) == (409, "/problems/stale-fence")
        assert late.headers["content-type"] == "application/problem+json"

    done = worker.post(
        quick["id"], "complete", fence=quick["fence"], output={"value": {"boxes": 2}}
    )
    assert done.status_code == 200
    assert Case.objects.get().data["pack"] == {"boxes": 2}
    assert Event.objects.filter(type="attempt.lost").count() == 2


def test_a_heartbeat_renews_the_lease(shop: Workflow, worker: Worker) -> None:
    begun(shop)
    found = worker.one()
    Task.objects.update(lease_expires_at="2030-01-01T00:00:00Z")

    renewed = worker.post(found["id"], "heartbeat", fence=found["fence"])

    assert renewed.status_code == 200
    assert renewed.json()["deadline"] < "2030"
    assert renewed.json()["deadline"] > found["deadline"]


def test_an_output_that_does_not_fit_can_be_mended(shop: Workflow, worker: Worker) -> None:
    begun(shop)
    found = worker.one()

    wrong = worker.post(
        found["id"], "complete", fence=found["fence"], output={"value": {"boxes": "two"}}
    )

    assert wrong.status_code == 422
    assert wrong.json()["problems"][0]["path"] == "/output/value/boxes"
    right = worker.post(
        found["id"], "complete", fence=found["fence"], output={"value": {"boxes": 2}}
    )
    assert right.status_code == 200


def test_a_failure_is_tried_again_and_then_seen_by_people(shop: Workflow, worker: Worker) -> None:
    begun(shop)
    found = worker.one()

    failed = worker.post(found["id"], "fail", fence=found["fence"], error="No tape.", retry_after=0)

    assert failed.json()["state"] == "ready"
    Task.objects.update(run_at="2020-01-01T00:00:00Z")
    again = worker.one()
    assert again["attempt"] == 2
    worker.post(again["id"], "fail", fence=again["fence"], error="Broken.", transient=False)
    assert (Task.objects.get().state, Incident.objects.get().kind) == ("failed", "permanent")
    assert "Broken." in Incident.objects.get().detail["message"]


def test_a_key_sees_the_work_that_was_granted_to_its_actor(
    shop: Workflow, worker: Worker, working: Working
) -> None:
    other = world.workflow(SHOP, SLUG="other")
    begun(other)
    begun(shop)
    labels = hand("labels")
    granted(labels, shop, "label")
    for actor in (labels, hand("nobody"), world.actor("bea")):
        assert working(actor).claim().status_code == 204
    assert working(labels, "cases").claim().status_code == 403

    found = worker.claim(max=10).json()

    assert [row["case"]["workflow"] for row in found] == ["shop"]
    stranger = working(labels)
    refused = stranger.post(found[0]["id"], "heartbeat", fence=found[0]["fence"])
    assert refused.status_code == 404
    assert worker.claim(kinds=["agent"]).status_code == 204


def test_what_a_connection_performs_is_no_work_of_outsiders(working: Working) -> None:
    place = world.workflow()
    case = engine.start_case(place, actor=world.actor("alice"), key="k", data={"text": "x"}).case
    actor = hand("reader")
    granted(actor, place)
    work = engine.claim_work()
    assert work

    answer = working(actor).post(case.tasks.get().pk, "heartbeat", fence=work.fence)

    assert answer.status_code == 404


def test_what_is_withheld_is_not_fetched(shop: Workflow, worker: Worker, packer: Actor) -> None:
    begun(shop)
    Grant.objects.create(
        actor=packer,
        action="work",
        effect="exclude",
        workflow=shop,
        step_key="pack",
        valid=("2020-01-01", None),
    )

    assert worker.claim().status_code == 204


def test_several_workers_share_without_doubles(
    shop: Workflow, packer: Actor, working: Working
) -> None:
    for number in range(12):
        begun(shop, f"{number}")

    def fetch(worker: Worker) -> list[int]:
        found = worker.claim(max=4)
        return [row["id"] for row in found.json()] if found.status_code == 200 else []

    with ThreadPoolExecutor(4) as pool:
        fetched = [pk for ids in pool.map(fetch, [working(packer) for _ in range(4)]) for pk in ids]

    assert sorted(fetched) == sorted(set(fetched))
    assert len(fetched) == 12


def test_waiting_ends_with_the_work_that_comes(shop: Workflow, worker: Worker) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(worker.claim, seconds=5)
        time.sleep(0.5)
        begun(shop)
        found = waiting.result()

    assert found.status_code == 200
    assert 0.4 < time.monotonic() - started < 3


def test_waiting_ends_without_work_and_says_when_to_ask_again(worker: Worker) -> None:
    started = time.monotonic()

    found = worker.claim(seconds=0.5)

    assert (found.status_code, found.headers["retry-after"]) == (204, "1")
    assert 0.4 < time.monotonic() - started < 2
    assert worker.claim(seconds=6).status_code == 422


def test_no_more_than_a_quarter_of_the_threads_wait(
    shop: Workflow, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr(work, "_waiting", places)
    with places:
        started = time.monotonic()

        found = worker.claim(seconds=5)

        assert (found.status_code, found.headers["retry-after"]) == (204, "1")
        assert time.monotonic() - started < 2


def test_while_new_cases_are_refused_what_was_taken_in_is_finished(
    shop: Workflow, worker: Worker, settings: Any
) -> None:
    for key in ("a", "b", "c"):
        begun(shop, key)
    settings.MOST_WAITING = 1
    pressure.measure()
    pressure.forget()
    with pytest.raises(Overloaded):
        pressure.admit()

    done, held, lost = (worker.one() for _ in range(3))

    sent = {"boxes": 2}
    answers = [
        worker.post(done["id"], "complete", fence=done["fence"], output={"value": sent}),
        worker.post(held["id"], "heartbeat", fence=held["fence"]),
        worker.post(lost["id"], "fail", fence=lost["fence"], error="No box."),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]


def test_own_workers_leave_it_to_outsiders_and_do_not_ring_for_it(shop: Workflow) -> None:
    begun(shop)

    assert not engine.is_work_ready()
    assert engine.claim_work() is None


def test_much_work_of_others_costs_nothing(shop: Workflow, packer: Actor) -> None:
    other = world.workflow(SHOP, SLUG="other")
    cases = [{"key": f"{number}", "data": {}} for number in range(200)]
    engine.start_cases(other, actor=world.actor("alice"), cases=cases)
    begun(shop)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orchestrator_task")

    (found,) = engine.fetch_work(packer, ["automation"], 5)

    assert Task.objects.get(pk=found.work.task_id).case.workflow == shop
