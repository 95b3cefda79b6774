"""What a reviewer waits for: the page's way beside the API's, and the next task on the screen."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice, repeat
from statistics import median
from types import SimpleNamespace
from typing import Any, Final

import httpx2
from django.conf import settings
from playwright.sync_api import Page, sync_playwright

from tests.bench.report import Row
from tests.bench.world import World
from tests.conftest import CHROMIUM, CHROMIUM_OPTIONS
from tests.review.paper import Form, form_on

ROUNDS: Final = 60
WARM: Final = 10
QUEUE: Final = "/review/?workflow=expenses"

# From the press of the button to the frame in which the next task's name is drawn.
NEXT: Final = """() => new Promise(done => {
    const name = () => document.querySelector('h1')?.innerText;
    const before = name(), start = performance.now();
    const look = () => name() && name() !== before
        ? requestAnimationFrame(() => done(performance.now() - start))
        : requestAnimationFrame(look);
    document.querySelector('button[value=approved]').click();
    look();
})"""


def screens(people: World, port: int) -> Iterator[Row]:
    """Needs some hundred open seats. One reviewer, one task after the other."""
    address = f"http://127.0.0.1:{port}"
    with httpx2.Client(base_url=address, timeout=30) as client:
        api = median(_timed(_by_api(client, people.keys[0])))
    cookie, _, value = people.cookie.partition("=")
    with httpx2.Client(base_url=address, timeout=30, cookies={cookie: value}) as client:
        sizes: list[int] = []
        html = median(_timed(_by_page(client, sizes)))
    yield Row("decide and have the next task: page / API", html, "ms", api, "<= 2.0 floor")
    yield Row("answer to a decision, compressed", max(sizes) / 1024, "KiB", aim="<= 30")
    if CHROMIUM.exists():
        took = median(list(_on_screen(address, {"name": cookie, "value": value})))
        yield Row("next task on the screen of Chromium, p50", took, "ms", aim="<= 100")


def _timed(rounds: Iterator[Callable[[], None]]) -> list[float]:
    """Milliseconds of each round, after some that fill caches; what goes between is not timed."""
    took = []
    for act in islice(rounds, WARM + ROUNDS):
        start = time.perf_counter()
        act()
        took.append(1000 * (time.perf_counter() - start))
    return took[WARM:]


def _by_api(client: httpx2.Client, key: str) -> Iterator[Callable[[], None]]:
    """A decision and the claim of the next task: two calls."""
    headers = {"Authorization": f"Bearer {key}"}

    def send(path: str, **said: Any) -> Any:
        answer = client.post(f"/api/v1/review/{path}", json=said, headers=headers)
        answer.raise_for_status()
        return json.loads(answer.content)

    task = send("claim", workflow="expenses")

    def act() -> None:
        nonlocal task
        shown = {"claim_token": task["claim"]["token"], "digest": task["digest"]}
        send(f"tasks/{task['id']}/decision", decision="approved", **shown)
        task = send("claim", workflow="expenses")

    return repeat(act)


def _by_page(client: httpx2.Client, sizes: list[int]) -> Iterator[Callable[[], None]]:
    """A decision whose answer is the page of the next task, claimed: one call."""
    queue = client.get(QUEUE)
    queue.raise_for_status()
    token = {"X-CSRFToken": client.cookies[settings.CSRF_COOKIE_NAME]}
    page = client.post("/review/next/?workflow=expenses", headers=token, follow_redirects=True)
    page.raise_for_status()

    def press(form: Form) -> None:
        nonlocal page
        said = form.fields | {"decision": "approved"}
        page = client.post(form.action, data=said, headers=token | {"HX-Request": "true"})
        page.raise_for_status()

    while True:
        yield partial(press, form_on(SimpleNamespace(content=page.content)))
        sizes.append(len(gzip.compress(page.content)))


def _on_screen(address: str, cookie: dict[str, str]) -> Iterator[float]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies([{**cookie, "url": address}])  # type: ignore[typeddict-item]
        yield from _decided(context.new_page(), f"{address}{QUEUE}")
        browser.close()


def _decided(page: Page, queue: str) -> Iterator[float]:
    page.goto(queue, wait_until="networkidle")
    page.keyboard.press("c")
    page.wait_for_selector("#claim")
    for turn in range(WARM + ROUNDS // 2):
        page.wait_for_selector("button[value=approved]:enabled")
        took = float(page.evaluate(NEXT))
        if turn >= WARM:
            yield took
