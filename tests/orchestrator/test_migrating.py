"""Running cases are taken over to another version of their workflow, and back."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import engine
from orchestrator.exceptions import Invalid, NotAllowed
from orchestrator.models import Bulk, BulkRow, Case, Event, Workflow, WorkflowVersion
from tests import world
from tests.orchestrator.flows import (
    answered,
    asked,
    begun,
    definition,
    open_steps,
    published,
    step,
    task_of,
    told,
)

pytestmark = pytest.mark.django_db


def old(**more: Any) -> Workflow:
    return published(definition([asked("look"), asked("last")], "look last", "last done", **more))


def new(**more: Any) -> Workflow:
    """The second version: the first step has another name and another group."""
    leads = [{"mode": "review", "group": "Expense leads"}]
    return published(
        definition([asked("view", rights=leads), asked("last")], "view last", "last done", **more)
    )


def versions(place: Workflow) -> tuple[WorkflowVersion, WorkflowVersion]:
    return tuple(place.versions.order_by("number"))  # type: ignore[return-value]


def planned(place: Workflow, **steps: str) -> engine.Plan:
    return engine.plan_of(*versions(place), steps)


def verdicts(plan: engine.Plan) -> dict[str, tuple[str, str]]:
    found = engine.dry_run(plan).verdicts
    return {row.case.key: (row.kind, " ".join(row.reasons)) for row in found}


def migrated(plan: engine.Plan, **more: Any) -> Bulk:
    bulk = engine.migrate(plan, actor=world.actor("alice"), **more)
    while engine.work_bulks():
        pass
    bulk.refresh_from_db()
    return bulk


def test_a_case_goes_over_and_is_asked_by_the_rules_of_the_new_version() -> None:
    case = begun(old())
    key = task_of(case, "look").effect_key
    plan = planned(new(), look="view", last="last")
    assert verdicts(plan) == {"c-1": ("safe", "")}

    bulk = migrated(plan)

    assert (bulk.total, bulk.done, bulk.finished_at is not None) == (1, 1, True)
    task = told(case).tasks.get()
    assert (case.version.number, task.step_key, task.effect_key) == (2, "view", key)
    assert task.seats.get(state="open").group.name == "Expense leads"
    event = Event.objects.get(type="case.migrated")
    assert (event.payload, str(event.actor)) == ({"from": 1, "number": 2}, "alice")
    assert engine.orphans() == []
    answered(case, "view", by="lea")
    assert open_steps(case) == ["last"]


def test_a_dry_run_changes_nothing_and_says_what_is_safe_and_what_is_not() -> None:
    place = old(data={"type": "object"})
    free, held, gone = (begun(place, key=key) for key in ("free", "held", "gone"))
    world.claimed(task_of(held, "look"), "bea")
    answered(gone, "look")
    misfit = begun(place, {"sum": "much"}, key="misfit")
    plan = planned(
        new(data={"type": "object", "properties": {"sum": {"type": "number"}}}), look="view"
    )
    events = Event.objects.count()

    found = verdicts(plan)

    assert {key: kind for key, (kind, _) in found.items()} == {
        "free": "safe",
        "held": "hand",
        "gone": "refused",
        "misfit": "hand",
    }
    assert "Somebody works on Look" in found["held"][1]
    assert "leads to no step" in found["gone"][1]
    assert "/sum" in found["misfit"][1]
    assert engine.dry_run(plan).counts == {"safe": 1, "hand": 2, "refused": 1}
    assert Event.objects.count() == events
    assert {told(case).version.number for case in (free, held, gone, misfit)} == {1}


def test_only_safe_cases_go_over_unless_the_others_are_asked_for() -> None:
    place = old()
    free, held = begun(place, key="free"), begun(place, key="held")
    world.claimed(task_of(held, "look"), "bea")
    plan = planned(new(), look="view")

    assert migrated(plan).total == 1
    assert (told(free).version.number, told(held).version.number) == (2, 1)

    assert migrated(plan, by_hand=True).total == 1
    assert told(held).version.number == 2


def test_who_waits_for_something_else_then_goes_over_only_by_hand() -> None:
    def resting(days: int) -> Workflow:
        rest = step("rest", "timer", flow={"after": f"{days}d"})
        return published(definition([rest], "rest done"))

    begun(resting(3))
    plan = planned(resting(5), rest="rest")

    assert verdicts(plan) == {"c-1": ("hand", "Rest waits for something else in the new version.")}


def test_a_case_that_moved_on_meanwhile_is_refused_with_the_reason() -> None:
    case = begun(old())
    plan = planned(new(), look="view")
    bulk = engine.migrate(plan, actor=world.actor("alice"))
    answered(case, "look")

    engine.work_bulks()

    row = BulkRow.objects.get(bulk=bulk)
    assert row.state == "refused"
    assert "leads to no step" in row.message
    assert told(case).version.number == 1


def test_a_case_that_went_over_already_is_refused() -> None:
    case = begun(old())
    plan = planned(new(), look="view")
    bulks = [engine.migrate(plan, actor=world.actor("alice")) for _ in range(2)]

    engine.work_bulks()

    rows = BulkRow.objects.filter(bulk__in=bulks).order_by("bulk")
    assert list(rows.values_list("state", "message")) == [
        ("done", ""),
        ("refused", "The case is not on the old version any more."),
    ]
    assert told(case).version.number == 2


def test_a_migration_can_be_taken_back_until_the_case_moves_on() -> None:
    place = old()
    still, moved = begun(place, key="still"), begun(place, key="moved")
    bulk = migrated(planned(new(), look="view", last="last"))
    answered(moved, "view", by="lea")

    back = engine.revert(bulk.pk, actor=world.actor("alice"))
    engine.work_bulks()

    assert (told(still).version.number, open_steps(still)) == (1, ["look"])
    assert task_of(still, "look").seats.get(state="open").group.name == "Expense reviewers"
    assert (told(moved).version.number, open_steps(moved)) == (2, ["last"])
    assert set(back.rows.values_list("case__key", "state")) == {
        ("still", "done"),
        ("moved", "refused"),
    }
    assert engine.orphans() == []


@pytest.mark.parametrize(
    ("steps", "path"),
    [({"lok": "view"}, "/steps/lok"), ({"look": "wiev"}, "/steps/look"),
     ({"look": "done"}, "/steps/look")],
)  # fmt: skip
def test_a_plan_that_names_what_is_not_there_is_refused(steps: dict[str, str], path: str) -> None:
    old()
    place = new()

    with pytest.raises(Invalid) as refusal:
        planned(place, **steps)

    assert refusal.value.details["problems"][0]["path"] == path


def test_steps_that_kept_their_name_suggest_themselves() -> None:
    old()
    assert engine.same_steps(*versions(new())) == {"last": "last", "done": "done"}


def test_only_who_publishes_takes_cases_over() -> None:
    begun(old())
    plan = planned(new(), look="view")

    with pytest.raises(NotAllowed):
        engine.migrate(plan, actor=world.actor("bea"))

    assert not Bulk.objects.exists()


def test_cases_in_branches_go_over_only_where_the_branches_stay() -> None:
    steps = [
        step("split", "fork", flow={"join": "meet"}),
        asked("law"),
        asked("money"),
        step("meet", "join"),
    ]
    ways = ["split law", "split money", "law meet", "money meet", "meet done"]
    case = begun(published(definition(steps, *ways)))
    place = published(definition([*steps, asked("more")], *ways[:-1], "meet more", "more done"))
    whole = {key: key for key in ("split", "law", "money", "meet")}

    assert verdicts(planned(place, law="law", money="money", meet="meet"))["c-1"][0] == "refused"
    assert migrated(planned(place, **whole)).total == 1

    answered(case, "law")
    answered(case, "money")
    assert open_steps(case) == ["more"]
    assert Case.objects.get().data.keys() == {"law", "money"}
