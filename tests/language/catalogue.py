"""Reads a .po file without gettext's tools, which a machine with only Python lacks."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.conf import settings

FOLDER: Final = Path(settings.BASE_DIR, "orchestrator/locale/de/LC_MESSAGES")
LINE: Final = re.compile(r'(?:(msgctxt|msgid|msgid_plural|msgstr)(?:\[\d\])? )?(".*")')


@dataclass
class Entry:
    """One text: its context, the English (and its plural), and one German text for each number."""

    context: str = ""
    english: str = ""
    plural: str = ""
    german: list[str] = field(default_factory=list)
    fuzzy: bool = False

    def add(self, word: str, text: str, *, more: bool) -> None:
        """``more``: the text goes on with what the last line began."""
        if word == "msgstr":
            begun = self.german.pop() if more else ""
            self.german.append(begun + text)
            return
        name = {"msgctxt": "context", "msgid": "english", "msgid_plural": "plural"}[word]
        setattr(self, name, getattr(self, name) + text)


def entries(path: Path = FOLDER / "django.po") -> list[Entry]:
    """All texts of a catalogue but its header."""
    found = [_entry(block) for block in path.read_text().split("\n\n") if "\nmsgstr" in block]
    return [entry for entry in found if entry.english]


def _entry(block: str) -> Entry:
    entry, word = Entry(), ""
    for line in block.splitlines():
        if line.startswith("#"):
            entry.fuzzy |= line.startswith("#,") and "fuzzy" in line
        elif match := LINE.fullmatch(line):
            word = match[1] or word
            entry.add(word, ast.literal_eval(match[2]), more=match[1] is None)
    return entry
