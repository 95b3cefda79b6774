"""What a page says to people, part by part, and what of it is English of the house."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Final

from tests.language.catalogue import entries

SPOKEN: Final = frozenset({"alt", "title", "aria-label", "placeholder", "content", "data-words"})
SILENT: Final = frozenset({"script", "style", "code", "pre", "kbd", "textarea", "svg"})
# Words of sentences that no German sentence has.
ENGLISH: Final = re.compile(
    r"\b(?:the|and|of|is|are|this|that|who|you|your|nobody|people|what|when|where|with|to|by|"
    r"which|how|not|from|decided|approved|waiting|cases|decisions?|attempts?|rules?)\b",
    re.IGNORECASE,
)
HOLE: Final = re.compile(r"%\(\w+\)[a-z]|%[sdr]|\{\w+[^}]*\}")


# Examples, places in documents and names that programs use are the same in every language.
KEPT: Final = re.compile(
    r"Beispiel: .*|\{[^}]*\}|\ball: .*|\brule:\d+/\d+|\b\d+:[\w-]+:[\w.-]*:\d+ \w+|"
    r"\b[a-z]+\.[a-z_]+\b|(?:/\w+)+",
    re.DOTALL,
)


def english_on(page: str, *, names: Iterable[str] = ()) -> set[str]:
    """The texts of a German page that are English, without those that people wrote."""
    known = sorted(filter(None, names), key=len, reverse=True)
    found = set()
    for text in texts_of(page):
        rest = KEPT.sub(" ", text)
        for name in known:
            rest = rest.replace(name, " ") if name in rest else rest
        if ENGLISH.search(rest) or rest.strip() in untranslated():
            found.add(text)
    return found


_UNTRANSLATED: set[str] = set()


def untranslated() -> set[str]:
    """The texts of the catalogue that stand on no German page as they are in English."""
    if not _UNTRANSLATED:
        german = {text for row in entries() for text in row.german}
        _UNTRANSLATED.update(
            row.english
            for row in entries()
            if row.english not in german and not HOLE.search(row.english)
        )
    return _UNTRANSLATED


def texts_of(page: str) -> Iterator[str]:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    yield from (" ".join(text.split()) for text in reader.texts if text.strip())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        given = dict(attrs)
        if tag == "meta":
            return
        self.texts += [value for name, value in attrs if value and name in SPOKEN]
        if tag == "input" and given.get("type") in {"submit", "button", "reset"}:
            self.texts.append(given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(data)
