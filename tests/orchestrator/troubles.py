"""Incidents of real steps, for the tests of what people do about them."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from orchestrator import engine
from orchestrator.models import Case, Incident, Task, Workflow
from tests.orchestrator.flows import asked, begun, definition, published, step
from tests.world import person

READ = {"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]}
LAST = [{"mode": "auto", "when": {"fact": "confidence", "op": "ge", "value": 0.9}},
        {"mode": "block", "when": {"fact": "output/sum", "op": "gt", "value": 1000}},
        {"mode": "review", "group": "Expense reviewers"}]  # fmt: skip


def reading(**more: Any) -> dict[str, Any]:
    """A step whose machine always refuses."""
    kind = more.pop("kind", "agent")
    return step(
        "read",
        kind,
        actor=kind,
        schema=READ,
        input={"text": "/text"},
        output={"/read": ""},
        undo="0s",
        **{"rights": LAST, **more},
    )


def failing(steps: list[dict[str, Any]] | None = None, *ways: str, **more: Any) -> Workflow:
    """A published workflow that ends at a step which cannot be performed."""
    settings = {"fail_first": 99, "error": "rejected"}
    return published(
        definition(
            steps or [reading()],
            *(ways or ("read done",)),
            connections={"reader": {"kind": "fake", "settings": settings}},
            actors={
                kind: {"kind": kind, "revision": "1", "connection": "reader"}
                for kind in ("agent", "automation")
            },
            **more,
        )
    )


def broken(place: Workflow, key: str = "c-1", text: str = "A receipt") -> Incident:
    """The incident of a case whose step has just failed."""
    case = begun(place, {"text": text}, key)
    worked()
    return Incident.objects.get(task__case=case, state="open")


def worked() -> None:
    while engine.work_until_idle(limit=20):
        pass


def done_to_many() -> None:
    while engine.work_bulks():
        pass


def undoable() -> Workflow:
    """Book, then read; booking names its undo."""
    book = asked("book", compensated_by="unbook")
    return failing([book, reading(), asked("unbook")], "book read", "read done")


def task_of(incident: Incident) -> Task:
    return Task.objects.select_related("case", "step").get(pk=incident.task_id)


def case_of(incident: Incident) -> Case:
    return Case.objects.get(tasks__incidents=incident)


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(person(name))
    return client


def act_on(incident: Incident, name: str, action: str, **data: str) -> Any:
    return signed_in(name).post(reverse("incident", args=[incident.pk, action]), data)
