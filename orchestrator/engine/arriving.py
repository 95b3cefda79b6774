"""What is brought to begin a case: whether it can be taken, and the attempt that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

from orchestrator import attachments, schema
from orchestrator.diffing import canonical
from orchestrator.engine import versions
from orchestrator.engine.definition import Definition
from orchestrator.engine.reading import attempt_fields, is_json
from orchestrator.models import Actor, Attempt, StepKind, Task
from orchestrator.models.rows import new
from orchestrator.pointers import Problem, child

MOST_KEY: Final = 200
MARK: Final = f'"{attachments.PREFIX}'.encode()
"""In the text of every case that refers to a file."""

_GIVEN: Final = frozenset(
    {"value", "confidence", "field_confidence", "model", "latency_ms"}
    | {"cost_micros", "currency", "tokens_in", "tokens_out"}
)


@dataclass
class Arrival:
    """What came in, perhaps not valid yet."""

    key: Any
    data: Any
    output: Any

    @cached_property
    def text(self) -> bytes:
        output = self.output and {**self.output, **attempt_fields(self.output)}
        return canonical({"data": self.data, "output": output})

    @cached_property
    def body(self) -> str:
        """The digest that tells the same body again from another one."""
        return sha256(self.text).hexdigest()

    @cached_property
    def references(self) -> list[attachments.Reference]:
        """Where the case refers to files that were brought before."""
        if MARK not in self.text:
            return []
        return attachments.references({"data": self.data, "output": self.output})


def problems_of(definition: Definition, actor: Actor, arrival: Arrival) -> list[Problem]:
    problems = [*_key_problems(arrival.key)]
    if not isinstance(arrival.data, dict) or not is_json(arrival.data):
        problems.append(Problem("/data", "Give a JSON object."))
    elif definition.version.data_schema:
        found = schema.validate(definition.version.data_schema, arrival.data)
        problems += [Problem(f"/data{problem.path}", problem.message) for problem in found]
    if arrival.output is not None:
        problems += _output_problems(definition, arrival.output)
    return problems or attachments.problems(actor, arrival.references)


def _key_problems(key: Any) -> list[Problem]:
    if not isinstance(key, str) or not key.strip() or len(key) > MOST_KEY or "\x00" in key:
        return [Problem("/key", f"Give a text of 1 to {MOST_KEY} characters.")]
    return []


def _output_problems(definition: Definition, output: Any) -> list[Problem]:
    start = definition.start
    if start.kind != StepKind.AGENT:
        return [Problem("/output", "Leave this out: no agent performs the first step.")]
    has_value = isinstance(output, Mapping) and output.get("value") is not None
    if not has_value or not is_json(output["value"]):
        return [Problem("/output/value", "Give the output of the agent.")]
    unknown = [
        Problem(child("/output", name), f"An output has {', '.join(sorted(_GIVEN))}.")
        for name in output.keys() - _GIVEN
    ]
    found = schema.validate(start.schema, output["value"])
    unfit = [Problem(f"/output/value{problem.path}", problem.message) for problem in found]
    return unknown + unfit or _model_problems(definition, output)


def _model_problems(definition: Definition, output: Mapping[str, Any]) -> list[Problem]:
    """Whether the agent's version is known, or may be new; then it is from now on."""
    try:
        versions.as_whom(definition, definition.start, attempt_fields(output)["model"])
    except versions.TooManyModels as error:
        return [Problem("/output/model", str(error))]
    return []


def attempt_of(
    definition: Definition, task: Task, output: Mapping[str, Any], now: datetime
) -> Attempt:
    """The attempt that an output which came along stands for, not saved."""
    fields = attempt_fields(output)
    return new(
        Attempt,
        task=task,
        number=1,
        actor=versions.as_whom(definition, definition.start, fields["model"]),
        output=output["value"],
        started_at=now,
        finished_at=now,
        **fields,
    )
