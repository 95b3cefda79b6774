"""Strict JSON: what is refused, how fast, and what becomes visible."""

from __future__ import annotations

import gc
import json
import sys
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.exceptions import MalformedJSON, Refusal, TooLarge
from orchestrator.strictjson import MAX_BYTES, has_hidden, loads, visible

MIB = 1 << 20
# Coverage's tracer makes Python code several times slower.
SECONDS = 0.2 if sys.gettrace() is None else 2.0


def filled(unit: bytes, left: bytes = b"[", right: bytes = b"]") -> bytes:
    """A body of just under 1 MiB: ``unit`` again and again, joined by commas."""
    return left + b",".join([unit] * ((MIB - 10) // (len(unit) + 1))) + right


HOSTILE: dict[str, tuple[bytes, type[Refusal], str]] = {
    "too large": (b" " * MIB + b"1", TooLarge, "1,048,577 bytes"),
    "arrays 33 deep": (b"[" * 33 + b"]" * 33, MalformedJSON, "deeper than 32"),
    "objects 33 deep": (b'{"a":' * 33 + b"1" + b"}" * 33, MalformedJSON, "deeper than 32"),
    "arrays 10,000 deep": (b"[" * 10_000 + b"]" * 10_000, MalformedJSON, "deeper than 32"),
    "arrays 100,000 deep": (b"[" * 100_000, MalformedJSON, "deeper than 32"),
    "open arrays, 1 MiB": (b"[" * MIB, MalformedJSON, "100,000 arrays"),
    "open objects, 1 MiB": (b'{"":' * (MIB // 4), MalformedJSON, "100,000 arrays"),
    "empty arrays, 1 MiB": (filled(b"[]"), MalformedJSON, "100,000 arrays"),
    "empty objects, 1 MiB": (filled(b"{}"), MalformedJSON, "100,000 arrays"),
    "deep arrays, 1 MiB": (filled(b"[" * 31 + b"]" * 31), MalformedJSON, "100,000 arrays"),
    "integer of 65 bits": (b"[9223372036854775808]", MalformedJSON, "send it as text"),
    "negative of 65 bits": (b"[-9223372036854775809]", MalformedJSON, "64 bits"),
    "integer of 1 MiB": (b"1" * MIB, MalformedJSON, "64 bits"),
    "integers of 4,000 digits": (filled(b"7" * 4000), MalformedJSON, "64 bits"),
    "1e400": (b'{"confidence": 1e400}', MalformedJSON, "1e400"),
    "-1e400": (b"-1e400", MalformedJSON, "1e400"),
    "1e300": (b"1e300", MalformedJSON, "64 bits"),
    "a float of 2**63": (b"9223372036854775808.0", MalformedJSON, "64 bits"),
    "exponent of 1 MiB": (b"1e" + b"9" * (MIB - 2), MalformedJSON, "64 bits"),
    "NaN": (b'{"confidence": NaN}', MalformedJSON, "NaN"),
    "Infinity": (b"[Infinity]", MalformedJSON, "Infinity"),
    "-Infinity": (b"[-Infinity]", MalformedJSON, "-Infinity"),
    "NUL in a text": (b'["a\\u0000b"]', MalformedJSON, "NUL"),
    "NUL after a backslash": (b'["\\\\\\u0000"]', MalformedJSON, "NUL"),
    "NUL in a key": (b'{"\\u0000": 1}', MalformedJSON, "NUL"),
    "a raw NUL": (b'["\x00"]', MalformedJSON, "not JSON"),
    "high surrogate": (b'["\\ud800"]', MalformedJSON, "surrogate"),
    "low surrogate": (b'["\\uDC00x"]', MalformedJSON, "surrogate"),
    "surrogate in a key": (b'{"\\ud800": 1}', MalformedJSON, "surrogate"),
    "surrogate as bytes": (b'["\xed\xa0\x80"]', MalformedJSON, "not UTF-8"),
    "not UTF-8": (b'["\xff"]', MalformedJSON, "byte 2"),
    "UTF-16": ("[1]".encode("utf-16"), MalformedJSON, "not UTF-8"),
    "byte order mark": (b"\xef\xbb\xbf[1]", MalformedJSON, "not JSON"),
    "key twice": (b'{"a": 1, "b": 2, "a": 1}', MalformedJSON, '"a" stands twice'),
    "key twice, escaped": (b'{"a": 1, "\\u0061": 2}', MalformedJSON, '"a" stands twice'),
    "key twice, deep": (b'[{"x": {"a": 1, "a": 2}}]', MalformedJSON, '"a" stands twice'),
    "the same key, 1 MiB": (filled(b'"a":1', b"{", b"}"), MalformedJSON, '"a" stands twice'),
    "empty": (b"", MalformedJSON, "not JSON"),
    "two values": (b"1 2", MalformedJSON, "Extra data"),
    "comment": (b"[1] // one", MalformedJSON, "not JSON"),
    "single quotes": (b"{'a': 1}", MalformedJSON, "not JSON"),
    "open text of backslashes": (b'"' + b'\\"' * (MIB // 2 - 1), MalformedJSON, "Unterminated"),
}

HEAVY: dict[str, bytes] = {
    "small integers": filled(b"1"),
    "floats": filled(b"1.5"),
    "long integers": filled(b"1234567890123456789"),
    "floats with exponents": filled(b"1e5"),
    "small objects": filled(b'{"sku":"A-1","n":2,"x":[1,"x"]}'),
    "many arrays": b"[" + b",".join([b"[1,2]"] * 99_999) + b"]",
    "deep arrays": b"[" + b",".join([b"[" * 31 + b"]" * 31] * 3_000) + b"]",
    "brackets in texts": filled(b'"[[[[{{{{\\"]"'),
    "one text of brackets": b'"' + b"[" * (MIB - 2) + b'"',
    "one text": b'"' + b"x" * (MIB - 2) + b'"',
    "escaped backslashes before u0000": b'"' + b"\\\\u0000" * (MIB // 8) + b'"',
    "a text of backslashes": b'"' + b"\\\\" * (MIB // 2 - 10) + b'u0000\\u0041"',
    "spaces": b"[" + b" " * (MIB - 2) + b"]",
}


def seconds(body: bytes) -> float:
    """Of this thread's processor, so that a busy machine fails no test."""
    # As timeit does: the rest of the suite's garbage is not the reader's.
    gc.disable()
    try:
        started = time.thread_time()
        with suppress(Refusal):
            loads(body)
        return time.thread_time() - started
    finally:
        gc.enable()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_body_is_refused_in_words(name: str) -> None:
    body, refusal, words = HOSTILE[name]

    with pytest.raises(refusal) as caught:
        loads(body)

    assert words in caught.value.message
    assert len(caught.value.message) < 250
    assert caught.value.status in {400, 413}


@pytest.mark.parametrize("name", [*HOSTILE, *HEAVY])
def test_any_body_is_read_or_refused_within_200_ms(name: str) -> None:
    body = HEAVY[name] if name in HEAVY else HOSTILE[name][0]

    # The bound is the reader's, not the machine's: a busy neighbour slows some tries, not all.
    assert any(seconds(body) < SECONDS for _ in range(20))


@pytest.mark.parametrize("name", HEAVY)
def test_heavy_but_honest_body_is_read(name: str) -> None:
    assert loads(HEAVY[name]) == json.loads(HEAVY[name])


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"null", None),
        (b" true\n", True),
        (b"-0", 0),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"9.2e18", 9.2e18),
        (b"1e-400", 0.0),
        (b'"\\\\u0000"', "\\u0000"),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        (b'{"a": {"a": 1}, "A": 2}', {"a": {"a": 1}, "A": 2}),
        (b"[" * 32 + b"]" * 32, json.loads("[" * 32 + "]" * 32)),
        (b"[" * 32 + b"7" + b"]" * 32, json.loads("[" * 32 + "7" + "]" * 32)),
        (b" " * (MAX_BYTES - 1) + b"1", 1),
    ],
)
def test_allowed_body_is_read(body: bytes, value: Any) -> None:
    assert loads(body) == value


def test_numbers_keep_their_kind() -> None:
    assert [type(number) for number in loads(b"[1, 1.0, 1e2, true]")] == [int, float, float, bool]


def test_limits_can_be_narrower() -> None:
    assert loads(b"[[1]]", max_depth=2, max_bytes=5) == [[1]]
    with pytest.raises(MalformedJSON, match="deeper than 1 levels"):
        loads(b"[[1]]", max_depth=1)
    with pytest.raises(TooLarge, match="at most 4"):
        loads(b"[[1]]", max_bytes=4)


def test_message_shows_hidden_characters_and_is_cut() -> None:
    key = "\u202eevil" + "x" * 500

    with pytest.raises(MalformedJSON) as caught:
        loads(json.dumps([1]).replace("1", f'{{"{key}": 1, "{key}": 2}}').encode())

    assert "[U+202E]evil" in caught.value.message
    assert "…" in caught.value.message
    assert len(caught.value.message) < 150


finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-9e18, max_value=9e18)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | finite | text
documents = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=20
)


@given(documents, st.booleans())
def test_what_json_writes_is_read_back(document: Any, ascii_only: bool) -> None:
    assert loads(json.dumps(document, ensure_ascii=ascii_only).encode()) == document


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:0123456789eE+-.\\u tnf').map(str.encode))
def test_no_body_ends_in_anything_but_a_value_or_a_refusal(body: bytes) -> None:
    try:
        value = loads(body)
    except Refusal:
        return
    assert value == json.loads(body)


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("pay \u202egnp.exe", "pay [U+202E]gnp.exe"),
        ("a\u200bb", "a[U+200B]b"),
        ("soft\u00adhyphen", "soft[U+00AD]hyphen"),
        ("\ufeffbom", "[U+FEFF]bom"),
        ("pay\u200dpal", "pay[U+200D]pal"),
        ("\u200cstart", "[U+200C]start"),
        ("é\u200d\u200d", "é\u200d[U+200D]"),
        ("x\U000e0041\U000e0042", "x[U+E0041][U+E0042]"),
        ("a\ufe01", "a[U+FE01]"),
        ("\N{HEAVY BLACK HEART}\ufe0f\ufe0e", "\N{HEAVY BLACK HEART}\ufe0f[U+FE0E]"),
        ("bell\x07", "bell[U+0007]"),
        ("\x1b[31m", "[U+001B][31m"),
        ("one\u2028two", "one[U+2028]two"),
        ("\u3164", "[U+3164]"),
    ],
)
def test_hidden_characters_are_written_out(hidden: str, shown: str) -> None:
    assert has_hidden(hidden)
    assert visible(hidden) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Grüße, señor\tO'Neill\r\n",
        "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}",
        "\N{HEAVY BLACK HEART}\ufe0f\u200d\N{FIRE}",
        "1\ufe0f\u20e3",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "क्\u200dष",
        "葛\U000e0100",
        "שלום עולם",
    ],
)
def test_ordinary_writing_stays_as_it_is(text: str) -> None:
    assert not has_hidden(text)
    assert visible(text) == text
