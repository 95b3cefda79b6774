"""Steps that lead the flow, as the page of a workflow tells and draws them."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests import world
from tests.orchestrator.flows import published
from tests.orchestrator.test_flow_paper import FILE

pytestmark = pytest.mark.django_db


def page(text: str = FILE) -> str:
    published(text)
    client = Client()
    client.force_login(world.person("alice"))
    return str(client.get("/workflows/orders/").content.decode())


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def told(html: str, key: str) -> str:
    """What stands in the list of steps for one step, with what stands below it."""
    return plain(html.split(f'id="step-{key}"')[1])


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("zone", "first row that holds of 2"),
        ("prepare", "takes every way that holds, until Prepared"),
        ("pick", "once for each item of /lines, 5 at a time"),
        ("picked", "waits for all branches of Pick each line"),
        ("payment", "waits for the signal paid, at most 14 d"),
        ("rest", "waits 2 h of working time"),
        ("put_back", "undoes Pick the line"),
    ],
)
def test_each_step_of_the_flow_is_told_in_a_sentence(key: str, sentence: str) -> None:
    assert sentence in told(page(), key)[:200]


def test_branches_are_nested_lists() -> None:
    html = page()

    fork = html.split('id="step-prepare"')[1].split('id="step-prepared"')[0]
    assert 'aria-label="Branch 1 of Prepare"' in fork
    assert 'aria-label="Branch 2 of Prepare"' in fork
    assert 'aria-label="For each of Pick each line"' in fork
    first, second = fork.split('aria-label="Branch 2 of Prepare"')
    assert 'id="step-line"' in first.split('aria-label="For each')[1]
    assert 'id="step-payment"' in second
    assert html.count('id="step-line"') == 1
