"""What stands in the way of publishing a draft, and what may surprise, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from orchestrator import calendars, conditions, schema
from orchestrator.connectors import connector_class, connector_kinds
from orchestrator.definitions import format as file
from orchestrator.definitions.branches import branch_problems
from orchestrator.definitions.exporting import content, transitions
from orchestrator.definitions.facts import CaseData, Facts
from orchestrator.definitions.flows import (
    flow_problems,
    news_problems,
    undo_problems,
    undoing,
)
from orchestrator.definitions.graphs import Graph
from orchestrator.definitions.returns import pend_problems, rework_problems
from orchestrator.definitions.rules import always, rule_problems, rule_warnings
from orchestrator.definitions.steps import step_problems
from orchestrator.models import (
    DECIDED,
    MACHINE,
    Connection,
    DecisionRight,
    Step,
    StepKind,
    Transition,
    WorkflowVersion,
)
from orchestrator.pointers import Problem, child
from orchestrator.strictjson import has_hidden

NAMES: Final = frozenset({"name", "label", "title"})


@dataclass(frozen=True)
class _Draft:
    """A version with everything that a check looks at, read once."""

    version: WorkflowVersion
    steps: Sequence[Step]
    rights: Mapping[int, Sequence[DecisionRight]]
    links: Sequence[Transition]
    case: CaseData


def _read(version: WorkflowVersion) -> _Draft:
    rows = version.steps.select_related("actor__connection").order_by("position", "pk")
    steps = list(rows.prefetch_related("rights__group", "rights__escalates_to"))
    rights = {step.pk: list(step.rights.all()) for step in steps}
    return _Draft(version, steps, rights, transitions(version), CaseData(version, steps))


def problems(version: WorkflowVersion) -> list[Problem]:
    """Everything that is wrong with a version; empty when it can be published. May query.

    Paths follow the file: ``/steps/0/rights/1/when``.
    """
    written = content(version)
    shape = schema.validate(file.FILE, written)
    draft = _read(version)
    return [
        *shape,
        *_hidden(written),
        *_version(draft),
        *(
            problem
            for index, step in enumerate(draft.steps)
            for problem in _step(draft, step, f"/steps/{index}", shape)
        ),
        *_transitions(draft),
    ]


def _hidden(part: Any, path: str = "") -> Iterator[Problem]:
    """Names that look like others: they stand on every page, in lists and titles."""
    members = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in members:
        place = child(path, key)
        if isinstance(value, dict | list):
            yield from _hidden(value, place)
        elif key in NAMES and isinstance(value, str) and has_hidden(value):
            yield Problem(place, _("Write this without the characters that nobody sees."))


def _version(draft: _Draft) -> Iterator[Problem]:
    version = draft.version
    if version.accountable is None:
        yield Problem("/accountable", _("Name who answers for what the rules approve."))
    elif not version.accountable.is_active:
        yield Problem(
            "/accountable",
            _("%(accountable)s has no active account any more.")
            % {"accountable": version.accountable},
        )
    if not any(step.kind == StepKind.END for step in draft.steps):
        yield Problem("/steps", _("Add a step of kind end, so that cases can end."))
    if version.data_schema:
        for found in schema.check_schema(version.data_schema):
            yield Problem(f"/data{found.path}", found.message)
    yield from calendars.problems(version.calendar, "/calendar")
    yield from _connections(draft)
    yield from news_problems(version.signals, draft.case)


def _used(draft: _Draft) -> list[Connection]:
    actors = [step.actor for step in draft.steps if step.actor]
    return list(dict.fromkeys(actor.connection for actor in actors if actor.connection))


def _connections(draft: _Draft) -> Iterator[Problem]:
    for connection in _used(draft):
        if connection.kind not in connector_kinds():
            path = f"/connections/{connection.name}/kind"
            yield Problem(
                path, _("There is no connector of kind %(kind)r here.") % {"kind": connection.kind}
            )


def _step(draft: _Draft, step: Step, path: str, shape: Sequence[Problem]) -> Iterator[Problem]:
    """``shape`` has what does not even look like a file: of such a step no more is said."""
    if any(problem.path.startswith(f"{path}/") for problem in shape):
        return
    yield from step_problems(step, draft.case, path)
    yield from flow_problems(step, draft.case, path)
    yield from pend_problems(step, path)
    rights = draft.rights[step.pk]
    if step.kind not in DECIDED and rights:
        kind = step.get_kind_display()
        yield Problem(
            f"{path}/rights",
            _("Remove the rules: nobody decides a step of kind %(kind)s.") % {"kind": kind},
        )
    else:
        yield from rule_problems(step, rights, Facts(step, draft.case), f"{path}/rights")


def _transitions(draft: _Draft) -> Iterator[Problem]:
    for index, link in enumerate(draft.links):
        facts = Facts(link.source, draft.case, leaving=True)
        for found in conditions.validate(link.condition, facts):
            yield Problem(f"/transitions/{index}/when{found.path}", found.message)
        if link.source.kind == StepKind.END:
            yield Problem(
                f"/transitions/{index}",
                _("Nothing leads on from the end %(source)s.") % {"source": link.source},
            )
    graph = Graph.of(draft.steps, draft.links)
    yield from undo_problems(graph)
    yield from rework_problems(graph)
    if not any(True for step in draft.steps for _ in flow_problems(step, draft.case, "")):
        yield from branch_problems(graph)
    yield from _dead_ends(draft)


def _dead_ends(draft: _Draft) -> Iterator[Problem]:
    sources = {link.source_id for link in draft.links}
    reached = _reached(draft.steps, draft.links)
    aside = undoing(draft.steps)
    for index, step in enumerate(draft.steps):
        if step.key in aside:
            continue
        if step.kind != StepKind.END and step.pk not in sources:
            yield Problem(
                f"/steps/{index}", _("No transition leads on from %(key)s.") % {"key": step.key}
            )
        if step.pk not in reached:
            yield Problem(
                f"/steps/{index}", _("No transition leads to %(key)s.") % {"key": step.key}
            )


def _reached(steps: Sequence[Step], links: Sequence[Transition]) -> set[int]:
    reached = {step.pk for step in steps[:1]}
    while found := {link.target_id for link in links if link.source_id in reached} - reached:
        reached |= found
    return reached


def warnings(version: WorkflowVersion) -> list[Problem]:
    """What may surprise in a version although it can be published. May query."""
    draft = _read(version)
    return [
        *_settings(draft),
        *(
            problem
            for index, step in enumerate(draft.steps)
            for problem in rule_warnings(step, draft.rights[step.pk], f"/steps/{index}/rights")
        ),
        *_unsure_exits(draft),
        *_waits(draft),
    ]


def _settings(draft: _Draft) -> Iterator[Problem]:
    """Settings belong to the installation: they can be mended without a new version."""
    for connection in _used(draft):
        if connection.kind in connector_kinds():
            wanted = connector_class(connection.kind).settings_schema
            for found in schema.validate(wanted, connection.settings):
                yield Problem(f"/connections/{connection.name}/settings{found.path}", found.message)


def _unsure_exits(draft: _Draft) -> Iterator[Problem]:
    for index, link in enumerate(draft.links):
        before = [other for other in draft.links[:index] if other.source_id == link.source_id]
        if link.source.kind == StepKind.FORK:
            continue
        if any(always(other.condition) for other in before):
            yield Problem(
                f"/transitions/{index}", _("A transition before this one is always taken.")
            )
    sure = {link.source_id for link in draft.links if always(link.condition)}
    aside = undoing(draft.steps)
    for index, step in enumerate(draft.steps):
        if step.kind != StepKind.END and step.pk not in sure and step.key not in aside:
            message = _("A case for which no transition holds stops with an incident.")
            yield Problem(f"/steps/{index}", message)


def _waits(draft: _Draft) -> Iterator[Problem]:
    for index, step in enumerate(draft.steps):
        if step.kind in MACHINE and (step.actor is None or step.actor.connection is None):
            message = _("Nothing here performs this: programs fetch the work over the API.")
            yield Problem(f"/steps/{index}/actor", message)
        if step.kind == StepKind.EVENT and not _minds_silence(draft, step):
            message = _("When the signal does not come in time an incident opens.")
            yield Problem(f"/steps/{index}", message)


def _minds_silence(draft: _Draft, step: Step) -> bool:
    exits = [link.condition for link in draft.links if link.source_id == step.pk]
    return any("signal" in conditions.facts_used(condition) for condition in exits)
