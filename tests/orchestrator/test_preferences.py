"""What a browser prefers: kept in cookies, signed in or not, and heard on every page."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from orchestrator.models import Case
from tests.world import person, started, workflow

pytestmark = pytest.mark.django_db

URL = "/preferences/"


@pytest.fixture
def bea() -> Client:
    client = Client()
    client.force_login(person("bea"))
    return client


@pytest.mark.parametrize(
    ("name", "value"), [("theme", "dark"), ("theme", "light"), ("rows", "compact"), ("keys", "off")]
)
def test_a_choice_is_kept_and_marks_the_page(bea: Client, name: str, value: str) -> None:
    answer = bea.post(URL, {name: value, "next": "/review/?order=created"})

    assert answer.headers["Location"] == "/review/?order=created"
    marks = {"theme": f'data-theme="{value}"', "rows": "data-density", "keys": 'data-keys="off"'}
    assert marks[name] in bea.get("/review/").content.decode()


def test_an_empty_choice_goes_back_to_the_default(bea: Client) -> None:
    bea.post(URL, {"theme": "dark", "keys": "off"})

    bea.post(URL, {"theme": ""})

    page = bea.get("/review/").content.decode()
    assert "data-theme" not in page
    assert 'data-keys="off"' in page


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "dark\r\nx: y"),
        ("zone", "Europe/Atlantis"),
        ("zone", "../../etc/passwd"),
        ("django_language", "tlh"),
        ("font", "huge"),
    ],
)
def test_a_made_up_choice_is_not_kept(bea: Client, name: str, value: str) -> None:
    answer = bea.post(URL, {name: value})

    assert name not in answer.cookies or answer.cookies[name].value == ""


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example", "javascript:1"])
def test_nobody_is_led_off_the_site(bea: Client, target: str) -> None:
    assert bea.post(URL, {"next": target}).headers["Location"] == "/"


def test_who_is_not_signed_in_chooses_too() -> None:
    client = Client()

    client.post(URL, {"theme": "dark", "zone": "Asia/Tokyo", "next": URL, "page": "1"})

    page = client.get(URL).content.decode()
    assert 'data-theme="dark"' in page
    assert re.search(r'<option value="Asia/Tokyo" selected>', page)
    assert "Kept in this browser." in page


def test_the_language_is_the_one_that_django_reads(bea: Client) -> None:
    bea.post(URL, {"django_language": "de"})

    assert '<html lang="de"' in bea.get("/review/").content.decode()


@pytest.fixture
def case() -> Case:
    """A case of a summer morning in UTC."""
    case = started(workflow())
    Case.objects.update(created_at=datetime(2026, 7, 1, 6, 30, tzinfo=UTC))
    return case


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("", "2026-07-01 06:30 UTC"),
        ("Europe/Berlin", "2026-07-01 08:30 CEST"),
        ("Asia/Kolkata", "2026-07-01 12:00 IST"),
        ("America/Los_Angeles", "2026-06-30 23:30 PDT"),
        ("Europe/Atlantis", "2026-07-01 06:30 UTC"),
        ("/etc/passwd", "2026-07-01 06:30 UTC"),
        ("Europe", "2026-07-01 06:30 UTC"),
    ],
)
def test_times_are_shown_in_the_chosen_zone(bea: Client, case: Case, zone: str, shown: str) -> None:
    bea.cookies["zone"] = zone

    page = bea.get(reverse("case", args=[case.pk])).content.decode()

    assert f"<dd>{shown}</dd>" in page
    moment = re.search(r'<time datetime="(2026-07-01T[^"]+)" title="([^"]+)">', page)
    assert moment is not None
    assert moment[1] == "2026-07-01T06:30:00+00:00"
    assert moment[2] == shown.replace(":30 ", ":30:00 ").replace("12:00 ", "12:00:00 ")


def test_the_zone_of_the_browser_is_offered_until_one_is_chosen(
    browser: Browser, live_server: LiveServer
) -> None:
    with browser.new_context(base_url=live_server.url, timezone_id="America/Bogota") as context:
        page = context.new_page()
        page.goto(URL)
        zone = page.get_by_label("Time zone")
        assert zone.input_value() == "America/Bogota"
        page.get_by_text("This is the zone of your browser").wait_for()

        page.get_by_role("button", name="Save").click()
        page.get_by_text("Kept in this browser.").wait_for()
        assert not page.get_by_text("This is the zone of your browser").is_visible()

        zone.select_option("UTC")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Kept in this browser.").wait_for()
        assert zone.input_value() == "UTC"
