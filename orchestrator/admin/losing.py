"""What a draft looks at that would not be there any more with another schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.translation import gettext as _

from orchestrator import conditions
from orchestrator.admin.lists import TableRowForm
from orchestrator.admin.subjects import Subject
from orchestrator.definitions import Facts
from orchestrator.definitions.facts import CaseData, table_facts
from orchestrator.models import Step, WorkflowVersion


def lost(subject: Subject, definition: dict[str, Any]) -> list[str]:
    """What would go wrong at any step that is not wrong already. Six queries."""
    already = set(_complaints(*subject.within(subject.definition)))
    return [said for said in _complaints(*subject.within(definition)) if said not in already]


def _complaints(version: WorkflowVersion, steps: Sequence[Step]) -> Iterator[str]:
    case = CaseData(version, steps)
    for step in steps:
        yield from _of_rules(step, case)
        yield from _of_places(step, case)


def _of_rules(step: Step, case: CaseData) -> Iterator[str]:
    """Of its rules and ways on, and of the rows of its table."""
    asked: list[tuple[str, Any, Facts]] = [
        *((f"{step}: {right}", right.condition, Facts(step, case)) for right in step.rights.all()),
        *(
            (str(link), link.condition, Facts(step, case, leaving=True))
            for link in step.transitions.all()
        ),
        *(
            (f"{step}: {place}", row.get("when"), table_facts(step, case))
            for place, row in enumerate(TableRowForm.of(step), start=1)
        ),
    ]
    for where, condition, facts in asked:
        for problem in conditions.validate(condition, facts):
            yield f"{where}: {problem.message}"


def _of_places(step: Step, case: CaseData) -> Iterator[str]:
    """Of what it shows as evidence, and of what it is given."""
    places = [row.get("path") for row in step.evidence if isinstance(row, dict)]
    if isinstance(step.input_mapping, dict):
        places += step.input_mapping.values()
    for place in places:
        if isinstance(place, str) and case.at(place) is None:
            yield f"{step}: {_('The case has nothing at %s.') % place}"
