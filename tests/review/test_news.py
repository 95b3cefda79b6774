"""News of a case while somebody has one of its tasks open."""

from __future__ import annotations

import pytest

from orchestrator import engine
from orchestrator.models import Decision
from tests import world
from tests.orchestrator.flows import asked, begun, definition, published, task_of
from tests.review.conftest import SignIn
from tests.review.paper import form_on, text_of

TEXT = definition(
    [asked("look", evidence=[{"path": "/address", "as": "text"}])],
    "look done",
    signals={"address": {"/address": "/now"}},
    data={"type": "object", "properties": {"address": {"type": "string"}}},
)


@pytest.mark.django_db
def test_a_decision_on_what_has_changed_is_not_taken_and_nothing_typed_is_lost(
    client_of: SignIn,
) -> None:
    case = begun(published(TEXT), {"address": "Paris"})
    task, bea = task_of(case, "look"), client_of("bea")
    form = form_on(bea.post(f"/review/tasks/{task.pk}/claim/", follow=True))

    engine.signal(
        case.pk,
        actor=world.actor("alice"),
        name="address",
        message_id="m-1",
        data={"now": "Berlin"},
    )
    answer = form.fill(text="I wrote this").press(bea, "responded")

    assert answer.status_code == 409
    page = text_of(answer)
    assert "New in the case" in page
    assert "Paris" in page
    assert "Berlin" in page
    assert "I wrote this" in page
    assert not Decision.objects.exists()
    again = bea.get(f"/review/tasks/{task.pk}/")
    assert "I wrote this" in again.content.decode()
    assert "Berlin" in text_of(again)
