"""Real servers on this machine as the outside: one polite, one that does what it is told."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from orchestrator.connectors import Call

Behaviour = Callable[[socket.socket], None]


@pytest.fixture(scope="session")
def httpserver_listen_address() -> tuple[str, int]:
    return ("127.0.0.1", 0)


@pytest.fixture(scope="session")
def make_httpserver(httpserver_listen_address: tuple[str, int]) -> Iterator[HTTPServer]:
    host, port = httpserver_listen_address
    # A thread per request, so that one slow answer does not delay the next test.
    with HTTPServer(host=host, port=port, threaded=True) as server:
        yield server


@pytest.fixture
def open_loopback(settings: Settings) -> None:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1"]


@pytest.fixture
def raw_server() -> Iterator[Callable[[Behaviour], str]]:
    """Start a server that reads one request's head and then behaves; gives its URL."""
    with ExitStack() as stack:

        def start(behave: Behaviour) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve() -> None:
                # Closing the listener at the end of the test ends this.
                with suppress(OSError):
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        behave(connection)

            Thread(target=serve, daemon=True).start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start


@dataclass
class Names:
    """What each name resolves to; every other name asks the real resolver."""

    answers: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """The resolver's answers by name; a list of several answers is given one after another."""
    known = Names()
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *rest: Any, **named: Any) -> Any:
        known.asked.append(host)
        answer = known.answers.get(host)
        if answer is None:
            return real(host, port, *rest, **named)
        addresses = answer[0] if len(answer) == 1 else answer.pop(0)
        return [row for address in addresses.split() for row in real(address, port, *rest, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def a_call(
    given: Any = None, *, timeout: float = 5.0, attempt: int = 1, brief: Any = None, **step: Any
) -> Call:
    return Call(
        input={"message": "Please refund order 7."} if given is None else given,
        schema={},
        step=step,
        idempotency_key="task-41",
        timeout=timeout,
        attempt=attempt,
        brief=brief,
    )
