"""What changed between two JSON values, as a reader and as RFC 6902 see it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.canonical import canonical, digest, same
from orchestrator.patching import apply
from orchestrator.pointers import INDEX, MISSING, child, split, step_into

__all__ = [
    "Change", "ThreeWay", "apply", "canonical", "diff", "digest", "material", "patch", "same",
    "three_way",
]  # fmt: skip

Op = Literal["add", "remove", "replace"]
State = Literal["same", "left", "right", "both", "conflict"]

_Three = tuple[Any, Any, Any]
_Chain = tuple[tuple[int, int], "_Chain | None"]


@dataclass(frozen=True, slots=True)
class Change:
    """One place that differs. ``before`` is None for add, ``after`` for remove."""

    path: str
    op: Op
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        return {"path": self.path, "op": self.op, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """One place in three values; None stands for null and for nothing there."""

    path: str
    base: Any
    left: Any
    right: Any
    state: State


def diff(before: Any, after: Any) -> list[Change]:
    """The changes that lead from ``before`` to ``after``, in an order that can be applied.

    In an array, rows that went come first, named by where they were; rows that came and
    rows that changed are named by where they are now. Raises as ``canonical`` does.
    """
    return list(_changes(before, after, ""))


def _changes(before: Any, after: Any, path: str) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _member_changes(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _item_changes(before, after, path)
    elif not same(before, after):
        yield Change(path, "replace", before, after)


def _member_changes(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[Change]:
    for key, value in before.items():
        if key in after:
            yield from _changes(value, after[key], child(path, key))
        else:
            yield Change(child(path, key), "remove", value, None)
    for key, value in after.items():
        if key not in before:
            yield Change(child(path, key), "add", None, value)


def _item_changes(before: list[Any], after: list[Any], path: str) -> Iterator[Change]:
    pairs = _aligned([canonical(item) for item in before], [canonical(item) for item in after])
    gone = sorted(set(range(len(before))) - {old for old, _ in pairs}, reverse=True)
    came = sorted(set(range(len(after))) - {new for _, new in pairs})
    for old in gone:
        yield Change(child(path, old), "remove", before[old], None)
    for new in came:
        yield Change(child(path, new), "add", None, after[new])
    for old, new in pairs:
        yield from _changes(before[old], after[new], child(path, new))


def _aligned(before: Sequence[bytes], after: Sequence[bytes]) -> list[tuple[int, int]]:
    """Which item of ``before`` became which of ``after``, such that little changes."""
    by_place = [(n, n) for n in range(min(len(before), len(after)))]
    by_value = list(_with_those_between(_equal_items(before, after), len(before), len(after)))
    return min(by_value, by_place, key=lambda pairs: _changed(pairs, before, after))


def _changed(pairs: list[tuple[int, int]], before: Sequence[bytes], after: Sequence[bytes]) -> int:
    """How many items go, come or change under a pairing."""
    unpaired = len(before) + len(after) - 2 * len(pairs)
    return unpaired + sum(before[old] != after[new] for old, new in pairs)


def _with_those_between(
    equal: list[tuple[int, int]], old_end: int, new_end: int
) -> Iterator[tuple[int, int]]:
    """Pairs of equal items, and between two of them pairs of what was edited there."""
    old = new = 0
    for old_next, new_next in [*equal, (old_end, new_end)]:
        yield from zip(range(old, old_next), range(new, new_next), strict=False)
        if old_next < old_end:
            yield old_next, new_next
        old, new = old_next + 1, new_next + 1


def _equal_items(before: Sequence[bytes], after: Sequence[bytes]) -> list[tuple[int, int]]:
    """A long common subsequence as pairs of indexes, in time n log n."""
    shorter = min(len(before), len(after))
    head = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    rest = shorter - head
    tail = next((n for n in range(rest) if before[-1 - n] != after[-1 - n]), rest)
    where = {key: new for new, key in _numbered(after, head, len(after) - tail)}
    moved = [(old, where.get(key, -1)) for old, key in _numbered(before, head, len(before) - tail)]
    return [
        *((n, n) for n in range(head)),
        *_rising([pair for pair in moved if pair[1] >= 0]),
        *((len(before) - n, len(after) - n) for n in range(tail, 0, -1)),
    ]


def _numbered(
    keys: Sequence[bytes], start: int, stop: int
) -> Iterator[tuple[int, tuple[bytes, int]]]:
    """Each index with its key made unique: the key, and how many equal ones stand before it."""
    seen: Counter[bytes] = Counter()
    for index in range(start, stop):
        key = keys[index]
        yield index, (key, seen[key])
        seen[key] += 1


def _rising(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of ``pairs`` whose second numbers rise, as the first ones do."""
    ends: list[int] = []
    chains: list[_Chain] = []
    for pair in pairs:
        length = bisect_left(ends, pair[1])
        chain = (pair, chains[length - 1] if length else None)
        ends[length : length + 1] = [pair[1]]
        chains[length : length + 1] = [chain]
    rising = []
    last = chains[-1] if chains else None
    while last:
        rising.append(last[0])
        last = last[1]
    return rising[::-1]


def patch(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """The changes as an RFC 6902 patch."""
    return [
        {"op": change.op, "path": change.path}
        | ({} if change.op == "remove" else {"value": change.after})
        for change in changes
    ]


def material(changes: Iterable[Change], paths: Sequence[str]) -> list[Change]:
    """The changes at, under or above one of ``paths``; all of them when ``paths`` is empty.

    A part ``-`` of a path stands for any index: ``/items/-/sku``. Raises ValueError for a
    malformed path.
    """
    prefixes = [split(path) for path in paths]
    return [
        change
        for change in changes
        if not prefixes or any(_touches(split(change.path), prefix) for prefix in prefixes)
    ]


def _touches(place: tuple[str, ...], prefix: tuple[str, ...]) -> bool:
    return all(
        part == wanted or (wanted == "-" and INDEX.fullmatch(part) is not None)
        for part, wanted in zip(place, prefix, strict=False)
    )


def three_way(base: Any, left: Any, right: Any) -> list[ThreeWay]:
    """Every place of three values side by side, and who of left and right changed it.

    ``both`` is the same change on both sides, ``conflict`` two different ones. An array is
    looked into where all have the same number of items, else it is one place.
    """
    return list(_places((base, left, right), ""))


def _places(values: _Three, path: str) -> Iterator[ThreeWay]:
    parts = _parts([value for value in values if value is not MISSING])
    if not parts:
        base, left, right = (None if value is MISSING else value for value in values)
        yield ThreeWay(path, base, left, right, _state(*values))
    for part in parts:
        base, left, right = (step_into(value, part) for value in values)
        yield from _places((base, left, right), child(path, part))


def _parts(there: list[Any]) -> list[str]:
    """The members or items of values of one shape; none where they are looked at as a whole."""
    if len(there) < 2:
        return []
    if all(isinstance(value, dict) for value in there):
        return list(dict.fromkeys(key for value in there for key in value))
    if all(isinstance(value, list) and len(value) == len(there[0]) for value in there):
        return [str(index) for index in range(len(there[0]))]
    return []


def _state(base: Any, left: Any, right: Any) -> State:
    if same(left, right):
        return "same" if same(base, left) else "both"
    if same(base, left):
        return "right"
    return "left" if same(base, right) else "conflict"
