"""What the published schemas of OCEL 2.0 and XES want of a file, for tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final
from xml.etree.ElementTree import Element, fromstring

import jsonschema_rs

TEXT: Final = {"type": "string"}
MOMENT: Final = {"type": "string", "format": "date-time"}


def _rows(required: list[str], **properties: Any) -> dict[str, Any]:
    row = {"type": "object", "properties": properties, "required": required}
    return {"type": "array", "items": row}


TYPES: Final = _rows(
    ["name", "attributes"], name=TEXT, attributes=_rows(["name", "type"], name=TEXT, type=TEXT)
)
RELATED: Final = _rows(["objectId", "qualifier"], objectId=TEXT, qualifier=TEXT)
OCEL: Final = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "eventTypes": TYPES,
        "objectTypes": TYPES,
        "events": _rows(
            ["id", "type", "time"],
            id=TEXT,
            type=TEXT,
            time=MOMENT,
            attributes=_rows(["name", "value"], name=TEXT, value=TEXT),
            relationships=RELATED,
        ),
        "objects": _rows(
            ["id", "type"],
            id=TEXT,
            type=TEXT,
            relationships=RELATED,
            attributes=_rows(["name", "value", "time"], name=TEXT, value=TEXT, time=MOMENT),
        ),
    },
    "required": ["eventTypes", "objectTypes", "events", "objects"],
}


def check_ocel(log: dict[str, Any]) -> None:
    """The schema, and what it cannot say: each id once, all that is named is there."""
    jsonschema_rs.Draft7Validator(OCEL, validate_formats=True).validate(log)
    for part, types in (("events", "eventTypes"), ("objects", "objectTypes")):
        rows, ids = log[part], [row["id"] for row in log[part]]
        assert len(ids) == len(set(ids)), "an id is there twice"
        kinds = {kind["name"]: kind["attributes"] for kind in log[types]}
        for row in rows:
            known = {attribute["name"] for attribute in kinds[row["type"]]}
            assert {attribute["name"] for attribute in row["attributes"]} <= known
    objects = {row["id"] for row in log["objects"]}
    related = [
        to for part in ("events", "objects") for row in log[part] for to in row["relationships"]
    ]
    assert {to["objectId"] for to in related} <= objects


XES: Final = "{http://www.xes-standard.org/}"
PARTS: Final = ("extension", "global", "classifier", "attribute", "trace", "event")
"""The children of a log, in the order of its schema."""

NC_NAME: Final = r"[A-Za-z_][\w.-]*"
NAME: Final = r"[A-Za-z_:][\w:.-]*"
VALUES: Final[dict[str, Callable[[str], Any]]] = {
    "string": lambda _text: True,
    "date": datetime.fromisoformat,
    "int": int,
    "float": float,
}
TRANSITIONS: Final = {
    *("schedule", "assign", "withdraw", "reassign", "start", "suspend", "resume"),
    *("pi_abort", "ate_abort", "complete", "autoskip", "manualskip", "unknown"),
}
DECLARED: Final = {
    "extension": {"name": NC_NAME, "prefix": NC_NAME, "uri": r"\S+"},
    "global": {"scope": "trace|event"},
    "classifier": {"name": NC_NAME, "scope": NC_NAME, "keys": f"{NAME}( {NAME})*"},
}


def tag(element: Element) -> str:
    assert element.tag.startswith(XES)
    return element.tag.removeprefix(XES)


def attributes(element: Element) -> dict[str, str]:
    """Key -> value of what is said of a log, a trace or an event; each key once."""
    found = [(row.get("key", ""), row.get("value", "")) for row in element if tag(row) in VALUES]
    assert len(dict(found)) == len(found)
    return dict(found)


def check_xes(text: str) -> Element:
    """The facts of the XML Schema, and that globals and extensions are kept."""
    log = fromstring(text)  # noqa: S314 - the project's own file
    assert tag(log) == "log"
    assert re.fullmatch(r"\d+(\.\d+)?", log.get("xes.version", ""))
    _in_order(log, PARTS)
    for part, said in DECLARED.items():
        for row in log.findall(XES + part):
            assert all(re.fullmatch(how, row.get(name, "")) for name, how in said.items()), (
                row.attrib
            )
    prefixes = {row.get("prefix") for row in log.findall(f"{XES}extension")}
    for element in [
        log,
        *log.iter(f"{XES}trace"),
        *log.iter(f"{XES}event"),
        *log.iter(f"{XES}global"),
    ]:
        _check_attributes(element, prefixes)
    for scope in log.findall(f"{XES}global"):
        for element in log.iter(XES + scope.get("scope", "")):
            assert attributes(scope).keys() <= attributes(element).keys()
    for event in log.iter(f"{XES}event"):
        assert attributes(event)["lifecycle:transition"] in TRANSITIONS
    return log


def _in_order(log: Element, parts: tuple[str, ...]) -> None:
    found = ["attribute" if tag(row) in VALUES else tag(row) for row in log]
    assert found == sorted(found, key=parts.index)
    for trace in log.findall(f"{XES}trace"):
        tags = [tag(row) for row in trace]
        assert "event" not in tags[: len(tags) - tags.count("event")], "attributes come first"


def _check_attributes(element: Element, prefixes: set[str | None]) -> None:
    for row in _attribute_rows(element):
        key = row.get("key", "")
        assert re.fullmatch(NAME, key)
        assert ":" not in key or key.partition(":")[0] in prefixes
        VALUES[tag(row)](row.attrib["value"])


def _attribute_rows(element: Element) -> Iterator[Element]:
    return (row for row in element if tag(row) in VALUES)
