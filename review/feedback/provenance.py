"""Where each field of an output stands after a decision, and what the decider had before it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import orjson

from orchestrator.diffing import diff
from orchestrator.pointers import child, split

CONFIRMED: Final = "confirmed"
CORRECTED: Final = "corrected"
UNSEEN: Final = "unseen"
GONE: Final = "/~"  # no pointer ends like this
NONE_KNOWN: Final = "[]"


def field_provenance(
    output: str | None, said: str | None, corrections: str, *, is_person: bool
) -> str:
    """Each leaf of what was decided: corrected where it differs from the agent's ``output``,
    confirmed where a person let it stand, unseen where no person looked.

    All are JSON texts. ``said`` is what was decided, None where that is ``output``;
    ``corrections`` lead from one to the other, ``NONE_KNOWN`` where that is to be found out.
    An empty object or array is a leaf.
    """
    value = orjson.loads(said or output or "null")
    changed: set[str] = set()
    if output is not None and said is not None:
        changed = _changed(corrections, output, value)
    found: dict[str, str] = {}
    _mark(found, value, "", changed, CONFIRMED if is_person else UNSEEN)
    return orjson.dumps(found).decode()


def _changed(corrections: str, output: str, value: Any) -> set[str]:
    """The places in ``value`` that are not as they were, and ``GONE`` in what lost a part."""
    changes = orjson.loads(corrections)
    if not changes:
        changes = [change.as_json() for change in diff(orjson.loads(output), value)]
    return {
        change["path"].rpartition("/")[0] + GONE if change["op"] == "remove" else change["path"]
        for change in changes
    }


def _mark(found: dict[str, str], value: Any, path: str, changed: set[str], word: str) -> None:
    """Note ``word`` for each leaf of ``value``; a dict filled in place is twice as fast here."""
    if path in changed:
        word = CORRECTED
    if isinstance(value, dict) and value:
        for key, item in value.items():
            _mark(found, item, path + _part(key), changed, word)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            _mark(found, item, f"{path}/{index}", changed, word)
    else:
        found[path] = CORRECTED if changed and path + GONE in changed else word


@lru_cache(maxsize=4096)
def _part(key: str) -> str:
    return child("", key)


def input_of_case(data: str, provenance: str, task_id: int) -> str:
    """The case file without what this task and later ones wrote: the answer is no input.

    What signals wrote stays: nobody here decided it.
    """
    found = orjson.loads(data)
    for path, wrote in orjson.loads(provenance).items():
        if wrote.get("task", 0) >= task_id:
            found = _without(found, split(path))
    return orjson.dumps(found).decode()


def _without(data: Any, parts: tuple[str, ...]) -> Any:
    if not parts:
        return {}
    if isinstance(data, dict) and parts[0] in data:
        first, *rest = parts
        inside = {first: _without(data[first], tuple(rest))} if rest else {}
        return {key: value for key, value in data.items() if key != first} | inside
    return data
