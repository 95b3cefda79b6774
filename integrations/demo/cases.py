"""What arrives in the demo's workflows, in the order of its arrival."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, zip_longest
from typing import Any

import yaml

from integrations.demo import workflows
from integrations.demo.digits import images
from integrations.demo.feedback import texts
from integrations.demo.refunds import generator

Case = dict[str, Any]
"""``{"key": str, "data": JSON}``, as the engine starts it."""

SIZE = 100
COUNTS = {
    "tutorial": 3,
    "digits": images.COUNT,
    "feedback": texts.COUNT,
    "refunds": generator.CASES,
}


def batches(
    slugs: Sequence[str] = workflows.SLUGS, most: int | None = None
) -> Iterator[tuple[str, list[Case]]]:
    """Slug and up to 100 cases at a time, in turn: every queue has work from the start.

    ``most``: so many of each workflow, all when None.
    """
    turns = zip_longest(*(_batches(slug, islice(arriving(slug), most)) for slug in slugs))
    return (batch for batch in chain.from_iterable(turns) if batch)


def arriving(slug: str) -> Iterator[Case]:
    """All cases of one workflow. Raises OSError for texts that were not fetched."""
    match slug:
        case "tutorial":
            yield from yaml.safe_load(workflows.text("tutorial-cases"))
        case "digits":
            for number in range(1, images.COUNT + 1):
                data = {"image": images.ADDRESS.format(number=number)}
                yield {"key": images.key(number), "data": data}
        case "feedback":
            for key, text in texts.arriving():
                yield {"key": key, "data": {"text": text.words}}
        case "refunds":
            for request in generator.arriving(COUNTS[slug]):
                yield {"key": request.key, "data": request.data}


def _batches(slug: str, cases: Iterable[Case]) -> Iterator[tuple[str, list[Case]]]:
    rest = iter(cases)
    while batch := list(islice(rest, SIZE)):
        yield slug, batch
