"""Hostile names of people and groups, and what an address brings: they stay text on every page."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from orchestrator import engine
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import Actor, Incident, Task
from tests import world
from tests.browser.hostile import VECTORS, packs
from tests.browser.test_hostile_display import LONG, NAMES, Watch

MOST_GROUPS = 6


@pytest.fixture
def crowd(transactional_db: None) -> list[User]:
    """Reviewers whose names are hostile, in groups whose names are."""
    world.people()
    reviewers = Group.objects.get_or_create(name="Expense reviewers")[0]
    groups = [Group.objects.create(name=name) for name in packs(150)[:MOST_GROUPS]]
    found = []
    for number, name in enumerate(NAMES):
        user = User.objects.create_user(f"who-{number}", first_name=name, last_name=name)
        user.groups.add(reviewers, groups[number % MOST_GROUPS], *world.person("ben").groups.all())
        Actor.objects.for_user(user)
        found.append(user)
    return found


@pytest.fixture
def task(crowd: list[User]) -> Task:
    """Waits for one of them; others hold and have decided more."""
    place = world.workflow()
    for number, user in enumerate(crowd[:6]):
        held = world.in_review(place, key=f"held-{number}")
        engine.claim(held.pk, actor=Actor.objects.for_user(user))
        done = world.in_review(place, key=f"done-{number}")
        world.decided(done, user.username, "approved", comment=LONG[number])
    return world.in_review(place, key="free")


@pytest.fixture
def incident(task: Task) -> Incident:
    broken = world.in_review(task.case.workflow, key="broken")
    with acting(broken.case_id) as act:
        return open_incident(act, locked_task(act, broken.pk), "error", LONG[1])


@pytest.fixture
def watch(page: Page, live_server: LiveServer) -> Watch:
    return Watch(page, live_server.url)


def test_who_hands_on_work_sees_names_as_text(
    watch: Watch, task: Task, incident: Incident, sign_in: Callable[[User], None]
) -> None:
    seat = task.seats.get()
    sign_in(world.person("lea"))

    watch.look("/", "/incidents/", "/cases/", reverse("assign_seat", args=[seat.pk]))
    watch.look(reverse("hand_over", args=[incident.pk]), reverse("edit_input", args=[incident.pk]))

    assert "\n".join(watch.done) == ""


def test_who_is_named_so_sees_it_as_text(
    watch: Watch, crowd: list[User], task: Task, sign_in: Callable[[User], None]
) -> None:
    for user in crowd:
        sign_in(user)
        watch.look("/")
    watch.look("/preferences/", "/accounts/password/change/", f"/review/tasks/{task.pk}/")

    assert "\n".join(watch.done) == ""


def test_what_an_address_brings_is_text(
    watch: Watch, task: Task, sign_in: Callable[[User], None]
) -> None:
    sign_in(world.person("bea"))
    for text in packs(190):
        asked = quote(text, safe="")
        watch.look(f"/cases/?q={asked}&state={asked}", f"/review/?q={asked}&age={asked}&step=read")
    asked = quote(VECTORS["script"], safe="")
    watch.look(f"/incidents/?q={asked}", f"/review/filters/?page=queue&q={asked}")

    assert "\n".join(watch.done) == ""
