"""Conditions in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator import wording
from orchestrator.conditions.evaluating import ALWAYS, NEVER, UNREADABLE, is_comparison
from orchestrator.tongue import ENGLISH, Tongue, gettext_noop


def sentence(
    condition: Any, labels: Mapping[str, str] | None = None, tongue: Tongue = ENGLISH
) -> str:
    """A condition in words: "confidence is at least 0.90 and amount is at most 50"."""
    return _Speaker(labels or {}, tongue).sentence(condition)


@dataclass(frozen=True, slots=True)
class _Speaker:
    """Says conditions in a tongue; ``labels`` name facts otherwise than by their last words."""

    labels: Mapping[str, str]
    tongue: Tongue

    def sentence(self, condition: Any, *, nested: bool = False) -> str:
        say = self.tongue.say
        match condition:
            case {"fact": _}:
                return self._clause(condition)
            case {"not": {"fact": _} as inner}:
                return self._clause(inner, holds=False)
            case {"not": inner}:
                return say(gettext_noop("not (%s)")) % self.sentence(inner)
            case {"all": list(parts)}:
                joined = self._joined(gettext_noop(" and "), parts, nested=nested)
                return joined or say(ALWAYS.text)
            case {"any": list(parts)}:
                return self._joined(gettext_noop(" or "), parts, nested=nested) or say(NEVER)
        return say(ALWAYS.text if condition is None or condition == {} else UNREADABLE.text)

    def _joined(self, word: str, parts: list[Any], *, nested: bool) -> str:
        several = len(parts) > 1
        joined = self.tongue.say(word).join([self.sentence(part, nested=several) for part in parts])
        return f"({joined})" if nested and several else joined

    def _clause(self, clause: dict[str, Any], *, holds: bool = True) -> str:
        if not is_comparison(clause):
            return self.tongue.say(UNREADABLE.text)
        fact, op = clause["fact"], clause["op"]
        if fact2 := clause.get("fact2"):
            right = self._name(fact2)
        else:
            value = clause.get("value")
            right = wording.sides(fact, value, value, tongue=self.tongue)[1]
        return wording.clause(self._name(fact), op, right, holds=holds, tongue=self.tongue)

    def _name(self, fact: str) -> str:
        return self.labels.get(fact) or wording.label(fact, self.tongue)
