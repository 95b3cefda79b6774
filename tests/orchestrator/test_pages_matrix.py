"""Every address of the project for every role, generated from the URL configuration.

An address that the table does not know fails the suite: whoever adds one says who may.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from orchestrator import attachments, engine
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import Debut
from tests.world import actor, claimed, decided, in_review, person, started, workflow

pytestmark = pytest.mark.django_db

# bea reviews, carl is of another team, lea leads, cara audits, alice owns the workflow, dora is
# a superuser. All ids are of bea's team. Without a key the API knows nobody, whoever is logged in.
TABLE: Final = """
                                      nobody bea carl lea cara alice dora
home                             GET    302  200  200  200  200  200  200
cases                            GET    302  200  200  200  200  200  200
case                             GET    302  200  404  200  200  200  200
attachment                       GET    302  200  404  200  200  200  200
cancel_case                      POST   302  403  404  302  403  403  302
bring_signal                     GET    302  200  404  200  403  200  200
workflows                        GET    302  200  200  200  200  200  200
workflow                         GET    302  200  404  200  200  200  200
stop_all                         POST   302  403  403  302  403  302  302
resume_all                       POST   302  403  403  302  403  302  302
stop_workflow                    POST   302  403  404  302  403  302  302
resume_workflow                  POST   302  403  404  302  403  302  302
migrate                          GET    302  403  404  403  403  200  200
migration                        GET    302  403  404  403  403  200  200
revert_migration                 POST   302  403  404  403  403  302  302
insights                         GET    302  200  200  200  200  200  200
incidents                        GET    302  200  200  200  200  200  200
acknowledge                      POST   302  403  404  403  403  302  302
begin_bulk                       POST   302  404  404  404  404  404  404
bulk                             GET    302  200  404  200  200  200  200
hand_over                        GET    302  403  404  200  403  403  200
edit_input                       GET    302  403  404  200  403  403  200
incident                         POST   302  403  404  302  403  403  302
preferences                      GET    200  200  200  200  200  200  200
assign_seat                      GET    302  403  404  200  403  200  200
unassign_seat                    POST   302  403  404  404  403  404  404
release_seat                     POST   302  403  404  302  403  403  302

review:queue                     GET    302  200  200  200  200  200  200
review:next                      POST   302  302  302  302  302  302  302
review:task                      GET    302  200  404  200  200  200  200
review:history                   GET    302  200  404  200  200  200  200
review:look                      GET    302  302  404  302  302  302  302
review:claim                     POST   302  302  404  403  403  403  403
review:heartbeat                 POST   302  409  404  409  409  409  409
review:release                   POST   302  409  404  409  409  409  409
review:pend                      POST   302  409  404  409  409  409  409
review:resume                    POST   302  404  404  404  404  404  404
review:send_back                 POST   302  409  404  409  409  409  409
review:skip                      POST   302  409  404  409  409  409  409
review:draft                     POST   302  409  404  409  409  409  409
review:decide                    POST   302  409  404  409  409  409  409
review:undo                      POST   302  403  404  403  403  403  403
review:filters                   GET    302  404  404  404  404  404  404
review:keep_filter               POST   302  404  404  404  404  404  404
review:change_filter             POST   302  404  404  404  404  404  404
review:exports                   GET    302  200  200  200  200  200  200
review:download                  GET    302  200  200  200  200  200  200
review:progress                  GET    302  200  200  200  200  200  200

api:docs                         GET    200  200  200  200  200  200  200
api:openapi                      GET    200  200  200  200  200  200  200
api:list_workflows               GET    401  401  401  401  401  401  401
api:start_case                   POST   401  401  401  401  401  401  401
api:start_cases                  POST   401  401  401  401  401  401  401
api:bring_attachment             POST   401  401  401  401  401  401  401
api:read_attachment              GET    401  401  401  401  401  401  401
api:get_case                     GET    401  401  401  401  401  401  401
api:list_events                  GET    401  401  401  401  401  401  401
api:cancel_case                  POST   401  401  401  401  401  401  401
api:bring_signal                 POST   401  401  401  401  401  401  401
api:list_tasks                   GET    401  401  401  401  401  401  401
api:claim_next                   POST   401  401  401  401  401  401  401
api:claim                        POST   401  401  401  401  401  401  401
api:heartbeat                    POST   401  401  401  401  401  401  401
api:release                      POST   401  401  401  401  401  401  401
api:pend                         POST   401  401  401  401  401  401  401
api:resume                       POST   401  401  401  401  401  401  401
api:send_back                    POST   401  401  401  401  401  401  401
api:decide                       POST   401  401  401  401  401  401  401
api:undo                         POST   401  401  401  401  401  401  401
api:claim_work                   POST   401  401  401  401  401  401  401
api:renew_work                   POST   401  401  401  401  401  401  401
api:complete_work                POST   401  401  401  401  401  401  401
api:fail_work                    POST   401  401  401  401  401  401  401
api:stream_feedback              GET    401  401  401  401  401  401  401
api:                             GET    404  404  404  404  404  404  404
problem                          GET    302  302  302  302  302  302  302

