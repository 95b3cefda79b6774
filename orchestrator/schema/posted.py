"""What a form posts, as a tree, and the names that its controls have.

Each name is a letter and then a JSON pointer: ``f`` holds what stands in the control. The
hidden ones keep what HTML cannot: ``e`` what an empty control stands for (``EMPTIES``), ``k``
that the control holds JSON, ``o`` the text as it was where a form would change its line
ends, ``w`` the number that a row had before others were removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import unquote

from orchestrator.pointers import INDEX, child, split

Letter = Literal["f", "e", "k", "o", "w"]
# What an empty control, or an object or array that got nothing, stands for. ``new`` is a row
# that was added and has to be filled in or removed.
Empty = Literal["absent", "null", "text", "false", "object", "array", "new"]
EMPTIES: Final[tuple[Empty, ...]] = ("absent", "null", "text", "false", "object", "array", "new")

_NAME: Final = re.compile(r"[feokw](/|$)")
_UNSAFE: Final = re.compile(r"[%\x00-\x1f\x7f]")
_MOST_PARTS: Final = 40
_LONGEST_INDEX: Final = 9


@dataclass(slots=True)
class Node:
    """What was posted for one place, and for the places inside it."""

    text: str | None = None
    empty: Empty = "absent"
    is_json: bool = False
    original: str = ""
    was: str = ""
    inside: dict[str, Node] = field(default_factory=dict)

    def numbered(self) -> list[tuple[str, Node]]:
        """The rows of an array with their keys, in the order of their numbers."""
        return sorted(
            ((key, node) for key, node in self.inside.items() if is_index(key)),
            key=lambda row: int(row[0]),
        )

    def rows(self) -> list[Node]:
        return [row for _, row in self.numbered()]

    def is_given(self) -> bool:
        """Whether there is anything here or inside."""
        return (
            self.empty not in {"absent", "null"}
            or bool((self.text or "").strip())
            or any(node.is_given() for node in self.inside.values())
        )

    def renumber(self, rows: list[tuple[str, Node]]) -> None:
        """Make ``rows`` the only ones; a row that moves keeps in ``was`` where the page had it."""
        self.inside = {key: node for key, node in self.inside.items() if not is_index(key)}
        for index, (key, row) in enumerate(rows):
            if key != str(index):
                row.was = row.was or key
            self.inside[str(index)] = row


def unified(text: str) -> str:
    """``text`` with line ends as JSON has them: forms post CRLF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_index(part: str) -> bool:
    return len(part) <= _LONGEST_INDEX and INDEX.fullmatch(part) is not None


def name_of(letter: Letter, path: str) -> str:
    """The name of a control. Browsers rewrite line ends in names, so controls are escaped."""
    return letter + _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", path)


def read(data: Mapping[str, str]) -> Node:
    """The tree of what was posted; names of other controls are left out."""
    root = Node()
    for name, text in data.items():
        if _NAME.match(name):
            _put(root, _storable(name), _storable(text))
    return root


def _storable(text: str) -> str:
    """``text`` without NUL, which no database keeps, and without halves of surrogate pairs."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def _put(root: Node, name: str, text: str) -> None:
    parts = split(unquote(name[1:]).replace("\x00", ""))
    if len(parts) > _MOST_PARTS:
        return
    node = root
    for part in parts:
        node = node.inside.setdefault(part, Node())
    match name[0]:
        case "f":
            node.text = text
        case "e":
            node.empty = next((empty for empty in EMPTIES if empty == text), "absent")
        case "k":
            node.is_json = True
        case "o":
            node.original = text
        case _:
            node.was = text


def hidden(node: Node, path: str) -> tuple[tuple[str, str], ...]:
    """Names and values of the hidden inputs that go with a control."""
    kept: dict[Letter, str] = {
        "e": "" if node.empty == "absent" else node.empty,
        "k": "json" if node.is_json else "",
        "o": node.original,
        "w": node.was,
    }
    return tuple((name_of(letter, path), value) for letter, value in kept.items() if value)


def add_row(data: Mapping[str, str], path: str) -> dict[str, str]:
    """What was posted, with an empty row at the end of the array at ``path``."""
    tree = read(data)
    array = tree
    for part in split(path) if path.startswith("/") else ():
        array = array.inside.setdefault(part, Node())
    rows = array.numbered()
    array.renumber([*rows, (str(len(rows)), Node(empty="new"))])
    return _with_others(tree, data)


def remove_row(data: Mapping[str, str], path: str) -> dict[str, str]:
    """What was posted, without the row at ``path``; later rows move up."""
    tree = read(data)
    array, last = _holder(tree, path)
    if array is not None and is_index(last):
        array.renumber([row for row in array.numbered() if row[0] != last])
    return _with_others(tree, data)


def drop(data: Mapping[str, str], path: str) -> dict[str, str]:
    """What was posted, without the optional object or array at ``path``."""
    tree = read(data)
    holder, last = _holder(tree, path)
    if holder is not None:
        holder.inside.pop(last, None)
    return _with_others(tree, data)


def _holder(tree: Node, path: str) -> tuple[Node | None, str]:
    """What holds the place that a button names, if anything does, and the place's key in it."""
    *above, last = split(path) if path.startswith("/") else ("",)
    holder: Node | None = tree
    for part in above:
        holder = holder.inside.get(part) if holder else None
    return holder, last


def _with_others(tree: Node, data: Mapping[str, str]) -> dict[str, str]:
    others = {name: text for name, text in data.items() if not _NAME.match(name)}
    return others | dict(_written(tree, ""))


def _written(node: Node, path: str) -> Iterator[tuple[str, str]]:
    if node.text is not None:
        yield name_of("f", path), node.text
    yield from hidden(node, path)
    for key, inner in node.inside.items():
        yield from _written(inner, child(path, key))
