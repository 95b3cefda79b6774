"""The sign-in page in a real browser, under the real content security policy."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect


@pytest.fixture
def dora(transactional_db: None) -> User:
    return User.objects.create_superuser("dora", password="correct horse")


def test_dora_signs_in_and_sees_the_admin(page: Page, dora: User) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill("dora")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_label("Password").press("Enter")

    expect(page).to_have_url("/admin/")
    expect(page.get_by_role("heading", name="Admin", level=1)).to_be_visible()


def test_an_inline_script_never_runs(
    page: Page, dora: User, sign_in: Callable[[User], None], troubles: list[str]
) -> None:
    sign_in(dora)
    page.goto("/admin/")

    page.evaluate(
        "document.head.append("
        "Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))"
    )

    assert page.evaluate("window.ran") is None
    assert "Content Security Policy" in troubles.pop()
