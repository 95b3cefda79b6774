"""Who may see and do what, as sentences about named people."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestrator import authority
from orchestrator.exceptions import NotAllowed, NotFound
from orchestrator.models import (
    Actor,
    Attempt,
    Case,
    Decision,
    Grant,
    Incident,
    Seat,
    Task,
    Verdict,
    Workflow,
)
from orchestrator.roles import ensure_roles
from tests.orchestrator.queue import group, person, seat, workflow

pytestmark = pytest.mark.django_db

REVIEWERS = ("Expense team", "Expense reviewers")


@pytest.fixture
def expenses() -> Workflow:
    ensure_roles(apps.get_app_config("orchestrator"))
    return workflow()


@pytest.fixture
def bea(expenses: Workflow) -> Actor:
    return person("bea", "Reviewers", *REVIEWERS)


@pytest.fixture
def ben(expenses: Workflow) -> Actor:
    return person("ben", "Reviewers", *REVIEWERS)


@pytest.fixture
def carl(expenses: Workflow) -> Actor:
    """A reviewer of another team."""
    return person("carl", "Reviewers", "Travel team", "Travel reviewers")


@pytest.fixture
def dora(expenses: Workflow) -> Actor:
    return person("dora", superuser=True)


@pytest.fixture
def bot(expenses: Workflow) -> Actor:
    """A program."""
    return Actor.objects.create(kind="automation", name="bot")


def grant(holder: Actor, action: str = "decide", most: Any = None, **columns: Any) -> Grant:
    """Valid since yesterday unless ``until`` says when it ended."""
    now = timezone.now()
    ends: datetime | None = columns.pop("until", None)
    return Grant.objects.create(
        actor=holder,
        action=action,
        limits={} if most is None else {"max": most},
        valid=(now - timedelta(days=2), ends),
        **columns,
    )


def yesterday() -> datetime:
    return timezone.now() - timedelta(days=1)


def reasons(actor: Actor, row: Seat, action: str = "decide") -> list[str]:
    """Why not. What ``may`` says of a seat, the queue must say as well."""
    answer = authority.may(actor, action, row)
    listed = row in Seat.objects.open().for_actor(actor)
    if action == "decide":
        assert listed is answer.allowed
    assert answer.allowed is not bool(answer.reasons)
    return answer.reasons


# --- Sight


def test_a_member_of_the_team_sees_the_workflow_and_all_in_it(
    expenses: Workflow, bea: Actor
) -> None:
    row = seat(expenses, "c-1")
    incident = Incident.objects.create(task=row.task, kind="failed", fingerprint="f")

    assert authority.access_workflow(bea, "expenses") == expenses
    assert authority.access_case(bea, row.task.case_id) == row.task.case
    assert authority.access_task(bea, row.task_id) == row.task
    assert authority.access_incident(bea, incident.pk) == incident
    assert authority.may(bea, "view", row.task).allowed


def test_another_team_finds_nothing(expenses: Workflow, carl: Actor) -> None:
    row = seat(expenses, "c-1")
    incident = Incident.objects.create(task=row.task, kind="failed", fingerprint="f")

    for door, key in (
        (authority.access_case, row.task.case_id),
        (authority.access_task, row.task_id),
        (authority.access_incident, incident.pk),
    ):
        with pytest.raises(NotFound):
            door(carl, key)
    with pytest.raises(NotFound):
        authority.access_workflow(carl, "expenses")
    assert authority.may(carl, "view", incident).reasons == [authority.UNSEEN]


def test_what_is_not_there_reads_like_what_is_hidden(expenses: Workflow, bea: Actor) -> None:
    with pytest.raises(NotFound) as absent:
        authority.access_task(bea, 10**9)
    assert absent.value.message == NotFound().message


@pytest.mark.parametrize("role", ["Workflow owners", "Reviewers", "Leads", "Auditors"])
def test_a_role_alone_shows_nothing(expenses: Workflow, role: str) -> None:
    assert not Workflow.objects.visible_to(person("cara", role)).exists()


def test_the_owner_sees_the_workflow_without_its_team(expenses: Workflow) -> None:
    alice = person("alice", "Workflow owners")
    Workflow.objects.filter(pk=expenses.pk).update(owner=alice.user)

    assert Workflow.objects.visible_to(alice).get() == expenses


def test_a_superuser_sees_everything_but_the_built_in_workflow(
    expenses: Workflow, dora: Actor
) -> None:
    Workflow.objects.create(slug="changes", name="Changes")

    assert Workflow.objects.visible_to(dora).get() == expenses


def test_who_left_sees_and_does_nothing(expenses: Workflow, bea: Actor, dora: Actor) -> None:
    row = seat(expenses, "c-1")
    User.objects.update(is_active=False)

    for actor in (bea, dora):
        assert not Workflow.objects.visible_to(actor).exists()
        assert reasons(actor, row) == [authority.INACTIVE]


def test_rows_are_listed_once_however_many_groups_show_them(expenses: Workflow, bea: Actor) -> None:
    expenses.groups.add(group("Expense reviewers"), group("Reviewers"))
    row = seat(expenses, "c-1")

    assert Case.objects.visible_to(bea).count() == 1
    assert Task.objects.visible_to(bea).get() == row.task


def test_verdicts_show_to_the_team_only(expenses: Workflow, bea: Actor, carl: Actor) -> None:
    row = seat(expenses, "c-1")
    decision = Decision.objects.create(
        task=row.task, seat=row, round=1, actor=bea, via="page", word="approved"
    )
    verdict = Verdict.objects.create(
        decision=decision,
        workflow=expenses,
        source="review",
        error=False,
        raw_error=False,
        evidence=False,
    )

    assert Verdict.objects.visible_to(bea).get() == verdict
    assert not Verdict.objects.visible_to(carl).exists()


def test_a_program_sees_what_it_was_granted(expenses: Workflow, bot: Actor) -> None:
    travel = workflow("travel", "Travel team")
    grant(bot, "view", workflow=travel)

    assert Workflow.objects.visible_to(bot).get() == travel
    assert authority.may(bot, "view", travel).allowed
    assert not authority.may(bot, "view", expenses).allowed


def test_a_grant_for_everywhere_shows_everything(expenses: Workflow, bot: Actor) -> None:
    grant(bot, "view")

    assert Workflow.objects.visible_to(bot).get() == expenses


def test_who_may_only_start_cases_sees_none_of_them(expenses: Workflow, bot: Actor) -> None:
    row = seat(expenses, "c-1")
    grant(bot, "start", workflow=expenses)

    assert authority.access_workflow(bot, "expenses") == expenses
    assert authority.may(bot, "start", expenses).allowed
    assert not Case.objects.visible_to(bot).exists()
    assert not authority.may(bot, "view", row.task.case).allowed


def test_sight_can_be_withheld_from_a_superuser_too(expenses: Workflow, dora: Actor) -> None:
    travel = workflow("travel", "Travel team")
    grant(dora, "view", effect="exclude", workflow=expenses)

    assert Workflow.objects.visible_to(dora).get() == travel
    assert not authority.may(dora, "view", expenses).allowed
    assert not authority.may(dora, "cancel", seat(expenses, "c-1").task.case).allowed


def test_sight_withheld_everywhere_leaves_nothing(expenses: Workflow, bea: Actor) -> None:
    grant(bea, "view", effect="exclude")

    assert not Workflow.objects.visible_to(bea).exists()
    assert not authority.may(bea, "view", expenses).allowed


# --- Acts by permission


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("Workflow owners", {"start", "halt", "publish"}),
        ("Reviewers", {"start"}),
        ("Leads", {"start", "cancel", "resolve", "halt"}),
        ("Auditors", set()),
    ],
)
def test_a_role_says_what_its_members_do_in_their_team(
    expenses: Workflow, role: str, allowed: set[str]
) -> None:
    lea = person("lea", role, "Expense team")

    acts = ["start", "cancel", "resolve", "halt", "publish"]
    assert {act for act in acts if authority.may(lea, act, expenses).allowed} == allowed
    assert authority.may(lea, "halt", None).allowed is ("halt" in allowed)


def test_a_lead_of_another_team_cancels_nothing_here(expenses: Workflow) -> None:
    lea = person("lea", "Leads", "Travel team")
    case = seat(expenses, "c-1").task.case

    with pytest.raises(NotAllowed) as refused:
        authority.require(lea, "cancel", case)

    assert refused.value.details == {"reasons": [authority.UNSEEN]}


def test_a_superuser_does_role_acts(expenses: Workflow, dora: Actor) -> None:
    case = seat(expenses, "c-1").task.case

    assert authority.require(dora, "cancel", case).allowed
    assert authority.require(dora, "publish", expenses).allowed
    assert authority.require(dora, "halt", None).allowed


def test_an_act_can_be_withheld(expenses: Workflow, dora: Actor) -> None:
    grant(dora, "publish", effect="exclude", workflow=expenses)

    assert authority.may(dora, "publish", expenses).reasons == [authority.WITHHELD]


def test_whoever_sees_a_workflow_exports_from_it(
    expenses: Workflow, bea: Actor, carl: Actor
) -> None:
    assert authority.may(bea, "export", expenses).allowed
    assert not authority.may(carl, "export", expenses).allowed


def test_a_program_does_only_what_it_was_granted(expenses: Workflow, bot: Actor) -> None:
    given = grant(bot, "start", workflow=expenses)

    assert authority.may(bot, "start", expenses).grant == given.pk
    assert authority.may(bot, "cancel", expenses).reasons == [authority.UNSEEN]
    grant(bot, "view", workflow=expenses)
    assert authority.may(bot, "cancel", expenses).reasons == [
        "You do not hold the right to cancel here."
    ]


def test_an_act_that_nobody_knows_is_allowed_to_nobody(expenses: Workflow, dora: Actor) -> None:
    assert not authority.may(dora, "dance", expenses).allowed


# --- Deciding


def test_a_member_of_the_rules_group_decides(expenses: Workflow, bea: Actor) -> None:
    answer = authority.may(bea, "decide", seat(expenses, "c-1", demand=10**12))

    assert (answer.allowed, answer.reasons, answer.grant) == (True, [], None)


def test_a_colleague_outside_the_rules_group_does_not(expenses: Workflow) -> None:
    cleo = person("cleo", "Expense team")

    assert reasons(cleo, seat(expenses, "c-1")) == [
        "Expense reviewers decide here, and whoever holds a Grant to."
    ]


def test_a_superuser_needs_the_group_like_anybody(expenses: Workflow, dora: Actor) -> None:
    row = seat(expenses, "c-1")
    assert reasons(dora, row)

    assert dora.user
    dora.user.groups.add(group("Expense reviewers"))
    assert not reasons(dora, row)


def test_four_eyes_hold_for_a_superuser(expenses: Workflow) -> None:
    dora = person("dora", "Expense reviewers", superuser=True)

    assert reasons(dora, seat(expenses, "c-1", barred=[dora.pk])) == [authority.BARRED]


def test_the_group_without_sight_decides_nothing(expenses: Workflow) -> None:
    bert = person("bert", "Expense reviewers")

    assert reasons(bert, seat(expenses, "c-1")) == [authority.UNSEEN]


def test_a_closed_seat_is_nobodys(expenses: Workflow, bea: Actor) -> None:
    row = seat(expenses, "c-1", state="withdrawn")

    assert reasons(bea, row) == [authority.CLOSED]


@pytest.mark.parametrize(
    ("limits", "demand", "allowed"),
    [
        ([], 10**9, True),
        ([500], 500, True),
        ([500], 501, False),
        ([500, 2000], 1500, True),
        ([500, None], 1500, True),
        ([0], 1, False),
        ([0.5], 1, False),
        (["1000.50"], 1000, True),
        (["plenty"], 1, False),
        ([True], 1, False),
        (["NaN"], 1, False),
        ([500], None, False),
        ([], None, True),
    ],
)
def test_the_largest_limit_of_a_member_counts(
    expenses: Workflow, bea: Actor, limits: list[Any], demand: int | None, allowed: bool
) -> None:
    for most in limits:
        grant(bea, most=most, workflow=expenses)

    assert bool(reasons(bea, seat(expenses, "c-1", demand=demand))) is not allowed


def test_a_refusal_by_limit_names_both_numbers(expenses: Workflow, bea: Actor) -> None:
    grant(bea, most=1000, workflow=expenses)

    assert reasons(bea, seat(expenses, "c-1", demand=1500)) == [
        "This is about 1,500; you may decide up to 1,000."
    ]
    assert reasons(bea, seat(expenses, "c-2", demand=None)) == [
        "This is about no known amount; you may decide up to 1,000."
    ]


@pytest.mark.parametrize("step", [{"limit": ""}, {"kind": "human"}])
def test_where_nothing_is_measured_yet_a_limit_holds_nobody_off(step: dict[str, str]) -> None:
    bea = person("bea", *REVIEWERS)
    grant(bea, most=1000)

    assert not reasons(bea, seat(workflow(**step), "c-1", demand=None))


@pytest.mark.parametrize("limits", [{"maximum": 500}, {"max": 500, "min": 1}, [500], {"max": None}])
def test_limits_that_cannot_be_read_allow_nothing(
    expenses: Workflow, bea: Actor, limits: Any
) -> None:
    given = grant(bea, workflow=expenses)
    Grant.objects.filter(pk=given.pk).update(limits=limits)

    assert reasons(bea, seat(expenses, "c-1")) == [
        "This is about 100; you may decide up to nothing."
    ]


def test_a_limit_of_a_group_limits_its_members(expenses: Workflow, bea: Actor) -> None:
    row = seat(expenses, "c-1", demand=1500)
    given = grant(bea, most=1000, workflow=expenses)
    Grant.objects.filter(pk=given.pk).update(actor=None, group=group("Expense reviewers"))

    assert reasons(bea, row)


def test_a_grant_lets_somebody_else_decide_and_is_named(expenses: Workflow, carl: Actor) -> None:
    given = grant(carl, most=1000, workflow=expenses, step_key="read")

    answer = authority.may(carl, "decide", seat(expenses, "c-1"))

    assert answer.grant == given.pk
    assert reasons(carl, seat(expenses, "c-2", demand=1001))


@pytest.mark.parametrize("wrong", ["workflow", "step", "past", "action"])
def test_a_grant_holds_where_and_when_it_says(expenses: Workflow, carl: Actor, wrong: str) -> None:
    other: dict[str, dict[str, Any]] = {
        "workflow": {"workflow": workflow("travel", "Travel team")},
        "step": {"step_key": "pay"},
        "past": {"until": yesterday()},
        "action": {"action": "view"},
    }
    columns: dict[str, Any] = {"workflow": expenses, "step_key": "read"}
    grant(carl, **columns | other[wrong])

    assert reasons(carl, seat(expenses, "c-1"))


@pytest.mark.parametrize("step", ["", "read"])
def test_an_exclusion_beats_the_group(expenses: Workflow, bea: Actor, step: str) -> None:
    grant(bea, effect="exclude", workflow=expenses, step_key=step)

    assert reasons(bea, seat(expenses, "c-1")) == [authority.WITHHELD]


def test_an_exclusion_that_ended_or_is_for_elsewhere_does_not(
    expenses: Workflow, bea: Actor
) -> None:
    grant(bea, effect="exclude", workflow=expenses, until=yesterday())
    grant(bea, effect="exclude", workflow=workflow("travel", "Travel team"))
    grant(bea, effect="exclude", workflow=expenses, step_key="pay")

    assert not reasons(bea, seat(expenses, "c-1"))


def test_what_is_withheld_or_granted_at_a_step_holds_there_alone(
    expenses: Workflow, bea: Actor
) -> None:
    lea = person("lea", "Leads", "Expense team")
    task = seat(expenses, "c-1").task
    grant(lea, "resolve", effect="exclude", workflow=expenses, step_key="read")
    grant(bea, "resolve", workflow=expenses, step_key="read")

    assert authority.may(lea, "resolve", task).reasons == [authority.WITHHELD]
    assert authority.may(bea, "resolve", task).allowed
    task.step_key = "pay"
    assert authority.may(lea, "resolve", task).allowed
    assert not authority.may(bea, "resolve", task).allowed


def test_an_agent_never_decides_on_its_own_output(expenses: Workflow) -> None:
    row = seat(expenses, "c-1")
    reader, newer = (
        Actor.objects.create(kind="agent", name="reader", revision=revision) for revision in "12"
    )
    checker = Actor.objects.create(kind="agent", name="checker")
    for agent in (reader, newer, checker):
        grant(agent, workflow=expenses)
    Attempt.objects.create(task=row.task, number=1, actor=reader)

    assert reasons(reader, row) == [authority.AUTHOR]
    assert reasons(newer, row) == [authority.AUTHOR]
    assert not reasons(checker, row)


def test_a_claim_bars_others_from_claiming_until_it_ends(
    expenses: Workflow, bea: Actor, ben: Actor
) -> None:
    row = seat(expenses, "c-1")
    Seat.objects.filter(pk=row.pk).update(
        claimed_by=bea,
        claim_token="6f1a2f8e-5d0e-4c7e-9d0b-0f4f3a3f0a11",
        claim_expires_at=timezone.now() + timedelta(minutes=1),
    )
    row.refresh_from_db()

    assert reasons(ben, row, "claim") == ["bea is deciding this."]
    assert not reasons(bea, row, "claim")
    assert not reasons(ben, row, "decide")
    row.claim_expires_at = timezone.now() - timedelta(seconds=1)
    assert not reasons(ben, row, "claim")


# --- Delegation


def test_a_delegated_grant_holds_within_the_one_above(expenses: Workflow, carl: Actor) -> None:
    lea = person("lea", "Expense team")
    above = grant(lea, most=1000, workflow=expenses, may_delegate=True)
    grant(carl, most=5000, parent=above)

    assert not reasons(carl, seat(expenses, "c-1", demand=1000))
    assert reasons(carl, seat(expenses, "c-2", demand=1001))
    travel = workflow("travel", "Travel team")
    assert reasons(carl, seat(travel, "c-3"))
    assert set(Workflow.objects.visible_to(carl)) == {expenses, travel}


@pytest.mark.parametrize("broken", ["may_delegate", "ended", "action", "effect"])
def test_a_delegated_grant_falls_with_the_one_above(
    expenses: Workflow, carl: Actor, broken: str
) -> None:
    lea = person("lea", "Expense team")
    other: dict[str, dict[str, Any]] = {
        "may_delegate": {"may_delegate": False},
        "ended": {"until": yesterday()},
        "action": {"action": "view"},
        "effect": {"effect": "exclude"},
    }
    columns: dict[str, Any] = {"workflow": expenses, "may_delegate": True}
    grant(carl, parent=grant(lea, **columns | other[broken]), workflow=expenses)

    assert reasons(carl, seat(expenses, "c-1")) == [authority.UNSEEN]


@pytest.mark.parametrize(("links", "holds"), [(20, True), (21, False)])
def test_a_chain_too_long_to_follow_does_not_hold(
    expenses: Workflow, carl: Actor, links: int, holds: bool
) -> None:
    lea = person("lea", "Expense team")
    above = None
    for _ in range(links):
        above = grant(lea, workflow=expenses, may_delegate=True, parent=above)
    grant(carl, workflow=expenses, parent=above)

    assert bool(reasons(carl, seat(expenses, "c-1"))) is not holds


def test_exclusions_follow_delegation(expenses: Workflow, bea: Actor, carl: Actor) -> None:
    lea = person("lea", "Expense team")
    above = grant(lea, workflow=expenses, may_delegate=True)
    grant(carl, parent=grant(bea, workflow=expenses, parent=above, may_delegate=True))

    assert not reasons(carl, seat(expenses, "c-1"))
    assert reasons(carl, seat(expenses, "c-2", barred=[bea.pk])) == [authority.BARRED]
    assert reasons(carl, seat(expenses, "c-3", barred=[lea.pk])) == [authority.BARRED]
    grant(lea, effect="exclude", workflow=expenses)
    assert reasons(carl, seat(expenses, "c-4"))


def test_who_stands_in_decides_as_far_as_the_other_could(
    expenses: Workflow, bea: Actor, carl: Actor
) -> None:
    row = seat(expenses, "c-1", demand=700)
    grant(carl, workflow=expenses, stands_in_for=bea)

    assert not reasons(carl, row)
    assert reasons(carl, seat(expenses, "c-2", barred=[bea.pk])) == [authority.BARRED]
    limit = grant(bea, most=500, workflow=expenses)
    assert reasons(carl, row) == ["This is about 700; you may decide up to 500."]
    Grant.objects.filter(pk=limit.pk).update(limits={"max": 800})
    assert not reasons(carl, row)
    assert bea.user
    bea.user.groups.clear()
    limit.delete()
    assert reasons(carl, row)


def test_nobody_stands_in_for_who_stands_in(expenses: Workflow, bea: Actor, carl: Actor) -> None:
    cleo = person("cleo", "Expense team")
    grant(carl, workflow=expenses, stands_in_for=bea)
    grant(cleo, workflow=expenses, stands_in_for=carl)

    assert reasons(cleo, seat(expenses, "c-1"))


def test_who_is_a_member_too_acts_by_the_own_right(
    expenses: Workflow, bea: Actor, ben: Actor
) -> None:
    grant(ben, workflow=expenses, stands_in_for=bea)

    answer = authority.may(ben, "decide", seat(expenses, "c-1", barred=[bea.pk]))

    assert (answer.allowed, answer.grant) == (True, None)


def test_the_queue_holds_what_differs_by_lane(expenses: Workflow, bea: Actor, carl: Actor) -> None:
    """Several lanes, each with its own ways, in one queryset."""
    travel = workflow("travel", "Travel team")
    seat(travel, "t-1", deciders="Travel reviewers")
    small, large = seat(expenses, "c-1", demand=10), seat(expenses, "c-2", demand=9000)
    escalated = seat(expenses, "c-3", deciders="Expense leads")
    barred = seat(expenses, "c-4", demand=10, barred=[bea.pk])
    grant(bea, most=100, workflow=expenses, step_key="read")
    lea = person("lea", "Expense team", "Expense leads", "Expense reviewers")

    assert set(Seat.objects.open().for_actor(bea)) == {small, escalated}
    assert set(Seat.objects.open().for_actor(lea)) == {small, large, escalated, barred}
    assert Seat.objects.open().for_actor(carl).get().workflow == travel


def test_sight_costs_one_query_and_the_queue_two(expenses: Workflow, bea: Actor) -> None:
    for number in range(3):
        seat(expenses, f"c-{number}")
    with CaptureQueriesContext(
        connection,
    ) as cases:
        list(Case.objects.visible_to(bea))
    with CaptureQueriesContext(connection) as queue:
        list(Seat.objects.open().for_actor(bea))

    assert (len(cases), len(queue)) == (2, 3)


def test_a_limit_is_compared_exactly(expenses: Workflow, bea: Actor) -> None:
    grant(bea, most=0.1, workflow=expenses)
    row = seat(expenses, "c-1")
    row.demand = Decimal("0.1")
    row.save()

    assert not reasons(bea, row)
