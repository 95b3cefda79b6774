from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.integrations.demo.urls"),
    pytest.mark.usefixtures("trained"),
]


def test_who_is_signed_in_sees_the_image_and_the_browser_may_keep_it(client: Client) -> None:
    client.force_login(User.objects.create_user("bea"))

    answer = client.get("/demo/digits/1.png")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, max-age=86400"
    assert answer.getvalue().startswith(b"\x89PNG")


def test_nobody_else_does(client: Client) -> None:
    answer = client.get("/demo/digits/1.png")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("number", [0, 1498, 99999999])
def test_there_are_no_other_images(client: Client, number: int) -> None:
    client.force_login(User.objects.create_user("bea"))

    assert client.get(f"/demo/digits/{number}.png").status_code == 404


def test_it_is_only_read(client: Client) -> None:
    client.force_login(User.objects.create_user("bea"))

    assert client.post("/demo/digits/1.png").status_code == 405
