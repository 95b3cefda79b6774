"""HTTP to the outside, guarded where it cannot be walked around: as the connection opens.

A name is looked up once, every address is judged, and the connection goes to an address
that was judged, so a name that changes between check and use changes nothing. Redirects
open connections too and meet the same guard. TLS and the ``Host`` header keep the name.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Self

import httpcore2
import httpx2
from django.conf import settings

from integrations.addresses import Address, AllowList, address_of, refused_because

MAX_ADDRESSES = 4


class AddressRefused(httpx2.ConnectError):
    """The host's address is not open to outside calls."""


class CertificateRefused(httpx2.ConnectError):
    """The host's certificate cannot be trusted."""


class Deadline:
    """One clock for look-up, connect, TLS, writing and every read, in seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def or_raise(self, error: type[Exception]) -> float:
        """The seconds left. Raises the given error when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise error("The time for this call is over.")
        return left


class GuardedTransport(httpx2.BaseTransport):
    """One call's transport: opens connections to permitted addresses until its deadline."""

    def __init__(self, *, timeout: float, allowed: AllowList) -> None:
        self._backend = GuardedBackend(Deadline(timeout), allowed)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_ssl_context(), network_backend=self._backend
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        with _as_httpx_errors():
            response = self._pool.handle_request(_as_httpcore(request))
        return httpx2.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def connect(self, url: httpx2.URL) -> str:
        """Open and close one connection without a request. Gives the address it reached."""
        port = url.port or (443 if url.scheme == "https" else 80)
        host = url.raw_host.decode("ascii")
        with _as_httpx_errors():
            stream = self._backend.connect_tcp(host, port)
            try:
                if url.scheme == "https":
                    stream = stream.start_tls(_ssl_context(), server_hostname=host)
                return str(stream.get_extra_info("server_addr")[0])
            finally:
                stream.close()

    def close(self) -> None:
        self._pool.close()


class GuardedBackend(httpcore2.NetworkBackend):
    """Looks a name up, judges the answer, and connects to exactly what was judged."""

    def __init__(self, deadline: Deadline, allowed: AllowList) -> None:
        self._deadline = deadline
        self._allowed = allowed
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        *others, last = self._permitted(host, port)
        for number, address in enumerate(others):
            # A silent address must leave time for those after it.
            share = 1 / (len(others) + 1 - number)
            with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return self._open(address, port, share, socket_options)
        return self._open(last, port, 1, socket_options)

    def _open(
        self,
        address: Address,
        port: int,
        share: float,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None,
    ) -> GuardedStream:
        seconds = share * self._deadline.or_raise(httpcore2.ConnectTimeout)
        stream = self._plain.connect_tcp(str(address), port, seconds, socket_options=socket_options)
        return GuardedStream(stream, self._deadline)

    def _permitted(self, host: str, port: int) -> list[Address]:
        addresses = _look_up(host, port, self._deadline)
        if self._allowed.names(host):
            return addresses
        # One forbidden address is enough: a public name has no business pointing inside.
        for address in addresses:
            why = refused_because(address)
            if why and not self._allowed.opens(address):
                raise AddressRefused(
                    f"{host} has the address {address}, which {why}; "
                    "REWIRE_HTTP_ALLOWED_HOSTS does not open it."
                )
        return addresses


class GuardedStream(httpcore2.NetworkStream):
    """A connection whose every wait ends at the deadline, however slowly bytes trickle in."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.or_raise(httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.or_raise(httpcore2.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> Self:
        left = self._deadline.or_raise(httpcore2.ConnectTimeout)
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, left)
        except httpcore2.ConnectError as error:
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                why = error.__cause__.verify_message
                raise CertificateRefused(
                    f"The certificate of {server_hostname} is not trusted: {why}."
                ) from error
            raise
        return type(self)(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def client(timeout: float) -> httpx2.Client:
    """A client for one call of at most ``timeout`` seconds; no proxy, no redirects."""
    return httpx2.Client(transport=transport(timeout), trust_env=False, timeout=timeout)


def transport(timeout: float) -> GuardedTransport:
    return GuardedTransport(timeout=timeout, allowed=allow_list())


def allow_list() -> AllowList:
    return AllowList.parse(settings.REWIRE_HTTP_ALLOWED_HOSTS)


class _Body(httpx2.SyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx_errors():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


def _look_up(host: str, port: int, deadline: Deadline) -> list[Address]:
    """All addresses of a name, at most four. Raises ConnectError, ConnectTimeout.

    ``getaddrinfo`` knows no time-out, so it runs in a thread that may outlive the wait.
    """
    answer: SimpleQueue[list[Address] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put(list(dict.fromkeys(address_of(str(row[4][0])) for row in found)))
        except (OSError, ValueError) as error:
            answer.put(error)

    Thread(target=ask, name="look-up", daemon=True).start()
    try:
        addresses = answer.get(timeout=deadline.or_raise(httpcore2.ConnectTimeout))
    except Empty:
        raise httpcore2.ConnectTimeout(f"Looking up {host} took too long.") from None
    if isinstance(addresses, Exception):
        raise httpcore2.ConnectError(f"The name {host} is not known.") from addresses
    return addresses[:MAX_ADDRESSES]


@cache
def _ssl_context() -> ssl.SSLContext:
    # Reading the certificate bundle takes 10 ms and more: once per process.
    return httpcore2.default_ssl_context()


def _as_httpcore(request: httpx2.Request) -> httpcore2.Request:
    url = request.url
    return httpcore2.Request(
        method=request.method.encode("ascii"),
        url=httpcore2.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


@contextmanager
def _as_httpx_errors() -> Iterator[None]:
    """Name the pool's errors as httpx2 does: the classes carry the same names."""
    try:
        yield
    except (
        httpcore2.TimeoutException,
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.UnsupportedProtocol,
    ) as error:
        raise getattr(httpx2, type(error).__name__)(_told(error)) from error


def _told(error: Exception) -> str:
    """The system's own words for an error of the network, without its number."""
    below = error.args[0] if error.args else None
    return (isinstance(below, OSError) and below.strerror) or str(error)
