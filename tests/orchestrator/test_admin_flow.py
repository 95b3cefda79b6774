"""Steps that lead the flow, edited in the fields that their kind has, one draft with its text."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import reverse

from orchestrator.definitions import export_version, import_draft
from orchestrator.models import Step, Workflow, WorkflowVersion
from tests import world
from tests.orchestrator.flows import published
from tests.orchestrator.test_flow_paper import FILE
from tests.orchestrator.test_flow_waiting import CHILD

pytestmark = pytest.mark.django_db

ALWAYS = {"when-mode": "always", "when-rows-TOTAL_FORMS": "0", "when-rows-INITIAL_FORMS": "0"}


@pytest.fixture
def draft() -> WorkflowVersion:
    world.people()
    return import_draft(FILE)


@pytest.fixture
def alice(draft: WorkflowVersion) -> Client:
    client = Client()
    client.force_login(world.person("alice"))
    return client


def url(page: str, step: Step, *args: object) -> str:
    return reverse(f"admin:orchestrator_step_{page}", args=[step.pk, *args])


def named(draft: WorkflowVersion, key: str) -> Step:
    return draft.steps.get(key=key)


def form_of(page: Any) -> dict[str, Any]:
    """What the form posts as it stands."""
    form = page.context["adminform"].form
    posted: dict[str, Any] = {"seen": page.context["seen"]}
    for name, field in form.fields.items():
        value = form[name].value()
        if hasattr(field.widget, "columns"):
            for index, column in enumerate(field.widget.columns):
                posted[f"{name}-{column.key}"] = [row[index] for row in value]
        elif value not in (None, False):
            posted[name] = value
    return posted


def saved(client: Client, step: Step, **typed: Any) -> Any:
    address = url("change", step)
    return client.post(address, form_of(client.get(address)) | typed)


def flow(step: Step) -> Any:
    return Step.objects.get(pk=step.pk).flow


@pytest.mark.parametrize(
    "key", ["zone", "prepare", "pick", "line", "picked", "payment", "rest", "done", "put_back"]
)
def test_a_form_that_is_saved_as_it_stands_changes_nothing(
    alice: Client, draft: WorkflowVersion, key: str
) -> None:
    before = export_version(draft)

    assert saved(alice, named(draft, key)).status_code == 302

    assert export_version(draft) == before


@pytest.mark.parametrize(
    ("key", "typed", "now"),
    [
        ("rest", {"flow_after": "4h", "flow_working": ""}, {"after": "4h"}),
        ("rest", {"flow_after": "", "flow_working": "", "flow_until": "/country"},
         {"until": "/country"}),
        ("payment", {"flow_within": "2d", "flow_match-here": ["/amount", ""],
                     "flow_match-there": ["/country", ""]},
         {"signal": "paid", "within": "2d", "match": {"/amount": "/country"}}),
        ("prepare", {"flow_complete_when": "any", "flow_merge-place": ["/notes"],
                     "flow_merge-rule": ["append"]},
         {"join": "prepared", "complete_when": "any", "merge": {"/notes": "append"}}),
        ("pick", {"flow_complete_when": "number", "flow_enough": "2", "flow_as": "/one",
                  "flow_at_once": ""},
         {"items": "/lines", "join": "picked", "collect": "/picked", "as": "/one",
          "complete_when": 2}),
    ],
)  # fmt: skip
def test_each_kind_is_edited_in_its_own_fields(
    alice: Client, draft: WorkflowVersion, key: str, typed: dict[str, Any], now: dict[str, Any]
) -> None:
    step = named(draft, key)

    assert saved(alice, step, **typed).status_code == 302

    assert flow(step) == now
    assert yaml.safe_load(export_version(draft))["steps"][step.position - 1]["flow"] == now


@pytest.mark.parametrize(
    ("key", "typed", "wrong"),
    [
        ("rest", {"flow_after": "3 days"}, ("flow_after", "write it like")),
        ("rest", {"flow_until": "/country"}, ("flow_until", "not both")),
        ("rest", {"flow_after": "", "flow_until": "/nowhere"}, ("flow_until", "at /nowhere")),
        ("payment", {"flow_match-here": ["/line"], "flow_match-there": ["/country"]},
         ("flow_match", "The signal has nothing at /line")),
        ("payment", {"flow_match-here": ["/amount"], "flow_match-there": [""]},
         ("flow_match", "Row 1: give both sides")),
        ("pick", {"flow_complete_when": "number", "flow_enough": ""}, ("flow_enough", "how many")),
        ("pick", {"flow_collect": "picked"}, ("flow_collect", "Give a place")),
        ("pick", {"flow_at_once": "200"}, ("flow_at_once", "100")),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(
    alice: Client, draft: WorkflowVersion, key: str, typed: dict[str, Any], wrong: tuple[str, str]
) -> None:
    field, said = wrong
    step = named(draft, key)
    before = flow(step)

    page = saved(alice, step, **typed)

    assert said in " ".join(page.context["adminform"].form.errors[field])
    text = html.unescape(page.content.decode())
    for value in typed.values():
        for one in value if isinstance(value, list) else [value]:
            assert one in text
    assert flow(step) == before


def test_the_fields_offer_joins_lists_and_steps(alice: Client, draft: WorkflowVersion) -> None:
    fields = alice.get(url("change", named(draft, "pick"))).context["adminform"].form.fields
    assert [key for key, _name in fields["flow_join"].choices] == ["", "picked", "prepared"]
    assert "/lines" in dict(fields["flow_items"].choices)

    line = alice.get(url("change", named(draft, "line"))).context["adminform"].form.fields
    assert dict(line["compensated_by"].choices)["put_back"] == "Put the line back"


def test_what_undoes_a_step_and_where_it_goes_back_are_chosen(
    alice: Client, draft: WorkflowVersion
) -> None:
    step = named(draft, "put_back")

    saved(alice, step, compensated_by="line", rework_to=["line"], rework_visits="4")

    step.refresh_from_db()
    assert step.compensated_by == "line"
    assert step.rework == {"to": ["line"], "visits": 4}
    saved(alice, step, rework_to=[])
    step.refresh_from_db()
    assert step.rework == {}


def test_a_subflow_calls_one_of_the_workflows_that_one_sees(
    alice: Client, draft: WorkflowVersion
) -> None:
    published(CHILD)
    published(CHILD.replace('"child"', '"secret"').replace('["Finance"]', '["Another team"]')
              .replace('"owner": "alice"', '"owner": "carl"'))  # fmt: skip
    step = draft.steps.create(key="call", name="Call", kind="subflow", position=50)
    offered = alice.get(url("change", step)).context["adminform"].form.fields["flow_workflow"]
    assert [key for key, _name in offered.choices] == ["", "child"]

    saved(alice, step, flow_workflow="child")

    assert flow(step) == {"workflow": "child"}


def test_another_kind_leaves_nothing_of_the_old_one(alice: Client, draft: WorkflowVersion) -> None:
    step = named(draft, "rest")

    assert saved(alice, step, kind="event").status_code == 302

    assert flow(step) == {}
    fields = alice.get(url("change", step)).context["adminform"].form.fields
    assert "flow_signal" in fields
    assert "flow_after" not in fields


def test_a_new_step_of_the_flow_leads_to_its_own_fields(
    alice: Client, draft: WorkflowVersion
) -> None:
    address = reverse("admin:orchestrator_step_add", query={"version": draft.pk})
    data = {"name": "Pause", "key": "pause", "kind": "timer", "effect": "pure"}

    made = alice.post(address, data | {"timeout": "30s", "undo_seconds": "10s"})

    assert made["Location"] == url("change", named(draft, "pause"))


# The rows of a decision table


def test_rows_are_added_changed_moved_and_removed(alice: Client, draft: WorkflowVersion) -> None:
    step = named(draft, "zone")
    near, far = step.flow["rows"]
    add = alice.get(url("entry_add", step, "rows"))
    assert 'name="f"' in add.content.decode()

    when = {
        "when-mode": "rows", "when-join": "all",
        "when-rows-TOTAL_FORMS": "1", "when-rows-INITIAL_FORMS": "0",
        "when-rows-0-fact": "case/country", "when-rows-0-op": "eq", "when-rows-0-value": "US",
        "when-rows-0-fact2": "",
    }  # fmt: skip
    alice.post(url("entry_add", step, "rows"), when | {"f": "far"})
    us = {"when": {"fact": "case/country", "op": "eq", "value": "US"}, "output": "far"}
    assert flow(step) == {"rows": [near, far, us]}

    stored = json.dumps(flow(step)["rows"][2])
    alice.post(url("entry_move", step, "rows", 2), {"entry": stored, "up": "1"})
    assert flow(step)["rows"] == [near, us, far]

    alice.post(url("entry", step, "rows", 1), ALWAYS | {"seen": json.dumps(us), "f": "near"})
    assert flow(step)["rows"][1] == {"output": "near"}

    alice.post(url("entry", step, "rows", 0), {"seen": json.dumps(near), "delete": "1"})
    assert flow(step)["rows"] == [{"output": "near"}, far]


def test_a_row_that_does_not_fit_says_where(alice: Client, draft: WorkflowVersion) -> None:
    step = named(draft, "zone")

    page = alice.post(url("entry_add", step, "rows"), ALWAYS | {"f": "nowhere"})

    text = page.content.decode()
    assert 'id="f-error"' in text
    assert "nowhere" in text
    assert len(flow(step)["rows"]) == 2


def test_the_table_shows_its_rows_in_words(alice: Client, draft: WorkflowVersion) -> None:
    page = html.unescape(alice.get(url("change", named(draft, "zone"))).content.decode())

    assert 'case country is one of "DE", "FR"' in page
    assert page.index('id="rows-head"') < page.index('id="transition-head"')


def test_reasons_to_wait_are_entries_too(alice: Client, draft: WorkflowVersion) -> None:
    step = named(draft, "line")
    customer = {"code": "customer", "label": "The customer answers", "pauses": "on", "most": "2d"}

    wrong = alice.post(url("entry_add", step, "pend"), customer | {"most": "soon"})
    assert "write it like" in wrong.content.decode()
    alice.post(url("entry_add", step, "pend"), customer)

    step.refresh_from_db()
    assert step.pend == [customer | {"pauses": True}]


# The version


def news(alice: Client, draft: WorkflowVersion, *rows: tuple[str, str, str]) -> Any:
    address = reverse("admin:orchestrator_workflowversion_change", args=[draft.pk])
    form = form_of(alice.get(address))
    columns = ("name", "target", "source")
    typed = {f"signals-{name}": [row[index] for row in rows] for index, name in enumerate(columns)}
    return alice.post(address, form | typed)


def test_news_are_rows(alice: Client, draft: WorkflowVersion) -> None:
    rows = [("moved", "/address", "/to"), ("moved", "/country", "/land"), ("hurry", "", "")]

    assert news(alice, draft, *rows, ("", "", "")).status_code == 302

    draft.refresh_from_db()
    assert draft.signals == {"moved": {"/address": "/to", "/country": "/land"}, "hurry": {}}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("", "/address", "/to"), "Row 1: give the name"),
        (("moved", "/address", "to"), "Row 1: give both places"),
        (("moved", "/nowhere", "/to"), "nothing at /nowhere"),
    ],
)
def test_a_row_of_news_that_cannot_be_says_why(
    alice: Client, draft: WorkflowVersion, row: tuple[str, str, str], said: str
) -> None:
    page = news(alice, draft, row)

    assert said in " ".join(page.context["adminform"].form.errors["signals"])
    draft.refresh_from_db()
    assert draft.signals == {"moved": {"/address": "/to"}}


def test_problems_of_a_draft_lead_to_the_field(alice: Client, draft: WorkflowVersion) -> None:
    rest, zone = named(draft, "rest"), named(draft, "zone")
    Step.objects.filter(pk=rest.pk).update(flow={"until": "/nowhere"})
    Step.objects.filter(pk=zone.pk).update(flow={"rows": [{"output": "moon"}]})

    page = alice.get(reverse("admin:orchestrator_workflowversion_publish", args=[draft.pk]))

    found = {problem.url for problem in page.context["problems"]}
    assert url("change", rest) + "#id_flow_until" in found
    assert url("change", zone) + "#rows" in found
    assert 'id="id_flow_until"' in alice.get(url("change", rest)).content.decode()


def test_who_saves_second_keeps_the_flow_of_who_was_first(
    alice: Client, draft: WorkflowVersion
) -> None:
    step = named(draft, "payment")
    hers = form_of(alice.get(url("change", step)))
    dora = Client()
    dora.force_login(world.person("dora"))
    saved(dora, step, **{"flow_within": "3d", "flow_match-here": ["/amount"],
                         "flow_match-there": ["/country"]})  # fmt: skip

    told = alice.post(url("change", step), hers | {"name": "Paid"})
    assert "Nothing is saved yet" in told.content.decode()
    alice.post(url("change", step), form_of(told) | {"name": "Paid"})

    step.refresh_from_db()
    assert step.name == "Paid"
    assert step.flow == {"signal": "paid", "within": "3d", "match": {"/amount": "/country"}}


def test_a_published_step_shows_what_it_has(alice: Client) -> None:
    place = published(FILE.replace("workflow: orders", "workflow: sold"))
    assert isinstance(place, Workflow)
    step = Step.objects.get(version=place.published_version, key="payment")

    page = html.unescape(alice.get(url("change", step)).content.decode())

    assert '"within": "14d"' in page
