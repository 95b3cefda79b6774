"""A worker that is killed in mid-step, after the ledger has written and before it knows."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.conftest import Killed
from tests.acceptance.site import Site, eventually
from tests.acceptance.stalling import Line


def test_the_case_of_a_killed_worker_is_finished_and_paid_once(
    site: Site, line: Line, killed: Killed
) -> None:
    assert eventually(lambda: not Path(f"/proc/{killed.pid}").exists())
    assert site.outcome(killed.case_id) == "paid"

    attempts = site.rows(
        "SELECT a.error->>'kind' FROM orchestrator_attempt a JOIN orchestrator_task t"
        " ON t.id = a.task_id WHERE t.case_id = %s ORDER BY a.number",
        killed.case_id,
    )
    assert attempts == [("lost",), (None,)]
    assert line.keys == [f"{killed.case_id}:pay::1"] * 2
    entry = site.entry(killed.case_id)
    assert entry is not None
    assert site.case(killed.case_id)["data"]["booking"] == entry["refund"]
