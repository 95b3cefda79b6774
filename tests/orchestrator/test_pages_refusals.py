"""A refusal is a page that says what happened and what to do next."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.html import escape

from orchestrator import exceptions
from orchestrator.exceptions import Invalid, NotAllowed, Refusal
from orchestrator.views.refusals import RefusalMiddleware, refused
from tests.world import person, workflow

pytestmark = pytest.mark.django_db

REFUSALS = [
    found
    for found in vars(exceptions).values()
    if isinstance(found, type) and issubclass(found, Refusal)
]


@pytest.fixture
def bea() -> User:
    return person("bea")


def request_of(user: User, path: str = "/", **headers: str) -> HttpRequest:
    request = RequestFactory().post(path, headers=headers)
    request.user = user
    request.COOKIES = {}
    return request


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_each_refusal_has_a_page_with_its_words_and_a_next_step(
    bea: User, kind: type[Refusal]
) -> None:
    answer = refused(request_of(bea), kind())

    page = answer.content.decode()
    assert answer.status_code == kind.status
    assert re.search(r'<a class="btn" href="/">', page)
    if kind.status not in {400, 404}:
        assert escape(kind().message) in page


def test_a_refusal_names_the_missing_right(bea: User) -> None:
    answer = refused(request_of(bea), NotAllowed(reasons=["Expense leads decide here."]))

    assert answer.status_code == 403
    assert "Expense leads decide here." in answer.content.decode()


def test_what_does_not_fit_is_listed_as_text(bea: User) -> None:
    problems = [{"path": "/a<b>", "message": "Give a <number>."}]

    page = refused(request_of(bea), Invalid(problems=problems)).content.decode()

    assert "/a&lt;b&gt;" in page
    assert "Give a &lt;number&gt;." in page


@pytest.mark.parametrize(
    ("referrer", "offered"),
    [("http://testserver/cases/7/", True), ("https://evil.example/cases/7/", False)],
)
def test_the_way_back_leads_to_pages_of_ours(bea: User, referrer: str, offered: bool) -> None:
    page = refused(request_of(bea, Referer=referrer), Invalid("No.")).content.decode()

    assert (referrer in page) is offered


def test_htmx_puts_the_page_in_place_of_the_body(bea: User) -> None:
    answer = refused(request_of(bea, HX_Request="true"), NotAllowed())

    assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("body", "innerHTML")
    assert not refused(request_of(bea), NotAllowed()).has_header("HX-Retarget")


def test_other_errors_and_the_api_are_left_alone(bea: User) -> None:
    middleware = RefusalMiddleware(lambda _request: pytest.fail("not asked"))

    assert middleware.process_exception(request_of(bea), ValueError("x")) is None
    assert middleware.process_exception(request_of(bea, "/api/v1/cases"), NotAllowed()) is None
    assert middleware.process_exception(request_of(bea), NotAllowed()) is not None


def test_an_address_that_is_none_is_a_page(bea: User) -> None:
    client = Client()
    client.force_login(bea)

    page = client.get("/no/such/page")

    assert page.status_code == 404
    assert "There is nothing here" in page.content.decode()


def test_a_form_that_is_too_old_says_so(bea: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bea)

    page = client.post(reverse("stop_all"), {"reason": "x"})

    assert page.status_code == 403
    assert "This form is too old" in page.content.decode()


def test_an_address_that_cannot_be_read_is_a_page(bea: User) -> None:
    page = Client().get("/cases/", headers={"Host": "evil.example"})

    assert page.status_code == 400
    assert "This request cannot be read" in page.content.decode()


def test_a_failure_of_ours_is_a_page(bea: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("orchestrator.views.home.reviewing.waiting", fail)
    client = Client(raise_request_exception=False)
    client.force_login(bea)

    page = client.get("/")

    assert page.status_code == 500
    assert "Something went wrong on our side" in page.content.decode()
    assert "secret detail" not in page.content.decode()


@pytest.mark.parametrize(
    "path", ["/", "/cases/", "/workflows/", "/workflows/expenses/", "/incidents/", "/no/page"]
)
def test_each_page_wears_the_strict_policy_with_its_own_nonce(path: str) -> None:
    workflow()
    client = Client()
    client.force_login(person("bea"))

    first, second = client.get(path), client.get(path)

    policies = [answer["Content-Security-Policy"] for answer in (first, second)]
    nonces = [re.findall(r"'nonce-([^']+)'", policy) for policy in policies]
    assert set(nonces[0]).isdisjoint(nonces[1])
    for answer, (nonce, *_rest) in zip((first, second), nonces, strict=True):
        scripts = re.findall(r"<script[^>]*>", answer.content.decode())
        assert len(scripts) > 3
        assert all(f'nonce="{nonce}"' in script for script in scripts)
    assert "unsafe" not in policies[0]
    assert "frame-ancestors 'none'" in policies[0]
    assert first["X-Frame-Options"] == "DENY"
    assert first["X-Content-Type-Options"] == "nosniff"
    assert first["Referrer-Policy"] == "same-origin"
