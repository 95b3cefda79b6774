"""What the engine may count on, asked of every kind of connector alike.

Each kind brings an ``Outside``: a way to have the same things happen on the other side.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from orchestrator import connectors, pointers, schema
from orchestrator.connectors import (
    Call,
    CallError,
    Connector,
    PermanentError,
    Report,
    Result,
    TransientError,
    connector_class,
)
from tests.integrations.conftest import a_call

ANSWER = {"kind": "refund", "lines": [{"amount": 5.5, "order": "Ä7"}], "note": None}
KINDS = ["python", "http", "fake", "openai_compatible", "anthropic"]
# Nothing but an answer shows that a model is there, so their test button asks once.
TRIED = {"openai_compatible": 1, "anthropic": 1}


class Outside(Protocol):
    """Each method gives the settings of a connection whose other side does that."""

    def answers(self, output: Any, confidence: Any, fields: Any, model: str) -> dict[str, Any]: ...
    def says_not_now(self) -> dict[str, Any]: ...
    def says_never(self) -> dict[str, Any]: ...
    def wrong(self) -> dict[str, Any]: ...
    def calls(self) -> int: ...


class PythonOutside:
    answer: Any = None
    count = 0

    def __init__(self, settings: Settings) -> None:
        settings.REWIRE_PYTHON_CALLABLES = [__name__]
        type(self).count = 0

    def answers(self, output: Any, confidence: Any, fields: Any, model: str) -> dict[str, Any]:
        type(self).answer = Result(output, confidence, fields, model)
        return {"callable": f"{__name__}.read"}

    def says_not_now(self) -> dict[str, Any]:
        return {"callable": f"{__name__}.busy"}

    def says_never(self) -> dict[str, Any]:
        return {"callable": f"{__name__}.broken"}

    def wrong(self) -> dict[str, Any]:
        return {"callable": 7}

    def calls(self) -> int:
        return self.count


def read(_: Any) -> Any:
    PythonOutside.count += 1
    return PythonOutside.answer


def busy(_: Any) -> Any:
    raise TransientError("Come back later.", retry_after=3)


def broken(_: Any) -> Any:
    raise PermanentError("No.")


class HttpOutside:
    def __init__(self, server: HTTPServer, settings: Settings) -> None:
        settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1"]
        self.server = server

    def answers(self, output: Any, confidence: Any, fields: Any, model: str) -> dict[str, Any]:
        body = {"output": output, "confidence": confidence, "fields": fields, "model": model}
        self.server.expect_request("/").respond_with_json(body)
        return self._settings() | {
            "output": "/output",
            "confidence": "/confidence",
            "field_confidence": "/fields",
            "model": "/model",
        }

    def says_not_now(self) -> dict[str, Any]:
        self.server.expect_request("/").respond_with_data(status=429, headers={"Retry-After": "3"})
        return self._settings()

    def says_never(self) -> dict[str, Any]:
        self.server.expect_request("/").respond_with_data(status=422)
        return self._settings()

    def wrong(self) -> dict[str, Any]:
        return self._settings() | {"timeout": "soon"}

    def calls(self) -> int:
        return len(self.server.log)

    def _settings(self) -> dict[str, Any]:
        return {"url": self.server.url_for("/")}


class FakeOutside:
    def answers(self, output: Any, confidence: Any, fields: Any, model: str) -> dict[str, Any]:
        return {
            "output": output,
            "confidence": confidence,
            "field_confidence": fields,
            "model": model,
        }

    def says_not_now(self) -> dict[str, Any]:
        return {"fail_first": 9, "error": "throttled", "retry_after": 3}

    def says_never(self) -> dict[str, Any]:
        return {"fail_first": 9, "error": "rejected"}

    def wrong(self) -> dict[str, Any]:
        return {"fail_first": -1}

    def calls(self) -> int:
        return 0


class ModelOutside(HttpOutside):
    """A provider that tells its confidences in the answer, beside the output."""

    path: str
    told: Callable[[Any, str], Any]

    def answers(self, output: Any, confidence: Any, fields: Any, model: str) -> dict[str, Any]:
        told = {"confidence": confidence, "fields": fields}

        def respond(request: Request) -> Response:
            is_trial = b'"ready"' in request.get_data()
            answer = {"ready": True} if is_trial else {"value": output}
            return Response(json.dumps(self.told(answer | told, model)))

        self.server.expect_request(self.path).respond_with_handler(respond)
        return self._settings() | {"confidence_by": "field", "field_confidence": "/fields"}

    def says_not_now(self) -> dict[str, Any]:
        later = {"Retry-After": "3"}
        self.server.expect_request(self.path).respond_with_data(status=429, headers=later)
        return self._settings()

    def says_never(self) -> dict[str, Any]:
        self.server.expect_request(self.path).respond_with_data(status=422)
        return self._settings()

    def _settings(self) -> dict[str, Any]:
        return {"url": self.server.url_for(""), "model": "reader"}


class OpenAICompatibleOutside(ModelOutside):
    path = "/chat/completions"

    @staticmethod
    def told(answer: Any, model: str) -> Any:
        message = {"role": "assistant", "content": json.dumps(answer)}
        return {"model": model, "choices": [{"message": message, "finish_reason": "stop"}]}


class AnthropicOutside(ModelOutside):
    path = "/v1/messages"

    @staticmethod
    def told(answer: Any, model: str) -> Any:
        block = {"type": "tool_use", "id": "t1", "name": "answer", "input": answer}
        return {"model": model, "content": [block], "stop_reason": "tool_use"}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def outside(kind: str, settings: Settings, httpserver: HTTPServer) -> Outside:
    kinds: dict[str, Outside] = {
        "python": PythonOutside(settings),
        "http": HttpOutside(httpserver, settings),
        "fake": FakeOutside(),
        "openai_compatible": OpenAICompatibleOutside(httpserver, settings),
        "anthropic": AnthropicOutside(httpserver, settings),
    }
    return kinds[kind]


def build(kind: str, settings: Mapping[str, Any]) -> Connector:
    return connector_class(kind)(settings, "")


def test_every_registered_kind_is_under_contract() -> None:
    assert sorted(KINDS) == connectors.connector_kinds()


def test_output_confidence_and_model_come_back(kind: str, outside: Outside) -> None:
    connector = build(kind, outside.answers(ANSWER, 0.83, {"/kind": 0.7, "note": 1}, "reader-2"))

    result = connector.call(a_call())

    assert result.output == ANSWER
    assert result.confidence == 0.83
    assert result.field_confidence == {"/kind": 0.7, "/note": 1.0}
    assert result.model == "reader-2"
    assert isinstance(result.latency_ms, int)


@pytest.mark.parametrize("output", [None, False, 0, "", [], {}, "text", [1, 1.5, "x", None]])
def test_every_json_value_is_an_output(kind: str, outside: Outside, output: Any) -> None:
    result = build(kind, outside.answers(output, 1, {}, "")).call(a_call())

    assert result.output == output
    assert type(result.output) is type(output)


@pytest.mark.parametrize("confidence", [1.001, -0.001, 83, 1e12])
def test_a_confidence_out_of_range_is_unknown(
    kind: str, outside: Outside, confidence: float
) -> None:
    settings = outside.answers(ANSWER, confidence, {"/kind": confidence, "/note": 0.5}, "")

    result = build(kind, settings).call(a_call())

    assert result.confidence is None
    assert result.field_confidence == {"/note": 0.5}


def test_not_now_is_worth_another_try_after_the_asked_time(kind: str, outside: Outside) -> None:
    with pytest.raises(TransientError) as caught:
        build(kind, outside.says_not_now()).call(a_call())

    assert caught.value.transient
    assert caught.value.retry_after == 3
    assert not caught.value.may_have_happened


def test_never_is_not_worth_another_try(kind: str, outside: Outside) -> None:
    with pytest.raises(PermanentError) as caught:
        build(kind, outside.says_never()).call(a_call())

    assert not caught.value.transient
    assert not caught.value.may_have_happened


def test_wrong_settings_are_refused_before_anything_is_called(kind: str, outside: Outside) -> None:
    settings = outside.wrong()
    (name,) = [name for name, value in settings.items() if value in (7, "soon", -1)]

    with pytest.raises(PermanentError, match=name):
        build(kind, settings).call(a_call())
    report = build(kind, settings).check()

    assert not report.ok
    assert name in report.findings[0]
    assert outside.calls() == 0


def test_a_failure_is_one_short_paragraph(kind: str, outside: Outside) -> None:
    for settings in (outside.says_never(), outside.wrong()):
        with pytest.raises(CallError) as caught:
            build(kind, settings).call(a_call())
        assert 0 < len(str(caught.value)) < 600
        assert "\n" not in str(caught.value)


def test_the_same_call_gives_the_same_result(kind: str, outside: Outside) -> None:
    connector = build(kind, outside.answers(ANSWER, 0.5, {}, "m"))

    first, second = connector.call(a_call()), connector.call(a_call())

    assert (first.output, first.confidence) == (second.output, second.confidence)


def test_call_and_settings_are_left_as_they_were(kind: str, outside: Outside) -> None:
    settings = outside.answers(ANSWER, 0.5, {}, "m")
    given = {"deep": [{"list": [1, 2]}]}
    before = copy.deepcopy((settings, given))

    build(kind, settings).call(a_call(given))

    assert (settings, given) == before


def test_the_test_button_reports_in_sentences_and_changes_nothing(
    kind: str, outside: Outside
) -> None:
    report = build(kind, outside.answers(ANSWER, 0.5, {}, "m")).check()

    assert isinstance(report, Report)
    assert report.ok
    assert all(finding.endswith(".") for finding in report.findings)
    assert report.findings
    assert outside.calls() == TRIED.get(kind, 0)


def test_its_settings_can_be_shown_as_a_form(kind: str) -> None:
    settings_schema = connector_class(kind).settings_schema

    assert schema.check_schema(dict(settings_schema)) == []
    for part in settings_schema["properties"].values():
        assert part["title"]
        assert part["description"].endswith(".")


def test_any_field_confidence_is_a_pointer_into_the_output(kind: str, outside: Outside) -> None:
    output = {"a/b": {"c~d": 1}}
    settings = outside.answers(output, 0.5, {"/a~1b/c~0d": 0.4, "a/b": 0.6}, "")

    result = build(kind, settings).call(a_call())

    assert result.field_confidence == {"/a~1b/c~0d": 0.4, "/a~1b": 0.6}
    assert pointers.lookup(result.output, "/a~1b/c~0d") == 1


def test_a_try_may_be_a_later_one(kind: str, outside: Outside) -> None:
    call = a_call(attempt=3)

    assert isinstance(call, Call)
    assert build(kind, outside.answers(ANSWER, 0.5, {}, "")).call(call).output == ANSWER
