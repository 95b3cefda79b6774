"""What is wrong with the steps that lead the flow: tables, waits, calls, undoing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator import conditions, schema
from orchestrator.definitions import format as file
from orchestrator.definitions.facts import CaseData, table_facts
from orchestrator.definitions.graphs import Graph
from orchestrator.definitions.places import Places, is_pointer
from orchestrator.models import Step, StepKind, Workflow
from orchestrator.pointers import Problem, child

PLACE: Final = {"type": "string", "pattern": "^/"}
_DONE: Final = {"anyOf": [{"enum": ["all", "any"]}, {"type": "integer", "minimum": 1}]}
_ROW: Final = file.shape({"when": file.FREE, "output": {}}, "output")
FLOWS: Final[Mapping[str, Mapping[str, Any]]] = {
    StepKind.DECISION: file.shape(
        {"rows": {"type": "array", "minItems": 1, "items": _ROW}}, "rows"
    ),
    StepKind.TIMER: {
        "oneOf": [
            file.shape({"after": file.DURATION, "working": {"type": "boolean"}}, "after"),
            file.shape({"until": PLACE}, "until"),
        ]
    },
    StepKind.EVENT: file.shape(
        {
            "signal": file.SIGNAL,
            "within": file.DURATION,
            "working": {"type": "boolean"},
            "match": file.MAPPING,
        },
        *("signal", "within"),
    ),
    StepKind.FORK: file.shape(
        {
            "join": file.SLUG,
            "complete_when": _DONE,
            "merge": {
                "type": "object",
                "propertyNames": PLACE,
                "additionalProperties": {"enum": ["first", "last", "append"]},
            },
        },
        "join",
    ),
    StepKind.FOR_EACH: file.shape(
        {
            "items": PLACE,
            "as": PLACE,
            "join": file.SLUG,
            "collect": PLACE,
            "complete_when": _DONE,
            "at_once": {"type": "integer", "minimum": 1, "maximum": 100},
        },
        *("items", "join", "collect"),
    ),
    StepKind.SUBFLOW: file.shape({"workflow": file.SLUG}, "workflow"),
}
SHAPES: Final = {
    StepKind.TIMER: gettext_noop("after: 3d, or until: /a/place"),
    StepKind.EVENT: gettext_noop("signal: a name, within: 30d"),
    StepKind.FORK: gettext_noop("join: the key of a step of kind join"),
    StepKind.FOR_EACH: gettext_noop("items: /a/list, join: the key of a join, collect: /a/place"),
    StepKind.DECISION: gettext_noop("rows, each with when and output"),
    StepKind.SUBFLOW: gettext_noop("workflow: the key of a workflow"),
}


def flow_problems(step: Step, case: CaseData, path: str) -> Iterator[Problem]:
    """What is wrong with ``flow`` of one step; ``path`` is the step's."""
    place = f"{path}/flow"
    if step.kind not in FLOWS:
        if step.flow:
            yield Problem(
                place,
                _("Leave this out: a step of kind %(kind)s has nothing here.")
                % {"kind": step.kind},
            )
        return
    found = list(schema.validate(FLOWS[step.kind], step.flow))
    if found:
        yield Problem(place, _("Give %(kind)s.") % {"kind": _(SHAPES[StepKind(step.kind)])})
        yield from (Problem(f"{place}{one.path}", one.message) for one in found if one.path)
        return
    yield from _CHECKS.get(step.kind, _nothing)(step, case, place)


def _nothing(_step: Step, _case: CaseData, _path: str) -> Iterator[Problem]:
    yield from ()


def _table(step: Step, case: CaseData, path: str) -> Iterator[Problem]:
    facts = table_facts(step, case)
    for index, row in enumerate(step.flow["rows"]):
        place = f"{path}/rows/{index}"
        for found in conditions.validate(row.get("when"), facts):
            yield Problem(f"{place}/when{found.path}", found.message)
        for wrong in schema.validate(step.schema, row["output"]):
            yield Problem(f"{place}/output{wrong.path}", wrong.message)


def _timer(step: Step, case: CaseData, path: str) -> Iterator[Problem]:
    if "until" in step.flow and case.at(step.flow["until"]) is None:
        yield Problem(
            f"{path}/until", _("The case has nothing at %(until)s.") % {"until": step.flow["until"]}
        )


def _event(step: Step, case: CaseData, path: str) -> Iterator[Problem]:
    brought = Places(step.schema)
    for here, there in step.flow.get("match", {}).items():
        place = child(f"{path}/match", here)
        if not is_pointer(here) or brought.at(here) is None:
            yield Problem(place, _("The signal has nothing at %(here)s.") % {"here": here})
        if not is_pointer(there) or case.at(there) is None:
            yield Problem(place, _("The case has nothing at %(there)s.") % {"there": there})


def _for_each(step: Step, case: CaseData, path: str) -> Iterator[Problem]:
    shape = case.at(step.flow["items"])
    if shape is None or shape.kind not in {"array", "json"}:
        yield Problem(
            f"{path}/items", _("The case has no list at %(items)s.") % {"items": step.flow["items"]}
        )


def _subflow(step: Step, _case: CaseData, path: str) -> Iterator[Problem]:
    slug = step.flow["workflow"]
    if not Workflow.objects.filter(slug=slug, published_version__isnull=False).exists():
        yield Problem(
            f"{path}/workflow", _("No workflow %(slug)r is published here.") % {"slug": slug}
        )


_CHECKS: Final[Mapping[str, Callable[[Step, CaseData, str], Iterator[Problem]]]] = {
    StepKind.DECISION: _table,
    StepKind.TIMER: _timer,
    StepKind.EVENT: _event,
    StepKind.FOR_EACH: _for_each,
    StepKind.SUBFLOW: _subflow,
}


def undo_problems(graph: Graph) -> Iterator[Problem]:
    """A step that undoes another one stands apart: only an undoing leads there."""
    aside = undoing(graph.steps.values())
    for key, step in graph.steps.items():
        place = f"/steps/{graph.index[key]}"
        if step.compensated_by and step.compensated_by not in graph.steps:
            yield Problem(
                f"{place}/compensated_by",
                _("There is no step %(compensated_by)r.") % {"compensated_by": step.compensated_by},
            )
        if step.retry.get("then") == "undo" and (key in aside or not aside):
            message = _("Nothing would be undone: name what undoes a step, or leave then out.")
            yield Problem(f"{place}/retry/then", message)
        if key in aside and graph.ways[key]:
            yield Problem(place, _("This undoes a step: nothing leads on from here."))
        for way in graph.ways[key]:
            if way.target.key in aside:
                yield Problem(
                    place,
                    _("%(key)s undoes a step: no transition leads there.")
                    % {"key": way.target.key},
                )


def undoing(steps: Any) -> set[str]:
    """The keys of the steps that others name as their undo."""
    return {step.compensated_by for step in steps if step.compensated_by}


def news_problems(signals: Mapping[str, Mapping[str, str]], case: CaseData) -> Iterator[Problem]:
    """Signals that may come at any time: what they write, path -> path in the signal."""
    for name, writes in signals.items():
        for target, source in writes.items():
            place = child(f"/signals/{name}", target)
            if not target.startswith("/") or case.at(target) is None:
                message = _("The case has nothing at %(there)s.") % {"there": target or "/"}
                yield Problem(place, message)
            elif not is_pointer(source):
                yield Problem(place, _("Give a place in the signal, such as /amount."))
