"""Chat completions against a server that answers by script: what is sent, and what it makes of
each answer."""

from __future__ import annotations

import json
import math
import socket
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from integrations.connectors.openai_compatible import OpenAICompatible
from orchestrator.connectors import CallError, PermanentError, Report, Result, TransientError
from tests.integrations.agents.conftest import OUTPUT, REFUND, Script, asking, completion, sent

pytestmark = pytest.mark.usefixtures("open_loopback")
PATH = "/v1/chat/completions"
SPELLED = [('{"kind": "', -2.0), ("refund", -0.5), ('", "amount": ', -0.25), ("5", -1.0), ("}", 0)]


def model(server: HTTPServer, secret: str = "", **settings: Any) -> OpenAICompatible:
    own = {"url": server.url_for("/v1"), "model": "reader"}
    return OpenAICompatible(own | settings, secret)


def call(server: HTTPServer, given: Any = None, **settings: Any) -> Result:
    step = settings.pop("step", {})
    return model(server, **settings).call(asking(given, **step))


def failure(server: HTTPServer, **settings: Any) -> CallError:
    with pytest.raises(CallError) as caught:
        call(server, **settings)
    return caught.value


class TestWhatIsSent:
    def test_prompt_input_and_schema(self, script: Script) -> None:
        server = script(PATH, completion(OUTPUT))

        call(server, {"text": "Grüße"}, prompt="Read it.", temperature=0, max_tokens=90, seed=7)

        ((request, _),) = server.log
        assert request.headers["Idempotency-Key"] == "task-41"
        assert sent(server) == [
            {
                "model": "reader",
                "messages": [
                    {"role": "system", "content": "Read it."},
                    {"role": "user", "content": '{"text": "Grüße"}'},
                ],
                "temperature": 0,
                "max_tokens": 90,
                "seed": 7,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": REFUND, "strict": True},
                },
            }
        ]

    def test_a_step_has_its_own_prompt(self, script: Script) -> None:
        server = script(PATH, completion(OUTPUT))

        call(server, prompt="Read it.", step={"prompt": "Sum it up."})

        assert sent(server)[0]["messages"][0]["content"] == "Sum it up."

    @pytest.mark.parametrize(
        ("given", "strict"), [({}, False), ({"strict": True}, True), ({"strict": False}, False)]
    )
    def test_strict_can_be_set(self, script: Script, given: dict[str, Any], strict: bool) -> None:
        server = script(PATH, completion(OUTPUT))

        call(server, **given, step={"schema": {"type": "object"}})

        assert sent(server)[0]["response_format"]["json_schema"]["strict"] is strict

    @pytest.mark.parametrize(
        ("form", "told"), [("json_object", {"type": "json_object"}), ("none", None)]
    )
    def test_a_server_without_schemas_is_told_by_the_prompt(
        self, script: Script, form: str, told: Any
    ) -> None:
        server = script(PATH, completion(OUTPUT))

        call(server, prompt="Read it.", response_format=form)

        (body,) = sent(server)
        system = body["messages"][0]["content"]
        assert body.get("response_format") == told
        assert system.startswith("Read it.\n\nAnswer with JSON")
        assert json.loads(system.splitlines()[-1]) == REFUND

    def test_log_probabilities_are_asked_for_where_they_are_used(self, script: Script) -> None:
        server = script(PATH, completion(OUTPUT))

        call(server)
        call(server, confidence_by="tokens")

        first, second = sent(server)
        assert "logprobs" not in first
        assert second["logprobs"] is True

    def test_more_parameters_go_out(self, script: Script) -> None:
        server = script(PATH, completion(OUTPUT))

        call(server, parameters={"top_p": 0.5})

        assert sent(server)[0]["top_p"] == 0.5

    def test_images_become_parts(self, script: Script) -> None:
        server = script(PATH, completion(OUTPUT))
        photo = "data:image/png;base64,iVBORw0="

        call(server, {"photo": photo})

        assert sent(server)[0]["messages"][-1]["content"] == [
            {"type": "text", "text": '{"photo": "[image 1]"}'},
            {"type": "image_url", "image_url": {"url": photo}},
        ]

    @pytest.mark.parametrize(
        ("header", "name", "value"),
        [("", "Authorization", "Bearer s3cret"), ("api-key", "Api-Key", "s3cret")],
    )
    def test_the_secret_goes_into_its_header(
        self, script: Script, header: str, name: str, value: str
    ) -> None:
        server = script(PATH, completion(OUTPUT))
        settings = {"secret_header": header} if header else {}

        call(server, secret="s3cret", **settings)

        assert server.log[0][0].headers[name] == value

    def test_the_address_keeps_its_query(self, script: Script) -> None:
        server = script(PATH, completion(OUTPUT))

        call(server, url=server.url_for("/v1?api-version=2026"))

        assert server.log[0][0].query_string == b"api-version=2026"

    @pytest.mark.parametrize(
        ("given", "place"),
        [
            ({"parameters": {"stream": True}}, "/parameters"),
            ({"parameters": {"model": "other"}}, "/parameters"),
            ({"confidence_by": "agreement", "temperature": 0}, "/temperature"),
            ({"price_in_micros": 5}, "price_out_micros"),
            ({"currency": "euro"}, "/currency"),
            ({"confidence_by": "hope"}, "/confidence_by"),
            ({"model": ""}, "/model"),
        ],
    )
    def test_settings_that_would_mislead_are_refused(
        self, httpserver: HTTPServer, given: dict[str, Any], place: str
    ) -> None:
        error = failure(httpserver, **given)

        assert isinstance(error, PermanentError)
        assert place in str(error)
        assert not httpserver.log

    def test_no_address_inside_is_called(self, script: Script, settings: Settings) -> None:
        settings.REWIRE_HTTP_ALLOWED_HOSTS = []
        server = script(PATH, completion(OUTPUT))

        error = failure(server)

        assert isinstance(error, PermanentError)
        assert "REWIRE_HTTP_ALLOWED_HOSTS" in str(error)
        assert not server.log