account_login                    GET    200  302  302  302  302  302  302
account_logout                   POST   302  302  302  302  302  302  302
account_inactive                 GET    200  200  200  200  200  200  200
account_signup                   GET    200  302  302  302  302  302  302
account_reauthenticate           GET    302  200  200  200  200  200  200
account_email                    GET    302  200  200  200  200  200  200
account_email_verification_sent  GET    200  200  200  200  200  200  200
account_change_password          GET    302  200  200  200  200  200  200
account_set_password             GET    302  302  302  302  302  302  302
account_reset_password           GET    200  200  200  200  200  200  200
account_confirm_login_code       GET    302  302  302  302  302  302  302
account_confirm_email            GET    200  200  200  200  200  200  200
account_reset_password_from_key  GET    200  200  200  200  200  200  200
account_reset_password_from_key_done  GET    200  200  200  200  200  200  200
account_reset_password_done      GET    200  200  200  200  200  200  200
mfa_index                        GET    302  200  200  200  200  200  200
mfa_authenticate                 GET    302  302  302  302  302  302  302
mfa_reauthenticate               GET    302  302  302  302  302  302  302
mfa_activate_totp                GET    302  302  302  302  302  302  302
mfa_deactivate_totp              POST   302  404  404  404  404  404  404
mfa_view_recovery_codes          GET    302  404  404  404  404  404  404
mfa_generate_recovery_codes      GET    302  302  302  302  302  302  302
mfa_download_recovery_codes      GET    302  404  404  404  404  404  404

healthz                          GET    200  200  200  200  200  200  200
readyz                           GET    200  200  200  200  200  200  200
metrics                          GET    200  200  200  200  200  200  200
favicon.ico                      GET    302  302  302  302  302  302  302
"""
ROLES: Final = ("nobody", "bea", "carl", "lea", "cara", "alice", "dora")
STAFF: Final = ("alice", "dora")
ADMIN: Final = "admin:"
LOGIN: Final = "admin:login"  # it leads to the log-in page, or says that one is not of the staff

# Addresses that are regular expressions.
PATHS: Final = {
    "api:": "/api/no-such-address",
    "account_confirm_email": "/accounts/confirm-email/x/",
    "account_reset_password_from_key": "/accounts/password/reset/key/x-x/",
    "admin:app_list": "/admin/auth/",
    "admin:(?P<url>.*)$": "/admin/no-such-page",
}


@dataclass(frozen=True, slots=True)
class Address:
    """One pattern of the URL configuration, by its whole name and its whole route."""

    name: str
    route: str

    def path(self, ids: Mapping[str, Any]) -> str:
        if self.name in PATHS:
            return PATHS[self.name]
        named = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", self.route)
        is_incident = self.name in ("incident", "hand_over", "edit_input")
        ids = {**ids, "pk": ids["incident" if is_incident else "case_id"]}
        if self.name in ("migration", "revert_migration"):
            ids["bulk_id"] = ids["migration_id"]
        return f"/{named.format_map(ids)}"


def addresses(
    patterns: list[URLPattern | URLResolver], space: str = "", route: str = ""
) -> Iterator[Address]:
    for pattern in patterns:
        whole = f"{route}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from addresses(pattern.url_patterns, inner, whole)
        else:
            yield Address(f"{space}{pattern.name or pattern.pattern}", whole)


def known() -> dict[str, tuple[str, dict[str, int]]]:
    """Name of an address -> its method, and the status for each role."""
    _head, *rows = TABLE.strip().splitlines()
    found = {}
    for row in filter(str.strip, rows):
        name, method, *statuses = row.split()
        found[name] = (method, dict(zip(ROLES, map(int, statuses), strict=True)))
    return found


ADDRESSES: Final = list(addresses(get_resolver().url_patterns))
KNOWN: Final = known()


@pytest.fixture
def ids() -> dict[str, Any]:
    """One of everything, all of bea's team."""
    place = workflow()
    task, done, broken = (
        in_review(place),
        decided(in_review(place), "ben", "rejected"),
        in_review(place),
    )
    with acting(broken.case_id) as act:
        incident = open_incident(act, locked_task(act, broken.pk), "nobody", "Nobody is there.")
    case = started(place)
    kept = attachments.store(actor("alice"), b"a file")
    reference = {"attachment": f"sha256:{kept.digest}", "name": "not-found"}
    attachments.link({case.pk: attachments.references(reference)})
    retries = engine.resolve_many("retry_incidents", [incident.pk], actor=actor("lea"))
    plan = {"workflow": place.slug, "from": case.version_id, "to": case.version_id, "steps": {}}
    migration = engine.begin_bulk("migrate", by=actor("alice"), params=plan)
    return {
        "bulk_id": retries.pk,
        "migration_id": migration.pk,
        "case_id": case.pk,
        "digest": kept.digest,
        "task_id": task.pk,
        "decision_id": done.decision.pk,
        "incident": incident.pk,
        "debut_id": Debut.objects.get(workflow=place).pk,
        "seat_id": claimed(in_review(place), "ben").pk,
        "slug": place.slug,
        "action": "retry",
        "name": "not-found",
        "id": "1",
        "object_id": "1",
        "content_type_id": "1",
        "column": "evidence",
        "place": 1,
    }


