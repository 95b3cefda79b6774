"""What a language model is asked and what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from integrations.agents.envelope import Envelope, enclose
from integrations.agents.images import Image, take_images
from orchestrator import strictjson
from orchestrator.connectors import Call, CallError
from orchestrator.pointers import MISSING

CONFIDENCE = "/confidence"
MOST_WORDS = 200
# The page of a connection waits no longer than ten.
TRIAL_SECONDS = 9.0
TRIAL = {
    "type": "object",
    "properties": {"ready": {"type": "boolean"}},
    "required": ["ready"],
    "additionalProperties": False,
}


BRIEFED = (
    "The input comes with a brief. Where it has sent_back, this was done before and a reviewer "
    "wants it done anew: follow its instructions, and look at its output and corrections. Its "
    "history is what was decided about this case so far."
)


@dataclass(frozen=True, slots=True)
class Question:
    """``text`` is the input as JSON, with its images taken out of it, and the brief beside it."""

    prompt: str
    text: str
    images: Sequence[Image]
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said once: an ``answer``, or the ``problem`` with it.

    ``spelled`` maps pointers into the answer to the product of their tokens' probabilities;
    it is None where the model gave no log-probabilities. ``output`` is the step's.
    """

    answer: Any = MISSING
    problem: CallError | None = None
    model: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    spelled: Mapping[str, float] | None = None
    output: Any = MISSING


def question(call: Call, settings: Mapping[str, Any]) -> Question:
    given, images = take_images(call.input, call.picture)
    told = (call.step.get("prompt"), settings.get("prompt"), call.instructions)
    prompt = next((str(words) for words in told if words), "")
    if call.brief is not None:
        given = {"input": given, "brief": call.brief}
        prompt = f"{prompt}\n\n{BRIEFED}".strip()
    places = {}
    if settings.get("confidence_by") == "field":
        places = {
            "whole": settings.get("confidence", CONFIDENCE),
            "fields": settings.get("field_confidence", ""),
        }
    return Question(
        prompt=prompt,
        text=json.dumps(given, ensure_ascii=False),
        images=images,
        envelope=enclose(call.schema, **places),
    )


def trial() -> Call:
    """A call as small as one can be, for the test button."""
    return Call(
        input={"task": "Set ready to true."},
        schema=TRIAL,
        step={"prompt": "You are being tested. Answer in JSON."},
        idempotency_key=f"trial-{uuid4()}",
        timeout=TRIAL_SECONDS,
    )


def tokens_used(usage: Any, *names: str) -> int | None:
    """The sum of what a provider counted under these names; None when it counted nothing."""
    counts = [usage.get(name) for name in names] if isinstance(usage, dict) else []
    known = [count for count in counts if type(count) is int and count >= 0]
    return sum(known) if known else None


def shortened(words: Any) -> str:
    """A model's or a provider's own words as the end of a sentence."""
    shown = strictjson.visible(" ".join(str(words).split()))
    return f"{shown[:MOST_WORDS]}…" if len(shown) > MOST_WORDS else f"{shown.rstrip('.')}."
