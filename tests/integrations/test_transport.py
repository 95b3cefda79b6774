"""The guard, tried against a real server on this machine; only the resolver is replaced."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from integrations import transport
from integrations.transport import AddressRefused, CertificateRefused, client
from tests.integrations.conftest import Names

SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "017700000001",
    "127。0。0。1",
    "0.0.0.0",  # noqa: S104
    "localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
]


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_this_machine_is_reached(httpserver: HTTPServer, host: str) -> None:
    httpserver.expect_request("/").respond_with_data("inside")

    with client(2) as http, pytest.raises(AddressRefused):
        http.get(f"http://{host}:{httpserver.port}/")

    assert not httpserver.log


@pytest.mark.parametrize("host", ["localhost.", "0177.0.0.1", "127.0.0.1%25lo", "[::1%25lo]"])
def test_spellings_that_only_some_systems_read_lead_nowhere(
    httpserver: HTTPServer, host: str
) -> None:
    httpserver.expect_request("/").respond_with_data("inside")

    with client(2) as http, pytest.raises((httpx2.ConnectError, httpx2.InvalidURL)):
        http.get(f"http://{host}:{httpserver.port}/")

    assert not httpserver.log


@pytest.mark.parametrize("address", ["10.0.0.7", "169.254.169.254", "8.8.8.8 127.0.0.1", "fd00::1"])
def test_a_public_name_with_an_address_inside_is_refused(names: Names, address: str) -> None:
    names.answers["cdn.example"] = [address]

    with client(2) as http, pytest.raises(AddressRefused, match=r"cdn\.example has the address"):
        http.get("http://cdn.example/")


def test_an_opened_network_is_reached(httpserver: HTTPServer, settings: Settings) -> None:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.0/8"]
    httpserver.expect_request("/").respond_with_data("inside")

    with client(2) as http:
        assert http.get(httpserver.url_for("/")).text == "inside"


def test_an_opened_name_is_reached_and_its_neighbour_is_not(
    httpserver: HTTPServer, settings: Settings, names: Names
) -> None:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["ledger.internal"]
    names.answers |= {"ledger.internal": ["127.0.0.1"], "payroll.internal": ["127.0.0.1"]}
    httpserver.expect_request("/").respond_with_data("inside")

    with client(2) as http:
        assert http.get(f"http://ledger.internal:{httpserver.port}/").text == "inside"
        with pytest.raises(AddressRefused):
            http.get(f"http://payroll.internal:{httpserver.port}/")


def test_a_name_is_asked_once_and_the_judged_address_is_called(
    httpserver: HTTPServer, settings: Settings, names: Names
) -> None:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1"]
    names.answers["rebind.example"] = ["127.0.0.1", "127.0.0.2"]
    httpserver.expect_request("/").respond_with_data("first address")

    with client(2) as http:
        answer = http.get(f"http://rebind.example:{httpserver.port}/")

    assert answer.text == "first address"
    assert names.asked.count("rebind.example") == 1
    assert names.answers["rebind.example"] == ["127.0.0.2"]


def test_a_redirect_meets_the_guard_again(
    httpserver: HTTPServer, settings: Settings, names: Names
) -> None:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["front.example"]
    names.answers["front.example"] = ["127.0.0.1"]
    inside = httpserver.url_for("/secret")
    httpserver.expect_request("/").respond_with_data(status=302, headers={"Location": inside})
    httpserver.expect_request("/secret").respond_with_data("inside")

    with client(2) as http, pytest.raises(AddressRefused):
        http.get(f"http://front.example:{httpserver.port}/", follow_redirects=True)

    assert [request.path for request, _ in httpserver.log] == ["/"]


def test_redirects_are_off_by_default(httpserver: HTTPServer, open_loopback: None) -> None:
    httpserver.expect_request("/").respond_with_data(status=302, headers={"Location": "/on"})

    with client(2) as http:
        assert http.get(httpserver.url_for("/")).status_code == 302


def test_a_proxy_in_the_environment_is_not_used(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", httpserver.url_for(""))
    monkeypatch.setenv("HTTP_PROXY", httpserver.url_for(""))

    with client(2) as http, pytest.raises(AddressRefused):
        http.get("http://10.0.0.1/")

    assert not httpserver.log


def test_the_second_address_is_tried_when_the_first_is_dead(
    httpserver: HTTPServer, settings: Settings, names: Names
) -> None:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.0/8"]
    names.answers["two.example"] = ["127.0.0.9 127.0.0.1"]
    httpserver.expect_request("/").respond_with_data("second")

    with client(2) as http:
        assert http.get(f"http://two.example:{httpserver.port}/").text == "second"


def test_an_unknown_name_is_said_so(names: Names) -> None:
    with client(5) as http, pytest.raises(httpx2.ConnectError, match="is not known"):
        http.get("http://nowhere.invalid/")


def test_a_silent_resolver_costs_no_more_than_the_time_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = Event()

    def getaddrinfo(*_: object, **__: object) -> None:
        over.wait(5)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    started = time.monotonic()

    with client(0.2) as http, pytest.raises(httpx2.ConnectTimeout):
        http.get("http://slow.example/")

    assert time.monotonic() - started < 3
    over.set()


def test_the_time_out_covers_an_answer_that_trickles_in(
    raw_server: Callable[..., str], open_loopback: None
) -> None:
    def trickle(connection: object) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")  # type: ignore[attr-defined]
        for _ in range(30):
            connection.sendall(b"x")  # type: ignore[attr-defined]
            time.sleep(0.05)

    started = time.monotonic()

    with client(0.4) as http, pytest.raises(httpx2.ReadTimeout):
        http.get(raw_server(trickle))

    assert 0.3 < time.monotonic() - started < 1.4


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate and key for ledger.example in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ledger.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("ledger.example")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "ledger.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


class TestTLS:
    @pytest.fixture(autouse=True)
    def _installation(
        self, monkeypatch: pytest.MonkeyPatch, settings: Settings, names: Names, certificate: Path
    ) -> object:
        settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1"]
        names.answers |= {"ledger.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]}
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        transport._ssl_context.cache_clear()
        yield
        transport._ssl_context.cache_clear()

    @pytest.fixture
    def asked(self) -> list[str | None]:
        """The server names that clients asked for as TLS began."""
        return []

    @pytest.fixture
    def server(self, certificate: Path, asked: list[str | None]) -> object:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.sni_callback = lambda _socket, name, _context: asked.append(name)
        with HTTPServer(host="127.0.0.1", port=0, ssl_context=context) as server:
            yield server

    def test_certificate_and_host_header_go_by_name_not_by_address(
        self, server: HTTPServer, asked: list[str | None]
    ) -> None:
        server.expect_request("/").respond_with_handler(lambda request: Response(request.host))

        with client(5) as http:
            answer = http.get(f"https://ledger.example:{server.port}/")

        assert answer.text == f"ledger.example:{server.port}"
        assert asked == ["ledger.example"]

    def test_a_certificate_for_another_name_is_refused(self, server: HTTPServer) -> None:
        with client(5) as http, pytest.raises(CertificateRefused, match="other"):
            http.get(f"https://other.example:{server.port}/")

    def test_connecting_alone_makes_no_request(self, server: HTTPServer) -> None:
        url = httpx2.URL(f"https://ledger.example:{server.port}/")

        assert transport.transport(5).connect(url) == "127.0.0.1"
        assert not server.log


def test_a_body_is_sent_whole(httpserver: HTTPServer, open_loopback: None) -> None:
    def size(request: Request) -> Response:
        return Response(str(len(request.get_data())))

    httpserver.expect_request("/").respond_with_handler(size)

    with client(5) as http:
        assert http.post(httpserver.url_for("/"), content=b"x" * 3_000_000).text == "3000000"
