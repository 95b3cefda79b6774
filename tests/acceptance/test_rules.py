"""Who changes or stops a rule, and what comes in next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count

from tests.acceptance.site import Site
from tests.world import EXPENSES

TRAIN = {"merchant": "Rail", "amount": 90, "category": "travel"}
HOTEL = {"merchant": "Hotel", "amount": 400, "category": "travel"}
RECEIPT = {"text": "A receipt"}
numbers = count(1)


def sent(site: Site, value: dict[str, object]) -> str:
    """How a sure output is received: completed by the rule, or open for people."""
    key = f"rule-{next(numbers)}"
    case_id = site.started("expenses", key, RECEIPT, value=value, confidence=0.95)
    return str(site.case(case_id)["state"])


def approved(site: Site) -> int:
    """How many outputs of expenses the rules have let pass so far."""
    found = site.rows(
        "SELECT count(*) FROM orchestrator_decision d JOIN orchestrator_task t ON t.id = d.task_id"
        " JOIN orchestrator_case c ON c.id = t.case_id"
        " JOIN orchestrator_workflow w ON w.id = c.workflow_id"
        " WHERE w.slug = 'expenses' AND d.via LIKE 'rule:%%' AND d.word = 'approved'"
    )
    return int(found[0][0])


def test_the_next_outputs_go_by_the_rule_that_alice_has_changed(site: Site) -> None:
    assert (sent(site, TRAIN), sent(site, HOTEL)) == ("completed", "open")

    wider = EXPENSES.replace("op: le, value: 100}", "op: le, value: 500}")
    assert wider != EXPENSES
    site.run("-m", "tests.acceptance.publishing", given=wider)
    assert (sent(site, TRAIN), sent(site, HOTEL)) == ("completed", "completed")

    site.run("-m", "tests.acceptance.publishing", given=EXPENSES)
    assert (sent(site, TRAIN), sent(site, HOTEL)) == ("completed", "open")


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
