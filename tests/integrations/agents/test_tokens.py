"""The probability of a value is that of the tokens that spell it, wherever tokens are cut."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.agents.spans import spans
from integrations.agents.tokens import Token, confidences, token
from orchestrator import pointers
from orchestrator.pointers import child

Pieces = list[tuple[str, str | None]]

TEXTS = st.text(alphabet='aß€🎉"\\/~,:{}[] \n0', max_size=6)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "a/b", "~", "", "ü", '"']), inner, max_size=3)
    ),
    max_leaves=12,
)
CHANCE = st.integers(0, 1 << 30).map(Random)


def written(value: Any, pointer: str, chance: Random) -> Iterator[tuple[str, str | None]]:
    """JSON with white space by chance, each piece with the pointer of the value it spells."""
    yield chance.choice(["", "", " ", "\n\t"]), None
    if isinstance(value, dict) and value:
        members = [(json.dumps(key) + ":", child(pointer, key), value[key]) for key in value]
        yield from around("{", members, "}", chance)
    elif isinstance(value, list) and value:
        items = [("", child(pointer, index), item) for index, item in enumerate(value)]
        yield from around("[", items, "]", chance)
    else:
        yield json.dumps(value, ensure_ascii=chance.random() < 0.5), pointer
    yield chance.choice(["", "", " "]), None


def around(
    opening: str, parts: list[tuple[str, str, Any]], closing: str, chance: Random
) -> Iterator[tuple[str, str | None]]:
    for index, (key, pointer, value) in enumerate(parts):
        yield ("," if index else opening) + key, None
        yield from written(value, pointer, chance)
    yield closing, None


def cut(text: bytes, chance: Random) -> list[Token]:
    """The text as tokens of 0 to 5 bytes, which split characters and escapes."""
    tokens = []
    while text:
        size = chance.randint(0, 5)
        tokens.append(Token(text[:size], -chance.random()))
        text = text[size:]
    return tokens


def expected(pieces: Pieces, tokens: list[Token], shift: int) -> dict[str, float]:
    """The same by looking at every byte, token by token."""
    owners: list[int] = [index for index, part in enumerate(tokens) for _ in part.text]
    end = sum(len(text.encode()) for text, _ in pieces)
    touched: dict[str, set[int]] = {}
    at = 0
    for text, pointer in pieces:
        size = len(text.encode())
        if pointer is not None:
            is_number = text[0] in "-0123456789"
            last = min(at + size + is_number, end)
            first_owner, last_owner = owners[shift + at], owners[shift + last - 1]
            parts = pointers.split(pointer)
            for depth in range(len(parts) + 1):
                above = "".join(child("", part) for part in parts[:depth])
                touched.setdefault(above, set()).update(range(first_owner, last_owner + 1))
        at += size
    return {
        pointer: math.prod(math.exp(tokens[index].logprob or 0) for index in indexes)
        for pointer, indexes in touched.items()
    }


@given(VALUES, CHANCE, st.sampled_from([b"", b"I think. ", "Größe: ".encode()]))
def test_every_value_gets_the_product_of_its_tokens(
    value: Any, chance: Random, thoughts: bytes
) -> None:
    pieces = list(written(value, "", chance))
    text = "".join(part for part, _ in pieces).encode()
    tokens = cut(thoughts + text + b"<|end|>", chance)

    found = confidences(text, 0, tokens)

    wanted = expected(pieces, tokens, len(thoughts))
    assert found.keys() == wanted.keys()
    assert all(math.isclose(found[pointer], wanted[pointer]) for pointer in wanted)
    assert all(pointers.lookup(value, pointer) is not pointers.MISSING for pointer in found)
    assert min(found.values()) == found[""]


@given(VALUES)
def test_every_span_spells_its_value(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False).encode()

    for span in spans(text):
        spelled = text[span.start : span.end].rstrip(b",]}") or text[span.start : span.end]
        here = pointers.lookup(value, span.pointer)
        if here in ([], {}) or isinstance(here, str):
            spelled = text[span.start : span.end]
        assert json.loads(spelled) == here


def test_a_value_is_as_sure_as_its_tokens_and_keys_do_not_count() -> None:
    tokens = [
        Token(b'{"', math.log(0.1)),
        Token(b"kind", math.log(0.1)),
        Token(b'": "', math.log(0.9)),
        Token(b"refund", math.log(0.5)),
        Token(b'", "n": ', math.log(0.8)),
        Token(b"12", math.log(0.7)),
        Token(b"}", math.log(0.6)),
    ]
    text = b"".join(part.text for part in tokens)

    found = confidences(text, 0, tokens)

    # The token that closes the text also opens the number's member, and counts once in all.
    assert found == {
        "": pytest.approx(0.9 * 0.5 * 0.8 * 0.7 * 0.6),
        "/kind": pytest.approx(0.9 * 0.5 * 0.8),
        "/n": pytest.approx(0.7 * 0.6),
    }


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        [Token(b'{"a": 1}', 0.0)],
        [Token(b'{"a"', 0.0), Token("\ufffd".encode(), 0.0), Token(b'"}', 0.0)],
    ],
)
def test_tokens_that_do_not_spell_the_text_say_nothing(tokens: list[Token]) -> None:
    assert confidences('{"a": "ß"}'.encode(), 0, tokens) == {}


@pytest.mark.parametrize("logprob", [None, "0", True, float("nan"), 0.5, [0]])
def test_a_token_without_a_probability_makes_its_value_and_the_whole_unknown(
    logprob: Any,
) -> None:
    told = [{"token": '{"a":', "logprob": -1}, {"token": "1", "logprob": logprob}]
    tokens = [token(entry) for entry in [*told, {"token": ',"b":"x"}', "logprob": -0.5}]]

    found = confidences(b'{"a":1,"b":"x"}', 0, tokens)

    assert found == {"/b": pytest.approx(math.exp(-0.5))}


def test_bytes_count_where_a_token_is_half_a_character() -> None:
    text = '"🎉"'.encode()
    told = [
        {"token": '"', "bytes": None, "logprob": -0.1},
        {"token": "\ufffd", "bytes": [0xF0, 0x9F], "logprob": -0.2},
        {"token": "\ufffd", "bytes": [0x8E, 0x89], "logprob": -0.3},
        {"token": '"', "bytes": [34], "logprob": -0.4},
    ]

    assert confidences(text, 0, [token(entry) for entry in told]) == {
        "": pytest.approx(math.exp(-1.0))
    }


def test_an_impossible_token_is_no_confidence_at_all() -> None:
    assert confidences(b"7", 0, [token({"token": "7", "logprob": -9999.0})]) == {"": 0.0}
    assert confidences(b"7", 0, [token({"token": "7", "logprob": 0.00001})]) == {"": 1.0}


@pytest.mark.parametrize("told", [None, 7, {}, {"token": 7}, {"bytes": [256]}, {"bytes": "ab"}])
def test_nonsense_is_a_token_of_unknown_probability(told: Any) -> None:
    assert token(told).logprob is None


@pytest.mark.parametrize("given", [10**12, 3, "ab", None, [256], ["7"], {"7": 1}])
def test_bytes_that_are_no_list_of_bytes_are_not_made(given: Any) -> None:
    assert token({"token": "7", "bytes": given, "logprob": -1.0}) == Token(b"7", -1.0)


def test_an_answer_that_was_thought_of_before_is_the_last_one() -> None:
    told = [("<think>", -3.0), ("7", -2.0), ("</think>", -1.0), ("7", -0.25), ("<|end|>", -4.0)]
    tokens = [token({"token": part, "logprob": number}) for part, number in told]

    assert confidences(b"7", 0, tokens) == {"": pytest.approx(math.exp(-0.25))}
