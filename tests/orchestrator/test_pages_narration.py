"""Every event that the engine writes has words of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from orchestrator import engine
from orchestrator.models import CaseState, Event, Mode, Word
from orchestrator.narration import DEEDS, EVENTS, WAYS, words_for
from orchestrator.pages import moments
from tests.world import LUNCH, actor, decided, in_review, started, workflow

NOUNS = "case|task|attempt|output|decision|seat|incident|workflow|version"
WRITTEN = re.compile(rf'"((?:{NOUNS})\.[a-z_]+)"')
CLOSED = {f"case.{state}" for state in (CaseState.COMPLETED, CaseState.CANCELLED)}


def written() -> set[str]:
    """The event types that stand in the engine's source, and those it makes of a state."""
    sources = Path(settings.BASE_DIR, "orchestrator/engine").glob("*.py")
    return CLOSED | {name for path in sources for name in WRITTEN.findall(path.read_text())}


def test_every_event_of_the_engine_has_words() -> None:
    assert len(written()) > 10
    assert written() - EVENTS.keys() == set()


def test_every_word_and_every_mode_has_words() -> None:
    assert DEEDS.keys() == set(Word.values)
    assert WAYS.keys() == set(Mode.values)


def test_an_event_without_words_is_told_by_its_name() -> None:
    assert words_for("case.slept").text == "{type}"


@pytest.mark.django_db
def test_what_is_told_of_a_case_needs_no_name_of_a_type() -> None:
    place = workflow()
    task = in_review(place)
    done = decided(task, "bea", "rejected")
    engine.undo(done.decision.pk, actor=actor("bea"))
    started(place, LUNCH, confidence=0.99)
    engine.cancel_case(task.case_id, actor=actor("lea"), reason="Sent twice.")
    engine.halt(place, actor=actor("lea"), reason="A look at the rules.")
    engine.resume(place, actor=actor("lea"))

    events = list(Event.objects.select_related("actor__user").order_by("id"))
    told = moments(events)

    assert {event.type for event in events} <= EVENTS.keys()
    assert len(told) == len(events) > 12
    assert not any("{" in moment.text or "." in moment.text for moment in told)
