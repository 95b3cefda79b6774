"""Two people at one draft: who saves second is told what changed and keeps what was typed.

A form carries what its row said when the page was made. Where the row says something else by
the time it is saved, nothing is saved: the page comes back with both, and saving once more is
meant. Fields that only the other person changed are taken over into the form.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F
from django.http import QueryDict
from django.shortcuts import get_object_or_404

from orchestrator.admin.conditions import Editor
from orchestrator.diffing import ThreeWay, three_way
from orchestrator.models import WorkflowVersion
from orchestrator.telling import told as told_condition

SEEN: Final = "seen"
REVISION: Final = "revision"
CONDITION: Final = "condition"

State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What somebody else did to a row. ``rows`` are base, theirs and yours, ``entry`` says who."""

    rows: list[ThreeWay]
    entry: LogEntry | None


def locked(version: WorkflowVersion) -> WorkflowVersion:
    """The version, held until the transaction ends: edits of a draft come one after the other.

    Raises Http404 where somebody deleted it.
    """
    return get_object_or_404(WorkflowVersion.objects.select_for_update(), pk=version.pk)


def counted(version: WorkflowVersion) -> None:
    """Count one edit of the draft."""
    rows = WorkflowVersion.objects.filter(pk=version.pk, published_at=None)
    rows.update(revision=F("revision") + 1)


def state_of(row: models.Model, names: Iterable[str]) -> State:
    """What a row says, as JSON; related rows by their names."""
    return json.loads(json.dumps({name: _told(row, name) for name in names}, cls=_Encoder))  # type: ignore[no-any-return]


class _Encoder(DjangoJSONEncoder):
    """A column that could not be read is no reason to fail: it is told as text."""

    def default(self, o: Any) -> Any:
        return str(o) if isinstance(o, models.Model) else super().default(o)


def _told(row: models.Model, name: str) -> Any:
    value = getattr(row, name)
    if isinstance(value, models.Manager):
        return sorted(str(other) for other in value.all())
    return value


def seen_in(post: Mapping[str, str]) -> State | None:
    """What the row said when the form was made; None where the form does not say."""
    try:
        found = json.loads(post.get(SEEN, ""))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def differing(seen: State, now: State) -> set[str]:
    return {name for name in now if seen.get(name) != now[name]}


def meanwhile(row: models.Model, states: tuple[State, State, State], me: Any) -> Meanwhile:
    """The page's account of base, theirs and yours. One query."""
    base, theirs, yours = map(_readable, states)
    entries = LogEntry.objects.filter(
        content_type__app_label=row._meta.app_label,  # noqa: SLF001
        content_type__model=row._meta.model_name,  # noqa: SLF001
        object_id=str(row.pk),
    ).exclude(user=me if isinstance(me, User) else None)
    rows = [place for place in three_way(base, theirs, yours) if place.state != "same"]
    return Meanwhile(rows, entries.select_related("user").order_by("-pk").first())


def _readable(state: State) -> State:
    if CONDITION not in state:
        return state
    told = {key: value for key, value in state.items() if key != CONDITION}
    return told | {"when": told_condition(state[CONDITION])}


def taken_over(post: QueryDict, form: Any, names: Iterable[str]) -> QueryDict:
    """The post with what ``form``, made of the row as it is now, says of these fields."""
    merged = post.copy()
    for name in names:
        if name == CONDITION:
            _replace_condition(merged, form.editor)
        for field in _fields(form, name):
            _replace(merged, form[field])
    return merged


def _fields(form: Any, column: str) -> list[str]:
    """The field of a column, or those that make it together."""
    if column in form.fields:
        return [column]
    return [name for name in form.fields if name.startswith(f"{column}_")]


def _replace(post: QueryDict, bound: Any) -> None:
    value, widget = bound.value(), bound.field.widget
    if hasattr(widget, "into"):
        widget.into(post, bound.html_name, value)
    elif isinstance(value, list | tuple):
        post.setlist(bound.html_name, [str(item) for item in value])
    elif value in (None, False):
        post.pop(bound.html_name, None)
    else:
        post[bound.html_name] = str(value)


def _replace_condition(post: QueryDict, editor: Editor) -> None:
    prefix = f"{editor.frame.prefix}-"
    for name in [name for name in post if name.startswith(prefix)]:
        del post[name]
    for name, text in editor.posted.items():
        post[name] = text
