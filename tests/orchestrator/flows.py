"""Small workflows for tests of the flow, made from lists of steps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator import engine
from orchestrator.definitions import import_draft
from orchestrator.models import Case, Task, Workflow
from tests import world

READER: dict[str, Any] = {
    "connections": {"reader": {"kind": "fake", "settings": {}}},
    "actors": {"reader": {"kind": "agent", "revision": "1", "connection": "reader"}},
}
"""What a workflow says of an agent, the actor of its steps."""

ANSWER = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


def asked(key: str, **more: Any) -> dict[str, Any]:
    """A step that one of the expense reviewers answers with a text."""
    return {
        "key": key,
        "name": key.title(),
        "kind": "human",
        "schema": ANSWER,
        "undo": "0s",
        "rights": [{"mode": "review", "group": "Expense reviewers"}],
        **more,
    }


def step(key: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "name": key.title(), "kind": kind, **more}


def definition(steps: list[dict[str, Any]], *ways: Any, **more: Any) -> str:
    """The file of a workflow. A way is ``"a b"``, or that and its condition."""
    links = []
    for way in ways:
        ends, when = (way, None) if isinstance(way, str) else way
        source, target = ends.split()
        links.append({"from": source, "to": target} | ({"when": when} if when else {}))
    return json.dumps(
        {
            "workflow": "flow",
            "name": "Flow",
            "owner": "alice",
            "groups": ["Finance"],
            "accountable": "alice",
            "steps": [*steps, step("done", "end")],
            "transitions": links,
            **more,
        },
    )


def published(text: str) -> Workflow:
    world.people()
    return engine.publish(import_draft(text), actor=world.actor("alice")).workflow


def begun(place: Workflow, data: Mapping[str, Any] | None = None, key: str = "c-1") -> Case:
    return engine.start_case(place, actor=world.actor("alice"), key=key, data=dict(data or {})).case


def answered(case: Case, key: str, text: str = "yes", by: str = "bea") -> None:
    """Let somebody answer the oldest open question of a step."""
    task = case.tasks.filter(step_key=key, state="in_review").order_by("id")[0]
    world.decided(task, by, "responded", output={"text": text})


def open_steps(case: Case) -> list[str]:
    """The keys of the steps that are open, in the order of their tasks."""
    done = ("completed", "cancelled")
    return list(
        case.tasks.exclude(state__in=done).order_by("id").values_list("step_key", flat=True)
    )


def told(case: Case) -> Case:
    case.refresh_from_db()
    return case


def task_of(case: Case, key: str) -> Task:
    return case.tasks.filter(step_key=key).order_by("-id")[0]
