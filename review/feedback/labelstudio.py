"""Feedback as tasks of Label Studio: what the agent said as a prediction, what a person made of
it as an annotation, and the labeling config that has a control for each part of both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from xml.sax.saxutils import escape

import orjson

from orchestrator.pointers import MISSING, child, lookup, split
from orchestrator.schema.shapes import WRITTEN, Choice, Kind, Shape, Shapes, chosen
from review.feedback.examples import Asked, ids, made, question
from review.feedback.rows import Row

INPUT: Final = "the-input"
"""The name of what is labeled; no control can have it, since a lone hyphen is in none's."""
WHOLE: Final = "value"
DEEPEST: Final = 4
"""Objects further down are written as JSON: a schema may contain itself."""

_TAGS: Final[Mapping[Kind, str]] = {
    "enum": "Choices", "boolean": "Choices", "number": "Number", "integer": "Number",
    "date": "DateTime",
}  # fmt: skip
_MORE: Final[Mapping[str, str]] = {
    "Choices": 'choice="single"',
    "DateTime": 'only="date"',
    "TextArea": 'editable="true" maxSubmissions="1"',
}
_ESCAPED: Final = {'"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SPECIAL: Final = re.compile(r"[^A-Za-z0-9_]")
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Control:
    """What shows and takes the value at ``path``, a JSON pointer into an output."""

    path: str
    shape: Shape

    @property
    def name(self) -> str:
        """Another one for each path: its parts joined by dots, ``-20-`` for a space in them."""
        return ".".join(_spelled(part) for part in split(self.path)) if self.path else WHOLE

    @property
    def tag(self) -> str:
        return _TAGS.get(self.shape.kind, "TextArea")

    def result(self, output: Any) -> dict[str, Any] | None:
        """What it holds of an output; None where there is nothing, or what it cannot hold."""
        value = lookup(output, self.path)
        if value is MISSING or (told := _told(self.shape, value)) is None:
            return None
        kind = self.tag.lower()
        return {"from_name": self.name, "to_name": INPUT, "type": kind, "value": told}

    def xml(self) -> Iterator[str]:
        told = ": ".join(filter(None, (self.path, self.shape.schema.get("title", ""))))
        yield f"<Header value={_attribute(told or WHOLE)}/>"
        head = " ".join(
            filter(None, (self.tag, f'name="{self.name}" toName="{INPUT}"', _MORE.get(self.tag)))
        )
        if self.tag != "Choices":
            yield f"<{head}/>"
            return
        yield f"<{head}>"
        yield from (f"  <Choice value={_attribute(_option(one))}/>" for one in self.shape.choices)
        yield "</Choices>"


def _spelled(part: str) -> str:
    return _SPECIAL.sub(lambda found: f"-{ord(found[0]):x}-", part) or "--"


def _attribute(text: str) -> str:
    """Between double quotes, so that Label Studio, which looks for names in the text of a config,
    finds none in a title."""
    shown = escape(_NOT_XML.sub("\ufffd", text), _ESCAPED)
    return f'"{shown}"'


def _option(choice: Choice) -> str:
    """The token that the choice has in forms, or JSON where XML could not write it."""
    return json.dumps(choice.value) if _NOT_XML.search(choice.token) else choice.token


def _told(shape: Shape, value: Any) -> dict[str, Any] | None:
    if shape.choices:
        choice = chosen(shape.choices, value)
        return None if choice is None else {"choices": [_option(choice)]}
    match shape.kind:
        case "number" | "integer":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return {"number": value} if is_number else None
        case "date":
            is_day = isinstance(value, str) and _DAY.fullmatch(value)
            return {"datetime": value} if is_day else None
    if shape.kind in WRITTEN:
        return {"text": [value]} if isinstance(value, str) else None
    return None if value is None else {"text": [orjson.dumps(value).decode()]}


@dataclass(frozen=True, slots=True)
class Labeling:
    """The controls for the outputs of a step, and the labeling config that has them."""

    controls: tuple[Control, ...]
    config: str

    def results(self, output: Any) -> list[dict[str, Any]]:
        found = (control.result(output) for control in self.controls)
        return [result for result in found if result]


@lru_cache(maxsize=256)
def labeling_of(shapes: Shapes) -> Labeling:
    controls = tuple(_controls(shapes, shapes.root, "", DEEPEST))
    lines = (f"  {line}\n" for control in controls for line in control.xml())
    text = f'  <Text name="{INPUT}" value="$input"/>\n'
    return Labeling(controls, f"<View>\n{text}{''.join(lines)}</View>\n")


def _controls(shapes: Shapes, schema: Any, path: str, deepest: int) -> Iterator[Control]:
    """One for each part that the schema names; a list is one part."""
    shape = shapes.of(schema)
    if shape.kind != "object" or deepest == 0:
        yield Control(path, shape)
        return
    for key in shape.properties:
        yield from _controls(shapes, shape.member(key), child(path, key), deepest - 1)


def task(row: Row, asked: Asked) -> dict[str, Any]:
    """``meta`` has what fits it, and the values as they were: not all of them has a control."""
    labeling = labeling_of(asked.shapes)
    whole = {key: row[key] and orjson.Fragment(row[key]) for key in ("output", "final")}
    about = {"reviewer": row["reviewer"], "comment": row["comment"]}
    return {
        "data": {"input": question(row["input"]), **ids(row), "source": row["decision"]},
        "predictions": list(_predictions(row, asked, labeling)),
        "annotations": list(_annotations(row, asked, labeling)),
        "meta": whole | about | {"config": labeling.config},
    }


def _predictions(row: Row, asked: Asked, labeling: Labeling) -> Iterator[dict[str, Any]]:
    if row["output"] is None:
        return
    given = {"model_version": row["agent"] or ""}
    if row["confidence"] is not None:
        given["score"] = row["confidence"]
    yield given | {"result": labeling.results(asked.ordered(row["output"]))}


def _annotations(row: Row, asked: Asked, labeling: Labeling) -> Iterator[dict[str, Any]]:
    """None for what was rejected: somebody has yet to say what is right."""
    if row["final"] is not None:
        yield {
            "result": labeling.results(asked.ordered(row["final"])),
            "was_cancelled": False,
            "lead_time": row["seconds"],
        }


def write(batches: Iterable[list[Row]]) -> Iterator[bytes]:
    """A JSON list with a task a line, which is none before its end."""
    before = b"["
    for batch in made(task, batches):
        text = b",\n".join(map(orjson.dumps, batch))
        yield before + b"\n" + text
        before = b","
    yield b"[]\n" if before == b"[" else b"\n]\n"