class TestWhatComesBack:
    def test_output_model_and_cost(self, script: Script) -> None:
        server = script(PATH, completion(OUTPUT))

        result = call(server, price_in_micros=150, price_out_micros=600.5, currency="EUR")

        assert result.output == OUTPUT
        assert result.confidence is None
        assert result.field_confidence == {}
        # Another model than the one asked for is told, not refused.
        assert result.model == "reader-2026-01"
        assert (result.cost_micros, result.currency) == (12, "EUR")
        assert isinstance(result.latency_ms, int)

    @pytest.mark.parametrize(
        "usage", [None, {}, [], {"prompt_tokens": 5}, {"prompt_tokens": -1, "completion_tokens": 1}]
    )
    def test_cost_without_a_count_is_unknown(self, script: Script, usage: Any) -> None:
        server = script(PATH, completion(OUTPUT, usage=usage))

        result = call(server, price_in_micros=1, price_out_micros=1, currency="EUR")

        assert result.cost_micros is None

    def test_cost_without_prices_is_unknown(self, script: Script) -> None:
        assert call(script(PATH, completion(OUTPUT))).cost_micros is None

    @pytest.mark.parametrize(
        "text",
        [
            "```json\n%s\n```",
            "\n```\n%s```\n",
            "  %s\n",
            '<think>Is it {"kind": 1}?</think>\n%s',
            "Perhaps.</think>\n```json\n%s\n```",
        ],
    )
    def test_what_is_around_the_json_is_no_part_of_it(self, script: Script, text: str) -> None:
        content = text % json.dumps(OUTPUT)
        server = script(PATH, completion(content, logprobs=[(content, -0.5)]))

        result = call(server, response_format="none", confidence_by="tokens")

        assert result.output == OUTPUT
        assert result.confidence == pytest.approx(math.exp(-0.5))

    def test_a_text_that_only_looks_like_thinking_is_kept(self, script: Script) -> None:
        server = script(PATH, completion({"words": "a</think>b"}))

        result = call(server, step={"schema": {"type": "object"}})

        assert result.output == {"words": "a</think>b"}

    def test_an_output_that_is_no_object_comes_out_of_its_envelope(self, script: Script) -> None:
        content = '{"value": ["a"]}'
        spelled = [('{"value": [', -1.0), ('"a"', -0.5), ("]}", -1.0)]
        server = script(PATH, completion(content, logprobs=spelled))

        result = call(server, confidence_by="tokens", step={"schema": {"type": "array"}})

        sure = pytest.approx(math.exp(-0.5))
        assert result.output == ["a"]
        assert result.confidence == sure
        assert result.field_confidence == {"/0": sure}


