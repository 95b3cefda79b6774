"""Months of the record go under a checkpoint, and nobody can hide anything behind it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from orchestrator import engine
from orchestrator.engine import archiving, events, pruning
from orchestrator.engine.counting import EPOCH
from orchestrator.engine.events import first_break, hash_of
from orchestrator.models import (
    Attempt,
    Case,
    Checkpoint,
    Counter,
    Cut,
    Decision,
    Event,
    Inbound,
    Routing,
    Workflow,
)
from orchestrator.models.partitions import ensure_partitions, months_before
from tests import world
from tests.world import LUNCH

pytestmark = pytest.mark.django_db(transaction=True)

MARCH, APRIL = datetime(2026, 3, 31, 23, tzinfo=UTC), datetime(2026, 4, 1, 1, tzinfo=UTC)


@pytest.fixture
def place() -> Iterator[Workflow]:
    ensure_partitions(date(2026, 3, 1))
    yield world.workflow()
    with connection.cursor() as cursor:
        for month in months_before(date(2026, 7, 1)):
            cursor.execute(f'DROP TABLE "{month.name}"')


@contextmanager
def past_the_triggers() -> Iterator[None]:
    """As somebody could who owns the database."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("SET session_replication_role = DEFAULT")


def aged(case: Case, *moments: datetime) -> Case:
    """The case as if its events had been at these moments, the rest at the last one."""
    case.refresh_from_db()
    case.head = ""
    links = Event.objects.filter(stream=f"case:{case.pk}").order_by("seq")
    with past_the_triggers():
        for place, event in enumerate(links):
            event.at, event.prev = moments[min(place, len(moments) - 1)], case.head
            case.head = event.hash = hash_of(event)
            Event.objects.filter(pk=event.pk).update(at=event.at, prev=event.prev, hash=event.hash)
        closed = moments[-1] if case.completed_at else None
        Case.objects.filter(pk=case.pk).update(
            head=case.head, created_at=moments[0], completed_at=closed
        )
        told = {"task__case": case.pk}
        Attempt.objects.filter(**told).update(finished_at=moments[-1])
        for model in (Decision, Routing):
            model._default_manager.filter(**told).update(created_at=moments[-1])
    case.refresh_from_db()
    return case


def closed(place: Workflow) -> Case:
    return world.started(place, LUNCH, confidence=0.99)


def counted() -> dict[tuple[str, str, datetime], int]:
    while engine.fold_counters():
        continue
    rows = Counter.objects.exclude(scope="process").exclude(count=0)
    found = rows.filter(scope__regex="month|now")
    return {(row.scope, row.measure, row.hour): row.count for row in found}


def prune(*options: str) -> str:
    out = StringIO()
    call_command("prune_events", *options, stdout=out)
    return out.getvalue()


def verify() -> str:
    out = StringIO()
    try:
        call_command("verify_audit", stdout=out)
    except CommandError as error:
        out.write(str(error))
    return out.getvalue()


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def months() -> set[str]:
    return {month.name for month in months_before(date(2026, 7, 1))}


def test_a_month_goes_into_a_file_and_every_chain_still_holds(
    place: Workflow, tmp_path: Path
) -> None:
    whole, cut = aged(closed(place), MARCH), aged(closed(place), MARCH, MARCH, APRIL)
    counted()

    told = prune("--before", "2026-04", "--out", str(tmp_path))

    path = tmp_path / "event-2026-03.jsonl.gz"
    lines = read(path)
    sums = (tmp_path / "SHA256SUMS").read_text().splitlines()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(lines) == whole.seq + 2
    assert {line["hash"] for line in lines} >= {whole.head}
    assert f"{sha256}  {path.name}" in sums
    assert f"2026-03 event: {whole.seq + 2} rows {sha256}" in told
    assert path.stat().st_mode & 0o777 == 0o600
    assert not Event.objects.filter(at__lt=APRIL).exists()
    assert {name for name in months() if name.endswith("2026_03")} == set()
    assert [first_break(case) for case in (whole, cut)] == [None, None]
    assert verify().endswith("broken: 0\n")
    assert Event.objects.filter(type="record.pruned").count() == 2


