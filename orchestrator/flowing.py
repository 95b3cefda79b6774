"""The steps that lead the flow, each in a sentence: when it waits, branches, repeats, undoes.

Steps of drafts may say anything: what cannot be read is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from orchestrator.definitions.format import seconds
from orchestrator.engine.branching import AT_ONCE
from orchestrator.models import Step, StepKind
from orchestrator.spelling import exactly, listed, number
from orchestrator.telling import told
from orchestrator.wording import shown


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a decision table: when it holds, "" for always, and what then comes out."""

    sentence: str
    output: str


def does(step: Step, steps: Sequence[Step]) -> str:
    """What a step does for the flow, "" for one that somebody performs; queries nothing."""
    say = _SAYS.get(StepKind(step.kind))
    if say is not None:
        return say(step, steps)
    undone = undone_by(step, steps)
    return _("undoes %s") % listed(undone, _("and")) if undone else ""


def undone_by(step: Step, steps: Sequence[Step]) -> list[str]:
    """The names of the steps that this one undoes."""
    return [other.name for other in steps if other.compensated_by == step.key]


def note_of(step: Step) -> str:
    """The same in a word or two, for the map: "3 d", "paid, 14 d"."""
    flow = _flow(step)
    match step.kind:
        case StepKind.TIMER:
            return _time(flow.get("after")) or str(flow.get("until", ""))
        case StepKind.EVENT:
            return ", ".join(filter(None, (str(flow.get("signal", "")), _time(flow.get("within")))))
        case StepKind.FOR_EACH:
            return str(flow.get("items", ""))
        case StepKind.SUBFLOW:
            return str(flow.get("workflow", ""))
    return ""


def rows_of(step: Step) -> list[Row]:
    """The rows of a decision table in words."""
    rows = _flow(step).get("rows")
    if step.kind != StepKind.DECISION or not isinstance(rows, list):
        return []
    return [
        Row(told(row["when"]) if row.get("when") else "", shown(row.get("output")))
        for row in rows
        if isinstance(row, dict)
    ]


def _flow(step: Step) -> Mapping[str, Any]:
    return step.flow if isinstance(step.flow, dict) else {}


def _time(text: Any) -> str:
    try:
        return exactly(seconds(str(text)))
    except ValueError:
        return ""


def _decision(step: Step, _steps: Sequence[Step]) -> str:
    rows = _flow(step).get("rows")
    count = len(rows) if isinstance(rows, list) else 0
    return _("first row that holds of %s") % number(count)


def _timer(step: Step, _steps: Sequence[Step]) -> str:
    flow = _flow(step)
    if "until" in flow:
        return _("waits until the moment at %s") % str(flow["until"])
    if flow.get("working"):
        return _("waits %s of working time") % _time(flow.get("after"))
    return _("waits %s") % _time(flow.get("after"))


def _event(step: Step, _steps: Sequence[Step]) -> str:
    flow = _flow(step)
    said = {"signal": flow.get("signal", ""), "time": _time(flow.get("within"))}
    if flow.get("working"):
        return _("waits for the signal %(signal)s, at most %(time)s of working time") % said
    return _("waits for the signal %(signal)s, at most %(time)s") % said


def _fork(step: Step, steps: Sequence[Step]) -> str:
    key = str(_flow(step).get("join", "?"))
    join = next((other.name for other in steps if other.key == key), key)
    return _("takes every way that holds, until %s") % join


def _for_each(step: Step, _steps: Sequence[Step]) -> str:
    flow = _flow(step)
    said = {"items": flow.get("items", ""), "count": flow.get("at_once", AT_ONCE)}
    return _("once for each item of %(items)s, %(count)s at a time") % said


def _subflow(step: Step, _steps: Sequence[Step]) -> str:
    return _("a case of the workflow %s") % str(_flow(step).get("workflow", ""))


def _join(step: Step, steps: Sequence[Step]) -> str:
    opener = next((other for other in steps if _leads(other, step)), None)
    if opener is None:
        return str(step.get_kind_display())
    match _flow(opener).get("complete_when", "all"):
        case "all":
            return _("waits for all branches of %s") % opener.name
        case "any":
            return _("waits for one branch of %s, and calls the others off") % opener.name
        case wanted:
            said = {"count": wanted, "step": opener.name}
            return _("waits for %(count)s branches of %(step)s, and calls the others off") % said


def _leads(opener: Step, join: Step) -> bool:
    is_opener = opener.kind in (StepKind.FORK, StepKind.FOR_EACH)
    return is_opener and _flow(opener).get("join") == join.key


_SAYS: Final[Mapping[StepKind, Callable[[Step, Sequence[Step]], str]]] = {
    StepKind.DECISION: _decision,
    StepKind.TIMER: _timer,
    StepKind.EVENT: _event,
    StepKind.FORK: _fork,
    StepKind.JOIN: _join,
    StepKind.FOR_EACH: _for_each,
    StepKind.SUBFLOW: _subflow,
}
