"""Handwritten digits from intake to export."""

from __future__ import annotations

from tests.acceptance.site import Site, eventually


def unsure(site: Site) -> tuple[int, int]:
    """Case and task of a digit that waits for a person and that nobody has looked at."""
    found = eventually(
        lambda: site.rows(
            "SELECT t.case_id, t.id FROM orchestrator_task t JOIN orchestrator_case c"
            " ON c.id = t.case_id WHERE c.key LIKE 'D-%%' AND t.state = 'in_review'"
            " AND NOT EXISTS (SELECT 1 FROM orchestrator_seat s WHERE s.task_id = t.id"
            " AND s.claimed_by_id IS NOT NULL) ORDER BY t.id LIMIT 1"
        )
    )
    return found[0][0], found[0][1]


def test_a_digit_is_read_corrected_by_a_person_and_exported(site: Site) -> None:
    case_id, task_id = unsure(site)
    before = site.rows("SELECT proposal FROM orchestrator_task WHERE id = %s", task_id)[0][0]
    right = (before["digit"] + 1) % 10
    bea = site.browser("bea")

    page = bea.open(f"/review/tasks/{task_id}/")
    assert "/demo/digits/" in page.text
    bea.submit(f"/review/tasks/{task_id}/claim/")
    image = bea.http.get(_image(page.text))
    assert image.headers["content-type"] == "image/png"
    decide = f"/review/tasks/{task_id}/decide/"
    fields = {"f/digit": str(right), "why/digit": "misread", "decision": "corrected"}
    assert bea.submit(decide, **fields).status_code == 200

    assert site.outcome(case_id) == "entered"
    assert site.case(case_id)["data"]["digit"] == right
    (row,) = site.feedback("digits", case_id)
    assert (row["decision"], row["output"], row["final"]) == (
        "corrected",
        before,
        {"digit": right},
    )
    assert row["reviewer"] == "bea"
    (correction,) = row["corrections"]
    assert (correction["path"], correction["before"], correction["after"]) == (
        "/digit",
        before["digit"],
        right,
    )
    assert correction["reason"] == "misread"


def test_a_sure_digit_is_entered_by_the_rule_in_the_name_of_alice(site: Site) -> None:
    found = eventually(
        lambda: site.rows(
            "SELECT c.id FROM orchestrator_case c JOIN orchestrator_workflow w"
            " ON w.id = c.workflow_id JOIN orchestrator_decision d ON d.via = 'rule:1/1'"
            " JOIN orchestrator_task t ON t.id = d.task_id AND t.case_id = c.id"
            " WHERE w.slug = 'digits' AND c.outcome = 'entered' LIMIT 1"
        )
    )

    (row,) = site.feedback("digits", found[0][0])
    assert (row["decision"], row["route"]["mode"], row["actor_kind"]) == (
        "approved",
        "auto",
        "policy",
    )
    assert row["confidence"] >= 0.95


def test_only_who_is_signed_in_sees_an_image(site: Site) -> None:
    bea = site.browser("bea")
    assert bea.open("/demo/digits/1.png").headers["content-type"] == "image/png"

    bea.http.cookies.clear()
    assert bea.open("/demo/digits/1.png").url.path == "/demo/"


def _image(page: str) -> str:
    start = page.index("/demo/digits/")
    return page[start : page.index(".png", start)] + ".png"
