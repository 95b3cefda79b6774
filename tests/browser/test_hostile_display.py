"""Hostile texts in every place that shows text: they stay text, on every page, in a real browser.

No dialog opens, nothing is asked of elsewhere, the content security policy finds nothing to
refuse, no markup of theirs stands in the document, and no page runs out of a telephone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import yaml
from django.contrib.admin import site
from django.contrib.auth.models import Group, User
from django.urls import reverse
from playwright.sync_api import Dialog, Page, Request
from pytest_django.live_server_helper import LiveServer

from orchestrator import attachments, engine
from orchestrator.definitions import clone_to_draft, import_draft
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import (
    Actor,
    ApiKey,
    Attempt,
    Decision,
    Incident,
    Seat,
    Step,
    Task,
    Workflow,
    WorkflowVersion,
)
from review.filters import MOST as MOST_FILTERS
from review.filters import address_of, keep
from review.models import FilterPage, SavedFilter
from tests import world
from tests.browser.hostile import VECTORS, packs
from tests.review.feedback import settle_now
from tests.waiting import pended, sent_back

LONG: Final = packs(900)
NAMES: Final = packs(150)
PLAIN: Final = packs(150, plain=True)
PEOPLE: Final = ("bea", "lea", "alice", "cara", "dora")
FOUND: Final = "document.querySelectorAll('[data-evil], [data-evil] *, mglyph, x-x').length"
OPEN: Final = "for (const one of document.querySelectorAll('details')) one.open = true"
WIDE: Final = "document.documentElement.scrollWidth"
BROAD: Final = """[...document.querySelectorAll('body *')]
    .filter(one => one.getBoundingClientRect().right > 321 && !one.closest('svg'))
    .filter(one => !one.closest('.map-scroll, .json-table, .hide'))
    .slice(-2).map(one => `${one.tagName}.${one.className} in ${one.parentElement.className}`)"""


@dataclass
class Watch:
    """Loads pages at 320 px and keeps what a text managed to do there."""

    page: Page
    url: str
    done: list[str] = field(default_factory=list)
    seen: int = 0

    def __post_init__(self) -> None:
        self.page.set_viewport_size({"width": 320, "height": 700})
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)

    def _dialog(self, dialog: Dialog) -> None:
        self.done.append(f"dialog {dialog.message} on {self.page.url}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        ours = request.url.startswith((self.url, "data:", "blob:"))
        if not ours or "/evil" in request.url:
            self.done.append(f"request {request.url:.80} on {self.page.url}")

    def look(self, *paths: str) -> None:
        for path in paths:
            answer = self.page.goto(path, wait_until="load")
            assert answer
            assert answer.ok, (path, answer.status)
            self.page.evaluate(OPEN)
            self.seen += 1
            if self.page.evaluate(FOUND):
                self.done.append(f"markup on {path}")
            if "13396033" in self.page.inner_text("body"):
                self.done.append(f"a computed template on {path}")
            if (width := self.page.evaluate(WIDE)) > 320:
                self.done.append(f"{width} px: {path} {self.page.evaluate(BROAD)}")


def definition(number: int, name: str, after: str) -> str:
    """Expenses with a hostile name in every place that has one."""
    found = yaml.safe_load(world.EXPENSES)
    found |= {"workflow": f"hostile-{number}", "name": name, "description": f"{name}\n\n{after}"}
    found |= {"notes": name, "actors": {f"reader-{number}": found["actors"]["reader"]}}
    found["actors"][f"reader-{number}"]["name"] = name[:140] + f" {number}"
    found |= {"data": {"type": "object"}, "signals": {"news": {"/news": ""}}}
    read, *ends = found["steps"]
    read |= {"name": name, "actor": f"reader-{number}", "instructions": f"{name}\n{after}"}
    read |= {"pend": [{"code": "a", "label": name}], "rework": {"to": ["read"]}}
    properties = read["schema"]["properties"]
    for one, said in zip(properties.values(), (name, after, name, after), strict=True):
        one |= {"title": said, "description": said}
    read["schema"]["additionalProperties"] = True
    read["evidence"] = [
        {"path": f"/{where}", "as": kind, "label": name}
        for where, kind in zip(
            ("text", "all", "text", "files", "chat"),
            ("text", "json", "image", "file", "chat"),
            strict=True,
        )
    ]
    for reason in read["reasons"]:
        reason["label"] = name if reason["code"] == "misread" else after
    for rule in read["rights"]:
        rule["name"] = name
        if "group" in rule:
            rule["group"], rule["escalates_to"] = name, after
    for end in ends:
        end |= {"name": after, "outcome": after[:80]}
    return yaml.safe_dump(found, allow_unicode=True)


def place(number: int, name: str, after: str) -> Workflow:
    draft = import_draft(definition(number, name, after))
    for who in ("bea", "lea"):
        groups = Group.objects.filter(name__in=(name, after))
        world.person(who).groups.add(*groups)
    return engine.publish(draft, actor=world.actor("alice")).workflow


def case_in(where: Workflow, number: int, text: str, name: str) -> Task:
    """One that waits for bea: hostile data, keys, output, model and file name."""
    kept = attachments.store(world.actor("alice"), f"a file {number % 3}".encode())
    files = [{"attachment": f"sha256:{kept.digest}", "name": name}]
    said: dict[str, Any] = {text[:60]: text, "list": [text], "rows": [{name: text}, {name: name}]}
    chat = [{"role": name, "name": name, "content": text}, {"role": "agent", "content": text}]
    output = {
        "value": {"merchant": text, "amount": 42.5, "category": "food"} | said,
        "confidence": 0.5,
        "model": name,
        "field_confidence": {"/merchant": 0.2},
    }
    data = {"text": text, "all": said, "chat": chat, "files": files}
    started = engine.start_case(
        where, actor=world.actor("alice"), key=f"{name} {number}", data=data, output=output
    )
    return started.case.tasks.get()


@pytest.fixture
def tasks(transactional_db: None) -> list[Task]:
    """A case for each pack of texts, and for each name a workflow that is called so."""
    world.people()
    places = [
        place(number, name, PLAIN[(number + 1) % len(PLAIN)]) for number, name in enumerate(PLAIN)
    ]
    found = []
    for number, name in enumerate(NAMES):
        text = LONG[number % len(LONG)]
        found.append(case_in(places[number % len(places)], number, text, name))
    return found


@pytest.fixture
def decided(tasks: list[Task]) -> list[Task]:
    """Every third: corrected by bea, who gives reasons and says more."""
    for number, task in enumerate(tasks[::3]):
        text = LONG[number % len(LONG)]
        output = {**(task.proposal or {}), "amount": 12, "merchant": text[::-1]}
        reasons = {"/amount": "misread"}
        world.decided(task, "bea", "corrected", output=output, reasons=reasons, comment=text)
    settle_now()
    return tasks[::3]


@pytest.fixture
def returned(tasks: list[Task]) -> list[Task]:
    """Of every third: told news, then waited with or sent back by bea, in many words."""
    chosen = tasks[2::3]
    for number, task in enumerate(chosen):
        text = LONG[number % len(LONG)]
        engine.signal(
            task.case_id,
            actor=world.actor("alice"),
            name="news",
            message_id=text[:60],
            data={text[:60]: text, "news": text},
        )
        if number % 2:
            sent_back(task, instructions=text)
        else:
            pended(task, reason="a", party=text[:200], note=text)
    return chosen


@pytest.fixture
def filters(tasks: list[Task]) -> list[SavedFilter]:
    """Of each page some whose name and words are hostile, shared with all who review."""
    group = Group.objects.get(name="Finance")
    found = []
    for page in FilterPage.values:
        for number, name in enumerate(packs(60)):
            saved = keep(world.actor("bea"), page, f"{number} {name}", {"q": name})
            saved.group = group
            saved.save()
            found.append(saved)
            if number == MOST_FILTERS - 1:
                break
    return found


@pytest.fixture
def broken(tasks: list[Task]) -> list[Task]:
    """Every third: stopped by an error that says much."""
    for number, task in enumerate(tasks[1::3]):
        text = LONG[number % len(LONG)]
        with acting(task.case_id) as act:
            open_incident(act, locked_task(act, task.pk), "error", text, trace=text)
        Attempt.objects.create(
            task=task,
            number=2,
            actor=task.tries.get().actor,
            error={"kind": "error", "message": text},
        )
    return tasks[1::3]


@pytest.fixture
def watch(page: Page, live_server: LiveServer) -> Watch:
    return Watch(page, live_server.url)


def cases(tasks: list[Task]) -> list[str]:
    return [f"/cases/{task.case_id}/" for task in tasks]


def forms(tasks: list[Task]) -> list[str]:
    return [f"/review/tasks/{task.pk}/" for task in tasks]


def test_there_are_many_and_none_is_left_out() -> None:
    assert len(VECTORS) >= 60
    for longest in (150, 900):
        together = "\n".join(packs(longest))
        assert [
            name for name, text in VECTORS.items() if text[:longest].strip(" ") not in together
        ] == []


def test_who_reviews_sees_only_texts(
    watch: Watch, tasks: list[Task], decided: list[Task], sign_in: Callable[[User], None]
) -> None:
    waiting = [task for task in tasks if task not in decided]
    for task in waiting[::2]:
        world.claimed(task, "bea")
    sign_in(world.person("bea"))

    watch.look("/", "/review/", *forms(waiting), *forms(decided[:4]))
    watch.look(*(f"/review/exports/?format={name}" for name in ("jsonl", "csv", "sft", "eval")))

    assert "\n".join(watch.done) == ""
    cells = [cell for slug in hostile() for cell in downloaded(watch.page, slug)]
    assert "evil" in "".join(cells)
    risky = [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    assert [cell for cell in risky if not cell.strip("-").replace(".", "").isdigit()] == []


def hostile() -> list[str]:
    rows = Workflow.objects.filter(slug__startswith="hostile")
    return list(rows.values_list("slug", flat=True))


def downloaded(page: Page, slug: str) -> list[str]:
    """The cells of a workflow's feedback as a spreadsheet reads them."""
    answer = page.request.get(f"/review/exports/download?workflow={slug}&format=csv")
    assert answer.ok
    return [cell for row in csv.reader(io.StringIO(answer.text())) for cell in row]


