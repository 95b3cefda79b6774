"""Refund requests from intake to the ledger: one person, two people, and those who may not."""

from __future__ import annotations

from typing import Any

from tests.acceptance.site import Browser, Site

MUG = """\
Hello, my order number is {order}. The Harbour mug arrived broken.
Please refund the €{price:.2f} I paid. Kind regards, Ada Brook
"""


def request(order: str, price: float) -> dict[str, Any]:
    """A refund that is read surely: only its amount decides who is asked."""
    item = {"sku": "MG-02", "name": "Harbour mug", "price": price}
    placed = {"order_id": order, "placed_on": "2026-02-20", "currency": "EUR", "refunded": 0}
    return {
        "reference": f"T-{order}",
        "received_at": "2026-03-02T09:15:00+00:00",
        "channel": "email",
        "customer": {"name": "Ada Brook"},
        "message": MUG.format(order=order, price=price),
        "orders": [placed | {"items": [item], "total": price}],
        "paid_total": price,
        "policy": {"name": "Returns", "window_days": 30},
    }


def decide(browser: Browser, task_id: int, word: str = "approved") -> int:
    """Claim and decide on the pages; the status of the answer."""
    browser.open(f"/review/tasks/{task_id}/")
    browser.submit(f"/review/tasks/{task_id}/claim/")
    return browser.submit(f"/review/tasks/{task_id}/decide/", decision=word).status_code


def finally_decide(site: Site, name: str, task_id: int, word: str) -> dict[str, Any]:
    """Claim and decide by a program, without the time to undo; what it is told."""
    program = site.api(name)
    claimed = program.post(f"review/tasks/{task_id}/claim").json()
    seen = {"claim_token": claimed["claim"]["token"], "digest": claimed["digest"]}
    body = seen | {"decision": word, "comment": "Seen by a program.", "final": True}
    response = program.post(f"review/tasks/{task_id}/decision", json=body)
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_a_small_sure_refund_is_paid_without_anybody(site: Site) -> None:
    case_id = site.started("refunds", "acc-small", request("KF-204817", 12.95))

    assert site.outcome(case_id) == "paid"
    entry = site.entry(case_id)
    assert entry is not None
    assert (entry["amount"], entry["orders"]) == (12.95, ["KF-204817"])


def test_a_middle_refund_is_paid_once_after_one_person(site: Site) -> None:
    case_id = site.started("refunds", "acc-middle", request("KF-204818", 180))
    task_id = site.task_in_review(case_id)
    assert site.entry(case_id) is None

    assert decide(site.browser("bea"), task_id) == 200

    assert site.outcome(case_id) == "paid"
    entry = site.entry(case_id)
    assert entry is not None
    assert entry["amount"] == 180
    assert site.case(case_id)["data"]["booking"]["refund"] == entry["refund"]


def test_a_large_refund_takes_two_people_and_nobody_sits_twice(site: Site) -> None:
    case_id = site.started("refunds", "acc-large", request("KF-204819", 1249))
    task_id = site.task_in_review(case_id)

    assert decide(site.browser("bea"), task_id) == 200
    refused = site.api("bea").post(f"review/tasks/{task_id}/claim")
    assert refused.status_code == 403
    assert "it needs other eyes" in refused.text
    assert site.entry(case_id) is None

    assert finally_decide(site, "ben", task_id, "approved")["task_state"] == "completed"
    assert site.outcome(case_id) == "paid"
    entry = site.entry(case_id)
    assert entry is not None
    assert entry["amount"] == 1249
    rows = [row for row in site.feedback("refunds", case_id) if row["step"] == "read"]
    assert [(row["reviewer"], row["decision"]) for row in rows] == [
        ("bea", "approved"),
        ("ben", "approved"),
    ]
    assert [row["final"]["amount"] for row in rows] == [1249, 1249]


def test_who_may_not_decide_is_told_why_and_strangers_see_nothing(site: Site) -> None:
    case_id = site.started("refunds", "acc-rights", request("KF-204820", 180))
    task_id = site.task_in_review(case_id)

    page = site.browser("cara").open(f"/review/tasks/{task_id}/")
    assert (page.status_code, "Refund reviewers decide here" in page.text) == (200, True)
    told = site.api("cara").post(f"review/tasks/{task_id}/claim")
    assert told.status_code == 403
    assert told.json()["reasons"] == ["Refund reviewers decide here, and whoever holds a Grant to."]

    assert site.api("carl").post(f"review/tasks/{task_id}/claim").status_code == 404
    carl = site.browser("carl")
    assert carl.open(f"/review/tasks/{task_id}/").status_code == 404
    assert carl.open(f"/cases/{case_id}/").status_code == 404
    assert "acc-rights" not in carl.open("/review/").text


def test_a_rejected_refund_reaches_no_ledger(site: Site) -> None:
    case_id = site.started("refunds", "acc-rejected", request("KF-204821", 180))
    task_id = site.task_in_review(case_id)

    decided = finally_decide(site, "bea", task_id, "rejected")

    assert decided["case_state"] == "completed"
    assert site.outcome(case_id) == "declined"
    assert site.entry(case_id) is None