def test_all_of_a_file_is_on_the_disk_before_its_month_goes(
    place: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aged(closed(place), MARCH)
    counted()
    sizes, fsync = [], os.fsync

    def watched(number: int) -> None:
        fsync(number)
        sizes.append(os.fstat(number).st_size)

    monkeypatch.setattr(os, "fsync", watched)
    prune("--before", "2026-04", "--out", str(tmp_path))

    assert (tmp_path / "event-2026-03.jsonl.gz").stat().st_size in sizes
    assert (tmp_path / "SHA256SUMS").stat().st_size in sizes


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_a_month_is_read_by_whole_chains_however_few_rows_at_a_time(
    place: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    whole = [aged(closed(place), MARCH) for _ in range(3)]
    counted()
    monkeypatch.setattr(archiving, "ROWS", rows)

    prune("--before", "2026-04", "--out", str(tmp_path))

    lines = read(tmp_path / "event-2026-03.jsonl.gz")
    assert [(line["stream"], line["seq"]) for line in lines] == sorted(
        (f"case:{case.pk}", seq) for case in whole for seq in range(1, case.seq + 1)
    )
    assert verify().endswith("broken: 0\n")


def test_the_next_month_goes_on_where_the_last_one_ended(place: Workflow) -> None:
    case = aged(closed(place), MARCH, APRIL, APRIL, datetime(2026, 5, 1, tzinfo=UTC))
    counted()

    prune("--before", "2026-04")
    prune("--before", "2026-05")

    assert list(Cut.objects.order_by("seq").values_list("stream", "seq")) == [
        (f"case:{case.pk}", 1),
        (f"case:{case.pk}", 3),
    ]
    assert verify().endswith("broken: 0\n")


def test_what_was_counted_stays_counted(place: Workflow) -> None:
    aged(closed(place), MARCH)
    aged(closed(place), MARCH, APRIL)
    world.in_review(place)
    engine.rebuild_counters()
    before = counted()
    prune("--before", "2026-04")

    engine.rebuild_counters()

    assert counted() == before
    assert before[f"now/{place.pk}/*", "open", EPOCH] == 1


@pytest.mark.parametrize("options", [["--dry-run"], []])
def test_that_nothing_is_old_enough_is_said(place: Workflow, options: list[str]) -> None:
    assert prune("--before", "1999-01", *options) == "Nothing lies before 1999-01.\n"


def test_an_open_case_holds_its_month_and_is_named(place: Workflow) -> None:
    aged(closed(place), MARCH)
    waits = aged(world.in_review(place).case, APRIL)
    counted()

    with pytest.raises(CommandError, match=rf"Case {waits.pk} .* of 2026-04-01 is open"):
        prune("--before", "2026-05")
    assert not Checkpoint.objects.exists()
    assert f"held by case {waits.pk}" in prune("--before", "2026-05", "--dry-run")

    prune("--keep", "1")

    assert set(Checkpoint.objects.values_list("table", "month")) == {
        ("event", date(2026, 3, 1)),
        ("inbound", date(2026, 3, 1)),
    }


def test_a_case_that_was_closed_only_lately_holds_its_month(place: Workflow) -> None:
    case = aged(closed(place), MARCH)
    counted()
    with past_the_triggers():
        Case.objects.filter(pk=case.pk).update(completed_at=datetime.now(UTC))

    with pytest.raises(CommandError, match="was closed"):
        prune("--before", "2026-04")


def test_a_broken_chain_is_not_removed(place: Workflow) -> None:
    case = aged(closed(place), MARCH)
    counted()
    with past_the_triggers():
        Event.objects.filter(stream=f"case:{case.pk}", seq=3).delete()

    with pytest.raises(CommandError, match=f"case:{case.pk} is broken at 3"):
        prune("--before", "2026-04")

    assert Event.objects.filter(at=MARCH).exists()


def test_events_that_nobody_has_counted_yet_stay(place: Workflow) -> None:
    counted()
    aged(closed(place), MARCH)

    with pytest.raises(CommandError, match="have not come to the end"):
        prune("--before", "2026-04")


def test_what_comes_after_a_refused_try_goes_with_its_month(place: Workflow) -> None:
    """Also a chain that sorts before those of the first try."""
    counted()
    early, longer = (aged(closed(place), MARCH) for _ in range(2))
    with past_the_triggers():
        Event.objects.filter(stream=f"case:{early.pk}").update(at=APRIL)
    with pytest.raises(CommandError, match="have not come to the end"):
        prune("--before", "2026-04")

    aged(early, MARCH)
    with transaction.atomic():
        holder, _ = events.locked(Case, longer.pk)
        late = events.Entry("attempt.lost", world.actor("dora"))
        events.append(holder, MARCH, [late])
    counted()
    prune("--before", "2026-04")

    assert [first_break(case) for case in (early, holder)] == [None, None]
    assert verify().endswith("broken: 0\n")


def test_rows_outside_the_months_that_there_are_stay(place: Workflow) -> None:
    early = date(2026, 2, 10)
    Inbound.objects.create(source="key", message_id="1", day=early, body_digest="0" * 64)

    with pytest.raises(CommandError, match="lie in a default partition"):
        prune("--before", "2026-04")


def test_a_month_that_gets_rows_while_it_is_read_stays(
    place: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(removed: pruning.Removed) -> None:
        if removed.month.table == "inbound":
            day = removed.month.start
            Inbound.objects.create(source="key", message_id="1", day=day, body_digest="0" * 64)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(pruning, "_check_followers", late)
        with pytest.raises(CommandError, match="inbound_2026_03 has got new rows meanwhile"):
            prune("--before", "2026-04", "--out", str(tmp_path))
    assert Inbound.objects.exists()

    prune("--before", "2026-04", "--out", str(tmp_path))

    assert not Inbound.objects.exists()
    listed = (tmp_path / "SHA256SUMS").read_text().split()[1::2]
    assert sorted(listed) == ["event-2026-03.jsonl.gz", "inbound-2026-03.jsonl.gz"]


@pytest.mark.parametrize("harm", ["end", "another", "checkpoint", "number"])
def test_nobody_hides_what_is_missing_behind_a_checkpoint(place: Workflow, harm: str) -> None:
    gone, later = aged(closed(place), MARCH), closed(place)
    counted()
    prune("--before", "2026-04")

    with past_the_triggers():
        if harm == "end":
            Cut.objects.filter(stream=f"case:{gone.pk}").update(seq=gone.seq - 1)
        elif harm == "another":
            Event.objects.filter(stream=f"case:{later.pk}").delete()
            stream, month = f"case:{later.pk}", date(2026, 3, 1)
            Cut.objects.create(stream=stream, month=month, seq=later.seq, hash=later.head)
        elif harm == "checkpoint":
            Checkpoint.objects.filter(table="event").update(digest="0" * 64)
        else:
            Checkpoint.objects.filter(table="event").update(streams=9)

    assert "broken: checkpoint of event 2026-03" in verify()


def test_messages_go_with_their_month(place: Workflow, tmp_path: Path) -> None:
    for day in (MARCH, APRIL):
        Inbound.objects.create(source="key", message_id="1", day=day.date(), body_digest="0" * 64)

    prune("--before", "2026-04", "--out", str(tmp_path))

    assert Inbound.objects.get().day == APRIL.date()
    (line,) = read(tmp_path / "inbound-2026-03.jsonl.gz")
    assert line["day"] == "2026-03-31"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--before", "2999-01"], "Only months that are over"),
        (["--before", "march"], "wants a month"),
        (["--keep", "0"], "at least 1 month"),
        (["--before", "2026-04", "--out", "/nowhere"], "is no folder"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        prune(*options)
