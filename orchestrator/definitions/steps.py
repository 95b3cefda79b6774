"""What is wrong with a step besides its rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from orchestrator import schema
from orchestrator.definitions import format as file
from orchestrator.definitions.facts import CaseData
from orchestrator.definitions.places import Places, is_pointer
from orchestrator.models import Actor, Step, StepKind
from orchestrator.pointers import Problem, child

PERFORMED: Final = frozenset({StepKind.AGENT, StepKind.AUTOMATION, StepKind.SYSTEM})
SHAPED: Final = PERFORMED | {StepKind.HUMAN, StepKind.DECISION}
"""Steps whose output has to have a schema."""

# A worker's time limit is 120 s, and it has to write down how the call ended.
LONGEST_CALL: Final = 90
MOST_TRIES: Final = 20
POINTER: Final = 'Give a place such as /order/amount, or "" for the whole.'


def step_problems(step: Step, case: CaseData, path: str) -> Iterator[Problem]:
    """``path`` is the step's. Rules are looked at elsewhere."""
    yield from _performer(step, path)
    yield from _schema(step, path)
    if step.kind != StepKind.END:
        yield from _mappings(step, case, path)
        yield from _form(step, case, path)
        yield from _calling(step, path)


def _performer(step: Step, path: str) -> Iterator[Problem]:
    place = f"{path}/actor"
    if step.kind not in PERFORMED:
        if step.actor:
            yield Problem(place, "Leave this out: nobody but people performs this step.")
    elif step.actor is None:
        yield Problem(place, f"Name who performs this {step.get_kind_display()} step.")
    elif step.actor.kind != step.kind:
        yield Problem(place, _unlike(step, step.actor))


def _unlike(step: Step, actor: Actor) -> str:
    return f"{actor} is of kind {actor.kind}; this step wants one of kind {step.kind}."


def _schema(step: Step, path: str) -> Iterator[Problem]:
    if step.schema:
        for found in schema.check_schema(step.schema):
            yield Problem(f"{path}/schema{found.path}", found.message)
    elif step.kind in SHAPED:
        yield Problem(f"{path}/schema", "Give the JSON Schema of the output.")


def _mappings(step: Step, case: CaseData, path: str) -> Iterator[Problem]:
    output = Places(step.schema)
    for name, source in (step.input_mapping or {}).items():
        yield from _place(case, source, child(f"{path}/input", name), "The case has")
    for target, source in (step.output_mapping or {}).items():
        place = child(f"{path}/output", target)
        if not target.startswith("/"):
            yield Problem(place, "Name a place in the case, such as /order/amount.")
        yield from _place(output, source, place, "The output has")


def _place(where: Any, pointer: Any, path: str, owner: str) -> Iterator[Problem]:
    if not is_pointer(pointer):
        yield Problem(path, POINTER)
    elif where.at(pointer) is None:
        yield Problem(path, f"{owner} nothing at {pointer}.")


def _form(step: Step, case: CaseData, path: str) -> Iterator[Problem]:
    """What reviewers see, and which fields count."""
    output = Places(step.schema)
    for index, row in enumerate(step.evidence):
        yield from _place(case, row["path"], f"{path}/evidence/{index}/path", "The case has")
    codes = [row["code"] for row in step.reasons]
    for index, code in enumerate(codes):
        if code in codes[:index]:
            yield Problem(f"{path}/reasons/{index}/code", f"Another reason is called {code!r}.")
    for index, pointer in enumerate(step.material):
        yield from _place(output, pointer, f"{path}/material/{index}", "The output has")
    if step.limit:
        yield from _limit(output, step.limit, f"{path}/limit")


def _limit(output: Places, pointer: str, path: str) -> Iterator[Problem]:
    shape = output.at(pointer) if is_pointer(pointer) else None
    if shape is None or shape.kind not in {"number", "integer", "json"}:
        yield Problem(path, "Point to a number of the output, such as /amount.")


def _calling(step: Step, path: str) -> Iterator[Problem]:
    if not 1 <= step.timeout <= LONGEST_CALL:
        yield Problem(f"{path}/timeout", f"Give a call 1 to {LONGEST_CALL} seconds.")
    if step.retry.get("attempts", 1) > MOST_TRIES:
        yield Problem(f"{path}/retry/attempts", f"Try at most {MOST_TRIES} times.")
    waits = {key: file.seconds(step.retry[key]) for key in ("base", "cap") if key in step.retry}
    if len(waits) == 2 and waits["base"] > waits["cap"]:
        yield Problem(f"{path}/retry/cap", "The longest wait is no shorter than the first.")