def test_who_waits_sends_back_and_keeps_filters_sees_only_texts(
    watch: Watch,
    returned: list[Task],
    filters: list[SavedFilter],
    sign_in: Callable[[User], None],
) -> None:
    named = [address_of(kept.page, kept.query) for kept in filters[::7]]
    for who, paths in {
        "bea": ["/", "/review/", *forms(returned), *named, "/review/filters/?page=queue"],
        "lea": ["/", "/review/", "/cases/", "/incidents/", *cases(returned)],
        "cara": cases(returned)[::4],
    }.items():
        sign_in(world.person(who))
        watch.look(*paths)

    assert "\n".join(watch.done) == ""


def test_who_looks_after_cases_sees_only_texts(
    watch: Watch,
    decided: list[Task],
    broken: list[Task],
    sign_in: Callable[[User], None],
) -> None:
    engine.fold_counters()
    workflows = [f"/workflows/{slug}/" for slug in hostile()]
    for who, paths in {
        "lea": ["/", "/incidents/", *cases(broken)],
        "cara": ["/", "/cases/", *cases(decided)],
        "alice": ["/", "/workflows/", "/insights/", *workflows],
        "dora": ["/"],
    }.items():
        sign_in(world.person(who))
        watch.look(*paths)

    assert "\n".join(watch.done) == ""


