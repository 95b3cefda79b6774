"""Where each value stands in a JSON text, in bytes, because tokens may split a character."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.pointers import child

LEXEME = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null|[\[\]{}:,]', re.DOTALL)
NUMBER_STARTS = b"-0123456789"

Lexeme = re.Match[bytes]
Lexemes = Iterator[Lexeme]


@dataclass(frozen=True, slots=True)
class Span:
    """A text, number, true, false, null, [] or {} from byte ``start`` up to ``end``."""

    pointer: str
    start: int
    end: int


def spans(text: bytes) -> Iterator[Span]:
    """The spans of all values that hold no others. ``text`` is JSON that has been read already.

    A text's quotes belong to it. So does the byte after a number, if there is one: only
    there is it decided that 12 does not go on as 120.
    """
    lexemes = LEXEME.finditer(text)
    return _value(next(lexemes), lexemes, "")


def _value(first: Lexeme, lexemes: Lexemes, pointer: str) -> Iterator[Span]:
    if first[0] == b"{":
        return _object(first, lexemes, pointer)
    if first[0] == b"[":
        return _array(first, lexemes, pointer)
    is_number = first[0][0] in NUMBER_STARTS
    return iter([Span(pointer, first.start(), first.end() + is_number)])


def _object(opening: Lexeme, lexemes: Lexemes, pointer: str) -> Iterator[Span]:
    key = next(lexemes)
    if key[0] == b"}":
        yield Span(pointer, opening.start(), key.end())
        return
    while True:
        next(lexemes)
        yield from _value(next(lexemes), lexemes, child(pointer, json.loads(key[0])))
        if next(lexemes)[0] == b"}":
            return
        key = next(lexemes)


def _array(opening: Lexeme, lexemes: Lexemes, pointer: str) -> Iterator[Span]:
    item, index = next(lexemes), 0
    if item[0] == b"]":
        yield Span(pointer, opening.start(), item.end())
        return
    while True:
        yield from _value(item, lexemes, child(pointer, index))
        if next(lexemes)[0] == b"]":
            return
        item, index = next(lexemes), index + 1