def client_of(role: str) -> Client:
    client = Client(raise_request_exception=False)
    if role != "nobody":
        client.force_login(person(role))
    return client


def status_of(role: str, method: str, path: str) -> int:
    """What the role is answered; whatever the request did is taken back."""
    with transaction.atomic():
        client = client_of(role)
        answer = client.get(path) if method == "GET" else client.post(path, {"reason": "A test."})
        status = int(answer.status_code)
        transaction.set_rollback(True)
    return status


def test_every_address_is_known() -> None:
    names = {address.name for address in ADDRESSES if not address.name.startswith(ADMIN)}

    assert names == KNOWN.keys()


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_answered_as_the_table_says(role: str, ids: dict[str, Any]) -> None:
    listed = {address.name: address.path(ids) for address in ADDRESSES if address.name in KNOWN}

    answered = {name: status_of(role, KNOWN[name][0], path) for name, path in listed.items()}

    assert answered == {name: KNOWN[name][1][role] for name in listed}


@pytest.mark.parametrize("role", [role for role in ROLES if role not in STAFF])
def test_who_is_not_of_the_staff_is_led_away_from_the_admin(role: str, ids: dict[str, Any]) -> None:
    doors = [row for row in ADDRESSES if row.name.startswith(ADMIN) and row.name != LOGIN]

    answered = {door.name: status_of(role, "GET", door.path(ids)) for door in doors}

    assert len(answered) > 30
    assert set(answered.values()) == {302}, answered


@pytest.mark.parametrize("role", STAFF)
def test_the_admin_answers_its_staff_without_an_error(role: str, ids: dict[str, Any]) -> None:
    doors = [row for row in ADDRESSES if row.name.startswith(ADMIN)]

    answered = {door.name: status_of(role, "GET", door.path(ids)) for door in doors}

    assert {name for name, status in answered.items() if status >= 500} == set()
    assert answered["admin:auth_user_changelist"] == (200 if role == "dora" else 403)


@pytest.mark.parametrize("role", [role for role in ROLES if role != "nobody"])
def test_an_id_that_is_none_is_answered_as_one_of_another_team(
    role: str, ids: dict[str, Any]
) -> None:
    hidden = [row for row in ADDRESSES if row.name in KNOWN and KNOWN[row.name][1]["carl"] == 404]
    nothing = {name: "none" if isinstance(value, str) else 2**40 for name, value in ids.items()}
    doors = [row for row in hidden if "<" in row.route]

    answered = {row.name: status_of(role, KNOWN[row.name][0], row.path(nothing)) for row in doors}

    assert len(answered) > 10
    assert set(answered.values()) == {404}, answered
