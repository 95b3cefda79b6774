"""How far right a step stands: one further than all that lead to it, loops aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from orchestrator.workflow_map.shapes import Way

Pair = tuple[str, str]


def ranks(keys: Sequence[str], ways: Iterable[Way]) -> dict[str, int]:
    """The rank of each step, from 0; a way back counts for nothing."""
    exits: dict[str, list[str]] = {key: [] for key in keys}
    for way in ways:
        exits[way.source].append(way.target)
    back = ways_back(keys, exits)
    ahead = {key: [target for target in exits[key] if (key, target) not in back] for key in keys}
    return _longest(keys, ahead)


def ways_back(keys: Iterable[str], exits: Mapping[str, Sequence[str]]) -> set[Pair]:
    """The ways that close a loop, seen from the first step on."""
    found: set[Pair] = set()
    seen: set[str] = set()
    for key in keys:
        if key not in seen:
            found |= _walked(key, exits, seen)
    return found


def _walked(start: str, exits: Mapping[str, Sequence[str]], seen: set[str]) -> set[Pair]:
    found: set[Pair] = set()
    trail = {start: iter(exits[start])}
    while trail:
        here = next(reversed(trail))
        target = next(trail[here], None)
        if target is None:
            seen.add(here)
            del trail[here]
        elif target in trail:
            found.add((here, target))
        elif target not in seen:
            trail[target] = iter(exits[target])
    return found


def _longest(keys: Sequence[str], ahead: Mapping[str, Sequence[str]]) -> dict[str, int]:
    rank = dict.fromkeys(keys, 0)
    waiting = Counter(target for targets in ahead.values() for target in targets)
    ready = [key for key in keys if not waiting[key]]
    for key in ready:
        for target in ahead[key]:
            rank[target] = max(rank[target], rank[key] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return rank
