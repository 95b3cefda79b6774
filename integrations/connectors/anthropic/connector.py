"""Asks Anthropic's messages API, which answers by filling in the input of a tool."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from integrations.agents.asking import Question, Reply, shortened, tokens_used
from integrations.agents.base import LanguageModel
from integrations.connectors.anthropic.settings import SETTINGS_SCHEMA
from orchestrator import pointers
from orchestrator.connectors import CallError, PermanentError, TransientError

ADDRESS = "https://api.anthropic.com"
VERSION = "2023-06-01"
MAX_TOKENS = 4096
TOOL = "answer"
READ = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
CUT_OFF = {"max_tokens", "model_context_window_exceeded"}


class Anthropic(LanguageModel):
    settings_schema = SETTINGS_SCHEMA
    path = "/v1/messages"

    def http_settings(self) -> dict[str, Any]:
        return super().http_settings() | {"secret_header": "x-api-key"}

    def address(self) -> str:
        return str(self.settings.get("url") or ADDRESS)

    def headers(self) -> dict[str, str]:
        version = {"anthropic-version": self.settings.get("version", VERSION)}
        return super().headers() | version

    def body(self, asked: Question, sample: int) -> dict[str, Any]:
        given = dict(self.settings.get("parameters", {}))
        if "temperature" in self.settings:
            given["temperature"] = self.settings["temperature"]
        if asked.prompt:
            given["system"] = asked.prompt
        tool = {
            "name": TOOL,
            "description": "Gives the answer.",
            "input_schema": asked.envelope.schema,
        }
        return given | {
            "model": self.settings["model"],
            "max_tokens": self.settings.get("max_tokens", MAX_TOKENS),
            "messages": [{"role": "user", "content": _content(asked)}],
            "tools": [tool],
            "tool_choice": {"type": "tool", "name": TOOL, "disable_parallel_tool_use": True},
        }

    def read(self, told: Any) -> Reply:
        blocks = pointers.lookup(told, "/content")
        if not isinstance(blocks, list):
            return Reply(problem=TransientError("The server gave no answer."))
        usage = told.get("usage")
        reply = Reply(
            model=str(told.get("model") or ""),
            tokens_in=tokens_used(usage, *READ),
            tokens_out=tokens_used(usage, "output_tokens"),
        )
        if problem := _stopped(told.get("stop_reason"), blocks):
            return replace(reply, problem=problem)
        answers = [block["input"] for block in blocks if _is_answer(block)]
        if not answers:
            problem = TransientError(f"The model did not use the tool. {_words(blocks)}".strip())
            return replace(reply, problem=problem)
        return replace(reply, answer=answers[0])


def _content(asked: Question) -> Any:
    """The input as text; as a list of blocks where it has images."""
    if not asked.images:
        return asked.text
    sources = [
        {"type": "base64", "media_type": image.media_type, "data": image.data}
        for image in asked.images
    ]
    images = [{"type": "image", "source": source} for source in sources]
    return [*images, {"type": "text", "text": asked.text}]


def _is_answer(block: Any) -> bool:
    return (
        isinstance(block, dict)
        and block.get("type") == "tool_use"
        and block.get("name") == TOOL
        and "input" in block
    )


def _words(blocks: list[Any]) -> str:
    """What the model said instead, shortened."""
    texts = [block["text"] for block in blocks if isinstance(block, dict) and block.get("text")]
    return f"It said: {shortened(texts[0])}" if texts else ""


def _stopped(reason: Any, blocks: list[Any]) -> CallError | None:
    """Why a model stopped before its answer was whole. The same input stops it again."""
    if reason == "refusal":
        return PermanentError(f"The model refused. {_words(blocks)}".strip())
    if reason in CUT_OFF:
        return PermanentError("The answer was cut off: it needs more tokens than it may have.")
    return None
