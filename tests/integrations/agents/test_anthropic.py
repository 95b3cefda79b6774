"""Anthropic's messages API against a server that answers by script."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from integrations.connectors.anthropic import Anthropic
from integrations.connectors.anthropic.connector import ADDRESS
from orchestrator.connectors import CallError, PermanentError, Result, TransientError
from tests.integrations.agents.conftest import OUTPUT, REFUND, Script, asking, message, sent

pytestmark = pytest.mark.usefixtures("open_loopback")
PATH = "/v1/messages"


def model(server: HTTPServer, secret: str = "", **settings: Any) -> Anthropic:
    return Anthropic({"url": server.url_for(""), "model": "claude"} | settings, secret)


def call(server: HTTPServer, given: Any = None, **settings: Any) -> Result:
    step = settings.pop("step", {})
    return model(server, **settings).call(asking(given, **step))


def failure(server: HTTPServer, **settings: Any) -> CallError:
    with pytest.raises(CallError) as caught:
        call(server, **settings)
    return caught.value


class TestWhatIsSent:
    def test_a_tool_has_to_be_filled_in(self, script: Script) -> None:
        server = script(PATH, message(OUTPUT))

        call(server, {"text": "Grüße"}, prompt="Read it.", secret="s3cret", temperature=0.5)

        ((request, _),) = server.log
        assert request.headers["X-Api-Key"] == "s3cret"
        assert request.headers["Anthropic-Version"] == "2023-06-01"
        assert "Authorization" not in request.headers
        assert sent(server) == [
            {
                "model": "claude",
                "max_tokens": 4096,
                "temperature": 0.5,
                "system": "Read it.",
                "messages": [{"role": "user", "content": '{"text": "Grüße"}'}],
                "tools": [
                    {
                        "name": "answer",
                        "description": "Gives the answer.",
                        "input_schema": REFUND,
                    }
                ],
                "tool_choice": {
                    "type": "tool",
                    "name": "answer",
                    "disable_parallel_tool_use": True,
                },
            }
        ]

    def test_a_brief_goes_out_beside_the_input(self, script: Script) -> None:
        server = script(PATH, message(OUTPUT))
        told = {"sent_back": {"instructions": "Read the date too."}}

        call(server, {"text": "Hi"}, prompt="Read it.", step={"brief": told})

        (body,) = sent(server)
        assert body["messages"][0]["content"] == json.dumps(
            {"input": {"text": "Hi"}, "brief": told}
        )
        assert body["system"].startswith("Read it.\n\n")
        assert "follow its instructions" in body["system"]

    def test_settings_go_out(self, script: Script) -> None:
        server = script(PATH, message(OUTPUT))

        call(
            server,
            version="2027-01-01",
            max_tokens=9,
            parameters={"top_k": 5},
            headers={"anthropic-beta": "x"},
            step={"prompt": "Sum it up."},
        )

        ((request, _),) = server.log
        (body,) = sent(server)
        assert request.headers["Anthropic-Version"] == "2027-01-01"
        assert request.headers["Anthropic-Beta"] == "x"
        assert (body["max_tokens"], body["top_k"], body["system"]) == (9, 5, "Sum it up.")

    def test_images_become_blocks(self, script: Script) -> None:
        server = script(PATH, message(OUTPUT))

        call(server, {"photo": "data:image/jpeg;base64,QUJD"})

        source = {"type": "base64", "media_type": "image/jpeg", "data": "QUJD"}
        assert sent(server)[0]["messages"][0]["content"] == [
            {"type": "image", "source": source},
            {"type": "text", "text": '{"photo": "[image 1]"}'},
        ]

    def test_without_an_address_it_is_the_provider_s(self) -> None:
        assert Anthropic({"model": "claude"}, "").http_settings()["url"] == ADDRESS

    @pytest.mark.parametrize(
        ("given", "place"),
        [
            ({"parameters": {"tools": []}}, "/parameters"),
            ({"confidence_by": "tokens"}, "/confidence_by"),
            ({"confidence_by": "agreement", "temperature": 0}, "/temperature"),
        ],
    )
    def test_settings_that_would_mislead_are_refused(
        self, httpserver: HTTPServer, given: dict[str, Any], place: str
    ) -> None:
        error = failure(httpserver, **given)

        assert isinstance(error, PermanentError)
        assert place in str(error)
        assert not httpserver.log


class TestWhatComesBack:
    def test_output_model_and_cost(self, script: Script) -> None:
        server = script(PATH, message(OUTPUT))

        result = call(server, price_in_micros=3000, price_out_micros=15000, currency="USD")

        assert result.output == OUTPUT
        assert result.model == "claude-2026"
        assert (result.confidence, result.field_confidence) == (None, {})
        assert (result.cost_micros, result.currency) == (270, "USD")

    def test_what_a_cache_held_is_counted(self, script: Script) -> None:
        usage = {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 0}
        server = script(PATH, message(OUTPUT, usage=usage))

        result = call(server, price_in_micros=1000, price_out_micros=0, currency="USD")

        assert result.cost_micros == 100

    def test_a_field_is_the_confidence(self, script: Script) -> None:
        server = script(PATH, message(OUTPUT | {"confidence": 0.25}))

        result = call(server, confidence_by="field")

        assert (result.output, result.confidence) == (OUTPUT, 0.25)
        assert "confidence" in sent(server)[0]["tools"][0]["input_schema"]["required"]

    def test_agreement_is_the_confidence(self, script: Script) -> None:
        server = script(PATH, message(OUTPUT | {"amount": 1}), message(OUTPUT))

        result = call(server, confidence_by="agreement", samples=4)

        assert (result.output, result.confidence) == (OUTPUT, 0.75)
        assert result.field_confidence["/kind"] == 1.0
        assert len(server.log) == 4

    def test_an_output_that_is_no_object_comes_out_of_its_envelope(self, script: Script) -> None:
        server = script(PATH, message({"value": ["a"]}))

        assert call(server, step={"schema": {"type": "array"}}).output == ["a"]


class TestWhatAFailureMeans:
    @pytest.mark.parametrize(
        ("answer", "kind", "said"),
        [
            (message(OUTPUT, stop="max_tokens"), PermanentError, "cut off"),
            (
                message(OUTPUT, stop="model_context_window_exceeded"),
                PermanentError,
                "cut off",
            ),
            (message(OUTPUT, stop="refusal", content=[]), PermanentError, "refused."),
            (message(OUTPUT | {"kind": "x"}), TransientError, "/kind: "),
            (message("text"), TransientError, "does not fit"),
            (
                message(
                    None, stop="end_turn", content=[{"type": "text", "text": "Which\u202e one?"}]
                ),
                TransientError,
                "did not use the tool. It said: Which[U+202E] one?",
            ),
            (message(None, content=[7, {"type": "tool_use"}]), TransientError, "the tool."),
            ({"type": "error", "error": {"message": "x"}}, TransientError, "no answer"),
            ([], TransientError, "no answer"),
        ],
    )
    def test_each_answer_of_no_use(
        self, script: Script, answer: Any, kind: type[CallError], said: str
    ) -> None:
        error = failure(script(PATH, answer))

        assert type(error) is kind
        assert said in str(error)
        assert not error.may_have_happened

    @pytest.mark.parametrize(
        ("status", "kind"), [(400, PermanentError), (429, TransientError), (529, TransientError)]
    )
    def test_each_status(self, httpserver: HTTPServer, status: int, kind: type[CallError]) -> None:
        told = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        later = {"Retry-After": "7"}
        httpserver.expect_request(PATH).respond_with_json(told, status=status, headers=later)

        error = failure(httpserver)

        assert type(error) is kind
        assert str(error) == f"127.0.0.1 answered {status}: Overloaded."
        assert error.retry_after == (7 if kind is TransientError else None)
        assert not error.may_have_happened


class TestTheTestButton:
    def test_it_says_what_it_found(self, script: Script) -> None:
        server = script(PATH, message({"ready": True}, model="claude"))

        report = model(server).check()

        assert report.ok
        assert report.findings[0] == "1 of 1 valid."
        assert report.findings[-1] == "Model claude."
        assert len(server.log) == 1

    def test_a_confidence_that_is_not_told_is_a_finding(self, script: Script) -> None:
        report = model(script(PATH, message({"ready": True})), confidence_by="field").check()

        assert not report.ok
        assert "Confidence absent" in report.findings[1]
