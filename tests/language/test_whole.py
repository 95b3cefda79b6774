"""On a German page stands no English of the house: the admin, and every page of the demo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import NoReverseMatch, reverse

from orchestrator.definitions import clone_to_draft
from orchestrator.models import Case, Incident, StepKind, Workflow
from tests import world
from tests.browser.conftest import lively  # noqa: F401
from tests.browser.places import PLACES
from tests.integrations.demo.conftest import (  # noqa: F401
    installed,
    ledger_url,
    refunds,
    trained,
)
from tests.language.conftest import Office
from tests.language.reading import english_on

GERMAN: Final = {"accept-language": "de"}
MOST: Final = 260
"""Pages of the admin that are opened, one of each kind of address."""
LEAVES: Final = re.compile(r"/(logout|static|jsi18n|password)\b|^/admin/r/")
SORTED: Final = re.compile(r"[?&](o|p|q|[^=]*(__|_changelist)[^=]*)=[^&]*")
# Reference for programs: it is in English as the API is.
ENGLISH_PAGES: Final = frozenset({"api"})


def test_no_english_is_left_in_the_admin(office: Office) -> None:
    client = Client()
    client.force_login(world.person("dora"))
    published = office.workflow.published_version
    assert published
    draft = clone_to_draft(published)
    for place, kind in enumerate(StepKind.values):
        draft.steps.create(key=f"k-{kind}", name=f"N-{kind}", kind=kind, position=100 + place)
    found, opened = {}, 0
    for url, page in _pages(client, [*_lists(), *_rows()]):
        opened += 1
        if left := english_on(page, names=_written()):
            found[url] = left

    assert found == {}
    assert opened > 100


@pytest.mark.usefixtures("lively")
@pytest.mark.timeout(240)
def test_no_english_is_left_on_the_pages_of_the_demo() -> None:
    found = {}
    for place in PLACES:
        client = Client()
        if place.who:
            client.force_login(User.objects.get(username=place.who))
        page = client.get(place.at(), headers=GERMAN, follow=True).content.decode()
        left = english_on(page, names=_written())
        if left and place.name not in ENGLISH_PAGES:
            found[place.name] = left

    assert found == {}


def _lists() -> list[str]:
    models = (model._meta for model in admin.site._registry)
    return ["/admin/", *(reverse(f"admin:{m.app_label}_{m.model_name}_changelist") for m in models)]


def _rows() -> Iterator[str]:
    """A page of each table, and of every step."""
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        most = 40 if model.__name__ == "Step" else 2
        for row in model._default_manager.order_by("-pk")[:most]:
            try:
                yield reverse(f"{name}_change", args=[row.pk])
            except NoReverseMatch:
                break


def _pages(client: Client, addresses: list[str]) -> Iterator[tuple[str, str]]:
    """Each page of the admin that these lead to, once for each kind of address."""
    seen: set[str] = set()
    steps = {url for url in addresses if "/step/" in url}
    while addresses and len(seen) < MOST:
        url = addresses.pop(0)
        kind = url if url in steps else re.sub(r"\d+", "0", SORTED.sub("", url))
        if kind in seen:
            continue
        seen.add(kind)
        answer = client.get(url, headers=GERMAN)
        if answer.status_code != 200 or "html" not in answer.headers["Content-Type"]:
            continue
        page = answer.content.decode()
        links = (unescape(link).split("#")[0] for link in re.findall(r'href="([^"]+)"', page))
        addresses += [
            link for link in links if link.startswith("/admin/") and not LEAVES.search(link)
        ]
        yield url, page


# What the tests say in somebody's place, and words that people type as they are.
TYPED: Final = frozenset(
    {
        *("The reader does not answer.", "The reader refused it: the message is too long."),
        *("The customer names another order.", "name", "decision.", "when und output", "cases: "),
        "approved, corrected, rejected, responded, escalated",
    }
)


def _written() -> set[str]:
    """What owners and people wrote: names, labels, instructions, groups, notes."""
    found = {*TYPED, *map(str, Incident.objects.all())}
    found |= {group.name for group in Group.objects.all()}
    found |= {*Case.objects.values_list("key", flat=True)}
    for workflow in Workflow.objects.prefetch_related("versions__steps__rights"):
        found |= {workflow.name, workflow.slug, *_parts(workflow.description)}
        for version in workflow.versions.all():
            found |= {*_parts(version.notes)} | _words(version.data_schema)
            for step in version.steps.all():
                found |= {step.name, step.key, step.outcome, *_parts(step.instructions)}
                found |= {row["label"] for row in (*step.evidence, *step.reasons, *step.pend)
                          if "label" in row}  # fmt: skip
                found |= _words(step.schema)
                found |= {right.name for right in step.rights.all()}
    return found


def _parts(text: str) -> set[str]:
    """A text as pages show it: whole, its paragraphs, its sentences."""
    lines = {" ".join(part.split()) for part in text.split("\n\n")}
    return lines | {" ".join(text.split())}


def _words(schema: object) -> set[str]:
    """Titles and choices of a schema."""
    found: set[str] = set()
    if isinstance(schema, dict):
        found |= {str(schema[name]) for name in ("title", "description") if name in schema}
        found |= {str(value).replace("_", " ") for value in schema.get("enum", ())}
        found |= {name.replace("_", " ") for name in schema.get("properties", ())}
        found |= {part for value in schema.values() for part in _words(value)}
    elif isinstance(schema, list):
        found |= {part for value in schema for part in _words(value)}
    return found
