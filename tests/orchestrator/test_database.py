"""A connection that lay idle while the database ended it is replaced before anybody uses it."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection

from orchestrator.database.base import DatabaseWrapper

PID = "SELECT pg_backend_pid()"


@pytest.fixture(params=[{"min_size": 1, "max_size": 1, "timeout": 5}, None])
def own(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[DatabaseWrapper]:
    """A wrapper beside the one of the tests, with a pool and without."""
    options = {"pool": request.param} if request.param else {}
    alias = f"own-{bool(request.param)}"
    kept = connection.settings_dict
    told = kept | {"OPTIONS": kept["OPTIONS"] | options, "CONN_HEALTH_CHECKS": True}
    wrapper = DatabaseWrapper(told, alias)
    yield wrapper
    wrapper.close()
    if request.param:
        wrapper.close_pool()


def asked(wrapper: DatabaseWrapper, sql: str = PID) -> int:
    """What one request would do: it takes a connection, asks, and leaves it for the next."""
    wrapper.close_if_unusable_or_obsolete()
    with wrapper.cursor() as cursor:
        cursor.execute(sql)
        found = int(cursor.fetchone()[0])
    if wrapper.pool:
        wrapper.close()
    return found


def end(pid: int) -> None:
    """End a session as a server does that stops, and wait until it is gone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert cursor.fetchone()[0]


def test_a_quiet_connection_is_used_again_without_asking(own: DatabaseWrapper) -> None:
    first = asked(own)
    assert asked(own) == first
    last = "SELECT query FROM pg_stat_activity WHERE pid = %s"
    with connection.cursor() as cursor:
        cursor.execute(last, [first])
        assert cursor.fetchone()[0] == PID


def test_a_connection_that_was_ended_is_replaced(own: DatabaseWrapper) -> None:
    first = asked(own)
    end(first)
    assert asked(own) != first


def test_a_server_that_vanished_is_noticed(own: DatabaseWrapper) -> None:
    own.ensure_connection()
    set_ = own.connection.info.get_parameters()

    assert {name: set_[name] for name in settings.KEEPALIVES} == {
        name: str(value) for name, value in settings.KEEPALIVES.items()
    }
