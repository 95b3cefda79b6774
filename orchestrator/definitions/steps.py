"""What is wrong with a step besides its rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator import schema
from orchestrator.definitions import format as file
from orchestrator.definitions.facts import CaseData
from orchestrator.definitions.places import Places, is_pointer
from orchestrator.models import DECIDED, MACHINE, Actor, Step, StepKind
from orchestrator.pointers import Problem, child

SHAPED: Final = DECIDED | {StepKind.DECISION}
"""Steps whose output has to have a schema."""

# A worker's time limit is 120 s, and it has to write down how the call ended.
LONGEST_CALL: Final = 90
MOST_TRIES: Final = 20
POINTER: Final = gettext_noop('Give a place such as /order/amount, or "" for the whole.')


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
    if step.kind not in MACHINE:
        if step.actor:
            yield Problem(place, _("Leave this out: nobody but people performs this step."))
    elif step.actor is None:
        yield Problem(
            place,
            _("Name who performs this %s step.") % step.get_kind_display(),
        )
    elif step.actor.kind != step.kind:
        yield Problem(place, _unlike(step, step.actor))


def _unlike(step: Step, actor: Actor) -> str:
    return _("%(actor)s is of kind %(kind)s; this step wants one of kind %(kind2)s.") % {
        "actor": actor,
        "kind": actor.kind,
        "kind2": step.kind,
    }


def _schema(step: Step, path: str) -> Iterator[Problem]:
    if step.schema:
        for found in schema.check_schema(step.schema):
            yield Problem(f"{path}/schema{found.path}", found.message)
    elif step.kind in SHAPED:
        yield Problem(f"{path}/schema", _("Give the JSON Schema of the output."))


def _mappings(step: Step, case: CaseData, path: str) -> Iterator[Problem]:
    output = Places(step.schema)
    for name, source in (step.input_mapping or {}).items():
        yield from _place(
            case, source, child(f"{path}/input", name), _("The case has nothing at %s.")
        )
    for target, source in (step.output_mapping or {}).items():
        place = child(f"{path}/output", target)
        if not target.startswith("/"):
            yield Problem(place, _("Name a place in the case, such as /order/amount."))
        yield from _place(output, source, place, _("The output has nothing at %s."))


def _place(where: Any, pointer: Any, path: str, lacking: str) -> Iterator[Problem]:
    if not is_pointer(pointer):
        yield Problem(path, _(POINTER))
    elif where.at(pointer) is None:
        yield Problem(path, lacking % pointer)


def _form(step: Step, case: CaseData, path: str) -> Iterator[Problem]:
    """What reviewers see, and which fields count."""
    output = Places(step.schema)
    for index, row in enumerate(step.evidence):
        yield from _place(
            case, row["path"], f"{path}/evidence/{index}/path", _("The case has nothing at %s.")
        )
    codes = [row["code"] for row in step.reasons]
    for index, code in enumerate(codes):
        if code in codes[:index]:
            yield Problem(
                f"{path}/reasons/{index}/code",
                _("Another reason is called %(code)r.") % {"code": code},
            )
    for index, pointer in enumerate(step.material):
        yield from _place(
            output, pointer, f"{path}/material/{index}", _("The output has nothing at %s.")
        )
    if step.limit:
        yield from _limit(output, step.limit, f"{path}/limit")


def _limit(output: Places, pointer: str, path: str) -> Iterator[Problem]:
    shape = output.at(pointer) if is_pointer(pointer) else None
    if shape is None or shape.kind not in {"number", "integer", "json"}:
        yield Problem(path, _("Point to a number of the output, such as /amount."))


def _calling(step: Step, path: str) -> Iterator[Problem]:
    if not 1 <= step.timeout <= LONGEST_CALL:
        yield Problem(
            f"{path}/timeout",
            _("Give a call 1 to %(longest_call)s seconds.") % {"longest_call": LONGEST_CALL},
        )
    if step.retry.get("attempts", 1) > MOST_TRIES:
        yield Problem(
            f"{path}/retry/attempts",
            _("Try at most %(most_tries)s times.") % {"most_tries": MOST_TRIES},
        )
    waits = {key: file.seconds(step.retry[key]) for key in ("base", "cap") if key in step.retry}
    if len(waits) == 2 and waits["base"] > waits["cap"]:
        yield Problem(f"{path}/retry/cap", _("The longest wait is no shorter than the first."))
