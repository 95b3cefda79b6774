from __future__ import annotations

import pytest
from django.test import Client

URL = "/review/preferences/"


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


def test_a_made_up_choice_is_not_kept(bea: Client) -> None:
    answer = bea.post(URL, {"theme": "dark\r\nx: y", "font": "huge"})

    assert answer.cookies["theme"].value == ""
    assert "font" not in answer.cookies


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example", "javascript:1"])
def test_nobody_is_led_off_the_site(bea: Client, target: str) -> None:
    assert bea.post(URL, {"next": target}).headers["Location"] == "/"
