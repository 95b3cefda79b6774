"""The pages of an account, which a package writes: they read and look like all others."""

from __future__ import annotations

import gettext
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.world import person

pytestmark = pytest.mark.django_db

FOLDER = settings.BASE_DIR / "orchestrator/locale/en/LC_MESSAGES"
SAID = re.compile(r"<(h1|h2|label|button)\b[^>]*>\s*([^<]+?)\s*<")
OWN = ("account_change_password", "mfa_index", "account_email")
PAGES = (*OWN, "account_reauthenticate", "account_reset_password", "account_login")


@pytest.fixture
def bea() -> Client:
    client = Client()
    client.force_login(person("bea"))
    return client


@pytest.mark.parametrize("name", PAGES)
def test_headings_labels_and_buttons_are_in_sentence_case(bea: Client, name: str) -> None:
    client = Client() if name in {"account_reset_password", "account_login"} else bea
    page = client.get(reverse(name)).content.decode()
    main = page[page.index("<main") : page.index("</main")]

    texts = [text for _tag, text in SAID.findall(main)]

    assert texts
    assert [text for text in texts if re.search(r"\s\(?[A-Z][a-z]", text)] == [
        *(["Log in to Rewire"] if name == "account_login" else [])
    ]
    assert not any(text.endswith(":") for text in texts)


@pytest.mark.parametrize("name", OWN)
def test_each_page_of_an_account_leads_to_the_others(bea: Client, name: str) -> None:
    page = bea.get(reverse(name)).content.decode()

    for other in OWN:
        assert f'href="{reverse(other)}"' in page
    assert f'<a href="{reverse(name)}" aria-current="page">' in page


def test_a_wrong_password_is_said_at_its_field_and_the_button_is_the_main_one(bea: Client) -> None:
    page = bea.post(reverse("account_change_password"), {"oldpassword": "no"}).content.decode()

    assert "Please type your current password." in page
    assert re.search(r'<button class="btn btn-main"[^>]*>\s*Change password', page)


def test_who_forgot_the_password_is_told_whom_to_ask_where_no_mail_goes_out(settings: Any) -> None:
    url = reverse("account_reset_password")
    assert f'href="{url}"' in Client().get(reverse("account_login")).content.decode()
    assert 'name="email"' in Client().get(url).content.decode()

    settings.EMAIL_BACKEND = "orchestrator.mail.Unsent"

    for page in (Client().get(url), Client().post(url, {"email": "bea@example.com"})):
        assert page.status_code == 200
        assert "Ask who administers it" in page.content.decode()
        assert 'name="email"' not in page.content.decode()


def test_the_compiled_english_is_that_of_the_text() -> None:
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)

    text = (FOLDER / "django.po").read_text()
    pairs = re.findall(r'msgid "(.+)"\nmsgstr "(.+)"', text)
    assert len(pairs) > 50
    assert [text for text, said in pairs if compiled.gettext(text) != said] == []
