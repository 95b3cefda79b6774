"""The insights: figures from counters, each number a link to exactly its cases."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestrator import engine
from orchestrator.models import Debut, Workflow
from tests import world
from tests.bench.history import two_years
from tests.world import FLIGHT, LUNCH, actor, decided, in_review, person, started

pytestmark = pytest.mark.django_db

NUMBER = re.compile(r'<a[^>]*href="(/cases/\?[^"]+)"[^>]*>([\d,]+)</a>')


@pytest.fixture
def place() -> Workflow:
    return world.workflow()


@pytest.fixture
def busy(place: Workflow) -> Workflow:
    """Two versions, two agents, and everything that can happen to a case in the first."""
    costs: dict[str, Any] = {"cost_micros": 20_000, "currency": "EUR"}
    new: dict[str, Any] = {"model": "m-2"}
    for _ in range(3):
        started(place, LUNCH, confidence=0.99, **costs)
    started(place, {**LUNCH, "merchant": "Casino"}, confidence=0.95, **new)
    sure = in_review(place, {**LUNCH, "amount": 400}, confidence=0.95)
    decided(sure, "bea", "approved", final=True)
    decided(in_review(place, confidence=0.82), "bea", "approved", final=True, seconds=6)
    decided(in_review(place, confidence=0.88, **new), "ben", "corrected", output=less(), final=True)
    decided(in_review(place, confidence=None), "bea", "rejected", final=True)
    decided(in_review(place, **new), "bea", "escalated")
    taken_back = decided(in_review(place), "bea", "rejected")
    engine.undo(taken_back.decision.pk, actor=actor("bea"))
    in_review(place, FLIGHT, **new)
    engine.cancel_case(in_review(place).case_id, actor=actor("lea"), reason="Twice.")
    started(place)
    engine.work_until_idle()
    later = world.workflow(world.EXPENSES, **{"value: 1000": "value: 500"})
    started(later, LUNCH, confidence=0.99, **new)
    in_review(later, FLIGHT)
    counted()
    return later


def less() -> dict[str, Any]:
    return {**LUNCH, "amount": 1}


def counted() -> None:
    while engine.fold_counters():
        continue


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(person(name))
    return client


def shown(name: str = "bea", **query: Any) -> str:
    answer = signed_in(name).get("/insights/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def tile(page: str, label: str) -> str:
    """The text of one figure and what it is made of."""
    found = re.search(rf"<dt>{label}</dt>(.*?)</div>", page, re.DOTALL)
    assert found, label
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[1])).split())


def test_the_figures_of_a_period(busy: Workflow) -> None:
    page = shown()

    assert tile(page, "Started") == "15"
    assert tile(page, "Completed").startswith("9 1 cancelled")
    assert tile(page, "Approved by rules").startswith(
        "29% 4 by a rule · 9 asked people · 1 blocked"
    )
    assert tile(page, "Overridden by people").startswith("50% likely 15 to 85%")
    assert "2 overridden · 2 approved" in tile(page, "Overridden by people")
    assert "5 outputs decided" in tile(page, "Time to decision")
    assert tile(page, "Cost per case").startswith("0.0040 EUR 0.06 EUR in all")
    assert tile(page, "Failed tries").startswith("7% 1 failed · 15 tries")


@pytest.mark.parametrize(
    ("part", "least"),
    [({}, 90), ({"version": 1}, 60), ({"version": 2}, 20), ({"agent": 0}, 30), ({"agent": 1}, 30)],
)
def test_every_number_opens_exactly_its_cases(
    busy: Workflow, part: dict[str, int], least: int
) -> None:
    client = signed_in("alice")
    if "agent" in part:
        part = {"agent": Debut.objects.order_by("pk")[part["agent"]].actor_id}
    pages = [
        shown("alice", period=period, workflow=busy.slug, **part)
        for period in ("24h", "7d", "30d", "all")
    ]

    numbers = {number for page in pages for number in NUMBER.findall(page)}

    assert len(numbers) > least
    for url, number in numbers:
        rows = client.get(html.unescape(url)).context["rows"]
        assert len(rows) == int(number), url


def test_why_people_were_asked_is_ranked_over_versions(busy: Workflow) -> None:
    rows = signed_in("bea").get("/insights/").context["reasons"]

    assert [(row["name"], re.sub("<.*?>", "", row["count"])) for row in rows] == [
        ("Everything else", "7"),
        ("Much money", "2"),
    ]
    assert rows[0]["step"] == "Read the receipt"
    assert rows[1]["sentence"] == "", "the versions differ in when it applies"
    rows = signed_in("bea").get("/insights/", {"version": 2}).context["reasons"]
    assert [row["sentence"] for row in rows] == ["amount is above 500"]


def test_outputs_that_no_rule_asks_about_are_among_the_reasons() -> None:
    text = world.EXPENSES.replace("kind: agent", "kind: automation")
    for rule, rest in (("Much money", " {6}- name: Small"), ("Everything else", "  - key: booked")):
        text = re.sub(rf" {{6}}- name: {rule}.*?(?={rest})", "", text, flags=re.DOTALL)
    alone = world.workflow(text, **{"settings: {}": f"settings: {json.dumps({'output': LUNCH})}"})
    started(alone)
    engine.work_until_idle()
    counted()

    client = signed_in("alice")

    (row,) = client.get("/insights/").context["reasons"]
    ((url, number),) = NUMBER.findall(row["count"])
    assert (row["name"], number) == ("No rule asks a person", "1")
    assert len(client.get(html.unescape(url)).context["rows"]) == 1


def test_agreement_by_confidence_has_its_intervals(busy: Workflow) -> None:
    page = shown()

    assert re.search(r"0\.8 to 0\.9</th>.*?50%</td><td>9 to 91%", page, re.DOTALL)
    assert re.search(r"not given</th>.*?0%", page, re.DOTALL)


def test_an_agent_that_is_too_sure_is_named(place: Workflow) -> None:
    for _ in range(4):
        task = in_review(place, confidence=0.97, value={**LUNCH, "amount": 400})
        decided(task, "bea", "rejected", final=True)
    counted()

    assert "too sure" in shown()


def test_agent_versions_stand_one_beside_the_other(place: Workflow) -> None:
    costs: dict[str, Any] = {"cost_micros": 20_000, "currency": "EUR", "latency_ms": 840}
    started(place, LUNCH, confidence=0.99, model="m-1", **costs)
    started(place, LUNCH, confidence=0.99, model="m-1", **costs)
    decided(in_review(place, confidence=0.82, model="m-2"), "bea", "rejected", final=True)
    counted()

    new, old = signed_in("bea").get("/insights/").context["agents"]

    assert (old["name"], old["model"], old["steps"]) == ("reader", "m-1", "Read the receipt")
    assert (old["automation"], old["overrides"], old["cost"]) == ("100%", "–", "0.0200 EUR")
    assert re.fullmatch(r"8[0-9]{2} ms", old["latency"])
    assert (new["model"], new["automation"], new["overrides"]) == ("m-2", "0%", "100%")
    page = shown(agent=Debut.objects.latest("pk").actor_id)
    assert f"agent reader@{new['revision']}" in page
    assert tile(page, "Agreed with").startswith("0% likely 0 to 79% 0 agreed · 1 judged")
    assert "Started" not in page
    assert "Intake and throughput" not in page
    assert 'href="/insights/"' in page, "the way back to all agents"


def test_an_agent_of_another_workflow_or_of_one_version_is_not_found(place: Workflow) -> None:
    started(place, LUNCH, confidence=0.99, model="m-1")
    agent = Debut.objects.get().actor_id
    other = world.workflow(**{"workflow: expenses": "workflow: travel"})

    right: dict[str, Any] = {"agent": agent, "workflow": "expenses"}
    wrong: tuple[dict[str, Any], ...] = (
        {"agent": agent, "workflow": other.slug},
        {"agent": agent, "workflow": "expenses", "version": 1},
        {"agent": "x", "workflow": "expenses"},
    )

    assert signed_in("bea").get("/insights/", right).status_code == 200
    for query in wrong:
        assert signed_in("bea").get("/insights/", query).status_code == 404


def test_the_cases_of_one_agent_are_told_as_such(place: Workflow) -> None:
    started(place, LUNCH, confidence=0.99, model="m-1")
    query: dict[str, Any] = {"what": "auto", "agent": Debut.objects.get().actor_id}

    page = signed_in("bea").get("/cases/", query).content.decode()

    assert "Cases in which a rule approved an output (agent reader@1)." in page


def test_one_sees_only_workflows_whose_cases_one_sees(busy: Workflow) -> None:
    assert "Nothing to look into" in shown("carl")
    assert signed_in("carl").get("/insights/", {"workflow": "expenses"}).status_code == 200
    text = {"workflow: expenses": "workflow: travel", "groups: [Finance]": "groups: [Another team]"}
    world.workflow(**text)

    page = shown("carl")

    assert "travel" in page
    assert "expenses" not in page
    assert signed_in("carl").get("/insights/", {"workflow": "expenses"}).status_code == 404


@pytest.mark.parametrize("query", [{"version": "9"}, {"period": "2d"}, {"workflow": "none"}])
def test_what_is_not_there_is_not_found(place: Workflow, query: dict[str, str]) -> None:
    assert signed_in("bea").get("/insights/", query).status_code == 404


def test_nothing_yet_and_nothing_lately(place: Workflow) -> None:
    assert "Nothing happened in this period" in shown()
    assert "Nothing is counted yet" in shown(period="all")


def test_how_many_are_open_now(busy: Workflow) -> None:
    page = shown()

    assert re.search(r">5</a>\s+open cases", page)
    assert re.search(r">4</a>\s+wait for people", page)


def test_a_blind_reviewer_finds_no_case_through_a_number(place: Workflow) -> None:
    blind = world.workflow(world.EXPENSES, **{"mode: dual": "mode: dual\n        blind: true"})
    task = in_review(blind, FLIGHT)
    decided(task, "ben", "approved")
    query = {"workflow": "expenses", "what": "approved"}

    assert signed_in("bea").get("/cases/", query).context["rows"] == []
    assert len(signed_in("alice").get("/cases/", query).context["rows"]) == 1


def test_the_list_names_the_rule_and_the_confidence(busy: Workflow) -> None:
    client = signed_in("alice")
    (first, *_) = client.get("/insights/").context["reasons"]
    ((url, _number),) = NUMBER.findall(first["count"])

    assert "by the rule “Everything else”" in client.get(html.unescape(url)).content.decode()
    for band, said in (("8", "with confidence 0.8 to 0.9"), ("unknown", "confidence not given")):
        query = {"what": "judged", "band": band}
        assert said in client.get("/cases/", query).content.decode()


@pytest.mark.parametrize(
    "query",
    [
        {"what": "nonsense"},
        {"what": "judged", "band": "12"},
        {"what": "asked", "rule": "1;2"},
        {"what": "started", "since": "yesterday"},
        {"version": "one"},
        {"version": "٣"},
    ],
)
def test_what_no_link_says_fits_no_case(place: Workflow, query: dict[str, str]) -> None:
    started(place)

    answer = signed_in("bea").get("/cases/", query)

    assert answer.status_code == 200
    assert answer.context["rows"] == []


def test_the_list_says_what_was_chosen_and_keeps_it(place: Workflow) -> None:
    decided(in_review(place, key="right"), "bea", "approved")
    decided(in_review(place, key="wrong"), "bea", "corrected", output=less())
    query = {"what": "corrected", "since": "2020-01-01T00:00Z", "workflow": "expenses"}

    answer = signed_in("bea").get("/cases/", query)

    assert [row["key"] for row in answer.context["rows"]] == ["wrong"]
    page = answer.content.decode()
    assert "Cases in which people corrected an output since 2020-01-01 00:00 UTC." in page
    assert '<input type="hidden" name="what" value="corrected">' in page
    assert 'href="/cases/?workflow=expenses"' in page


@pytest.mark.timeout(300)  # it writes almost a million counters
def test_the_page_asks_as_much_after_two_years_as_on_the_first_day(place: Workflow) -> None:
    decided(in_review(place), "bea", "approved", final=True)
    counted()
    client = signed_in("bea")
    client.get("/insights/")

    def asked(period: str) -> tuple[int, int]:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.get("/insights/", {"period": period})
        return len(queries), len(answer.content)

    before = {period: asked(period) for period in ("24h", "7d", "30d", "all")}
    assert two_years(place) > 900_000
    after = {period: asked(period) for period in before}

    assert {period: found[0] for period, found in after.items()} == {
        period: found[0] for period, found in before.items()
    }
    assert max(found[0] for found in after.values()) <= 15
    assert all(size < 120_000 for _, size in after.values())


def test_no_page_reads_the_log_or_the_cases(busy: Workflow) -> None:
    client = signed_in("bea")
    with CaptureQueriesContext(connection) as queries:
        client.get("/insights/")

    big = ("event", "case", "task", "attempt", "decision", "routing", "verdict", "seat")
    read = {table for row in queries for table in big if f'"orchestrator_{table}"' in row["sql"]}
    assert read == set()
