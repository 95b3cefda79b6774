"""Many people at once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

from tests.acceptance.people import REVIEWERS
from tests.acceptance.site import Site, eventually

LUNCH = {"merchant": "Kantine", "amount": 42.5, "category": "food"}
TASKS = 20


def waiting(site: Site) -> list[dict[str, Any]]:
    answer = site.api("r01").get("review/tasks", params={"workflow": "expenses", "limit": 1000})
    return [row for row in answer.json()["items"] if not row["claimed"]]


def decision(claimed: dict[str, Any], word: str) -> dict[str, Any]:
    token = claimed["claim"]["token"]
    return {"decision": word, "claim_token": token, "digest": claimed["digest"]}


def clear(site: Site) -> None:
    """Take what other tests have left in the queue of expenses, so that it is empty."""
    bea = site.api("bea")
    while bea.post("review/claim", json={"workflow": "expenses"}).status_code == 200:
        pass


def test_fifty_sessions_that_claim_twenty_tasks_get_one_each(site: Site) -> None:
    clear(site)
    output = {"value": LUNCH, "confidence": 0.4}
    cases = [
        {"key": f"claim-{number}", "data": {"text": "A receipt"}, "output": output}
        for number in range(TASKS)
    ]
    site.api("importer").post("workflows/expenses/cases/batch", json={"cases": cases})
    eventually(lambda: len(waiting(site)) == TASKS)
    programs = [site.api(name) for name in REVIEWERS]

    def claim(program: httpx2.Client) -> httpx2.Response:
        return program.post("review/claim", json={"workflow": "expenses"})

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(claim, programs))

    assert Counter(answer.status_code for answer in answers) == {200: TASKS, 204: 30}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 200}) == TASKS


def test_of_two_decisions_at_once_one_stands_and_the_other_is_told(site: Site) -> None:
    case_id = site.started("expenses", "twice", {"text": "A receipt"}, value=LUNCH, confidence=0.4)
    bea = site.api("bea")
    claimed = bea.post(f"review/tasks/{site.task_in_review(case_id)}/claim").json()
    path = f"review/tasks/{claimed['id']}/decision"

    with ThreadPoolExecutor(2) as pool:
        bodies = [decision(claimed, word) for word in ("approved", "rejected")]
        sent = [pool.submit(bea.post, path, json=body) for body in bodies]
        answers = [one.result() for one in sent]

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (refused,) = (answer for answer in answers if answer.status_code == 409)
    assert refused.headers["content-type"] == "application/problem+json"
    made = site.rows("SELECT count(*) FROM orchestrator_decision WHERE task_id = %s", claimed["id"])
    assert made == [(1,)]


def test_a_second_person_cannot_decide_on_the_first_ones_claim(site: Site) -> None:
    case_id = site.started(
        "expenses", "borrowed", {"text": "A receipt"}, value=LUNCH, confidence=0.4
    )
    bea, ben = site.api("bea"), site.api("ben")
    claimed = bea.post(f"review/tasks/{site.task_in_review(case_id)}/claim").json()
    path = f"review/tasks/{claimed['id']}/decision"

    with ThreadPoolExecutor(2) as pool:
        sent = [
            pool.submit(one.post, path, json=decision(claimed, "approved")) for one in (bea, ben)
        ]
        mine, theirs = (one.result() for one in sent)

    assert (mine.status_code, theirs.status_code) == (200, 409)
