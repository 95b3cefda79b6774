"""What is wrong with the steps that lead the flow: tables, waits, branches, calls, undoing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator import conditions, schema
from orchestrator.definitions import format as file
from orchestrator.definitions.facts import CaseData, table_facts
from orchestrator.definitions.places import Places, is_pointer
from orchestrator.models import Step, StepKind, Transition, Workflow
from orchestrator.pointers import Problem, child

OPENERS: Final = frozenset({StepKind.FORK, StepKind.FOR_EACH})
MOST_PATH: Final = 200
NUMBERS: Final = len(".100.9999/")
"""What a path of branches has beside each key: the visit and the branch."""

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


@dataclass(frozen=True)
class Graph:
    """Steps by key, and the keys that each leads to."""

    steps: Mapping[str, Step]
    index: Mapping[str, int]
    ways: Mapping[str, Sequence[Transition]]

    @classmethod
    def of(cls, steps: Sequence[Step], links: Sequence[Transition]) -> Graph:
        ways: dict[str, list[Transition]] = {step.key: [] for step in steps}
        for link in links:
            ways[link.source.key].append(link)
        index = {step.key: place for place, step in enumerate(steps)}
        return cls({step.key: step for step in steps}, index, ways)

    def region(self, start: str, join: str) -> set[str]:
        """The steps from ``start`` on, up to the join."""
        found: set[str] = set()
        ahead = {start} - {join}
        while ahead:
            found |= ahead
            ahead = {way.target.key for key in ahead for way in self.ways[key]} - found - {join}
        return found


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


def branch_problems(graph: Graph) -> Iterator[Problem]:
    """Branches begin at their opening step, end at its join, and touch nothing else."""
    openers = [step for step in graph.steps.values() if step.kind in OPENERS]
    named: dict[str, str] = {}
    yield from _deep(graph, openers)
    for step in openers:
        place = f"/steps/{graph.index[step.key]}/flow"
        join = graph.steps.get(str(step.flow.get("join")))
        if join is None or join.kind != StepKind.JOIN:
            yield Problem(f"{place}/join", _("Name a step of kind join."))
        elif join.key in named:
            message = _("%(key)s ends there already; give each its own join.") % {
                "key": named[join.key]
            }
            yield Problem(f"{place}/join", message)
        else:
            named[join.key] = step.key
            yield from _branches(graph, step, join.key, place)
    for key, step in graph.steps.items():
        if step.kind == StepKind.JOIN and key not in named:
            message = _("No fork and no for-each names this as its join.")
            yield Problem(f"/steps/{graph.index[key]}", message)


def _deep(graph: Graph, openers: Sequence[Step]) -> Iterator[Problem]:
    """The path of branches is a text of limited length, made of the keys of what opens them."""
    regions = {step.key: graph.region(step.key, str(step.flow.get("join"))) for step in openers}
    for key in regions:
        around = [other for other, inside in regions.items() if key in inside]
        if sum(len(other) + NUMBERS for other in around) > MOST_PATH:
            message = _("These branches are too deep in others: give what opens them shorter keys.")
            yield Problem(f"/steps/{graph.index[key]}/flow", message)


def _branches(graph: Graph, opener: Step, join: str, path: str) -> Iterator[Problem]:
    regions = [graph.region(way.target.key, join) for way in graph.ways[opener.key]]
    inside = set().union(*regions)
    yield from _body(graph, opener, path)
    yield from _fenced(graph, opener, join, inside)
    if opener.kind == StepKind.FORK:
        for key in sorted({key for key in inside if sum(key in one for one in regions) > 1}):
            message = _("Two branches of %(key)s lead here; give each its own steps.") % {
                "key": opener.key
            }
            yield Problem(f"/steps/{graph.index[key]}", message)
        yield from _clashes(graph, opener, regions, path)


def _body(graph: Graph, opener: Step, path: str) -> Iterator[Problem]:
    if opener.kind != StepKind.FOR_EACH:
        return
    ways = graph.ways[opener.key]
    if len(ways) != 1 or ways[0].condition:
        yield Problem(path, _("One transition without a condition leads to what is done for each."))


def _fenced(graph: Graph, opener: Step, join: str, inside: set[str]) -> Iterator[Problem]:
    """Nothing leads into the branches but their opening step, and nothing out but the join."""
    for key in sorted(inside):
        place = f"/steps/{graph.index[key]}"
        if graph.steps[key].kind == StepKind.END:
            yield Problem(
                place,
                _("A branch of %(key)s ends at %(join)s, not at an end.")
                % {"key": opener.key, "join": join},
            )
        elif key == opener.key:
            yield Problem(
                place,
                _("A branch of %(key)s leads back before its join %(join)s.")
                % {"key": opener.key, "join": join},
            )
    own = inside | {opener.key}
    for key, ways in graph.ways.items():
        for way in ways:
            target = way.target.key
            if key not in own and (target in inside or target == join):
                message = _("%(target)s is in the branches of %(key)s: lead to that instead.") % {
                    "target": target,
                    "key": opener.key,
                }
                yield Problem(f"/steps/{graph.index[key]}", message)


def _clashes(
    graph: Graph, opener: Step, regions: Sequence[set[str]], path: str
) -> Iterator[Problem]:
    """Two branches that write one place: without a rule the last one would win by chance."""
    rules = opener.flow.get("merge", {})
    written = [_writes(graph, region) for region in regions]
    for index, paths in enumerate(written):
        for other in written[index + 1 :]:
            for here in sorted(paths):
                for there in sorted(other):
                    if here == there and here not in rules:
                        message = _("Two branches write this: say first, last or append.")
                        yield Problem(child(f"{path}/merge", here), message)
                    elif here != there and _nested(here, there):
                        message = _(
                            "Two branches write %(here)s and %(there)s: one is in the other."
                        ) % {"here": here, "there": there}
                        yield Problem(child(f"{path}/merge", here), message)


def _nested(here: str, there: str) -> bool:
    return here.startswith(f"{there}/") or there.startswith(f"{here}/")


def _writes(graph: Graph, region: set[str]) -> set[str]:
    """Where the steps of a branch write; what is done for each item is collected in one place."""
    found: set[str] = set()
    local: set[str] = set()
    for key in region:
        step = graph.steps[key]
        if step.kind == StepKind.FOR_EACH and graph.ways[key]:
            found.add(str(step.flow.get("collect")))
            local |= graph.region(graph.ways[key][0].target.key, str(step.flow.get("join")))
    for key in region - local:
        found |= set(graph.steps[key].outputs)
    return found


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
