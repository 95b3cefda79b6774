"""A workflow owner builds a workflow of six kinds of step, page by page, by forms alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from orchestrator import engine
from orchestrator.models import Actor, Connection, Step, Task, Workflow
from tests import world

pytestmark = pytest.mark.django_db


class Owner:
    """Alice at her browser: opens a page, fills in some of its fields, sends the form as it is."""

    def __init__(self) -> None:
        world.people()
        self.client = Client()
        self.client.force_login(world.person("alice"))
        self.page: Any = None

    def opens(self, address: str) -> str:
        self.page = self.client.get(address, follow=True)
        assert self.page.status_code == 200, address
        return str(self.page.content.decode())

    def follows(self, words: str) -> str:
        """A link of the page by what it says."""
        text = self.page.content.decode()
        links = re.findall(r'<a [^>]*?href="([^"]+)"[^>]*>(.*?)</a>', text, re.DOTALL)
        found = [href for href, inner in links if _plain(inner).startswith(words)]
        assert found, f"No link says {words}"
        return self.opens(found[0].replace("&amp;", "&"))

    def saves(self, **typed: Any) -> str:
        """Send what stands in the form, and what was typed over it."""
        address = self.page.request["PATH_INFO"] + "?" + self.page.request["QUERY_STRING"]
        posted = _posted(self.page.context["adminform"].form) | typed
        answer = self.client.post(address, posted, follow=True)
        assert answer.redirect_chain, answer.context["adminform"].form.errors
        self.page = answer
        return str(answer.content.decode())

    def adds_step(self, draft: str, kind: str, name: str, **typed: Any) -> Step:
        self.opens(draft)
        step_table = re.search(r'id="step".*?href="([^"]+)"', self.page.content.decode(), re.DOTALL)
        assert step_table
        self.opens(step_table[1])
        self.follows(kind)
        key = name.lower().replace(" ", "-")
        self.saves(name=name, key=key, **typed)
        return Step.objects.get(key=key)

    def leads(self, source: Step, target: Step, **condition: str) -> None:
        self.opens(reverse("admin:orchestrator_transition_add", query={"source": source.pk}))
        self.saves(target=target.pk, **condition)


def _plain(inner: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", inner).split())


def _posted(form: Any) -> dict[str, Any]:
    """What a browser would send of a form that nobody has touched."""
    posted: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if hasattr(bound.field.widget, "columns"):
            continue
        if value not in (None, False):
            posted[bound.html_name] = value
    return posted | (form.editor.posted if getattr(form, "editor", None) else {})


def when(*rows: tuple[str, str, str]) -> dict[str, str]:
    """The lines of the condition editor."""
    typed = {"when-mode": "rows", "when-join": "all", "when-rows-TOTAL_FORMS": str(len(rows))}
    for place, (fact, op, value) in enumerate(rows):
        named = {"fact": fact, "op": op, "value": value}
        typed |= {f"when-rows-{place}-{name}": text for name, text in named.items()}
    return typed


def schema_of(alice: Owner, step: Step, *fields: tuple[str, str, str]) -> None:
    """Fields added one by one in the editor beside its preview, then saved."""
    address, text = reverse("admin:orchestrator_step_schema", args=[step.pk]), ""
    for key, title, kind in fields:
        new = {"new_key": key, "new_title": title, "new_type": kind}
        page = alice.client.post(address, {"schema": text, "base": "", "act": "add", **new})
        text = page.context["page"].text
        assert f">{title}<" in page.content.decode()
    saved = alice.client.post(address, {"schema": text, "base": "", "act": "save"})
    assert saved.status_code == 302
    step.refresh_from_db()
    assert list(step.schema["properties"]) == [key for key, _title, _kind in fields]


def test_six_kinds_of_step_from_nothing_to_a_case_that_ends() -> None:
    alice = Owner()
    Connection.objects.create(name="reader", kind="fake", settings={})
    actor = Actor.objects.create(
        kind="agent", name="reader", revision="1", connection=Connection.objects.get()
    )
    group = Group.objects.get(name="Expense reviewers")

    alice.opens(reverse("admin:orchestrator_workflow_add"))
    alice.saves(name="Returns", slug="returns")
    draft = alice.page.request["PATH_INFO"]
    read = alice.adds_step(draft, "Agent", "Read", actor=actor.pk)
    schema_of(alice, read, ("amount", "Amount", "number"), ("why", "Why", "long"))
    ask = alice.adds_step(draft, "Human", "Ask", instructions="Ask the shop.")
    schema_of(alice, ask, ("answer", "Answer", "text"))
    rest = alice.adds_step(draft, "Timer", "Rest", flow_after="1s")
    sort = alice.adds_step(draft, "Decision", "Sort")
    schema_of(alice, sort, ("level", "Level", "text"))
    paid = alice.adds_step(draft, "Event", "Paid", flow_signal="paid", flow_within="2d")
    done = alice.adds_step(draft, "End", "Done", outcome="done")
    for step, mode, condition in (
        (read, "auto", when(("confidence", "ge", "0.9"), ("output/amount", "le", "50"))),
        (read, "review", {"when-mode": "always"}),
        (ask, "review", {"when-mode": "always"}),
    ):
        alice.opens(reverse("admin:orchestrator_decisionright_add", query={"step": step.pk}))
        alice.saves(mode=mode, group="" if mode == "auto" else group.pk, **condition)
    rows = reverse("admin:orchestrator_step_entry_add", args=[sort.pk, "rows"])
    answer = alice.client.post(rows, {"f/level": "high", "seen": "", "when-mode": "always"})
    assert answer.status_code == 302
    always = {"when-mode": "always"}
    alice.leads(read, ask, **when(("output/amount", "gt", "1000")))
    for source, target in ((read, rest), (ask, rest), (rest, sort), (sort, paid), (paid, done)):
        alice.leads(source, target, **always)

    page = alice.opens(f"{draft.removesuffix('change/')}publish/")
    assert alice.page.context["problems"] == []
    assert "Nothing is wrong" in page
    alice.client.post(f"{draft.removesuffix('change/')}publish/")

    case = engine.start_case(
        Workflow.objects.get(slug="returns"), actor=world.actor("alice"), key="r-1", data={},
        output={"value": {"amount": 20, "why": "broken"}, "confidence": 0.97},
    )  # fmt: skip
    assert Task.objects.get(step=read.pk).word == "approved"
    assert Task.objects.get(step=rest.pk).state == "waiting"
    assert case.created
