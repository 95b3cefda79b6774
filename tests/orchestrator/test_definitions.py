"""A definition as text and as a draft are the same thing."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from orchestrator.definitions import export_version, import_draft
from orchestrator.definitions.format import duration, seconds
from orchestrator.exceptions import Invalid
from orchestrator.models import Connection, Workflow, WorkflowVersion

pytestmark = pytest.mark.django_db

SMALL = """
workflow: refunds
name: Refunds
accountable: alice
actors: {reader: {kind: agent, revision: "1"}}
steps:
  - key: read
    name: Read
    kind: agent
    actor: reader
    timeout: 90s
    rights:
      - {name: Sure, when: {fact: confidence, op: ge, value: 0.9}, mode: auto}
      - {mode: review, group: Reviewers, decide_within: 4h, allowed: [approved, rejected]}
  - {key: done, name: Done, kind: end, outcome: paid}
transitions: [{from: read, to: done}]
"""

FOLDER = Path(__file__).parents[2] / "integrations/demo/workflows"


@pytest.fixture(autouse=True)
def alice() -> User:
    return User.objects.create_user("alice")


def test_a_file_becomes_a_draft() -> None:
    draft = import_draft(SMALL)

    read, done = draft.steps.all()
    sure, rest = read.rights.all()
    assert (read.timeout, read.undo_seconds, str(read.actor)) == (90, 10, "reader@1")
    assert (sure.mode, sure.group) == ("auto", None)
    assert (rest.group.name if rest.group else "", rest.decide_within) == ("Reviewers", 14_400)
    assert [link.target for link in read.transitions.all()] == [done]
    assert draft.published_at is None


def test_importing_again_replaces_the_draft() -> None:
    import_draft(SMALL)

    draft = import_draft(SMALL.replace("name: Read", "name: Look"))

    assert WorkflowVersion.objects.get() == draft
    assert draft.number == 1
    assert draft.steps.all()[0].name == "Look"


def test_a_published_version_stays_and_the_next_is_a_draft() -> None:
    published = import_draft(SMALL)
    WorkflowVersion.objects.filter(pk=published.pk).update(published_at=timezone.now())

    assert import_draft(SMALL).number == 2
    assert published.steps.count() == 2


def test_a_connection_keeps_the_settings_of_the_installation() -> None:
    Connection.objects.create(name="ledger", kind="http", settings={"url": "https://here"})

    import_draft(SMALL + "connections: {ledger: {kind: http, settings: {url: 'http://there'}}}\n")

    assert Connection.objects.get().settings == {"url": "https://here"}


@pytest.mark.parametrize("name", ["tutorial", "digits", "refunds"])
def test_nothing_is_lost_on_the_way(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")

    exported = export_version(import_draft(text))

    again = export_version(import_draft(exported))
    assert again == exported
    kept, given = yaml.safe_load(exported), yaml.safe_load(text)
    assert [step["key"] for step in kept["steps"]] == [step["key"] for step in given["steps"]]
    for mine, theirs in zip(kept["steps"], given["steps"], strict=True):
        assert mine.get("schema") == theirs.get("schema")
        assert [rule.get("when") for rule in mine.get("rights", [])] == [
            rule.get("when") for rule in theirs.get("rights", [])
        ]
    assert kept["transitions"] == given["transitions"]
    assert kept["data"] == given["data"]


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("alice", "nobody", "/accountable"),
        ("actor: reader", "actor: writer", "/steps/0/actor"),
        ("key: done", "key: read", "/steps/1/key"),
        ("to: done", "to: gone", "/transitions/0/to"),
        ("kind: end", "kind: ending", "/steps/1/kind"),
        ("timeout: 90s", "timeout: 90", "/steps/0/timeout"),
        ("mode: auto", "mode: automatic", "/steps/0/rights/0/mode"),
    ],
)
def test_a_problem_names_its_place_and_changes_nothing(old: str, new: str, path: str) -> None:
    with pytest.raises(Invalid) as caught:
        import_draft(SMALL.replace(old, new))

    assert [row["path"] for row in caught.value.details["problems"]] == [path]
    assert not Workflow.objects.exists()


@pytest.mark.parametrize(
    "text", ["", "a: [", "- 1", "&a [*a]", "workflow: !!python/object:os.x {}"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        import_draft(text)


@pytest.mark.parametrize(
    ("text", "value"), [("0s", 0), ("90s", 90), ("30m", 1800), ("4h", 14_400), ("2d", 172_800)]
)
def test_durations_both_ways(text: str, value: int) -> None:
    assert (seconds(text), duration(value)) == (value, text)


def test_the_commands(tmp_path: Path) -> None:
    source, out = tmp_path / "refunds.yaml", StringIO()
    source.write_text(SMALL, encoding="utf-8")

    call_command("import_workflow", source, stdout=out)
    call_command("export_workflow", "refunds", stdout=out)

    said, _, text = out.getvalue().partition("\n")
    assert said.startswith("Draft: Refunds v1")
    assert yaml.safe_load(text)["steps"][0]["timeout"] == "90s"


def test_the_commands_say_what_is_wrong(tmp_path: Path) -> None:
    source = tmp_path / "refunds.yaml"
    source.write_text(SMALL.replace("alice", "nobody"), encoding="utf-8")

    with pytest.raises(CommandError, match=r"/accountable: There is no user 'nobody'"):
        call_command("import_workflow", source)
    with pytest.raises(CommandError, match="Cannot read"):
        call_command("import_workflow", tmp_path / "missing.yaml")
    with pytest.raises(CommandError, match="no such version"):
        call_command("export_workflow", "refunds")
