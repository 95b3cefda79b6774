"""The OpenAPI document, the page beside it, and problems where there is no route."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client
from django.urls import URLPattern

from orchestrator.api import cases, problems
from orchestrator.api.urls import urlpatterns
from orchestrator.exceptions import Refusal
from tests.programs import Program, refusal
from tests.world import workflow

METHODS = {"get", "post", "put", "patch", "delete"}
PROMISED = {
    "GET /api/v1/workflows",
    "POST /api/v1/workflows/{slug}/cases",
    "POST /api/v1/workflows/{slug}/cases/batch",
    "GET /api/v1/cases/{case_id}",
    "GET /api/v1/cases/{case_id}/events",
    "POST /api/v1/attachments",
    "GET /api/v1/cases/{case_id}/attachments/{digest}/{name}",
    "POST /api/v1/cases/{case_id}/cancel",
    "POST /api/v1/cases/{case_id}/signals",
    "GET /api/v1/review/tasks",
    "POST /api/v1/review/claim",
    "POST /api/v1/review/tasks/{task_id}/claim",
    "POST /api/v1/review/tasks/{task_id}/heartbeat",
    "POST /api/v1/review/tasks/{task_id}/release",
    "POST /api/v1/review/tasks/{task_id}/decision",
    "POST /api/v1/review/tasks/{task_id}/pend",
    "POST /api/v1/review/tasks/{task_id}/resume",
    "POST /api/v1/review/tasks/{task_id}/send-back",
    "POST /api/v1/review/decisions/{decision_id}/undo",
    "POST /api/v1/work/claim",
    "POST /api/v1/work/{task_id}/heartbeat",
    "POST /api/v1/work/{task_id}/complete",
    "POST /api/v1/work/{task_id}/fail",
    "GET /api/v1/feedback",
}


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    response = client.get("/api/openapi.json")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        assert set(methods) <= METHODS
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_document_has_every_promised_operation(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert {name for name, _ in operations(document)} == PROMISED


def test_every_operation_is_whole(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["security"][0]["key"], name
        assert "default" in operation["responses"], name
        takes_key = any("IdempotencyKey" in str(one) for one in operation["parameters"])
        # A file repeats itself: its hash is its key.
        assert takes_key == (name.startswith("POST") and "attachments" not in name), name


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert found
    for reference in found:
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_every_schema_is_a_schema(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid(schema), name


@pytest.mark.django_db
def test_what_is_sent_is_what_the_document_says(document: dict[str, Any]) -> None:
    workflow()
    program = Program("alice")
    sent = program.post("workflows/expenses/cases", {"key": "r", "data": {"text": ""}}).json()
    listed = program.get("workflows").json()

    for name, value in (("CaseOut", sent), ("Workflows", listed)):
        schema = document["components"]["schemas"][name] | {"components": document["components"]}
        jsonschema_rs.validate(schema, value)


def test_the_page_shows_every_operation_and_problem(client: Client) -> None:
    response = client.get("/api/docs")

    page = response.content.decode()
    assert response.status_code == 200
    for name in PROMISED:
        assert f"</b> {name.partition(' ')[2]}<" in page, name
    for kind in Refusal.__subclasses__():
        assert f'id="problem-{kind.type}"' in page
    assert "script-src 'self' 'nonce-" in response["Content-Security-Policy"]
    assert " style=" not in page
    assert "https://" not in page


def test_the_type_of_a_problem_leads_to_the_page(client: Client) -> None:
    response = client.get("/problems/stale-claim")

    assert response["Location"] == "/api/docs#problem-stale-claim"


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v2/workflows", "/api/v1/cases/x"])
def test_an_unknown_address_is_a_problem(client: Client, path: str) -> None:
    refusal(client.get(path), 404, "not-found")
    refusal(client.post(path), 404, "not-found")


@pytest.mark.parametrize("method", ["delete", "put", "patch", "options", "post"])
def test_a_wrong_method_is_a_problem(client: Client, method: str) -> None:
    response = getattr(client, method)("/api/v1/workflows")

    refusal(response, 405, "method-not-allowed")
    assert response["Allow"] == "GET"


@pytest.mark.django_db
def test_a_surprise_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of ours, made by taking away what the view works with."""
    workflow()
    monkeypatch.delattr(cases, "page")

    told = refusal(Program("alice").get("workflows"), 500, "internal-server-error")

    assert set(told) == {"type", "title", "status", "detail"}
    assert "page" not in told["detail"]


@pytest.mark.parametrize("path", [pattern for pattern in urlpatterns if pattern.name])
def test_no_route_asks_for_a_sign_in(path: URLPattern) -> None:
    assert getattr(path.callback, "login_required", True) is False


def test_a_problem_keeps_its_own_members() -> None:
    response = problems.problem("odd", 409, "Odd.", type="mine", diff=[])

    assert response.status_code == 409
    assert b'"type":"/problems/odd"' in response.content
