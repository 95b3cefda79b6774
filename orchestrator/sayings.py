"""Sentences that records keep in English, and how a page in another language tells them.

What an incident or an error says is stored once, as it was said: programs, the log and whoever
reads the table see one text. A page finds the sentence among those that are known, and tells it
anew with the same names and numbers in it. What the other side of a connection said is nobody's
to translate and stays as it came.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from orchestrator.tongue import gettext_noop

LONGEST: Final = 800
"""Characters of a text that is looked for; a longer one is told as it stands."""
DEEPEST: Final = 3
"""A sentence inside a sentence inside a sentence."""
_HOLE: Final = re.compile(r"%\((\w+)\)s")

_known: list[str] = []


def learn(*sentences: str) -> None:
    """Add sentences that records may hold; ``%(name)s`` stands for what differs each time."""
    _known.extend(sentences)
    _patterns.cache_clear()


def retold(
    text: str,
    say: Callable[[str], str],
    deep: int = DEEPEST,
    reason: Callable[[str], str] | None = None,
) -> str:
    """A stored text as ``say`` gives its sentence; one that is not known stays as it is.

    ``reason`` tells why an output went where it went, which some sentences quote.
    """
    found = find(text) if deep else None
    if found is None:
        return text
    sentence, parts = found
    told = {name: retold(part, say, deep - 1, reason) for name, part in parts.items()}
    if reason and "reason" in parts:
        told["reason"] = reason(parts["reason"])
    return say(sentence) % told


def find(text: str) -> tuple[str, dict[str, str]] | None:
    """The known sentence that a text is, with what stands in its holes."""
    if len(text) > LONGEST:
        return None
    for sentence, pattern in _patterns():
        if match := pattern.fullmatch(text):
            return sentence, match.groupdict()
    return None


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The sentences with most words of their own first: a hole could swallow another's."""
    told = sorted(_known, key=lambda sentence: -len(_HOLE.sub("", sentence)))
    return [(sentence, re.compile(_written(sentence), re.DOTALL)) for sentence in told]


def _written(sentence: str) -> str:
    parts = _HOLE.split(sentence)
    return "".join(
        f"(?P<{part}>.+?)" if place % 2 else re.escape(part.replace("%%", "%"))
        for place, part in enumerate(parts)
    )


learn(
    gettext_noop("No transition leads on from %(step)s."),
    gettext_noop("No transition leads on from %(step)s with this output."),
    gettext_noop("%(step)s finds no list at %(place)s."),
    gettext_noop("%(step)s finds %(count)s items; %(most)s are the most."),
    gettext_noop("%(step)s finds no date or time at %(place)s."),
    gettext_noop("%(step)s was visited %(count)s times."),
    gettext_noop("No rule of this step names who answers."),
    gettext_noop("%(who)s has too few people who may decide this: %(count)s wanted."),
    gettext_noop("%(step)s: %(said)s (tried once)"),
    gettext_noop("%(step)s: %(said)s (tried %(count)s times)"),
    gettext_noop("%(step)s lost its worker %(count)s times."),
    gettext_noop("Its worker did not come back."),
    gettext_noop("No row of %(step)s holds."),
    gettext_noop("%(step)s may have happened: look before trying again. %(said)s"),
    gettext_noop("It was escalated, and no next level is named."),
    gettext_noop("It was escalated, and nobody in %(group)s may decide it."),
    gettext_noop("They differ, and nobody is left who may settle it."),
    gettext_noop("%(step)s: There is no workflow %(slug)s."),
    gettext_noop("%(step)s: Workflows call each other more than %(deep)s deep."),
    gettext_noop("The case that %(step)s called was cancelled."),
    gettext_noop("%(step)s was rejected by no person: %(done)s is not undone."),
    gettext_noop("%(step)s names nobody who can perform it."),
    gettext_noop("The output is no JSON."),
    gettext_noop("The output does not fit the schema: %(said)s"),
    gettext_noop("%(reason)s, and no rule of this step asks a person."),
)