class TestConfidence:
    def test_tokens_give_each_value_and_the_whole(self, script: Script) -> None:
        server = script(PATH, completion(OUTPUT, logprobs=SPELLED))

        result = call(server, confidence_by="tokens")

        assert result.confidence == pytest.approx(math.exp(-2.0 - 0.5 - 0.25 - 1.0))
        assert result.field_confidence["/kind"] == pytest.approx(math.exp(-2.75))
        assert result.field_confidence["/amount"] == pytest.approx(math.exp(-1.0))

    @pytest.mark.parametrize(
        "answer",
        [
            completion(OUTPUT),
            completion(OUTPUT, logprobs=[("something else", -0.1)]),
            completion(OUTPUT) | {"choices": [completion(OUTPUT)["choices"][0] | {"logprobs": 7}]},
            completion(
                OUTPUT,
                logprobs=[*SPELLED[:-2], ("5", None), SPELLED[-1]],  # type: ignore[list-item]
            ),
        ],
        ids=["absent", "other", "nonsense", "null"],
    )
    def test_without_log_probabilities_it_is_unknown(self, script: Script, answer: Any) -> None:
        result = call(script(PATH, answer), confidence_by="tokens")

        assert result.output == OUTPUT
        assert result.confidence is None
        assert "/amount" not in result.field_confidence

    def test_a_field_is_asked_for_beside_the_output(self, script: Script) -> None:
        told = {"sure": {"all": 0.75}, "fields": {"kind": 0.5, "amount": 7}}
        server = script(PATH, completion(OUTPUT | told))

        result = call(
            server, confidence_by="field", confidence="/sure/all", field_confidence="/fields"
        )

        asked = sent(server)[0]["response_format"]["json_schema"]["schema"]
        assert {"sure", "fields"} <= set(asked["required"])
        assert result.output == OUTPUT
        assert result.confidence == 0.75
        assert result.field_confidence == {"/kind": 0.5}

    def test_a_field_that_is_not_there_is_unknown(self, script: Script) -> None:
        result = call(script(PATH, completion(OUTPUT)), confidence_by="field")

        assert (result.output, result.confidence) == (OUTPUT, None)

    def test_agreement_counts_answers_that_say_the_same(self, script: Script) -> None:
        other = OUTPUT | {"amount": 50}
        answers = [completion(other), completion(OUTPUT), completion(OUTPUT), completion("no JSON")]
        server = script(PATH, *answers)

        result = call(
            server,
            confidence_by="agreement",
            samples=4,
            seed=10,
            price_in_micros=1000,
            price_out_micros=0,
            currency="EUR",
        )

        assert result.output == OUTPUT
        assert result.confidence == 0.5
        assert result.field_confidence == {"/kind": 0.75, "/amount": 0.5}
        assert result.cost_micros == 160
        assert sorted(body["seed"] for body in sent(server)) == [10, 11, 12, 13]
        keys = {request.headers["Idempotency-Key"] for request, _ in server.log}
        assert keys == {"task-41", "task-41:1", "task-41:2", "task-41:3"}

    def test_samples_of_two_models_are_told_as_both(self, script: Script) -> None:
        server = script(PATH, completion(OUTPUT, model="b-2"), completion(OUTPUT, model="a-1"))

        result = call(server, confidence_by="agreement", samples=3)

        assert result.model == "a-1 + b-2"

    def test_an_envelope_without_an_output_is_of_no_use(self, script: Script) -> None:
        server = script(PATH, completion({"values": []}))

        error = failure(server, step={"schema": {"type": "array"}})

        assert isinstance(error, TransientError)
        assert str(error) == "The answer has no output in it."

    def test_agreement_of_answers_of_no_use_is_a_failure(self, script: Script) -> None:
        error = failure(script(PATH, completion("?")), confidence_by="agreement")

        assert isinstance(error, TransientError)

    def test_samples_are_asked_at_once(self, httpserver: HTTPServer) -> None:
        def slow(_: Request) -> Response:
            time.sleep(0.3)
            return Response(json.dumps(completion(OUTPUT)))

        httpserver.expect_request(PATH).respond_with_handler(slow)
        started = time.monotonic()

        assert call(httpserver, confidence_by="agreement", samples=10).confidence == 1.0
        assert time.monotonic() - started < 2.7


