"""Who changes or stops a rule, and what comes in next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from tests.acceptance.site import Site

ADMIN, SLUG = "/admin/orchestrator", "expenses"
TRAIN = {"merchant": "Rail", "amount": 90, "category": "travel"}
HOTEL = {"merchant": "Hotel", "amount": 400, "category": "travel"}
RECEIPT = {"text": "A receipt"}
numbers = count(1)


def sent(site: Site, value: dict[str, object]) -> str:
    """How a sure output is received: completed by the rule, or open for people."""
    key = f"rule-{next(numbers)}"
    case_id = site.started("expenses", key, RECEIPT, value=value, confidence=0.95)
    return str(site.case(case_id)["state"])


def found(site: Site, sql: str, *values: Any) -> tuple[Any, ...]:
    """The one row that a query finds."""
    (row,) = site.rows(sql, *values)
    return row


def approved(site: Site) -> int:
    """How many outputs of expenses the rules have let pass so far."""
    approvals = found(
        site,
        "SELECT count(*) FROM orchestrator_decision d JOIN orchestrator_task t ON t.id = d.task_id"
        " JOIN orchestrator_case c ON c.id = t.case_id"
        " JOIN orchestrator_workflow w ON w.id = c.workflow_id"
        " WHERE w.slug = %s AND d.via LIKE 'rule:%%' AND d.word = 'approved'",
        SLUG,
    )
    return int(approvals[0])


def test_the_next_outputs_go_by_the_rule_that_alice_has_changed(site: Site) -> None:
    assert (sent(site, TRAIN), sent(site, HOTEL)) == ("completed", "open")
    alice = site.browser("alice")

    place, published = found(
        site, "SELECT id, published_version_id FROM orchestrator_workflow WHERE slug = %s", SLUG
    )
    alice.open(f"{ADMIN}/workflow/{place}/change/")
    alice.submit(f"{ADMIN}/workflowversion/{published}/clone/")
    draft, small = found(
        site,
        "SELECT s.version_id, r.id FROM orchestrator_decisionright r"
        " JOIN orchestrator_step s ON s.id = r.step_id"
        " JOIN orchestrator_workflowversion v ON v.id = s.version_id"
        " WHERE v.workflow_id = %s AND v.published_at IS NULL AND r.mode = 'auto'",
        place,
    )
    alice.open(f"{ADMIN}/decisionright/{small}/change/")
    assert alice.submit(alice.path, **{"when-rows-1-value": "500"}).status_code == 200
    page = alice.open(f"{ADMIN}/workflowversion/{draft}/publish/").text
    assert "is at most 500" in page
    alice.submit(alice.path)

    assert (sent(site, TRAIN), sent(site, HOTEL)) == ("completed", "completed")


def test_nothing_is_approved_by_a_rule_once_the_stop_is_acknowledged(site: Site) -> None:
    alice = site.browser("alice")
    assert sent(site, TRAIN) == "completed"

    with ThreadPoolExecutor(4) as pool:
        under_way = [pool.submit(sent, site, TRAIN) for _ in range(20)]
        alice.open("/workflows/expenses/")
        response = alice.submit("/workflows/expenses/stop/", reason="The reader sees double.")
        at_stop = approved(site)
        late = [pool.submit(sent, site, TRAIN) for _ in range(10)]
        assert {one.result() for one in late} == {"open"}
        assert {one.result() for one in under_way} <= {"completed", "open"}

    assert response.status_code == 200
    assert "The reader sees double." in response.text
    assert approved(site) == at_stop

    alice.open("/workflows/expenses/")
    alice.submit("/workflows/expenses/resume/")
    assert sent(site, TRAIN) == "completed"
