"""A definition as text and as a draft are the same thing."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.definitions import (
    changes,
    clone_to_draft,
    export_version,
    import_draft,
    text_changes,
    value,
    written,
)
from orchestrator.definitions.format import duration, seconds
from orchestrator.exceptions import Invalid, Refusal
from orchestrator.models import (
    Actor,
    Connection,
    DecisionRight,
    Mode,
    Step,
    StepEffect,
    StepKind,
    Transition,
    Word,
    Workflow,
    WorkflowVersion,
)

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
    draft = WorkflowVersion.objects.get(workflow__slug="refunds")
    place = f"/admin/orchestrator/workflowversion/{draft.pk}/change/"
    assert said == f"Draft: Refunds v1. Look at it and publish it: http://127.0.0.1:8000{place}"
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


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("name: Again", "line 17, column 1: 'name' stands here twice"),
        ("notes: *name", r"write \*alias out"),
        ("calendar: {from: .nan}", "cannot be read as YAML"),
        ('notes: "a\\0b"', "cannot be read as YAML"),
        ("notes: !!binary aGk=", "cannot be read as YAML"),
        ("calendar: {days: 99999999999999999999}", "cannot be read as YAML"),
        ("notes: " + "[" * 3000, "it is nested too deeply"),
    ],
)
def test_what_json_cannot_hold_and_what_a_reader_would_miss_is_refused(
    more: str, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        import_draft(SMALL + more)


def test_a_date_stays_a_text() -> None:
    draft = import_draft(SMALL + "calendar: {from: 2026-03-01}")

    assert draft.calendar == {"from": "2026-03-01"}


@pytest.mark.parametrize(
    ("actor", "path"),
    [
        ("kind: automation", "/actors/reader"),
        ("kind: agent, connection: other", "/actors/reader"),
        ("kind: agent, connection: ledger", "/connections/ledger/kind"),
    ],
)
def test_who_means_something_else_here_is_refused(actor: str, path: str) -> None:
    import_draft(SMALL)
    Connection.objects.create(name="ledger", kind="http")
    text = SMALL.replace("kind: agent, revision", f"{actor}, revision")
    kind = "fake" if "ledger" in actor else "http"
    name = "ledger" if "ledger" in actor else "other"

    with pytest.raises(Invalid, match="exists already") as caught:
        import_draft(text + f"connections: {{{name}: {{kind: {kind}}}}}\n")

    assert [row["path"] for row in caught.value.details["problems"]] == [path]
    assert Actor.objects.get(name="reader").kind == "agent"


def test_the_name_of_the_engine_is_refused() -> None:
    with pytest.raises(Invalid, match="the engine's own"):
        import_draft(SMALL.replace("workflow: refunds", "workflow: changes"))


def test_four_eyes_are_two_seats_unless_the_file_says_otherwise() -> None:
    dual = SMALL.replace("{mode: review,", "{mode: dual,")

    right = import_draft(dual).steps.get(key="read").rights.get(mode="dual")

    assert (right.seats, right.approvals) == (2, 2)
    assert "seats" not in export_version(right.step.version)
    with pytest.raises(Invalid, match="no more approvals"):
        import_draft(dual.replace("{mode: dual,", "{mode: dual, seats: 1,"))


def test_two_revisions_of_an_agent_keep_apart() -> None:
    text = """
workflow: two
name: Two
actors:
  old: {name: reader, kind: agent, revision: "1"}
  new: {name: reader, kind: agent, revision: "2"}
steps:
  - {key: a, name: A, kind: agent, actor: old}
  - {key: b, name: B, kind: agent, actor: new}