def admin(name: str, *args: object) -> str:
    return reverse(f"admin:{name}", args=args)


def editors(draft: WorkflowVersion) -> list[str]:
    step = draft.steps.get(key="read")
    right = step.rights.filter(mode="dual").get()
    return [
        admin("orchestrator_workflow_change", draft.workflow_id),
        admin("orchestrator_workflowversion_change", draft.pk),
        admin("orchestrator_workflowversion_publish", draft.pk),
        admin("orchestrator_workflowversion_text", draft.pk),
        admin("orchestrator_step_change", step.pk),
        admin("orchestrator_decisionright_change", right.pk),
        admin("orchestrator_step_delete", step.pk),
    ]


def records(task: Task) -> list[str]:
    rows = {
        "case": task.case_id,
        "task": task.pk,
        "attempt": task.tries.earliest("pk").pk,
        "routing": task.routings.earliest("pk").pk,
        "seat": Seat.objects.filter(task=task).earliest("pk").pk,
        "incident": getattr(Incident.objects.filter(task=task).first(), "pk", 0),
        "decision": getattr(Decision.objects.filter(task=task).first(), "pk", 0),
    }
    known = {model._meta.model_name for model in site._registry}
    return [
        admin(f"orchestrator_{name}_change", pk)
        for name, pk in rows.items()
        if pk and name in known
    ]


LISTS: Final = (
    "index",
    *(
        f"orchestrator_{name}_changelist"
        for name in ("workflow", "actor", "apikey", "grant", "case", "task", "attempt", "decision")
    ),
    "orchestrator_grant_add",
    "auth_group_changelist",
    "auth_user_changelist",
)


@pytest.fixture
def drafts(tasks: list[Task]) -> list[WorkflowVersion]:
    """One a hostile name, hidden characters and all: nobody can publish them, all can see them."""
    bea = world.actor("bea")
    found = []
    hostile = Workflow.objects.filter(slug__startswith="hostile")
    for number, (name, place) in enumerate(zip(NAMES, hostile, strict=False)):
        assert place.published_version
        draft = clone_to_draft(place.published_version)
        draft.steps.update(name=name, instructions=name)
        Step.objects.get(version=draft, key="read").rights.update(name=name)
        Actor.objects.filter(name__endswith=f" {number}").update(name=f"{name[:140]} {number}")
        ApiKey.objects.create(
            name=name[:80], prefix=f"{number:x}", hmac=f"{number}", actor=bea, scopes=[]
        )
        User.objects.create(username=f"u{number}", first_name=name, last_name=name)
        found.append(draft)
    return found


def test_who_administers_sees_only_texts(
    watch: Watch,
    drafts: list[WorkflowVersion],
    decided: list[Task],
    broken: list[Task],
    sign_in: Callable[[User], None],
) -> None:
    sign_in(world.person("dora"))

    watch.look("/", *map(admin, LISTS))
    for draft in drafts[::6]:
        watch.look(*editors(draft))
    for task in (*decided[::8], *broken[::8]):
        watch.look(*records(task))

    assert "\n".join(watch.done) == ""
