"""Providers that answer by script, and schemas to ask for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from threading import Lock
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from orchestrator.connectors import Call
from tests.integrations.conftest import a_call

REFUND = {
    "type": "object",
    "properties": {"kind": {"enum": ["refund", "question"]}, "amount": {"type": "number"}},
    "required": ["kind", "amount"],
    "additionalProperties": False,
}
OUTPUT = {"kind": "refund", "amount": 5}

Script = Callable[..., HTTPServer]


@pytest.fixture
def script(httpserver: HTTPServer) -> Script:
    """Answers in their order, the last one again and again."""

    def script(path: str, *answers: Any) -> HTTPServer:
        # Samples arrive at once.
        left = chain(answers, repeat(answers[-1]))
        one_at_a_time = Lock()

        def respond(_: Request) -> Response:
            with one_at_a_time:
                return Response(json.dumps(next(left)))

        httpserver.expect_request(path).respond_with_handler(respond)
        return httpserver

    return script


def sent(server: HTTPServer) -> list[dict[str, Any]]:
    return [json.loads(request.get_data()) for request, _ in server.log]


def asking(
    given: Any = None, *, schema: dict[str, Any] = REFUND, timeout: float = 5.0, **step: Any
) -> Call:
    plain = a_call(given, timeout=timeout, **step)
    return Call(
        input=plain.input,
        schema=schema,
        step=plain.step,
        idempotency_key=plain.idempotency_key,
        timeout=plain.timeout,
        brief=plain.brief,
    )


def completion(
    content: Any, *, finish: str = "stop", logprobs: Sequence[tuple[str, float]] = (), **more: Any
) -> dict[str, Any]:
    """A chat completion; ``content`` that is no text goes out as JSON."""
    text = content if isinstance(content, str) or content is None else json.dumps(content)
    message = {"role": "assistant", "content": text} | more.pop("message", {})
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish}
    if logprobs:
        entries = [{"token": part, "logprob": number} for part, number in logprobs]
        choice["logprobs"] = {"content": entries}
    usage = {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50}
    return {"model": "reader-2026-01", "choices": [choice], "usage": usage} | more


def message(value: Any, *, stop: str = "tool_use", **more: Any) -> dict[str, Any]:
    """An Anthropic message that fills in the tool."""
    blocks = [
        {"type": "text", "text": "I fill it in."},
        {"type": "tool_use", "id": "t1", "name": "answer", "input": value},
    ]
    usage = {"input_tokens": 40, "output_tokens": 10, "cache_read_input_tokens": None}
    told = {"model": "claude-2026", "content": blocks, "stop_reason": stop, "usage": usage}
    return told | more
