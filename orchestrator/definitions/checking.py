"""What stands in the way of publishing a draft, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator import conditions, schema
from orchestrator.models import DecisionRight, Mode, Step, StepKind, Transition, WorkflowVersion
from orchestrator.pointers import Problem

PERFORMED = {StepKind.AGENT, StepKind.AUTOMATION, StepKind.SYSTEM}
JUDGED = {StepKind.AGENT, StepKind.HUMAN}
ASKED = {Mode.REVIEW, Mode.DUAL, Mode.PANEL}


def problems(version: WorkflowVersion) -> list[Problem]:
    """Everything that is wrong with a version; empty when it can be published. May query.

    Paths follow the file: ``/steps/0/rights/1/when``.
    """
    steps = list(version.steps.prefetch_related("rights"))
    links = list(version.transitions.order_by("position"))
    return [
        *_version(version, steps),
        *(
            problem
            for index, step in enumerate(steps)
            for problem in _step(step, f"/steps/{index}")
        ),
        *_transitions(steps, links),
    ]


def _below(path: str, found: Sequence[Problem]) -> Iterator[Problem]:
    return (Problem(path + problem.path, problem.message) for problem in found)


def _version(version: WorkflowVersion, steps: Sequence[Step]) -> Iterator[Problem]:
    if version.accountable is None:
        yield Problem("/accountable", "Name who answers for what the rules approve.")
    if not any(step.kind == StepKind.END for step in steps):
        yield Problem("/steps", "Add a step of kind end, so that cases can end.")
    if version.data_schema:
        yield from _below("/data", schema.check_schema(version.data_schema))


def _step(step: Step, path: str) -> Iterator[Problem]:
    if step.kind in PERFORMED and step.actor is None:
        yield Problem(f"{path}/actor", f"Name who performs this {step.get_kind_display()} step.")
    if step.schema:
        yield from _below(f"{path}/schema", schema.check_schema(step.schema))
    elif step.kind != StepKind.END:
        yield Problem(f"{path}/schema", "Give the JSON Schema of the output.")
    rights = list(step.rights.all())
    if step.kind in JUDGED and not any(right.mode in ASKED for right in rights):
        yield Problem(f"{path}/rights", "Add a rule that asks a person: it catches all the rest.")
    for index, right in enumerate(rights):
        yield from _right(right, f"{path}/rights/{index}")


def _right(right: DecisionRight, path: str) -> Iterator[Problem]:
    if right.mode in ASKED and right.group is None:
        yield Problem(f"{path}/group", "Name the group that decides.")
    if right.condition is not None:
        yield from _below(f"{path}/when", conditions.validate(right.condition))


def _transitions(steps: Sequence[Step], links: Sequence[Transition]) -> Iterator[Problem]:
    for index, link in enumerate(links):
        if link.condition is not None:
            yield from _below(f"/transitions/{index}/when", conditions.validate(link.condition))
    sources = {link.source_id for link in links}
    reached = _reached(steps, links)
    for index, step in enumerate(steps):
        if step.kind != StepKind.END and step.pk not in sources:
            yield Problem(f"/steps/{index}", f"No transition leads on from {step.key}.")
        if step.pk not in reached:
            yield Problem(f"/steps/{index}", f"No transition leads to {step.key}.")


def _reached(steps: Sequence[Step], links: Sequence[Transition]) -> set[int]:
    reached = {step.pk for step in steps[:1]}
    while found := {link.target_id for link in links if link.source_id in reached} - reached:
        reached |= found
    return reached
