"""Search over cases: keys, words in the file and in outputs; nothing personal, nothing foreign."""

from __future__ import annotations

from typing import Any, Final

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from orchestrator import engine, searching
from orchestrator.models import Case, Seat, Task, Workflow
from orchestrator.schema.personal import personal_paths
from tests.world import EXPENSES, LUNCH, actor, decided, in_review, person, started, workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Workflow:
    return workflow()


def page_of(name: str, **query: str) -> Any:
    client = Client()
    client.force_login(person(name))
    page = client.get("/cases/", query)
    assert page.status_code == 200
    return page


def listed(text: str, name: str = "bea", **query: str) -> list[str]:
    return sorted(row["key"] for row in page_of(name, q=text, **query).context["rows"])


@pytest.mark.parametrize(
    "typed",
    [
        "Kühlschrank",
        "KÜHL",
        "schrank kühlschrank",
        "INV-2024-0815",
        "0815",
        "inv-2024",
        "bea@example.org",
        "1299.5",
        "-40",
        "it's",
        "(kühlschrank)",
    ],
)
def test_words_in_the_case_file_find_it(place: Workflow, typed: str) -> None:
    text = "Kühlschrank, it's a schrank INV-2024-0815 for bea@example.org: 1299.5 at -40"
    started(place, key="one", text=text)
    started(place, key="two", text="Another receipt")

    assert listed(typed) == ["one"]


@pytest.mark.parametrize(
    "typed", ["ühlschrank", "kü", "text", "0816", "kühlschrank toaster", "&|!", "':*"]
)
def test_what_is_not_in_it_does_not(place: Workflow, typed: str) -> None:
    started(place, key="one", text="Kühlschrank 0815")

    assert listed(typed) == []


def test_outputs_are_searched_before_anybody_decided(place: Workflow) -> None:
    in_review(place, LUNCH | {"merchant": "Trattoria Verde"}, key="open")
    in_review(place, key="other")

    assert listed("verde") == ["open"]
    assert listed("42.5") == ["other"] or listed("42.5") == ["open", "other"]


def settled(task: Task) -> None:
    Task.objects.filter(pk=task.pk).update(settle_at=timezone.now())
    engine.settle_due()


def test_what_was_corrected_is_found_by_both(place: Workflow) -> None:
    task = in_review(place, LUNCH | {"merchant": "Trattoria"}, key="one")
    decided(task, "bea", "corrected", output=LUNCH | {"merchant": "Osteria"})
    settled(task)

    assert listed("trattoria") == listed("osteria") == ["one"]


def test_a_search_goes_with_the_other_filters_and_over_pages(place: Workflow) -> None:
    outcomes = engine.start_cases(
        place,
        actor=actor("alice"),
        cases=[{"key": f"c-{n:03}", "data": {"text": f"Kantine {n % 2}"}} for n in range(130)],
    )
    assert len(outcomes) == 130
    started(place, LUNCH, confidence=0.99, key="done", text="Kantine")

    assert listed("kantine", state="completed") == ["done"]
    assert listed("kantine", workflow="nowhere") == []
    seen, url, client = [], "/cases/?q=kantine+1", Client()
    client.force_login(person("bea"))
    while url:
        page = client.get(url)
        seen += [row["key"] for row in page.context["rows"]]
        url = page.context["page"].next_url
    assert seen == [f"c-{n:03}" for n in reversed(range(130)) if n % 2]


def test_each_team_finds_its_own(place: Workflow) -> None:
    started(place, key="ours", text="Kantine")

    assert listed("kantine", "carl") == []
    assert listed("kantine", "dora") == ["ours"]


def test_an_empty_result_says_what_to_do_next(place: Workflow) -> None:
    page = page_of("bea", q="nothing-like-this").content.decode()

    assert "No such case" in page
    assert 'href="?all=1"' in page


PERSONAL = (
    EXPENSES.replace(
        "properties: {text: {type: string}}",
        "properties: {text: {type: string}, who: {type: object, properties:"
        " {name: {type: string, x-personal: true}, city: {type: string}}},"
        " notes: {type: array, items: {type: object, properties:"
        " {by: {type: string, x-personal: true}, about: {type: string}}}}}",
    )
    .replace("{type: string, title: Merchant, minLength: 1}", "{type: string, x-personal: true}")
    .replace('output: {/expense: ""}', "output: {/expense/shop: /merchant, /expense/sum: /amount}")
)


