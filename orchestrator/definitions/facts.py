"""The facts that the conditions of a step can look at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from orchestrator import wording
from orchestrator.definitions.places import Places
from orchestrator.models import MACHINE, Step, StepKind, Word, WorkflowVersion
from orchestrator.schema.shapes import Choice, Shape

_ASKED: Final = ("round", "initiator")
_ATTEMPTED: Final = ("confidence", "model", "agent", *_ASKED)
_LEAVING: Final = ("decision",)
_LEAVING_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    StepKind.JOIN: ("branches", "arrived", "rejected"),
    StepKind.EVENT: ("signal",),
    StepKind.SUBFLOW: ("outcome",),
}
_TEXT: Final = Shape("string", {})
_NUMBER: Final = Shape("number", {})
_FIXED: Final[Mapping[str, Shape]] = {
    "confidence": _NUMBER,
    "model": _TEXT,
    "agent": _TEXT,
    "round": Shape("integer", {}),
    "initiator": _TEXT,
    "branches": Shape("integer", {}),
    "arrived": Shape("integer", {}),
    "rejected": Shape("integer", {}),
    "outcome": _TEXT,
    "signal": Shape(
        "enum",
        {},
        False,
        tuple(Choice(word, word, word) for word in ("received", "timed_out")),
    ),
    "decision": Shape("enum", {}, False, tuple(Choice(word, word, str(word)) for word in Word)),
}
_ANY: Final = Shape("json", {})
_LIST: Final = Shape("array", {})


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that can be chosen. ``shape`` says which values it has."""

    name: str
    shape: Shape

    @property
    def label(self) -> str:
        return wording.label(self.name)

    @property
    def group(self) -> str:
        first = self.name.partition("/")[0]
        groups = {"field_confidence": "Confidence", "output": "Output", "case": "Case"}
        return groups.get(first, "Confidence" if first == "confidence" else "This step")


class CaseData:
    """What the case file holds: what cases bring, and what the steps of the version add."""

    def __init__(self, version: WorkflowVersion, steps: Iterable[Step]) -> None:
        steps = list(steps)
        self._brought = Places(version.data_schema)
        self._loops = [step.flow for step in steps if step.kind == StepKind.FOR_EACH]
        self._undoes = any(step.compensated_by for step in steps)
        self._added = {
            target: (Places(step.schema), source)
            for step in steps
            if step.kind != StepKind.END
            for target, source in step.outputs.items()
            if target.startswith("/") and isinstance(source, str)
        }

    def at(self, pointer: str) -> Shape | None:
        for flow in self._loops:
            if found := self._looped(flow, pointer):
                return found
        if self._undoes and pointer.startswith("/undoes"):
            return _ANY
        return self._placed(pointer)

    def _looped(self, flow: Mapping[str, Any], pointer: str) -> Shape | None:
        """The item of a for-each, and the list in which it collects."""
        item, collect = str(flow.get("as", "/item")), str(flow.get("collect"))
        if pointer == item or pointer.startswith(f"{item}/"):
            return self.at(f"{flow.get('items')}/0{pointer.removeprefix(item)}")
        if pointer == collect or pointer.startswith(f"{collect}/"):
            return _LIST if pointer == collect else _ANY
        return None

    def _placed(self, pointer: str) -> Shape | None:
        for target, (places, source) in self._added.items():
            if pointer == target or pointer.startswith(f"{target}/"):
                return places.at(source + pointer.removeprefix(target))
        if any(target.startswith(f"{pointer}/") for target in self._added):
            return self._brought.at(pointer) or _ANY
        return self._brought.at(pointer)

    def leaves(self) -> Iterator[tuple[str, Shape]]:
        yield from self._brought.leaves()
        for target, (places, source) in self._added.items():
            for pointer, shape in places.leaves(source):
                yield target + pointer.removeprefix(source), shape


class Facts(Collection[str]):
    """The facts of a step's rules, or of the transitions that leave it.

    Iterating gives those that can be named; ``in`` also knows places below open objects and
    in any item of an array.
    """

    def __init__(self, step: Step, case: CaseData, *, leaving: bool = False) -> None:
        attempted = step.kind in MACHINE
        self._case = case
        self._output = Places(step.schema) if attempted or leaving else None
        self._scored = attempted and not leaving
        self._fixed: tuple[str, ...] = _ATTEMPTED if attempted else _ASKED
        if leaving:
            self._fixed = (*_LEAVING, *_LEAVING_KIND.get(step.kind, ()))

    @cached_property
    def listed(self) -> list[Fact]:
        """Those that can be chosen, in the order of the form."""
        output = list(self._output.leaves()) if self._output else []
        scored = [p for p, shape in output if shape.kind not in {"array", "json"}]
        confidences = scored if self._scored else []
        named = [
            *((name, _FIXED[name]) for name in self._fixed),
            *((f"output{pointer}", shape) for pointer, shape in output),
            *((f"field_confidence{pointer}", _NUMBER) for pointer in confidences),
            *((f"case{pointer}", shape) for pointer, shape in self._case.leaves()),
        ]
        return [Fact(name, shape) for name, shape in dict(named).items()]

    def shape(self, name: str) -> Shape | None:
        """The shape of a fact's values, None where there is no such fact."""
        first, slash, rest = name.partition("/")
        pointer = slash + rest
        if first in self._fixed and not pointer:
            return _FIXED[first]
        if first == "case":
            return self._case.at(pointer)
        if self._output and first == "output":
            return self._output.at(pointer)
        if self._output and self._scored and first == "field_confidence" and pointer:
            return _NUMBER if self._output.at(pointer) else None
        return None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.shape(name) is not None

    def __iter__(self) -> Iterator[str]:
        return (fact.name for fact in self.listed)

    def __len__(self) -> int:
        return len(self.listed)


def table_facts(step: Step, case: CaseData) -> Facts:
    """The facts that the rows of a decision table can look at: the case, and who brought it."""
    return _TableFacts(step, case)


class _TableFacts(Facts):
    def __init__(self, step: Step, case: CaseData) -> None:
        super().__init__(step, case)
        self._output, self._fixed = None, ("initiator",)


def facts_of(step: Step, *, leaving: bool = False) -> Facts:
    """The facts of one step's rules, or of the transitions that leave it. Queries."""
    version = step.version
    return Facts(step, CaseData(version, version.steps.all()), leaving=leaving)
