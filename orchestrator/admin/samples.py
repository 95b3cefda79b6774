"""One output to try the rules of a step on: a real one, or one that somebody typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from orchestrator import schema, strictjson
from orchestrator.definitions import Facts
from orchestrator.engine.reading import confidence_of
from orchestrator.exceptions import Refusal
from orchestrator.models import Actor, Case, Routing, Step, StepKind
from orchestrator.pointers import split
from orchestrator.schema.shapes import Shape, Shapes, shapes_of

SCORE: Final = "score"
_DEEPEST: Final = 8
_EXAMPLES: Final[Mapping[str, Any]] = {
    "number": 12.5,
    "integer": 12,
    "boolean": True,
    "date": "2025-01-31",
    "datetime": "2025-01-31T14:30:00Z",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """What the rules are asked about. ``errors`` name the typed field that cannot be read.

    ``scores`` are the confidences of fields as they were typed, by pointer; ``raw`` is the
    post that the output's form is drawn from, None where it is drawn from ``output``.
    """

    output: Any
    data: Any
    confidence: str = ""
    scores: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    agent: str = ""
    round: int = 1
    initiator: Actor | None = None
    raw: Mapping[str, str] | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    title: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """As the engine would give them to the rules: what is no confidence is unknown."""
        found = {path: number(text) for path, text in self.scores.items()}
        return {
            "output": self.output,
            "case": self.data,
            "confidence": number(self.confidence),
            "field_confidence": {path: score for path, score in found.items() if score is not None},
            "model": self.model,
            "agent": self.agent,
            "round": self.round,
            "initiator": str(self.initiator) if self.initiator else "",
        }

    @property
    def data_text(self) -> str:
        return json.dumps(self.data, indent=2, ensure_ascii=False)


def number(text: str) -> float | None:
    """A confidence, or None for what the engine would not take for one."""
    try:
        return confidence_of(float(text.replace(",", ".")))
    except ValueError:
        return None


def made_up(step: Step) -> Sample:
    """A sample for a step that never gave an output."""
    return Sample(
        output=None if step.kind == StepKind.HUMAN else example_of(step.schema),
        data=example_of(step.version.data_schema),
        confidence="" if step.kind == StepKind.HUMAN else "0.90",
        agent=str(step.actor or ""),
        title=_("Made up from the schema"),
    )


def of_routing(routed: Routing) -> Sample:
    """What the rules were asked about once; the case file as far as it can be known for then."""
    told = routed.facts
    case = routed.task.case
    return Sample(
        output=routed.attempt.output if routed.attempt else None,
        data=data_before(case, routed.task_id),
        confidence=_text(told.get("confidence")),
        scores={path: _text(score) for path, score in (told.get("field_confidence") or {}).items()},
        model=told.get("model") or "",
        agent=told.get("agent") or "",
        round=told.get("round") or 1,
        initiator=case.initiator,
        title=case.key,
    )


def data_before(case: Case, task_id: int) -> Any:
    """The case file without what this task and later ones wrote into it.

    What a signal brought stays: nobody knows any more whether it came before.
    """
    data = json.loads(json.dumps(case.data))
    for path, wrote in case.provenance.items():
        if wrote.get("task", -1) >= task_id:
            _remove(data, split(path))
    return data


def _remove(data: Any, parts: tuple[str, ...]) -> None:
    for part in parts[:-1]:
        data = data.get(part) if isinstance(data, dict) else None
    if parts and isinstance(data, dict):
        data.pop(parts[-1], None)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def typed(step: Step, post: Mapping[str, str]) -> Sample:
    """The sample that a form posted, mistakes and all."""
    errors: dict[str, str] = {}
    output = None
    if step.kind != StepKind.HUMAN:
        output, wrong = schema.parse(step.schema, post)
        errors |= {f"output{path}": message for path, message in wrong.items()}
    data = _json(post.get("data", ""), errors)
    name = post.get("initiator", "")
    return Sample(
        output=output,
        data=data,
        confidence=post.get("confidence", "").strip(),
        scores={key[len(SCORE) :]: text for key, text in post.items() if key.startswith(SCORE)},
        model=post.get("model", ""),
        agent=str(step.actor or ""),
        round=int(text) if (text := post.get("round", "")).isdecimal() and len(text) < 4 else 1,
        initiator=Actor.objects.filter(user__username=name).first() if name else None,
        raw=post,
        errors=errors,
        title=_("As typed"),
    )


def _json(text: str, errors: dict[str, str]) -> Any:
    if not text.strip():
        return {}
    try:
        return strictjson.loads(text.encode(errors="replace"))
    except Refusal as refusal:
        errors["data"] = refusal.message
        return {}


def scored(facts: Facts) -> list[str]:
    """The places of the output whose confidence the rules can ask for."""
    names = [fact.name for fact in facts.listed if fact.name.startswith("field_confidence/")]
    return [name.removeprefix("field_confidence") for name in names]


def example_of(definition: Any, like: Any = None) -> Any:
    """A value of a schema: what ``like`` has of it, and something made up for the rest."""
    if schema.check_schema(definition):
        return {}
    shapes = shapes_of(definition)
    return _example(shapes, shapes.root, like, _DEEPEST)


def _example(shapes: Shapes, definition: Any, like: Any, depth: int) -> Any:
    shape = shapes.of(definition)
    if depth == 0:
        return None
    if shape.kind == "object":
        known = like if isinstance(like, dict) else {}
        return {
            key: _example(shapes, member, known.get(key), depth - 1)
            for key, member in shape.properties.items()
        }
    if shape.kind == "array":
        rows = like if isinstance(like, list) and like else [None]
        return [_example(shapes, shape.schema["items"], row, depth - 1) for row in rows[:5]]
    if like is not None and (shape.kind == "json" or not schema.validate(shape.schema, like)):
        return like
    return _scalar(shape)


def _scalar(shape: Shape) -> Any:
    if shape.choices:
        return shape.choices[0].value
    for key in ("default", "examples"):
        if key in shape.schema:
            found = shape.schema[key]
            return found[0] if key == "examples" and found else found
    if shape.kind in ("number", "integer"):
        return max(_EXAMPLES[shape.kind], shape.schema.get("minimum", 0))
    return _EXAMPLES.get(shape.kind, {} if shape.kind == "json" else _("a text"))