class TestWhatAFailureMeans:
    @pytest.mark.parametrize(
        ("answer", "kind", "said"),
        [
            (completion("Sorry, no."), TransientError, "is no JSON"),
            (completion('{"kind": "refund", "amount": 5'), TransientError, "is no JSON"),
            (completion('{"kind": "refund", "amount": NaN}'), TransientError, "NaN"),
            (completion('{"kind": "a", "kind": "refund", "amount": 5}'), TransientError, "twice"),
            (completion(None), TransientError, "said nothing"),
            (completion([{"type": "text"}]), TransientError, "does not fit"),
            (completion(OUTPUT | {"kind": "other"}), TransientError, "/kind: "),
            (completion({"kind": "refund"}), TransientError, "does not fit"),
            (completion('{"kind": "re', finish="length"), PermanentError, "cut off"),
            (completion(OUTPUT, finish="length"), PermanentError, "cut off"),
            (completion("", finish="content_filter"), PermanentError, "filter"),
            (
                completion(None, message={"refusal": "I can\u2019t\u202e help."}),
                PermanentError,
                "refused: I can\u2019t[U+202E] help.",
            ),
            ({"error": {"message": "Overloaded."}}, TransientError, "no answer: Overloaded."),
            ({"choices": []}, TransientError, "no answer."),
            ([], TransientError, "no answer."),
            (None, TransientError, "no answer."),
            ({"choices": [{"message": "text"}]}, TransientError, "no answer."),
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
        ("status", "kind"),
        [
            (400, PermanentError),
            (401, PermanentError),
            (404, PermanentError),
            (429, TransientError),
            (500, TransientError),
            (503, TransientError),
            (529, TransientError),
        ],
    )
    def test_each_status(self, httpserver: HTTPServer, status: int, kind: type[CallError]) -> None:
        told = {"error": {"message": "No luck with key s3cret."}}
        later = {"Retry-After": "7"}
        httpserver.expect_request(PATH).respond_with_json(told, status=status, headers=later)

        error = failure(httpserver, secret="s3cret")

        assert type(error) is kind
        assert str(error) == f"127.0.0.1 answered {status}: No luck with key [secret]."
        assert error.retry_after == (7 if kind is TransientError else None)
        assert not error.may_have_happened

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (b"", TransientError),
            (b'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"choices": [', TransientError),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", PermanentError),
            (b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"choices": ', PermanentError),
        ],
        ids=["nothing", "cut in mid-body", "a page", "broken JSON"],
    )
    def test_an_answer_that_cannot_be_read(
        self, raw_server: Callable[..., str], answer: bytes, kind: type[CallError]
    ) -> None:
        url = raw_server(lambda connection: connection.sendall(answer))

        with pytest.raises(CallError) as caught:
            OpenAICompatible({"url": url, "model": "reader"}, "").call(asking())

        assert type(caught.value) is kind
        assert not caught.value.may_have_happened

    @pytest.mark.parametrize("limit", [{}, {"timeout": 0.2}])
    def test_a_hanging_server(self, httpserver: HTTPServer, limit: dict[str, Any]) -> None:
        over = Event()

        def hang(_: Request) -> Response:
            over.wait(10)
            return Response("{}")

        httpserver.expect_request(PATH).respond_with_handler(hang)
        started = time.monotonic()

        error = failure(httpserver, **limit, step={"timeout": 5.0 if limit else 0.2})

        over.set()
        # The late request is logged here, not in the log of the next test.
        while not httpserver.log:
            time.sleep(0.01)
        assert isinstance(error, TransientError)
        assert "within 0.2 s" in str(error)
        assert not error.may_have_happened
        assert time.monotonic() - started < 3

    def test_a_slow_server_that_trickles(self, raw_server: Callable[..., str]) -> None:
        def trickle(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
            for _ in range(40):
                connection.sendall(b" ")
                time.sleep(0.05)

        settings = {"url": raw_server(trickle), "model": "reader"}
        started = time.monotonic()

        with pytest.raises(TransientError, match=r"within 0\.3 s"):
            OpenAICompatible(settings, "").call(asking(timeout=0.3))

        assert time.monotonic() - started < 1.5


class TestTheTestButton:
    def report(self, server: HTTPServer, **settings: Any) -> Report:
        return model(server, **settings).check()

    def test_it_says_what_it_found(self, script: Script) -> None:
        content = '{"ready": true}'
        server = script(PATH, completion(content, logprobs=[(content, -0.1)]))

        report = self.report(server, confidence_by="tokens")

        assert report.ok
        valid, has, took, name = report.findings
        assert valid == "1 of 1 valid."
        assert has == "Log-probabilities present."
        assert took.endswith(" ms.")
        assert name == "Model reader-2026-01; asked was reader."
        assert len(server.log) == 1

    @pytest.mark.parametrize("logprobs", [[], [("else", -0.1)]])
    def test_missing_log_probabilities_are_told(self, script: Script, logprobs: Any) -> None:
        server = script(PATH, completion({"ready": True}, logprobs=logprobs))

        report = self.report(server, confidence_by="tokens")

        assert not report.ok
        assert "every confidence would be unknown" in report.findings[1]

    def test_several_samples_are_tried_once(self, script: Script) -> None:
        server = script(PATH, completion({"ready": True}, model=""))

        report = self.report(server, confidence_by="agreement")

        assert report.ok
        assert report.findings[-1] == "Model reader, which the answer does not name."
        assert len(server.log) == 1

    def test_an_answer_of_no_use_is_told(self, script: Script) -> None:
        report = self.report(script(PATH, completion("Ready!")))

        assert not report.ok
        assert report.findings[0].startswith("0 of 1 valid. The answer is no JSON.")

    def test_a_refused_secret_is_told(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request(PATH).respond_with_data(status=401)

        report = self.report(httpserver)

        assert report == Report(ok=False, findings=("127.0.0.1 answered 401.",))
