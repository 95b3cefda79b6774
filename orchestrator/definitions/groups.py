"""The groups that a file names: one that does not exist is mostly a slip of the keyboard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _

from orchestrator.definitions import format as file
from orchestrator.exceptions import Invalid
from orchestrator.pointers import Problem

MOST_NEAR: Final = 3
_NEAR: Final = 0.5


def require_groups(content: Mapping[str, Any]) -> None:
    """Raises Invalid where a file names a group that does not exist. One query."""
    if problems := unknown_groups(content):
        raise Invalid(
            _("The text names groups that do not exist."),
            problems=[problem.as_json() for problem in problems],
        )


def unknown_groups(content: Mapping[str, Any]) -> list[Problem]:
    """Each place of a file that names such a group, with the nearest names. One query."""
    known = list(Group.objects.order_by("name").values_list("name", flat=True))
    there = set(known)
    return [
        Problem(path, _said(name, known)) for path, name in _named(content) if name not in there
    ]


def _named(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for index, name in enumerate(content.get("groups", [])):
        yield f"/groups/{index}", name
    for index, step in enumerate(content["steps"]):
        for place, right in enumerate(step.get("rights", [])):
            for key in file.RIGHT_GROUPS.keys() & right.keys():
                yield f"/steps/{index}/rights/{place}/{key}", right[key]


def _said(name: str, known: list[str]) -> str:
    folded = {other.casefold(): other for other in known}
    near = get_close_matches(name.casefold(), folded, MOST_NEAR, _NEAR)
    if not near:
        return _("There is no group %(name)r.") % {"name": name}
    listed = ", ".join(folded[other] for other in near)
    return _("There is no group %(name)r. Near it: %(near)s.") % {"name": name, "near": listed}
