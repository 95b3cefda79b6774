"""The filters: each narrows, none is guessed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator.exceptions import Invalid, NotFound
from orchestrator.models import Workflow
from review.feedback import Query, count
from tests import world
from tests.review.feedback import exported, settle_now


@pytest.fixture
def decided(expenses: Workflow) -> Workflow:
    """Four rows: bea corrects, ben approves, ben rejects, a rule approves."""
    world.decided(
        world.in_review(expenses, key="a"), "bea", "corrected", output=world.LUNCH | {"amount": 1}
    )
    settle_now()
    world.decided(world.in_review(expenses, key="b"), "ben", "approved")
    settle_now()
    world.decided(world.in_review(expenses, key="c"), "ben", "rejected")
    settle_now()
    world.started(expenses, world.LUNCH, confidence=0.95, key="d")
    return expenses


def keys(**asked: str) -> str:
    return "".join(row["case_key"] for row in exported(**asked))


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, "abcd"),
        ({"decision": "approved"}, "bd"),
        ({"reviewer": "ben"}, "bc"),
        ({"reviewer": "ben", "decision": "approved"}, "b"),
        ({"limit": "2"}, "ab"),
        ({"until": "2020-01-01"}, ""),
        ({"from": "2020-01-01"}, "abcd"),
        ({"from": "2999-01-01"}, ""),
        ({"decision": "", "reviewer": "", "since": ""}, "abcd"),
    ],
)
def test_filters_narrow(decided: Workflow, asked: dict[str, str], wanted: str) -> None:
    assert keys(**asked) == wanted


def test_a_rule_can_be_asked_for_by_its_name(decided: Workflow) -> None:
    rule = exported()[-1]["reviewer"]

    assert keys(reviewer=rule) == "d"


def test_since_goes_on_after_a_cursor(decided: Workflow) -> None:
    cursor = exported()[1]["cursor"]

    assert keys(since=str(cursor)) == "cd"


def test_time_filters_take_days_and_times(decided: Workflow) -> None:
    first, second = exported()[:2]
    day = first["decided_at"][:10]

    assert keys(**{"from": second["decided_at"]}) == "bcd"
    assert keys(until=second["decided_at"]) == "a"
    assert keys(**{"from": day, "until": exported()[-1]["decided_at"][:10]}) == "abcd"


@pytest.mark.parametrize("day", ["2026-01-31", "20260131", "2026-W05-6"])
@pytest.mark.django_db
def test_a_day_ends_with_its_last_second(day: str) -> None:
    query = Query.parse({"from": day, "until": day}, None)

    assert query.start == datetime(2026, 1, 31, tzinfo=UTC)
    assert query.end == datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-01-31T13:00:00+01:00", "2026-01-31T13:00:00 01:00", "2026-01-31T12:00:00Z"]
)
@pytest.mark.django_db
def test_times_keep_their_offset(text: str) -> None:
    assert Query.parse({"from": text}, None).start == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "-1"),
        ("since", "1e3"),
        ("since", "9" * 19),
        ("since", "\u0661"),
        ("limit", "0"),
        ("from", "yesterday"),
        ("from", "2026-02-30"),
        ("until", "9999-12-31"),
        ("from", "0001-01-01T00:00:00+14:00"),
        ("decision", "maybe"),
        ("reviewer", "cara"),
        ("reviewer", "a\x00b"),
        ("colour", "red"),
        ("workflow", "nowhere"),
    ],
)
def test_an_unknown_filter_or_value_is_refused(decided: Workflow, name: str, value: str) -> None:
    with pytest.raises(Invalid) as refusal:
        Query.parse({"workflow": "expenses", name: value}, None)

    assert [problem["path"] for problem in refusal.value.details["problems"]] == [f"/{name}"]


def test_carl_asks_for_what_he_cannot_see(decided: Workflow) -> None:
    carl = world.actor("carl")

    with pytest.raises(NotFound):
        Query.parse({"workflow": "expenses"}, carl)
    assert Query.parse({}, carl).workflows == []


def test_without_a_workflow_there_is_all_that_one_may_see(decided: Workflow) -> None:
    other = world.workflow(
        **{"workflow: expenses": "workflow: trips", "name: Expenses": "name: Trips"}
    )
    world.started(other, world.LUNCH, confidence=0.95, key="t")

    query = Query.parse({}, world.actor("cara"))

    assert sorted(query.workflows) == sorted([decided.pk, other.pk])
    assert count(query, most=100).matching == 5


def test_counting_stops(decided: Workflow) -> None:
    query = Query.parse({"workflow": "expenses"}, None)

    assert [count(query, most=most).matching for most in (2, 4, 9)] == [2, 4, 4]