def test_nothing_personal_is_found() -> None:
    place = workflow(PERSONAL)
    data = {
        "text": "Receipt",
        "who": {"name": "Wiebke", "city": "Uelzen"},
        "notes": [{"by": "Gesine", "about": "Lampe"}],
    }
    case = engine.start_case(
        place,
        actor=actor("alice"),
        key="one",
        data=data,
        output={"value": LUNCH | {"merchant": "Praxis Dr. Nolte"}, "confidence": 0.5},
    ).case

    def found(*words: str) -> list[str]:
        return [word for word in words if listed(word)]

    assert found("wiebke", "uelzen", "receipt", "gesine", "nolte", "praxis", "42.5", "food") == [
        "uelzen",
        "receipt",
        "42.5",
        "food",
    ]
    task = case.tasks.get()
    decided(task, "bea", "corrected", output=LUNCH | {"merchant": "Klinik", "amount": 43.25})
    settled(task)
    case.refresh_from_db()
    assert case.data["expense"] == {"shop": "Klinik", "sum": 43.25}
    assert found("klinik", "43.25", "uelzen") == ["43.25", "uelzen"]
    assert listed("one") == ["one"]


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ({}, set()),
        ({"x-personal": True}, {""}),
        ({"properties": {"a/b": {"x-personal": True}, "c": {"x-personal": False}}}, {"/a~1b"}),
        ({"properties": {"a": {"properties": {"b": {"x-personal": True}}}}}, {"/a/b"}),
        ({"properties": {"a": {"items": {"x-personal": True}}}}, {"/a"}),
        ({"properties": {"a": {"additionalProperties": {"x-personal": True}}}}, {"/a"}),
        ({"oneOf": [{"properties": {"a": {"x-personal": True}}}, {}]}, {"/a"}),
        ({"then": {"properties": {"a": {"x-personal": True}}}}, {"/a"}),
        ({"$defs": {"n": {"x-personal": True}}, "properties": {"a": {"$ref": "#/$defs/n"}}}, {""}),
    ],
)
def test_what_a_schema_marks(schema: dict[str, Any], paths: set[str]) -> None:
    assert personal_paths(schema) == paths


def test_a_blind_reviewer_does_not_learn_by_search_what_was_decided(place: Workflow) -> None:
    task = in_review(place, LUNCH | {"merchant": "Trattoria"}, key="one")
    decided(task, "ben", "corrected", output=LUNCH | {"merchant": "Osteria"})
    settled(task)
    group = Seat.objects.get(task=task).group
    Seat.objects.create(
        task=task,
        round=1,
        purpose="audit",
        number=1,
        blind=True,
        workflow=place,
        step_key="read",
        group=group,
        due_at=timezone.now(),
    )

    assert listed("osteria", "bea") == []
    assert listed("one", "bea") == ["one"]
    assert listed("osteria", "lea") == ["one"]


@pytest.mark.parametrize("text", ["Kühlschrank " * 25_000, "0123456789abcdef" * 20_000])
def test_a_very_long_document_is_taken_in_and_found_by_its_key(place: Workflow, text: str) -> None:
    started(place, key="long", text=text)

    assert listed("long") == ["long"]
    assert listed("kühlschrank") == []


@pytest.mark.django_db(transaction=True)
def test_a_search_that_hangs_ends_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    started(workflow(), key="kantine-1", text="Kantine")
    monkeypatch.setattr(searching, "MILLISECONDS", 100)
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
        other.execute("LOCK TABLE orchestrator_attempt")

        page = page_of("bea", q="kantine")

    assert [row["key"] for row in page.context["rows"]] == ["kantine-1"]
    assert "that took too long" in page.content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("30s",)


# So many that no other index looks as short as a word's entry.
MORE: Final = """
INSERT INTO orchestrator_attempt
    (task_id, number, shadow, actor_id, field_confidence, model, currency, started_at)
SELECT task_id, 1 + g, shadow, actor_id, field_confidence, model, currency, started_at
FROM (SELECT * FROM orchestrator_attempt LIMIT 1) AS one, generate_series(1, 3000) AS g
"""


def test_words_are_read_from_their_indexes(place: Workflow) -> None:
    in_review(place, LUNCH)
    query, hidden = searching.query_of("kantine"), searching._personal()
    with connection.cursor() as cursor:
        cursor.execute(MORE)
        cursor.execute("ANALYZE orchestrator_attempt")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
    cases = Case.objects.filter(searching._in_file(query, hidden)).order_by()
    outputs = searching._in_outputs(query, hidden).order_by()

    assert "case_words" in cases.explain()
    assert "attempt_words" in outputs.explain()
