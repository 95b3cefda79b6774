"""The database backend: asks the server whether a connection lives only if it said something.

Django asks before each request, a round trip that finds nothing. A server that ends says so:
the socket of its connections can be read then, and that is seen here without asking.
"""

from __future__ import annotations

from collections.abc import Callable
from select import POLLIN, poll
from typing import Any, ClassVar, Final

from django.db.backends.postgresql import base
from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

AT_ONCE: Final = 0  # milliseconds
# Until it is rolled back, such a transaction answers nothing: Django's own question fails too.
BROKEN: Final = TransactionStatus.INERROR


def check(connection: Connection[Any]) -> None:
    """Raises psycopg.OperationalError for a connection that the server has ended."""
    if has_heard(connection):
        ConnectionPool.check_connection(connection)


def has_heard(connection: Connection[Any]) -> bool:
    """Whether the server sent something that nobody asked for, its goodbye perhaps."""
    waiting = poll()
    waiting.register(connection.fileno(), POLLIN)
    return bool(waiting.poll(AT_ONCE))


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's, but for ``check``, with a pool and without."""

    _connection_pools: ClassVar[dict[str, ConnectionPool[Any]]] = {}
    _configure_connection: Callable[[Connection[Any]], None]

    @property
    def pool(self) -> ConnectionPool[Any] | None:
        options = self.settings_dict["OPTIONS"].get("pool")
        if not options:
            return None
        if self.alias not in self._connection_pools:
            # Two threads at once make two; the one that is kept is the one that is opened.
            self._connection_pools.setdefault(self.alias, self._new_pool(options))
        return self._connection_pools[self.alias]

    def _new_pool(self, options: dict[str, Any]) -> ConnectionPool[Any]:
        return ConnectionPool(
            kwargs=self.get_connection_params() | {"autocommit": True},
            open=False,
            configure=self._configure_connection,
            check=check,
            **options,
        )

    def is_usable(self) -> bool:
        if self.connection is None:
            return False
        if self.connection.closed or self.connection.info.transaction_status == BROKEN:
            return False
        return not has_heard(self.connection) or super().is_usable()
