"""Pages in German and in English: what is chosen, what is said, what stays as programs read it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any, Final

import pytest
from django.conf import settings
from django.test import Client

from orchestrator import engine
from orchestrator.models import Routing
from tests import world
from tests.language.conftest import Office

GERMAN: Final[dict[str, Any]] = {"headers": {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}}
ROLES: Final = ("bea", "lea", "cara", "alice", "dora")

# page -> what stands on it in German, whoever looks
SAYS: Final = {
    "home": "Guten Tag",
    "queue": "Was auf einen Menschen wartet",
    "task": "Ergebnis des Agenten",
    "case": "Was geschehen ist",
    "cases": "Vorgänge",
    "insights": "Warum Menschen gefragt wurden",
    "workflow": "Wer",
    "workflows": "Wie hier gearbeitet wird",
    "incidents": "Störungen",
    "exports": "Jede wirksame Entscheidung",
}
# English of the house that a German page shows nowhere; names of owners may be English.
ENGLISH: Final = re.compile(
    r"\b(?:the|and|of|is|are|this|that|who|you|your|nobody|people|what|when|where|with|"
    r"decided|approved|waiting|cases|decisions?|attempts?|rules?)\b",
    re.IGNORECASE,
)
# Names that owners and people wrote, and the texts of programs.
NAMES: Final = re.compile(
    r"Read the receipt|Small and sure|Everything else|Much money|Expense \w+|Expenses|Less\.|"
    r"rule:\d|Compare the fields with the receipt\.|Nobody is there\.|waits"
)


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(world.person(name))
    return client


@pytest.mark.parametrize("name", ROLES)
def test_each_role_reads_each_page_in_german(office: Office, name: str) -> None:
    client = client_of(name)
    for page, url in office.pages().items():
        answer = client.get(url, **GERMAN)
        text = answer.content.decode()
        assert answer.status_code == 200, page
        assert '<html lang="de"' in text, page
        assert SAYS[page] in text, page
        assert answer.headers["Content-Language"] == "de"
        assert "Accept-Language" in answer.headers["Vary"], page


@pytest.mark.parametrize("name", ["alice", "dora"])
def test_who_edits_reads_the_admin_in_german(office: Office, name: str) -> None:
    client, place = client_of(name), office.workflow
    version = f"/admin/orchestrator/workflowversion/{place.published_version_id}"
    says = {
        "/admin/": "Wie gearbeitet wird",
        f"/admin/orchestrator/workflow/{place.pk}/change/": "Karte und Rechte",
        f"{version}/change/": "Als Text",
        "/preferences/": "Zeitzone",
    }
    for url, words in says.items():
        text = client.get(url, **GERMAN).content.decode()
        assert '<html lang="de"' in text, url
        assert words in text, url


def test_no_english_of_the_house_is_left_on_a_german_page(office: Office) -> None:
    client, left_over = client_of("dora"), {}
    for page, url in office.pages().items():
        words = NAMES.sub("", _text(client.get(url, **GERMAN).content.decode()))
        left = {words[max(0, m.start() - 30) : m.end() + 30] for m in ENGLISH.finditer(words)}
        left_over[page] = left
    assert not any(left_over.values()), left_over


@pytest.mark.parametrize("asked", [{}, {"headers": {"accept-language": "fr,it;q=0.8"}}])
def test_english_stays_the_default(office: Office, asked: dict[str, Any]) -> None:
    text = client_of("bea").get("/review/", **asked).content.decode()

    assert '<html lang="en"' in text
    assert "What waits for a person" in text


def test_the_choice_of_a_person_goes_before_the_browser(office: Office) -> None:
    client = client_of("bea")
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"

    assert '<html lang="en"' in client.get("/", **GERMAN).content.decode()

    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"

    assert '<html lang="de"' in client.get("/").content.decode()


def test_programs_are_answered_in_english(office: Office) -> None:
    answer = client_of("bea").get("/api/v1/cases/1", **GERMAN)

    assert answer.json()["title"].startswith("Send a valid key")
    assert "Content-Language" not in answer.headers
    assert "Accept-Language" not in answer.headers.get("Vary", "")


def test_a_refusal_is_told_in_german(office: Office) -> None:
    client = client_of("lea")

    answer = client.post(f"/cases/{office.free.case_id}/cancel/", {"reason": " "}, **GERMAN)

    assert answer.status_code == 422
    assert "Geben Sie einen Grund an" in answer.content.decode()


def test_a_wrong_field_is_told_in_german_until_the_next_asks_in_english(office: Office) -> None:
    client = client_of("bea")
    seat = world.claimed(office.waits, "bea")
    digest = engine.screen_digest(seat.task, seat.task.case)
    form = {"claim_token": seat.claim_token, "digest": digest, "decision": "corrected"}
    form |= {"f/merchant": "", "f/amount": "much"}
    url = f"/review/tasks/{office.waits.pk}/decide/"

    german = client.post(url, form, **GERMAN).content.decode()
    english = client.post(url, form).content.decode()

    assert "Geben Sie eine Zahl an" in german
    assert "Give a number" in english


def test_the_record_stays_english_whoever_decides(office: Office) -> None:
    client = client_of("bea")
    seat = world.claimed(office.waits, "bea")
    digest = engine.screen_digest(seat.task, seat.task.case)
    form = {"claim_token": seat.claim_token, "digest": digest, "decision": "corrected"}
    form |= {"f/merchant": "Lunch", "f/amount": "1500", "f/category": "food"}

    answer = client.post(f"/review/tasks/{office.waits.pk}/decide/", form, **GERMAN)

    newest = Routing.objects.filter(task=office.waits).latest("round")
    assert answer.status_code == 302
    assert (newest.round, newest.reason) == (2, "amount 1500 is above 1000")


def test_why_is_told_in_the_persons_language(office: Office) -> None:
    client, url = client_of("bea"), f"/review/tasks/{office.waits.pk}/"

    assert "Konfidenz 0,62 liegt unter 0,90" in _text(client.get(url, **GERMAN).content.decode())
    assert "confidence 0.62 is below 0.90" in _text(client.get(url).content.decode())


def test_what_programs_and_browsers_read_is_written_as_ever(office: Office) -> None:
    """A decimal comma in a value, a path or a time would break the form and the drawings."""
    client = client_of("dora")
    for page, url in office.pages().items():
        texts = [client.get(url, **asked).content.decode() for asked in ({}, GERMAN)]
        english, german = (_machine(text) for text in texts)
        assert set(german) - set(english) == set(), page
        assert not any("," in place for text in texts for place in _drawn(text)), page
    assert (
        'value="1240.5"'
        in client.get(f"/review/tasks/{office.free.pk}/", **GERMAN).content.decode()
    )


class _Reader(HTMLParser):
    """The shown text, and the attributes that no person reads."""

    SPOKEN: Final = frozenset({"alt", "title", "aria-label", "placeholder", "lang", "content"})
    DRAWINGS: Final = frozenset({"svg", "g", "rect", "path", "text", "use"})
    CHANGING: Final = re.compile(
        r"\d\d:\d\d:\d\d|data-(said|over|ending|seconds)|csrf|nonce|token|ticket|shown_at",
        re.IGNORECASE,
    )

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.machine: list[tuple[str, str, str | None]] = []
        self.drawn: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"script", "style", "code", "pre"}
        for name, value in attrs:
            if name in self.SPOKEN:
                self.texts.append(value or "")
            elif tag in self.DRAWINGS and value:
                self.drawn.append(value)
            elif not self.CHANGING.search(f"{dict(attrs).get('name')} {name} {value}"):
                self.machine.append((tag, name, value))

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style", "code", "pre"}

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(data)


def _text(page: str) -> str:
    reader = _Reader()
    reader.feed(page)
    return " ".join(" ".join(reader.texts).split())


def _drawn(page: str) -> list[str]:
    """The places and sizes of drawings; a longer word makes a box wider, a comma breaks it."""
    reader = _Reader()
    reader.feed(page)
    return reader.drawn


def _machine(page: str) -> list[tuple[str, str, str | None]]:
    reader = _Reader()
    reader.feed(page)
    return reader.machine
