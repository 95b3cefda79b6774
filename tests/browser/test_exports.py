"""The exports page in a browser: the preview follows the form, and everybody can use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection
from playwright.sync_api import Page, expect

from tests import world
from tests.browser.test_accessibility import check
from tests.review.feedback import settle_now


@pytest.fixture
def bea(page: Page, transactional_db: None, sign_in: Callable[[User], None]) -> Page:
    place = world.workflow()
    output = world.LUNCH | {"amount": 12}
    world.decided(world.in_review(place, key="lunch"), "bea", "corrected", output=output)
    world.decided(world.in_review(place, key="dinner"), "bea", "approved")
    settle_now()
    sign_in(world.person("bea"))
    return page


def test_the_preview_follows_the_form_and_a_download_is_kept(
    bea: Page, troubles: list[str]
) -> None:
    bea.goto("/review/exports/")
    expect(bea.locator("#found")).to_contain_text("2 rows match.")

    bea.get_by_label("KTO").check()
    expect(bea.locator("#found")).to_contain_text("1 makes an example in this format.")
    expect(bea.locator("#found pre")).to_contain_text('"label":true')
    expect(bea.locator("#program")).to_contain_text("--format kto")

    with bea.expect_download() as download:
        bea.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.startswith("expenses-kto-")
    assert '"label":true' in download.value.path().read_text()
    expect(bea.get_by_text("1 row is in the file.")).to_be_visible()
    bea.reload()
    expect(bea.get_by_role("region", name="Taken away before")).to_contain_text("kto")
    assert troubles == []


def test_a_download_that_breaks_off_is_said_to_and_begins_again(bea: Page) -> None:
    progress = bea.locator("#progress")
    bea.goto("/review/exports/?format=kto")
    expect(bea.locator("#found pre")).to_contain_text('"label":true')

    with held("orchestrator_correction") as other, bea.expect_download():
        bea.get_by_role("button", name="Download").click()
        expect(progress).to_contain_text("0 rows so far, 0% looked through.")
        # The query that waits is called off, as by an operator or a time limit.
        other.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND query LIKE '%verdict%'"
        )
        expect(progress).to_contain_text("The download broke off after 0 rows.")
    expect(progress.locator("[hx-get]")).to_have_count(0)

    with bea.expect_download() as whole:
        bea.get_by_role("button", name="Download again").click()
    assert '"label":true' in whole.value.path().read_text()
    expect(progress).to_contain_text("1 row is in the file.")
    expect(progress.get_by_role("button")).to_have_count(0)


@contextmanager
def held(table: str) -> Iterator[psycopg.Cursor]:
    """A lock that nobody gets past, of a connection of its own."""
    parameters = connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}
    with psycopg.connect(**parameters) as other, other.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield cursor


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_reads_well_and_fits_a_phone(bea: Page, scheme: str, troubles: list[str]) -> None:
    bea.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    bea.goto("/review/exports/?format=preference-trl")
    check(bea)
    bea.get_by_label("Label Studio").check()
    expect(bea.locator("#found details pre")).to_contain_text('<Number name="amount"')
    check(bea)

    bea.set_viewport_size({"width": 320, "height": 640})
    assert bea.evaluate("document.documentElement.scrollWidth") <= 320
    assert troubles == []
