"""Each operation of the API is done once, and answers what its description says and no more."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from orchestrator.models import Actor, Grant
from tests import waiting, world
from tests.orchestrator.flows import definition, published, step
from tests.programs import Program, importer

pytestmark = pytest.mark.django_db
READ = {"value": world.LUNCH, "confidence": 0.6}


class Walk:
    """A program whose answers are held against the description; ``seen`` are the operations."""

    def __init__(self) -> None:
        self.described = closed(Client().get("/api/openapi.json").json())
        self.seen: set[tuple[str, str]] = set()

    def get(self, who: Program, path: str) -> Any:
        return self._judged("get", path, who.get(path))

    def post(self, who: Program, path: str, body: Any = None) -> Any:
        return self._judged("post", path, who.post(path, body))

    def _judged(self, method: str, path: str, response: Any) -> Any:
        (template,) = (one for one in self.described["paths"] if fits(one, f"/api/v1/{path}"))
        self.seen.add((method, template))
        assert response.status_code < 300, response.content
        answers = self.described["paths"][template][method]["responses"]
        content = answers[str(response.status_code)].get("content", {})
        if "application/json" not in content:
            return None
        body = response.json()
        schema = content["application/json"]["schema"]
        jsonschema_rs.validate(schema | {"components": self.described["components"]}, body)
        return body


def closed(described: dict[str, Any]) -> dict[str, Any]:
    """The description with no member allowed that it does not name."""
    for schema in described["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return described


def fits(template: str, path: str) -> bool:
    parts = re.sub(r"\{\w+\}", "[^/]+", template)
    return re.fullmatch(parts, path) is not None


def test_every_operation_answers_what_it_is_described_to() -> None:
    walk = Walk()

    _cases(walk)
    _reviews(walk)
    _work(walk)

    described = {
        (method, path) for path, found in walk.described["paths"].items() for method in found
    }
    assert walk.seen == described


def _cases(walk: Walk) -> None:
    waiting.workflow()
    sender, lead = Program(importer()), Program(world.actor("lea"))
    sent = sender.client.post(
        "/api/v1/attachments",
        b"a receipt",
        content_type="text/plain",
        headers={"Authorization": f"Bearer {sender.text}"},
    )
    file = walk._judged("post", "attachments", sent)["id"]
    data = {"text": "Kantine", "scan": {"attachment": file, "name": "a.txt"}}
    case = walk.post(
        sender, "workflows/expenses/cases", {"key": "1", "data": data, "output": READ}
    )["id"]
    many = [{"key": key, "data": {"text": "x"}} for key in ("1", "2", "2")]
    walk.post(sender, "workflows/expenses/cases/batch", {"cases": many})
    for path in ("workflows", f"cases/{case}", f"cases/{case}/events"):
        walk.get(sender, path)
    walk.get(sender, f"cases/{case}/attachments/{file.removeprefix('sha256:')}/a.txt")
    walk.post(sender, f"cases/{case}/signals", {"name": "news", "id": "n", "data": {}})
    other = walk.post(sender, "workflows/expenses/cases", {"key": "3", "data": {"text": "x"}})["id"]
    walk.post(lead, f"cases/{other}/cancel", {"reason": "Sent twice."})


def _reviews(walk: Walk) -> None:
    bea = Program("bea")
    walk.get(bea, "review/tasks")
    task = walk.post(bea, "review/claim", {})
    place, token = f"review/tasks/{task['id']}", task["claim"]["token"]
    walk.post(bea, f"{place}/heartbeat", {"claim_token": token})
    walk.post(bea, f"{place}/pend", {"claim_token": token, "reason": "supplier"})
    walk.post(bea, f"{place}/resume")
    held = walk.post(bea, f"{place}/claim")
    walk.post(bea, f"{place}/release", {"claim_token": held["claim"]["token"]})
    said = walk.post(bea, f"{place}/decision", _held(walk, bea, place) | {"decision": "approved"})
    walk.post(bea, f"review/decisions/{said['decision_id']}/undo")
    back = {"to": "read", "instructions": "Look again."}
    walk.post(bea, f"{place}/send-back", _held(walk, bea, place) | back)
    walk.get(bea, "feedback")


def _held(walk: Walk, who: Program, place: str) -> dict[str, str]:
    task = walk.post(who, f"{place}/claim")
    return {"claim_token": task["claim"]["token"], "digest": task["digest"]}


def _work(walk: Walk) -> None:
    actors = {"packer": {"kind": "automation", "revision": "1"}}
    pack = step("pack", "automation", actor="packer", schema={"type": "object"})
    published(definition([pack], "pack done", actors=actors))
    packer = Actor.objects.get(name="packer")
    for action in ("view", "work"):
        Grant.objects.create(actor=packer, action=action, valid=importer_valid())
    program = Program(packer)
    for number in range(2):
        sender = Program(importer())
        walk.post(sender, "workflows/flow/cases", {"key": f"{number}", "data": {}})
    first, second = walk.post(program, "work/claim", {"kinds": ["automation"], "max": 2})
    walk.post(program, f"work/{first['id']}/heartbeat", {"fence": first["fence"]})
    done = {"fence": first["fence"], "output": {"value": {}}}
    walk.post(program, f"work/{first['id']}/complete", done)
    given_up = {"fence": second["fence"], "error": "No boxes.", "transient": False}
    walk.post(program, f"work/{second['id']}/fail", given_up)


def importer_valid() -> Any:
    """For as long as the Grants of the importer hold."""
    return Grant.objects.filter(actor=importer()).earliest("pk").valid
