"""YAML as this project reads it: what JSON can hold, each key once, nothing by reference."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any, Final

import yaml
from django.utils.translation import gettext as _

from orchestrator import strictjson
from orchestrator.definitions import format as file
from orchestrator.exceptions import Invalid, Refusal
from orchestrator.schema import validate

_SAID: Final = 300
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """A date stays a text; a second key of the same name and an alias are refused.

    A few aliases of aliases would otherwise stand for more than fits into memory.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.get_mark()
            raise yaml.MarkedYAMLError(problem="write *alias out", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _value in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value!r} stands here twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def value(text: str) -> Any:
    """What a text says, as JSON that can be stored. Raises Invalid."""
    try:
        loaded = yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader)
        return strictjson.loads(json.dumps(loaded, allow_nan=False, ensure_ascii=False).encode())
    except (yaml.YAMLError, Refusal, RecursionError, ValueError, TypeError) as error:
        raise Invalid(_("This cannot be read as YAML: %s") % _said(error)) from error


def _said(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}."[:_SAID]
    if isinstance(error, RecursionError):
        return "it is nested too deeply."
    return str(error)[:_SAID]


def definition(text: str) -> dict[str, Any]:
    """A whole file. Raises Invalid with the place of every problem."""
    content = value(text)
    if problems := validate(file.FILE, content):
        raise Invalid(problems=[problem.as_json() for problem in problems])
    return dict(content)
