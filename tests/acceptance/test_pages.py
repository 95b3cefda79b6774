"""What the demo's pages say to whoever opens them first."""

from __future__ import annotations

import httpx2
import pytest

from tests.acceptance.site import Browser, Site, eventually

REAL = {
    "tutorial": "Real: the trained reader, the rules and the ledger.",
    "digits": "Real: the images (scikit-learn&#x27;s collection of handwritten digits)",
    "refunds": "Made up: the shop, its customers",
}


@pytest.mark.parametrize("slug", REAL)
def test_a_workflows_page_says_what_of_it_is_real(site: Site, slug: str) -> None:
    assert REAL[slug] in site.browser("bea").open(f"/workflows/{slug}/").text


def test_a_stranger_is_welcomed_with_the_live_map_and_one_click_from_work(site: Site) -> None:
    stranger = Browser(httpx2.Client(base_url=site.url))

    page = stranger.open("/")
    assert page.url.path == "/demo/"
    assert "map-chip" in page.text
    assert stranger.submit("/demo/as/cara/").url.path == "/demo/"
    assert "D-0001" in stranger.open("/cases/?workflow=digits&q=D-0001").text
    stranger.http.close()


def test_the_command_prints_a_login_a_line_and_where_to_go(site: Site) -> None:
    roles = [line.split(maxsplit=2)[2] for line in site.said.splitlines() if "  " in line]

    assert roles == ["reviewer", "reviewer", "lead", "workflow owner", "auditor", "admin"]
    assert site.said.endswith(f"Ready: {site.url}\n")


def test_reviewers_find_work_and_auditors_only_look(site: Site) -> None:
    bea, cara = site.browser("bea"), site.browser("cara")

    eventually(lambda: "/review/tasks/" in bea.open("/review/").text)
    assert "/review/tasks/" not in cara.open("/review/").text
    assert "D-0001" in cara.open("/cases/?workflow=digits&q=D-0001").text
