"""Alice makes a workflow from nothing in the admin, checks and publishes it; others may not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from orchestrator import engine
from orchestrator.admin.steps import StepAdmin
from orchestrator.definitions import clone_to_draft, problems, warnings
from orchestrator.models import (
    Actor,
    Connection,
    DecisionRight,
    Step,
    StepKind,
    Transition,
    Workflow,
    WorkflowVersion,
)
from tests import world

pytestmark = pytest.mark.django_db

SCHEMA = "type: object\nrequired: [amount]\nproperties:\n  amount: {type: number}\n"
RIGHT = {
    "name": "Small",
    "mode": "auto",
    "decide_within": "4h",
    "on_timeout": "escalated",
    "seats": "1",
    "approvals": "1",
}
ALWAYS = {"when-mode": "always", "when-rows-TOTAL_FORMS": "0", "when-rows-INITIAL_FORMS": "0"}
STEP = {"effect": "pure", "timeout": "30s", "undo_seconds": "10s"}


def rows(*lines: tuple[str, str, str] | tuple[str, str, str, str], join: str = "all") -> Any:
    """What the condition editor posts for these comparisons."""
    posted = {"when-mode": "rows", "when-join": join, "when-rows-INITIAL_FORMS": "0"}
    posted["when-rows-TOTAL_FORMS"] = str(len(lines))
    for index, (fact, op, value, *other) in enumerate(lines):
        posted |= {
            f"when-rows-{index}-fact": fact,
            f"when-rows-{index}-op": op,
            f"when-rows-{index}-value": value,
            f"when-rows-{index}-fact2": other[0] if other else "",
        }
    return posted


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(world.person(name))
    return client


@pytest.fixture
def alice() -> Client:
    world.people()
    return client_of("alice")


def url(model: str, page: str, *args: object, **query: object) -> str:
    return reverse(f"admin:orchestrator_{model}_{page}", args=args, query=query or None)


def errors(response: HttpResponse) -> str:
    """What the page complains of, as text."""
    text = response.content.decode()
    return " ".join(re.findall(r"errorlist[^>]*>(.*?)</ul>", text, re.DOTALL))


def post(client: Client, address: str, data: dict[str, Any]) -> HttpResponse:
    response: Any = client.post(address, data)
    assert response.status_code == 302, errors(response)
    return response  # type: ignore[no-any-return]


def draft_of(client: Client, slug: str = "bills") -> WorkflowVersion:
    post(client, url("workflow", "add"), {"name": "Bills", "slug": slug, "owner": me(client).pk})
    return WorkflowVersion.objects.get(workflow__slug=slug)


def me(client: Client) -> User:
    return User.objects.get(pk=client.session["_auth_user_id"])


def add_step(
    client: Client, draft: WorkflowVersion, key: str, kind: str, schema: str = "", **more: Any
) -> Step:
    data = {"name": key.title(), "key": key, "kind": kind, **STEP, **more}
    post(client, url("step", "add", version=draft.pk), data)
    step = Step.objects.get(version=draft, key=key)
    if schema:
        post(client, url("step", "schema", step.pk), {"schema": schema, "base": "", "act": "save"})
        step.refresh_from_db()
    return step


def test_a_workflow_from_nothing_to_its_first_routed_output(alice: Client) -> None:
    post(alice, url("connection", "add"),
         {"name": "reader", "kind": "fake", "settings": "", "bulkhead": "8",
          "breaker_after": "5", "breaker_seconds": "30"})  # fmt: skip
    connection = Connection.objects.get()
    reader = {"kind": "agent", "name": "reader", "revision": "1", "connection": connection.pk}
    post(alice, url("actor", "add"), reader)
    draft = draft_of(alice)
    agent = Actor.objects.get(name="reader")

    read = add_step(alice, draft, "read", "agent", actor=agent.pk, schema=SCHEMA)
    done = add_step(alice, draft, "done", "end", outcome="paid")
    group = Group.objects.get(name="Expense reviewers")
    rule = url("decisionright", "add", step=read.pk)
    small = rows(("confidence", "ge", "0.9"), ("output/amount", "le", "50"))
    post(alice, rule, RIGHT | small)
    post(alice, rule, RIGHT | ALWAYS | {"name": "Rest", "mode": "review", "group": group.pk})
    post(alice, url("transition", "add", source=read.pk), ALWAYS | {"target": done.pk})

    page = alice.get(url("workflowversion", "publish", draft.pk)).content.decode()
    assert "Nothing is wrong" in page
    assert "<strong>alice</strong> answers for what its rules approve" in page
    post(alice, url("workflowversion", "publish", draft.pk), {})
    first = engine.start_case(
        Workflow.objects.get(), actor=world.actor("alice"), key="a", data={},
        output={"value": {"amount": 20}, "confidence": 0.95},
    )  # fmt: skip
    second = engine.start_case(
        Workflow.objects.get(), actor=world.actor("alice"), key="b", data={},
        output={"value": {"amount": 20}, "confidence": 0.5},
    )  # fmt: skip
    assert (first.case.state, first.case.outcome) == ("completed", "paid")
    assert second.case.tasks.get().state == "in_review"


def test_a_changed_right_in_the_next_version_routes_the_next_output(alice: Client) -> None:
    place = world.workflow()
    published = place.published_version
    assert published
    post(alice, url("workflowversion", "clone", published.pk), {})
    draft = WorkflowVersion.objects.get(workflow=place, published_at=None)
    small = DecisionRight.objects.get(step__version=draft, mode="auto")

    post(alice, url("decisionright", "change", small.pk),
         RIGHT | {"name": "Small and sure"} | rows(("output/amount", "le", "2000")))  # fmt: skip
    first = DecisionRight.objects.get(step__version=draft, mode="dual")
    post(alice, url("decisionright", "change", first.pk),
         RIGHT | {"name": "Much money", "mode": "dual", "group": first.group_id or ""}
         | rows(("output/amount", "gt", "5000")))  # fmt: skip
    page = alice.get(url("workflowversion", "publish", draft.pk)).content.decode()
    assert "amount is above 1000" in page
    assert "amount is above 5000" in page
    post(alice, url("workflowversion", "publish", draft.pk), {})

    place.refresh_from_db()
    assert place.published_version == draft
    assert world.started(place, world.FLIGHT, confidence=0.2).state == "completed"


def test_what_is_wrong_is_listed_and_leads_to_the_form_that_mends_it(alice: Client) -> None:
    draft = draft_of(alice)
    step = add_step(alice, draft, "read", "agent", schema=SCHEMA, limit="/total")
    rule = DecisionRight.objects.create(step=step, position=1, mode="review")
    odd = {"fact": "output/sum", "op": "gt", "value": 1}
    other = Transition.objects.create(
        version=draft, source=step, target=step, position=1, condition=odd
    )
    WorkflowVersion.objects.filter(pk=draft.pk).update(accountable=None)
    draft = WorkflowVersion.objects.get(pk=draft.pk)

    page = alice.get(url("workflowversion", "publish", draft.pk)).content.decode()

    for place in (
        url("step", "change", step.pk) + "#id_limit",
        url("step", "change", step.pk) + "#id_actor",
        url("decisionright", "change", rule.pk) + "#id_group",
        url("transition", "change", other.pk) + "#when",
        url("workflowversion", "change", draft.pk) + "#id_accountable",
        url("workflowversion", "change", draft.pk) + "#step",
    ):
        assert f'href="{place}"' in page
    assert page.count("<code") == len(problems(draft)) + len(warnings(draft))
    post(alice, url("workflowversion", "publish", draft.pk), {})
    draft.refresh_from_db()
    assert draft.published_at is None


@pytest.mark.parametrize(
    ("posted", "said"),
    [
        (rows(), "Give at least one comparison"),
        (rows(("output/sum", "gt", "1")), "Select a valid choice"),
        (rows(("output/amount", "gt", "much")), "Give a number"),
        (rows(("output/amount", "gt", "")), "Give a value"),
        (rows(("confidence", "ge", "90")), "between 0 and 1"),
        (rows(("output/amount", "gt", "1", "confidence")), "either a value or another fact"),
        (rows(("output/amount", "exists", "1")), "Leave the value out"),
        (rows(("output/amount", "like", "1")), "Select a valid choice"),
        (ALWAYS | {"when-mode": "tree", "when-tree": ""}, "Give at least one comparison"),
        (ALWAYS | {"when-mode": "tree", "when-tree": "{fact: output/sum, op: exists}"}, "no fact"),
        (ALWAYS | {"when-mode": "tree", "when-tree": "{all: ["}, "cannot be read"),
        (ALWAYS | {"when-mode": "tree", "when-tree": "{all: []}"}, "at least one condition"),
        (ALWAYS | {"when-mode": "whatever"}, "Select a valid choice"),
    ],
)  # fmt: skip
def test_no_condition_that_is_not_valid_is_ever_saved(
    alice: Client, posted: dict[str, str], said: str
) -> None:
    step = add_step(alice, draft_of(alice), "read", "agent", schema=SCHEMA)

    response = alice.post(url("decisionright", "add", step=step.pk), RIGHT | posted)

    assert response.status_code == 200
    assert said in response.content.decode()
    assert not DecisionRight.objects.exists()


def test_a_tree_that_rows_cannot_show_stays_as_it_is(alice: Client) -> None:
    step = add_step(alice, draft_of(alice), "read", "agent", schema=SCHEMA)
    deep: Any = {"fact": "confidence", "op": "ge", "value": 0.9}
    for _ in range(6):
        deep = {"all": [deep, {"not": {"fact": "output/amount", "op": "gt", "value": 5}}]}
    rule = DecisionRight.objects.create(step=step, position=1, mode="auto", condition=deep)
    page = alice.get(url("decisionright", "change", rule.pk))
    form = page.context["adminform"].form.editor

    assert form.frame["mode"].value() == "tree"
    written = form.frame["tree"].value()
    tree = {"when-mode": "tree", "when-tree": form.frame["tree"].field.prepare_value(written)}
    post(alice, url("decisionright", "change", rule.pk), RIGHT | ALWAYS | tree | {"name": "New"})
    rule.refresh_from_db()
    assert (rule.name, rule.condition) == ("New", deep)


def test_rows_are_shown_again_changed_and_taken_away(alice: Client) -> None:
    step = add_step(alice, draft_of(alice), "read", "agent", schema=SCHEMA)
    three = rows(("confidence", "ge", "0.9"), ("output/amount", "in", "1, 2.5"),
                 ("output/amount", "not exists", ""), join="any")  # fmt: skip
    post(alice, url("decisionright", "add", step=step.pk), RIGHT | three)
    rule = DecisionRight.objects.get()
    assert rule.condition == {
        "any": [
            {"fact": "confidence", "op": "ge", "value": 0.9},
            {"fact": "output/amount", "op": "in", "value": [1, 2.5]},
            {"not": {"fact": "output/amount", "op": "exists"}},
        ]
    }

    page = alice.get(url("decisionright", "change", rule.pk)).content.decode()
    assert 'value="1, 2.5"' in page
    post(alice, url("decisionright", "change", rule.pk),
         RIGHT | three | {"when-rows-INITIAL_FORMS": "3", "when-rows-1-DELETE": "on",
                          "when-rows-2-DELETE": "on"})  # fmt: skip
    rule.refresh_from_db()
    assert rule.condition == {"fact": "confidence", "op": "ge", "value": 0.9}


def test_what_modes_say_of_people(alice: Client) -> None:
    step = add_step(alice, draft_of(alice), "read", "agent", schema=SCHEMA)
    group = Group.objects.get(name="Expense reviewers").pk
    add = url("decisionright", "add", step=step.pk)

    nobody = alice.post(add, RIGHT | ALWAYS | {"mode": "dual"})
    alone = alice.post(add, RIGHT | ALWAYS | {"mode": "panel", "group": group, "seats": "1"})
    silent = alice.post(add, RIGHT | ALWAYS | {"on_timeout": "approved"})
    nowhere = alice.post(
        add, RIGHT | ALWAYS | {"mode": "review", "group": group, "allowed": ["escalated"]}
    )
    post(alice, add, RIGHT | ALWAYS | {"mode": "dual", "group": group, "seats": "1"})

    assert "Name the group that decides" in nobody.content.decode()
    assert "A panel has 2 to 99 seats" in alone.content.decode()
    assert "Select a valid choice" in silent.content.decode()
    assert "Name the group that is asked next" in nowhere.content.decode()
    right = DecisionRight.objects.get()
    assert (right.seats, right.approvals) == (2, 2)


def test_steps_and_rules_change_places(alice: Client) -> None:
    draft = draft_of(alice)
    for key in ("one", "two", "three"):
        add_step(alice, draft, key, "end")
    third = Step.objects.get(key="three")

    post(alice, url("step", "move", third.pk), {"up": "1"})
    post(alice, url("step", "move", Step.objects.get(key="one").pk), {"up": "1"})

    places = draft.steps.order_by("position").values_list("key", "position")
    assert list(places) == [("one", 1), ("three", 2), ("two", 3)]
    assert alice.get(url("step", "move", third.pk)).status_code == 403


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("call", "[1]", "object"),
        ("call", "a: [", "cannot be read as YAML: line 1"),
        ("input_mapping", "{a: b}", "/a"),
        ("timeout", "2m", "1 to 90 seconds"),
        ("timeout", "soon", "is no duration"),
        ("limit", "amount", "Give a place"),
        ("key", "two words", "letters, numbers, underscores or hyphens"),
    ],
)
def test_a_step_says_what_is_wrong_with_a_field(
    alice: Client, field: str, text: str, said: str
) -> None:
    draft = draft_of(alice)

    response = alice.post(
        url("step", "add", version=draft.pk),
        {"name": "A", "key": "a", "kind": "agent", **STEP, field: text},
    )

    page = response.content.decode()
    assert response.status_code == 200
    assert said in page
    assert not Step.objects.exists()


def test_what_was_typed_wrong_is_still_there(alice: Client) -> None:
    draft = draft_of(alice)
    typed = {"name": "A", "key": "a", "kind": "human", **STEP, "input_mapping": "a: [ # half"}

    page = alice.post(url("step", "add", version=draft.pk), typed).content.decode()

    assert "a: [ # half</textarea>" in page


def test_there_is_one_draft(alice: Client) -> None:
    published = world.workflow().published_version
    assert published
    clone_to_draft(published)

    response = alice.post(url("workflowversion", "clone", published.pk), follow=True)

    assert "Expenses v2 is a draft already" in response.content.decode()


def test_the_text_and_the_forms_edit_the_same_draft(alice: Client) -> None:
    published = world.workflow().published_version
    assert published
    draft = clone_to_draft(published)
    page = alice.get(url("workflowversion", "text", draft.pk))
    text = page.context["page"].text

    post(alice, url("workflowversion", "text", draft.pk), {"text": text.replace("0.9", "0.7")})
    now = WorkflowVersion.objects.get(workflow=draft.workflow, published_at=None)
    assert "0.7" in str(DecisionRight.objects.get(step__version=now, mode="auto").condition)

    wrong = alice.post(
        url("workflowversion", "text", now.pk), {"text": text.replace("kind: agent", "kind: fax")}
    )
    other = alice.post(
        url("workflowversion", "text", now.pk),
        {"text": text.replace("workflow: expenses", "workflow: others")},
    )
    assert "/steps/0/kind" in wrong.content.decode()
    assert "kind: fax" in wrong.content.decode()
    assert "here is &#x27;expenses&#x27;" in other.content.decode()
    assert not Workflow.objects.filter(slug="others").exists()


# --- Who may not


def published_pages(place: Workflow) -> list[str]:
    version = place.published_version
    assert version
    step = version.steps.get(key="read")
    right, link = step.rights.first(), step.transitions.first()
    assert right
    assert link
    return [
        url("workflowversion", "change", version.pk),
        url("step", "change", step.pk),
        url("decisionright", "change", right.pk),
        url("transition", "change", link.pk),
    ]


@pytest.mark.parametrize("name", ["alice", "dora"])
def test_a_published_version_is_only_looked_at(name: str) -> None:
    place = world.workflow()
    client = client_of(name)
    for address in published_pages(place):
        page = client.get(address)
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        assert "deletelink" not in page.content.decode()
        assert client.post(address, RIGHT | ALWAYS).status_code == 403
        assert (
            client.post(address.replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403
        )
    version = place.published_version
    assert version
    step = version.steps.get(key="read")
    for adding in (
        url("step", "add", version=version.pk),
        url("decisionright", "add", step=step.pk),
        url("transition", "add", source=step.pk),
    ):
        assert client.get(adding).status_code == 403
        assert client.post(adding, RIGHT | ALWAYS).status_code == 403
    assert client.post(url("step", "move", step.pk), {"up": "1"}).status_code == 403
    assert client.post(url("workflowversion", "text", version.pk), {"text": "x"}).status_code == 403


def pages_of(draft: WorkflowVersion) -> list[str]:
    step = draft.steps.get(key="read")
    right = step.rights.first()
    assert right
    return [
        url("workflow", "change", draft.workflow_id),
        url("workflowversion", "change", draft.pk),
        url("workflowversion", "publish", draft.pk),
        url("workflowversion", "text", draft.pk),
        url("step", "change", step.pk),
        url("decisionright", "change", right.pk),
        url("step", "add", version=draft.pk),
        url("decisionright", "add", step=step.pk),
        url("transition", "add", source=step.pk),
    ]


def test_an_owner_sees_and_changes_nothing_of_other_peoples_workflows(alice: Client) -> None:
    place = world.workflow()
    Workflow.objects.filter(pk=place.pk).update(owner=world.person("dora"))
    place.groups.clear()
    assert place.published_version
    draft = clone_to_draft(place.published_version)

    answers = {address: alice.get(address).status_code for address in pages_of(draft)}
    posted = {
        address: alice.post(address, RIGHT | ALWAYS).status_code for address in pages_of(draft)
    }

    assert set(answers.values()) <= {302, 404}
    assert set(posted.values()) <= {302, 403, 404, 409}
    assert "Expenses" not in alice.get(url("workflow", "changelist")).content.decode()
    draft.refresh_from_db()
    assert draft.published_at is None
    assert alice.post(url("workflowversion", "clone", draft.pk)).status_code == 404


@pytest.mark.parametrize("name", ["bea", "lea", "cara"])
def test_who_holds_no_such_right_changes_nothing(name: str) -> None:
    place = world.workflow()
    assert place.published_version
    draft = clone_to_draft(place.published_version)
    user = world.person(name)
    user.is_staff = True
    user.save()
    client = client_of(name)

    for address in pages_of(draft):
        assert client.post(address, RIGHT | ALWAYS).status_code in (403, 404)
    assert client.post(url("workflowversion", "clone", place.published_version.pk)).status_code in (
        403,
        404,
    )
    draft.refresh_from_db()
    assert draft.published_at is None
    page = client.get(url("workflowversion", "publish", draft.pk))
    assert page.status_code == (404 if name == "bea" else 200)
    assert "Publish v2</button>" not in page.content.decode()


def test_the_engines_own_workflow_is_nobodys(alice: Client) -> None:
    engine.changes()
    dora = client_of("dora")
    built_in = Workflow.objects.get(slug=engine.CHANGES)

    assert dora.get(url("workflow", "change", built_in.pk)).status_code == 302
    response = alice.post(url("workflow", "add"), {"name": "C", "slug": "changes"})
    assert "the engine" in response.content.decode()


def test_parts_and_drafts_are_deleted(alice: Client) -> None:
    published = world.workflow().published_version
    assert published
    draft = clone_to_draft(published)
    rule = DecisionRight.objects.get(step__version=draft, mode="auto")

    gone = post(alice, url("decisionright", "delete", rule.pk), {"post": "yes"})
    assert gone["Location"] == url("step", "change", rule.step_id)
    post(alice, url("workflowversion", "delete", draft.pk), {"post": "yes"})

    assert list(WorkflowVersion.objects.all()) == [published]
    assert (
        alice.post(url("workflow", "delete", draft.workflow_id), {"post": "yes"}).status_code == 403
    )


def test_what_was_published_meanwhile_is_not_changed(
    alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = world.workflow().published_version
    assert published
    draft = clone_to_draft(published)
    step = draft.steps.get(key="read")
    saving = StepAdmin.save_model

    def later(self: StepAdmin, *args: Any, **kwargs: Any) -> None:
        engine.publish(draft, actor=world.actor("alice"))
        saving(self, *args, **kwargs)

    monkeypatch.setattr(StepAdmin, "save_model", later)
    data = {"name": "Other", "key": "read", "kind": "agent", **STEP}
    response = alice.post(url("step", "change", step.pk), data, follow=True)

    assert "was published or changed meanwhile" in response.content.decode()
    step.refresh_from_db()
    assert step.name == "Read the receipt"


@pytest.mark.parametrize("kind", ["", "fax"])
def test_a_new_step_is_asked_for_its_kind_first(alice: Client, kind: str) -> None:
    draft = draft_of(alice)

    page = alice.get(url("step", "add", version=draft.pk, kind=kind)).content.decode()

    assert "what happens there?" in page
    for offered in StepKind.values:
        assert f"?version={draft.pk}&amp;kind={offered}" in page


def test_a_new_step_is_asked_only_for_what_its_kind_has(alice: Client) -> None:
    draft = draft_of(alice)
    address = url("step", "add", version=draft.pk, kind="timer")

    page = alice.get(address).content.decode()
    saved = alice.post(
        address, {"name": "Rest", "key": "rest", "kind": "timer", "flow_after": "3d"}
    )

    assert 'name="flow_after"' in page
    assert 'name="retry"' not in page
    step = Step.objects.get()
    assert saved.headers["Location"] == url("step", "change", step.pk)
    assert step.flow == {"after": "3d"}