"""
    again = import_draft(export_version(import_draft(text)))

    assert [str(step.actor) for step in again.steps.all()] == ["reader@1", "reader@2"]


# --- Whatever the admin can store, the file can say

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(-1e18, 1e18)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
    | st.sampled_from(["yes", "2026-01-31", "1e3", "=", "~", "a\n b\n\n", "\n x", "\u2028"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab\n:'-1", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)  # fmt: skip
OBJECT = st.dictionaries(st.sampled_from(["type", "all", "x y", "1"]), JSON, max_size=3)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=40)
NAME = TEXT.filter(bool)
MAPPING = st.none() | st.dictionaries(NAME, TEXT, max_size=3)
SECONDS = st.integers(1, 900_000)
STEP = st.fixed_dictionaries(
    {
        "name": NAME,
        "kind": st.sampled_from(StepKind.values),
        "instructions": TEXT,
        "call": OBJECT,
        "outcome": TEXT,
        "schema": OBJECT,
        "input_mapping": MAPPING,
        "output_mapping": MAPPING,
        "evidence": st.lists(st.fixed_dictionaries({"path": TEXT, "label": TEXT}), max_size=2),
        "reasons": st.lists(st.fixed_dictionaries({"code": NAME, "label": NAME}), max_size=2),
        "material": st.lists(TEXT, max_size=2),
        "limit": TEXT,
        "effect": st.sampled_from(StepEffect.values),
        "retry": st.just({}) | st.just({"attempts": 3, "base": "2s", "cap": "60s"}),
        "timeout": SECONDS,
        "undo_seconds": SECONDS,
    }
)
RIGHT = st.fixed_dictionaries(
    {
        "name": TEXT,
        "condition": st.none() | OBJECT,
        "mode": st.sampled_from(Mode.values),
        "allowed": st.lists(st.sampled_from(Word.values), max_size=3),
        "seats": st.integers(3, 5),
        "approvals": st.integers(1, 3),
        "blind": st.booleans(),
        "start_within": st.none() | SECONDS,
        "decide_within": SECONDS,
        "on_timeout": st.sampled_from(Word.values),
        "audit_rate": st.floats(0, 1),
    }
)


def rows_of(version: WorkflowVersion) -> list[object]:
    """Everything that a version says, without the ids of its rows."""
    left_out = {"id", "version_id", "step_id", "created_at", "number", "source_id", "target_id"}
    left_out.add("revision")
    steps = list(version.steps.all())
    rights = DecisionRight.objects.filter(step__version=version).order_by(
        "step__position", "position"
    )
    links = [(link.source.key, link.target.key) for link in version.transitions.all()]
    rows = [version, *steps, *rights, *version.transitions.order_by("position")]
    return [
        *links,
        *(
            {k: v for k, v in vars(row).items() if k not in left_out and k[0] != "_"}
            for row in rows
        ),
    ]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(STEP, st.lists(RIGHT, max_size=2)), min_size=1, max_size=3),
    OBJECT,
    st.none() | OBJECT,
    TEXT,
)
def test_a_draft_survives_the_file(
    steps: list[tuple[dict[str, object], list[dict[str, object]]]],
    data: dict[str, object],
    condition: dict[str, object] | None,
    notes: str,
) -> None:
    Workflow.objects.filter(slug="any").update(published_version=None)
    WorkflowVersion.objects.filter(workflow__slug="any").delete()
    workflow, _ = Workflow.objects.get_or_create(slug="any", defaults={"name": "Any"})
    group = Group.objects.get_or_create(name="Some")[0]
    draft = WorkflowVersion.objects.create(
        workflow=workflow, number=1, data_schema=data, notes=notes, calendar=data
    )
    rows = [
        Step.objects.create(version=draft, key=f"s{n}", position=n, **columns)
        for n, (columns, _) in enumerate(steps, start=1)
    ]
    for row, (_, rights) in zip(rows, steps, strict=True):
        for n, columns in enumerate(rights, start=1):
            DecisionRight.objects.create(step=row, position=n, group=group, **columns)
    Transition.objects.create(
        version=draft, source=rows[0], target=rows[-1], position=1, condition=condition
    )
    draft.refresh_from_db()
    before = rows_of(draft)
    text = export_version(draft)

    again = WorkflowVersion.objects.get(pk=import_draft(text).pk)

    assert rows_of(again) == before
    assert export_version(again) == text


# --- What changed


def difference(
    old: str, new: str
) -> list[tuple[str, str, str, list[tuple[str, str | None, str | None]]]]:
    first = import_draft(SMALL)
    WorkflowVersion.objects.filter(pk=first.pk).update(published_at=timezone.now())
    second = import_draft(SMALL.replace(old, new))
    return [
        (row.kind, row.name, row.op, [(f.name, f.before, f.after) for f in row.fields])
        for row in changes(first, second)
    ]


def test_a_changed_rule_reads_as_a_sentence() -> None:
    assert difference("value: 0.9", "value: 0.8") == [
        (
            "rule",
            "Read: Sure",
            "changed",
            [("when", "confidence is at least 0.90", "confidence is at least 0.80")],
        )
    ]


def test_parts_that_came_went_and_moved() -> None:
    came = difference("transitions:", "  - {key: odd, name: Odd, kind: end}\ntransitions:")

    assert [row[:3] for row in came] == [("step", "odd", "added")]


def test_a_rule_that_is_gone_and_a_changed_way_on() -> None:
    gone = difference(
        "      - {name: Sure, when: {fact: confidence, op: ge, value: 0.9}, mode: auto}\n", ""
    )
    assert [row[:3] for row in gone] == [("rule", "Read: Sure", "removed")]


def test_rules_in_another_order() -> None:
    sure = "      - {name: Sure, when: {fact: confidence, op: ge, value: 0.9}, mode: auto}\n"
    rest = SMALL.partition(sure)[2].partition("  - {key: done")[0]

    moved = difference(sure + rest, rest + sure)

    assert [(row[0], row[2]) for row in moved] == [("rule", "moved")]


def test_lines_that_changed() -> None:
    first = import_draft(SMALL)
    WorkflowVersion.objects.filter(pk=first.pk).update(published_at=timezone.now())
    second = import_draft(SMALL.replace("value: 0.9", "value: 0.8"))

    lines = [(line.sign, line.text.strip()) for line in text_changes(first, second)]

    assert ("-", "value: 0.9") in lines
    assert ("+", "value: 0.8") in lines
    assert text_changes(first, first) == []
    assert changes(first, first) == []


# --- The next draft


def test_a_version_is_cloned_once() -> None:
    first = import_draft(SMALL + "notes: The first.\n")
    WorkflowVersion.objects.filter(pk=first.pk).update(published_at=timezone.now())

    clone = clone_to_draft(first)

    assert (clone.number, clone.notes, clone.published_at) == (2, "", None)
    assert [row.kind for row in changes(first, clone)] == ["version"]
    with pytest.raises(Refusal, match="Refunds v2 is a draft already"):
        clone_to_draft(first)


@pytest.mark.parametrize(
    "text",
    ["a\x85b", "a\u2028b", "a\rb", "a\n\x85b", "\n a", " a\n b\n\n", "a \n b", "\tx\n", "yes", "="],
)  # fmt: skip
def test_every_text_is_written_so_that_it_reads_back(text: str) -> None:
    assert value(written({"text": [text], text: 1})) == {"text": [text], text: 1}
