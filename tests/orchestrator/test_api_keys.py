"""Who gets in: keys, scopes, people who have left, and a changed SECRET_KEY."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from orchestrator.api.keys import authenticate, make_key
from orchestrator.exceptions import Unauthorized
from orchestrator.models import Actor, ApiKey, Grant
from tests.programs import Program, refusal
from tests.world import actor, person, workflow

pytestmark = pytest.mark.django_db


def test_a_key_lets_its_person_in() -> None:
    workflow()

    response = Program("bea").get("workflows")

    assert response.status_code == 200
    assert [row["slug"] for row in response.json()["items"]] == ["expenses"]


def test_only_a_digest_of_the_key_is_kept() -> None:
    row, text = make_key(actor=actor("bea"), name="laptop", scopes=["review"])

    assert text.startswith(f"rw_{row.prefix}_")
    secret = text.split("_", 2)[2]
    assert len(secret) >= 40
    assert secret not in str(ApiKey.objects.filter(pk=row.pk).values())


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer nothing", "Bearer rw_abc_", "Basic YTpi", "Bearer rw_0_\x00"],
)
def test_without_a_key_nothing_is_told(header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}

    response = Client().get("/api/v1/workflows", headers=headers)

    refusal(response, 401, "unauthorized")
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_wrong_secret_is_refused() -> None:
    row, text = make_key(actor=actor("bea"), name="", scopes=["review"])

    with pytest.raises(Unauthorized):
        authenticate(f"Bearer {text}x")
    assert authenticate(f"bearer {text}") == row


def test_a_revoked_key_is_refused() -> None:
    program = Program("bea")
    ApiKey.objects.filter(pk=program.key.pk).update(revoked_at=timezone.now())

    refusal(program.get("workflows"), 401, "unauthorized")


def test_the_key_of_somebody_who_has_left_is_refused() -> None:
    program = Program("bea")
    bea = person("bea")
    bea.is_active = False
    bea.save()

    refusal(program.get("workflows"), 401, "unauthorized")


def test_a_missing_scope_is_named() -> None:
    told = refusal(Program("bea", "review").get("workflows"), 403, "not-allowed")

    assert told["reasons"] == ["This key lacks the scope cases."]


def test_keys_outlive_a_changed_secret_key(settings: Settings) -> None:
    program = Program("bea")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]

    assert program.get("workflows").status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert program.get("workflows").status_code == 401


def test_a_key_costs_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    _, text = make_key(actor=actor("bea"), name="", scopes=["review"])

    with django_assert_num_queries(1):
        key = authenticate(f"Bearer {text}")
        assert str(key.actor) == "bea"


def made(**options: str) -> str:
    out = StringIO()
    call_command("create_api_key", stdout=out, **options)
    return out.getvalue()


def test_the_command_prints_the_key_and_nothing_else() -> None:
    person("bea")

    printed = made(user="bea", scopes="review,feedback", name="laptop")

    assert printed.count("\n") == 1
    key = authenticate(f"Bearer {printed.strip()}")
    assert (str(key.actor), key.scopes, key.name) == ("bea", ["review", "feedback"], "laptop")


def test_the_command_makes_a_program_with_what_its_scopes_need() -> None:
    printed = made(actor="nightly", scopes="cases")
    made(actor="nightly", scopes="cases,review")

    key = authenticate(f"Bearer {printed.strip()}")
    assert (key.actor.kind, key.actor.name) == ("automation", "nightly")
    actions = Grant.objects.filter(actor=key.actor, workflow=None).values_list("action", flat=True)
    assert sorted(actions) == ["decide", "start", "view"]


@pytest.mark.parametrize(
    "options",
    [
        {"user": "nobody", "scopes": "review"},
        {"user": "bea", "scopes": "everything"},
        {"user": "bea", "scopes": " , "},
        {"actor": "user:%", "scopes": "review"},
    ],
)
def test_the_command_says_what_it_cannot_do(options: dict[str, str]) -> None:
    name = actor("bea").name
    options = {key: name if value == "user:%" else value for key, value in options.items()}

    with pytest.raises(CommandError):
        made(**options)
    assert not ApiKey.objects.exists()


def test_the_command_refuses_who_has_left() -> None:
    carl = person("carl")
    carl.is_active = False
    carl.save()

    with pytest.raises(CommandError, match="no active user"):
        made(user="carl", scopes="review")
    assert not Actor.objects.filter(user=carl).exists()
