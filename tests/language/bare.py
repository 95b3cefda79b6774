"""The texts of a template that no tag translates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final

TAG: Final = re.compile(r"\{%\s*(\w+)(.*?)%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
BLOCKS: Final = re.compile(
    r"\{%\s*block (?:bodyclass|coltype)\s*%\}.*?\{%\s*endblock\s*%\}"
    r"|\{%\s*blocktranslate.*?%\}.*?\{%\s*endblocktranslate\s*%\}"
    r"|\{%\s*comment.*?%\}.*?\{%\s*endcomment\s*%\}",
    re.DOTALL,
)
# What a tag or a filter shows as it is written: included titles, labels, defaults.
SHOWN: Final = re.compile(
    r"\b(?:title|text|action|label|before|after)=\"([^\"]+)\"|\|default:\"([^\"]+)\""
)
LABELLED: Final = re.compile(r"\{%\s*(?:pill|nav)\b[^%]*?\s\"([A-Z][^\"]*)\"")
ICON: Final = re.compile(r"\{%\s*icon\b")
SPOKEN: Final = frozenset({"alt", "title", "aria-label", "placeholder", "label"})
BUTTONS: Final = frozenset({"submit", "button", "reset"})
SILENT: Final = frozenset({"script", "style", "code", "pre", "kbd", "svg"})
LETTERS: Final = re.compile(r"[^\W\d_]{2,}")
HOLE: Final = " "


def bare_texts(source: str) -> list[str]:
    """Each text of two letters or more that is shown without being translated."""
    source = BLOCKS.sub(HOLE, source)
    found = [text for match in TAG.finditer(source) for text in _of_tag(match[0])]
    reader = _Reader()
    reader.feed(TAG.sub(HOLE, source))
    reader.close()
    return [text for text in (*found, *reader.texts) if LETTERS.search(text)]


def _of_tag(tag: str) -> Iterator[str]:
    if ICON.match(tag):
        return
    for match in (*SHOWN.finditer(tag), *LABELLED.finditer(tag)):
        yield next(filter(None, match.groups()))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self._silent.append(tag)
        is_button = tag == "input" and dict(attrs).get("type") in BUTTONS
        spoken = SPOKEN | {"value"} if is_button else SPOKEN
        self.texts += [self._plain(value) for name, value in attrs if value and name in spoken]

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(self._plain(data))

    @staticmethod
    def _plain(text: str) -> str:
        return " ".join(text.split())
