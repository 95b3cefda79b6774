"""Examples for training and evaluation, each in the shape that its consumer reads.

An answer is a text: the output as JSON, its members in the order of the step's schema, as an
agent that was asked with that schema writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

import orjson

from orchestrator.models import Step
from orchestrator.schema.shapes import Shapes, shapes_of
from review.feedback.rows import Row

IDS: Final = ("workflow", "version", "step", "case", "case_key", "task", "cursor")

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a step asks of its agent: the prompt in words, and the shape of an answer."""

    prompt: str
    shapes: Shapes

    @classmethod
    def of(cls, workflow: str, version: int, step: str) -> Self:
        """The agent's own prompt, or else the step's instructions. Queries once."""
        found = Step.objects.get(
            version__workflow__slug=workflow, version__number=version, key=step
        )
        told = found.call.get("prompt")
        prompt = told if isinstance(told, str) and told else found.instructions
        return cls(prompt, shapes_of(found.schema))

    def messages(self, row: Row) -> list[Message]:
        system = [{"role": "system", "content": self.prompt}] if self.prompt else []
        return [*system, {"role": "user", "content": question(row["input"])}]

    def answer(self, text: str) -> list[Message]:
        return [{"role": "assistant", "content": orjson.dumps(self.ordered(text)).decode()}]

    def ordered(self, text: str) -> Any:
        """The value of a JSON text with the members that the schema names first, in its order."""
        return _ordered(orjson.loads(text), self.shapes, self.shapes.root)


def _ordered(value: Any, shapes: Shapes, schema: Any) -> Any:
    if isinstance(value, dict):
        shape = shapes.of(schema)
        keys = dict.fromkeys([*(key for key in shape.properties if key in value), *sorted(value)])
        return {key: _ordered(value[key], shapes, shape.member(key)) for key in keys}
    if isinstance(value, list):
        items = shapes.of(schema).schema.get("items", True)
        return [_ordered(item, shapes, items) for item in value]
    return value


def question(text: str) -> str:
    """An input as a user would say it: the text alone where it is one text, else JSON."""
    value = orjson.loads(text)
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return value if isinstance(value, str) else text


def ids(row: Row) -> dict[str, Any]:
    """Where an example comes from; all of these are there in every row."""
    return {key: row[key] for key in IDS} | {"decision": row["id"]}


def sft(row: Row, asked: Asked) -> dict[str, Any]:
    return {"messages": [*asked.messages(row), *asked.answer(row["final"])]}


def preference(row: Row, asked: Asked) -> dict[str, Any]:
    given = {"messages": asked.messages(row), "tools": [], "parallel_tool_calls": True}
    return {
        "input": given,
        "preferred_output": asked.answer(row["final"]),
        "non_preferred_output": asked.answer(row["output"]),
    }


def preference_trl(row: Row, asked: Asked) -> dict[str, Any]:
    return {
        "prompt": asked.messages(row),
        "chosen": asked.answer(row["final"]),
        "rejected": asked.answer(row["output"]),
        "metadata": ids(row),
    }


def kto(row: Row, asked: Asked) -> dict[str, Any]:
    """``label``: whether the agent's answer stands; a rejected task has no final value."""
    return {
        "prompt": asked.messages(row),
        "completion": asked.answer(row["output"]),
        "label": row["final"] is not None,
        "metadata": ids(row),
    }


def evaluation(row: Row, asked: Asked) -> dict[str, Any]:
    """``source``: what was decided of the agent's output to come to what is expected."""
    return {
        "input": orjson.Fragment(row["input"]),
        "expected": asked.ordered(row["final"]),
        "metadata": ids(row),
        "source": row["decision"],
    }


Shape = Callable[[Row, Asked], dict[str, Any]]


def made(shape: Shape, batches: Iterable[list[Row]]) -> Iterator[list[dict[str, Any]]]:
    """The example of each row; a step is asked for once."""
    known: dict[tuple[str, int, str], Asked] = {}
    for batch in batches:
        for place in {_place(row) for row in batch} - known.keys():
            known[place] = Asked.of(*place)
        yield [shape(row, known[_place(row)]) for row in batch]


def lines(shape: Shape) -> Callable[[Iterable[list[Row]]], Iterator[bytes]]:
    """A writer of one example a line, in the shape."""

    def write(batches: Iterable[list[Row]]) -> Iterator[bytes]:
        for batch in made(shape, batches):
            yield b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in batch)

    return write


def _place(row: Row) -> tuple[str, int, str]:
    return row["workflow"], row["version"], row["step"]
