"""Cases on their way while everything around them dies: none is lost, none is done twice."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.chaos.outside import Outside, outside
from tests.chaos.place import PROGRAMS, Place

FLOW = (Path(__file__).parent / "flow.yaml").read_text()
EFFECTS = {"/book", "/pay"}
# A lease lasts half a minute beyond its step: what was killed last has to be waited for.
SECONDS_TO_FINISH = 300


@pytest.fixture
def world() -> Iterator[Outside]:
    with outside() as world:
        yield world


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = Place(tmp_path, port)
    try:
        place.run("manage.py", "migrate", "--verbosity", "0")
        yield place
    finally:
        place.stop()


@pytest.mark.chaos
@pytest.mark.timeout(420)
def test_a_short_storm(place: Place, world: Outside) -> None:
    storm(place, world, cases=60, seconds=15, pause=1)


@pytest.mark.chaos
@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_long_storm(place: Place, world: Outside) -> None:
    storm(place, world, cases=500, seconds=180, pause=2.5)


def storm(place: Place, world: Outside, *, cases: int, seconds: float, pause: float) -> None:
    key = place.run("-m", "tests.chaos.prepare", given=FLOW.replace("{url}", world.url)).strip()
    for name in PROGRAMS:
        place.start(name)
    _wait_for_web(place)
    with ThreadPoolExecutor(4) as senders:
        sent = [senders.submit(_send, place, key, number) for number in range(cases)]
        # Here and in no thread: what a thread started ends with it.
        _rage(place, seconds, pause)
        accepted = [one.result() for one in sent]

    finished = _finished(place, cases)
    print(_report(place, world, cases, finished))
    assert accepted.count(True) == cases
    assert finished == cases, _unfinished(place)
    _hold(place, world, cases)


def _rage(place: Place, seconds: float, pause: float) -> None:
    """One blow after the other; each kind at least once."""
    chance = random.Random(seconds)
    blows: list[Callable[[], None]] = [
        lambda: place.kill_inner("worker"),
        lambda: place.kill("worker"),
        lambda: place.kill("web"),
        lambda: place.kill("timers"),
        lambda: place.kill("beat"),
        place.flush_broker,
        place.restart_broker,
        place.restart_database,
        place.lose_and_double_messages,
    ]
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end or number < len(blows):
        (blows[number] if number < len(blows) else chance.choice(blows))()
        number += 1
        place.tend()
        time.sleep(chance.uniform(0.7 * pause, 1.5 * pause))


def _send(place: Place, key: str, number: int) -> bool:
    """Whoever sends tries again until it is told that the case is there."""
    body = {"key": f"s-{number}", "data": {"number": number}}
    headers = {"Authorization": f"Bearer {key}"}
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        try:
            answer = httpx2.post(
                f"{place.url}/api/v1/workflows/storm/cases", json=body, headers=headers, timeout=5
            )
        except httpx2.HTTPError:
            time.sleep(0.3)
            continue
        if answer.status_code in {200, 201}:
            return True
        assert answer.status_code >= 500, answer.text
        time.sleep(0.3)
    return False


def _wait_for_web(place: Place) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx2.get(f"{place.url}/healthz", timeout=2).status_code == 200:
                return
        except httpx2.HTTPError:
            assert time.monotonic() < deadline, "web does not answer"
            time.sleep(0.2)


def _finished(place: Place, cases: int) -> int:
    deadline = time.monotonic() + SECONDS_TO_FINISH
    found = 0
    while found < cases and time.monotonic() < deadline:
        time.sleep(0.5)
        place.tend()
        found = place.rows("SELECT count(*) FROM orchestrator_case WHERE state = 'completed'")[0][0]
    return found


def _unfinished(place: Place) -> list[tuple[object, ...]]:
    return place.rows(
        "SELECT c.key, t.step_key, t.state, i.detail FROM orchestrator_case c"
        " LEFT JOIN orchestrator_task t ON t.case_id = c.id"
        " AND t.state NOT IN ('completed', 'cancelled')"
        " LEFT JOIN orchestrator_incident i ON i.task_id = t.id AND i.state = 'open'"
        " WHERE c.state <> 'completed' LIMIT 20"
    )


def _hold(place: Place, world: Outside, cases: int) -> None:
    assert place.rows("SELECT count(*) FROM orchestrator_case") == [(cases,)]
    assert world.doubled(EFFECTS) == []
    assert {number for path, number in world.keys if path == "/pay"} == set(range(cases))
    twice = place.rows(
        "SELECT refs->>'task', count(*) FROM orchestrator_event"
        " WHERE type = 'task.settled' GROUP BY 1 HAVING count(*) > 1"
    )
    assert twice == []
    gaps = place.rows(
        "SELECT stream FROM orchestrator_event GROUP BY stream HAVING count(*) <> max(seq)"
    )
    assert gaps == []
    assert "orphans: 0" in place.run("manage.py", "check_orphans")
    place.run("manage.py", "verify_audit")


def _report(place: Place, world: Outside, cases: int, finished: int) -> str:
    blows = ", ".join(f"{name} {count}" for name, count in sorted(place.killed.items()))
    return (
        f"\nkilled: {blows}\n{finished} of {cases} cases finished; lost {cases - finished},"
        f" doubled {len(world.doubled(EFFECTS))}, repeated calls absorbed {world.repeated()}"
    )
