"""Whoever alters the record past the application is found out."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from orchestrator.engine import changes
from orchestrator.models import Case, Event
from tests import world
from tests.world import LUNCH

pytestmark = pytest.mark.django_db


def verify() -> str:
    out = StringIO()
    call_command("verify_audit", stdout=out)
    return out.getvalue()


def test_an_untouched_record_holds() -> None:
    world.started(world.workflow(), LUNCH, confidence=0.99)

    assert verify().endswith("broken: 0\n")


@pytest.mark.parametrize("harm", ["alter", "remove", "cut"])
def test_what_was_altered_is_named(harm: str) -> None:
    case = world.started(world.workflow(), LUNCH, confidence=0.99)
    links = Event.objects.filter(stream=f"case:{case.pk}")
    out = StringIO()

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        if harm == "alter":
            links.filter(seq=3).update(payload={})
        elif harm == "remove":
            links.filter(seq=3).delete()
        else:
            links.filter(seq=Case.objects.get().seq).delete()
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")

    with pytest.raises(CommandError):
        call_command("verify_audit", stdout=out)
    where = case.seq if harm == "cut" else 3
    assert f"broken: case:{case.pk} at {where}" in out.getvalue()


def test_to_verify_and_to_look_for_orphans_a_standby_is_enough() -> None:
    world.started(world.workflow(), LUNCH, confidence=0.99)
    changes()

    out = StringIO()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL transaction_read_only = on")
        call_command("check_orphans", stdout=out)
        told = verify()
        transaction.set_rollback(True)

    assert out.getvalue() == "orphans: 0\n"
    assert told.endswith("broken: 0\n")
