"""Asks any server that speaks OpenAI's chat completions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from integrations.agents.asking import Question, Reply, shortened, tokens_used
from integrations.agents.base import LanguageModel
from integrations.agents.envelope import fits_strict
from integrations.agents.tokens import confidences, token
from integrations.connectors.openai_compatible.settings import SETTINGS_SCHEMA
from orchestrator import pointers, strictjson
from orchestrator.connectors import CallError, PermanentError, TransientError
from orchestrator.exceptions import Refusal

FENCE = re.compile(rb"\s*```(?:json)?[ \t]*\n(?P<json>.*?)\n?[ \t]*```\s*", re.DOTALL)
THOUGHT = b"</think>"
JSON = (b"{", b"[", b'"')
PLAIN = ("temperature", "max_tokens")


class OpenAICompatible(LanguageModel):
    settings_schema = SETTINGS_SCHEMA
    path = "/chat/completions"

    def http_settings(self) -> dict[str, Any]:
        header = self.settings.get("secret_header")
        return super().http_settings() | ({"secret_header": header} if header else {})

    def body(self, asked: Question, sample: int) -> dict[str, Any]:
        given = {name: self.settings[name] for name in PLAIN if name in self.settings}
        if "seed" in self.settings:
            given["seed"] = self.settings["seed"] + sample
        if self._by() == "tokens":
            # Some servers give twenty alternatives for each token unless told otherwise.
            given |= {"logprobs": True, "top_logprobs": 1}
        given |= self.settings.get("parameters", {})
        own = {"model": self.settings["model"], "messages": self._messages(asked)}
        return given | own | self._form(asked)

    def read(self, told: Any) -> Reply:
        choice = pointers.lookup(told, "/choices/0")
        message = pointers.lookup(choice, "/message")
        if not isinstance(message, dict):
            return Reply(problem=_no_answer(told))
        usage = told.get("usage")
        reply = Reply(
            model=str(told.get("model") or ""),
            tokens_in=tokens_used(usage, "prompt_tokens"),
            tokens_out=tokens_used(usage, "completion_tokens"),
        )
        if problem := _stopped(choice.get("finish_reason"), message.get("refusal")):
            return replace(reply, problem=problem)
        return self._with_answer(reply, message.get("content"), choice)

    def _with_answer(self, reply: Reply, text: Any, choice: Mapping[str, Any]) -> Reply:
        if not isinstance(text, str):
            return replace(reply, problem=TransientError("The model said nothing."))
        body = text.encode()
        start, end = _span(body)
        try:
            answer = strictjson.loads(body[start:end])
        except Refusal as error:
            problem = TransientError(f"The answer is no JSON. {error.message}")
            return replace(reply, problem=problem)
        told = pointers.lookup(choice, "/logprobs/content")
        if self._by() != "tokens" or not isinstance(told, list) or not told:
            return replace(reply, answer=answer)
        spelled = confidences(body, start, [token(entry) for entry in told])
        return replace(reply, answer=answer, spelled=spelled)

    def _form(self, asked: Question) -> dict[str, Any]:
        wanted = asked.envelope.schema
        match self.settings.get("response_format", "json_schema"):
            case "json_schema":
                strict = self.settings.get("strict", fits_strict(wanted))
                form = {"name": "answer", "schema": wanted, "strict": strict}
                return {"response_format": {"type": "json_schema", "json_schema": form}}
            case "json_object":
                return {"response_format": {"type": "json_object"}}
        return {}

    def _messages(self, asked: Question) -> list[dict[str, Any]]:
        told = [asked.prompt]
        if self.settings.get("response_format", "json_schema") != "json_schema":
            wanted = json.dumps(asked.envelope.schema, ensure_ascii=False)
            told.append(f"Answer with JSON that fits this JSON Schema and nothing else:\n{wanted}")
        system = "\n\n".join(filter(None, told))
        first = [{"role": "system", "content": system}] if system else []
        return [*first, {"role": "user", "content": _content(asked)}]


def _span(body: bytes) -> tuple[int, int]:
    """Where the JSON stands: after what the model thought aloud, and inside of a fence."""
    thought = -1 if body.lstrip().startswith(JSON) else body.rfind(THOUGHT)
    start = thought + len(THOUGHT) if thought >= 0 else 0
    fenced = FENCE.fullmatch(body, start)
    return fenced.span("json") if fenced else (start, len(body))


def _content(asked: Question) -> Any:
    """The input as text; as a list of parts where it has images."""
    if not asked.images:
        return asked.text
    images = [{"type": "image_url", "image_url": {"url": image.url}} for image in asked.images]
    return [{"type": "text", "text": asked.text}, *images]


def _stopped(reason: Any, refusal: Any) -> CallError | None:
    """Why a model stopped before its answer was whole. The same input stops it again."""
    if refusal:
        return PermanentError(f"The model refused: {shortened(refusal)}")
    if reason == "length":
        return PermanentError("The answer was cut off: it needs more tokens than it may have.")
    if reason == "content_filter":
        return PermanentError("The provider's filter withheld the answer.")
    return None


def _no_answer(told: Any) -> CallError:
    """Some servers answer 200 and put an error into it."""
    said = pointers.lookup(told, "/error/message")
    return TransientError(
        f"The server gave no answer: {shortened(said)}" if said else "The server gave no answer."
    )
