"""The http kind against real servers: what is sent, what comes back, what a failure means."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from integrations.calls import Missing
from integrations.connectors.http import Http
from integrations.connectors.http.connector import _extended, _filled
from orchestrator.connectors import CallError, PermanentError, Result, TransientError
from tests.integrations.conftest import Names, a_call

pytestmark = pytest.mark.usefixtures("open_loopback")


def call(
    url: str,
    *,
    secret: str = "",
    given: Any = None,
    seconds: float = 5.0,
    attempt: int = 1,
    **more: Any,
) -> Result:
    step = more.pop("step", {})
    connector = Http({"url": url} | more, secret)
    return connector.call(a_call(given, timeout=seconds, attempt=attempt, **step))


def failure(*args: Any, **named: Any) -> CallError:
    with pytest.raises(CallError) as caught:
        call(*args, **named)
    return caught.value


def only_request(server: HTTPServer) -> Request:
    ((request, _),) = server.log
    return request


class TestWhatIsSent:
    def test_the_input_goes_out_as_json_with_the_key_of_the_task(
        self, httpserver: HTTPServer
    ) -> None:
        httpserver.expect_request("/v1/refunds").respond_with_json({"id": 7})

        result = call(
            httpserver.url_for("/v1"), given={"städte": ["Köln"]}, step={"path": "/refunds"}
        )

        request = only_request(httpserver)
        assert result.output == {"id": 7}
        assert request.method == "POST"
        assert request.headers["Idempotency-Key"] == "task-41"
        assert request.headers["Content-Type"] == "application/json"
        assert json.loads(request.get_data()) == {"städte": ["Köln"]}

    @pytest.mark.parametrize(
        ("given", "body"),
        [
            ({"text": "Hi"}, {"text": "Hi", "brief": {"sent_back": {}}}),
            ({"brief": 1}, {"brief": 1}),
            (["Hi"], ["Hi"]),
        ],
    )
    def test_a_brief_goes_along_in_a_body_that_has_place_for_it(
        self, httpserver: HTTPServer, given: Any, body: Any
    ) -> None:
        httpserver.expect_request("/").respond_with_json({})

        Http({"url": httpserver.url_for("/")}, "").call(a_call(given, brief={"sent_back": {}}))

        assert json.loads(only_request(httpserver).get_data()) == body

    def test_a_step_chooses_method_path_and_part_of_the_input(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/orders/A 7%2F1/lines").respond_with_json({})
        httpserver.expect_request("/orders/A 7/1/lines").respond_with_json({})

        call(
            httpserver.url_for(""),
            given={"order": "A 7/1", "change": {"amount": 5}},
            step={"method": "PATCH", "path": "/orders/{/order}/lines", "body": "/change"},
        )

        request = only_request(httpserver)
        assert request.method == "PATCH"
        assert request.environ["REQUEST_URI"] == "/orders/A%207%2F1/lines"
        assert json.loads(request.get_data()) == {"amount": 5}

    def test_a_get_sends_no_body_and_keeps_both_queries(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/api/orders").respond_with_json([])

        call(httpserver.url_for("/api?v=2"), step={"method": "GET", "path": "/orders?open=1"})

        request = only_request(httpserver)
        assert request.query_string == b"v=2&open=1"
        assert request.get_data() == b""
        assert request.headers["Idempotency-Key"] == "task-41"

    def test_the_connection_names_method_and_headers(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/").respond_with_json({})

        call(httpserver.url_for("/"), method="PUT", headers={"X-Tenant": "north"})

        assert only_request(httpserver).method == "PUT"
        assert only_request(httpserver).headers["X-Tenant"] == "north"

    @pytest.mark.parametrize(
        ("secret", "header", "name", "value"),
        [
            ("s3cret", "", "Authorization", "Bearer s3cret"),
            ("Basic dTpw", "", "Authorization", "Basic dTpw"),
            ("s3cret", "X-Api-Key", "X-Api-Key", "s3cret"),
        ],
    )
    def test_the_secret_goes_into_its_header(
        self, httpserver: HTTPServer, secret: str, header: str, name: str, value: str
    ) -> None:
        httpserver.expect_request("/").respond_with_json({})
        settings: dict[str, Any] = {"secret_header": header} if header else {}

        call(httpserver.url_for("/"), secret=secret, **settings)

        assert only_request(httpserver).headers[name] == value

    def test_without_a_secret_no_credentials_are_sent(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/").respond_with_json({})

        call(httpserver.url_for("/"))

        assert "Authorization" not in only_request(httpserver).headers


class TestWhatIsNotSent:
    """Each of these is refused before any connection opens."""

    @pytest.mark.parametrize(
        "path",
        [
            "//evil.example/x",
            "https://evil.example/x",
            "@evil.example/x",
            ":9/x",
            "x",
            "/a/../b",
            "/a/%2e%2e/b",
            "/a/..%2fb",
            "/a\\b",
            "/a b",
            "/a#b",
            "/a\r\nHost: x",
            "/ä",
        ],
    )
    def test_a_path_cannot_leave_the_address(self, httpserver: HTTPServer, path: str) -> None:
        error = failure(httpserver.url_for("/v1"), step={"path": path})

        assert isinstance(error, PermanentError)
        assert "path" in str(error)
        assert not httpserver.log

    @pytest.mark.parametrize("order", ["", "..", ".", None, True, 1.5, {"a": 1}, ["x"]])
    def test_a_value_that_makes_no_path_is_refused(
        self, httpserver: HTTPServer, order: Any
    ) -> None:
        error = failure(
            httpserver.url_for("/"), given={"order": order}, step={"path": "/o/{/order}"}
        )

        assert isinstance(error, PermanentError)
        assert not httpserver.log

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://ledger.example",
            "ledger.example",
            "https://",
            "https://user:pass@ledger.example",
            "https://ledger.example/#top",
            "https://ledger.example:99999",
            "https://ledger.example:0",
            "https://0177.0.0.1",
            "https://led ger.example\x00",
        ],
    )
    def test_an_unusual_address_is_refused(self, url: str) -> None:
        assert isinstance(failure(url), PermanentError)

    def test_a_secret_does_not_travel_unencrypted(self, names: Names) -> None:
        names.answers["ledger.example"] = ["93.184.216.34"]

        error = failure("http://ledger.example", secret="s3cret")

        assert isinstance(error, PermanentError)
        assert "unencrypted" in str(error)
        assert names.asked == []

    @pytest.mark.parametrize("secret", ["s3cret\r\nX: y", "s3cret\n", "s3crét"])
    def test_a_secret_that_is_no_header_is_refused_and_not_repeated(
        self, httpserver: HTTPServer, secret: str
    ) -> None:
        error = failure(httpserver.url_for("/"), secret=secret)

        assert isinstance(error, PermanentError)
        assert "s3cr" not in str(error)
        assert not httpserver.log

    @pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding"])
    def test_headers_of_the_exchange_itself_cannot_be_set(
        self, httpserver: HTTPServer, name: str
    ) -> None:
        assert name.lower() in str(failure(httpserver.url_for("/"), headers={name: "x"}))

    def test_the_key_cannot_be_replaced(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/").respond_with_json({})

        call(httpserver.url_for("/"), headers={"idempotency-key": "other"})

        assert only_request(httpserver).headers.getlist("Idempotency-Key") == ["task-41"]

    def test_an_unknown_method_is_refused(self, httpserver: HTTPServer) -> None:
        assert "TRACE" in str(failure(httpserver.url_for("/"), step={"method": "TRACE"}))

    @pytest.mark.parametrize("pointer", ["/gone", "gone"])
    def test_a_missing_part_of_the_input_is_named(
        self, httpserver: HTTPServer, pointer: str
    ) -> None:
        assert pointer in str(failure(httpserver.url_for("/"), step={"body": pointer}))
        assert not httpserver.log

    @pytest.mark.parametrize("host", ["10.0.0.1", "[::1]", "2130706433", "0x7f.1"])
    def test_an_address_inside_is_refused_for_good(self, settings: Settings, host: str) -> None:
        settings.REWIRE_HTTP_ALLOWED_HOSTS = []

        error = failure(f"http://{host}/")

        assert isinstance(error, PermanentError)
        assert "has the address" in str(error)

    @given(
        st.sampled_from(["https://api.example", "https://api.example:8443/v1?key=1"]),
        st.text(max_size=30),
    )
    def test_no_path_changes_scheme_host_or_port(self, address: str, path: str) -> None:
        url = httpx2.URL(address)
        try:
            extended = _extended(url, path)
        except (PermanentError, httpx2.InvalidURL):
            return
        assert (extended.scheme, extended.host, extended.port) == (url.scheme, url.host, url.port)

    @given(st.text(min_size=1))
    def test_a_filled_value_stays_one_part_of_the_path(self, text: str) -> None:
        assert _filled("/orders/{/id}/lines", a_call({"id": text})).count("/") == 3


class TestWhatComesBack:
    def test_pointers_pick_output_confidence_and_model(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/").respond_with_json(
            {
                "result": {"amount": 5, "order": "A7"},
                "scores": {"all": 0.9, "fields": {"amount": 0.8, "/order": 0.95, "x": 7}},
                "model": "reader-2",
            }
        )

        result = call(
            httpserver.url_for("/"),
            output="/result",
            confidence="/scores/all",
            field_confidence="/scores/fields",
            model="/model",
        )

        assert result.output == {"amount": 5, "order": "A7"}
        assert result.confidence == 0.9
        assert result.field_confidence == {"/amount": 0.8, "/order": 0.95}
        assert result.model == "reader-2"

    @pytest.mark.parametrize("confidence", ["0.9", None, True, 1.0001, -0.1, 90, [0.9], {}])
    def test_a_confidence_that_is_no_number_from_0_to_1_is_unknown(
        self, httpserver: HTTPServer, confidence: Any
    ) -> None:
        httpserver.expect_request("/").respond_with_json({"confidence": confidence})

        assert call(httpserver.url_for("/"), confidence="/confidence").confidence is None

    def test_missing_confidence_and_model_are_unknown(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/").respond_with_json({"a": 1})

        result = call(httpserver.url_for("/"), confidence="/c", field_confidence="/f", model="/m")

        assert (result.confidence, result.field_confidence, result.model) == (None, {}, "")

    def test_confidences_that_are_no_object_are_unknown(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/").respond_with_json({"fields": [0.9]})

        result = call(httpserver.url_for("/"), field_confidence="/fields")

        assert result.field_confidence == {}

    def test_a_missing_output_is_said_so_and_may_have_happened(
        self, httpserver: HTTPServer
    ) -> None:
        httpserver.expect_request("/").respond_with_json({"a": 1})

        error = failure(httpserver.url_for("/"), output="/result")

        assert isinstance(error, PermanentError)
        assert "/result" in str(error)
        assert error.may_have_happened

    def test_an_empty_answer_is_null(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/").respond_with_data(status=204)

        assert call(httpserver.url_for("/")).output is None

    def test_a_compressed_answer_is_refused(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/").respond_with_data(
            gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"}
        )

        error = failure(httpserver.url_for("/"))

        assert isinstance(error, PermanentError)
        assert "compressed" in str(error)
        assert only_request(httpserver).headers["Accept-Encoding"] == "identity"

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>",
            b"{",
            b'{"a": NaN}',
            b'{"a": 1e400}',
            b'{"a":1,"a":2}',
            b"\xff",
            b'"\\u0000"',
            b"[" * 100_000,
        ],
    )
    def test_an_answer_that_is_no_strict_json_is_refused(
        self, httpserver: HTTPServer, body: bytes
    ) -> None:
        httpserver.expect_request("/").respond_with_data(body)

        error = failure(httpserver.url_for("/"))

        assert isinstance(error, PermanentError)
        assert "cannot be read" in str(error)
        assert error.may_have_happened

    def test_a_huge_answer_is_cut_off(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/").respond_with_data(b'"' + b"x" * (50 << 20) + b'"')

        error = failure(httpserver.url_for("/"))

        assert isinstance(error, PermanentError)
        assert "larger than 1 MiB" in str(error)
        assert error.may_have_happened

    @pytest.mark.parametrize("place", ["output", "confidence", "field_confidence", "model"])
    def test_a_malformed_place_is_refused_before_the_call(
        self, httpserver: HTTPServer, place: str
    ) -> None:
        assert place in str(failure(httpserver.url_for("/"), **{place: "result"}))
        assert not httpserver.log


class TestWhatAFailureMeans:
    @pytest.mark.parametrize(
        ("status", "kind", "happened"),
        [
            (400, PermanentError, False),
            (401, PermanentError, False),
            (404, Missing, False),
            (408, TransientError, False),
            (409, PermanentError, False),
            (422, PermanentError, False),
            (425, TransientError, False),
            (429, TransientError, False),
            (500, TransientError, True),
            (501, PermanentError, False),
            (502, TransientError, True),
            (503, TransientError, True),
            (504, TransientError, True),
            (303, PermanentError, True),
            (307, PermanentError, False),
        ],
    )
    def test_each_status(
        self, httpserver: HTTPServer, status: int, kind: type[CallError], happened: bool
    ) -> None:
        httpserver.expect_request("/").respond_with_data(status=status, headers={"Location": "/on"})

        error = failure(httpserver.url_for("/"))

        assert type(error) is kind
        assert error.may_have_happened is happened
        assert str(error).startswith(f"127.0.0.1 answered {status}.")

    def test_a_failed_get_changed_nothing(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/").respond_with_data(status=500)

        assert not failure(httpserver.url_for("/"), method="GET").may_have_happened

    def test_a_conflict_after_an_earlier_try_is_that_try_still_running(
        self, httpserver: HTTPServer
    ) -> None:
        httpserver.expect_request("/").respond_with_data(status=409)

        error = failure(httpserver.url_for("/"), attempt=2)

        assert isinstance(error, TransientError)
        assert error.may_have_happened

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("7", 7.0),
            ("0", 0.0),
            ("999999999", 86_400.0),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
            ("Wed, 21 Oct 2015 07:28:00 -0000", 0.0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
            ("-5", None),
            ("1e9", None),
            ("soon", None),
            ("٣", None),
        ],
    )
    def test_retry_after_is_passed_on(
        self, httpserver: HTTPServer, value: str, seconds: float | None
    ) -> None:
        header = {"Retry-After": value.encode().decode("latin-1")}
        httpserver.expect_request("/").respond_with_data(status=429, headers=header)

        assert failure(httpserver.url_for("/")).retry_after == seconds

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({"detail": "Amount is negative."}, ": Amount is negative."),
            ({"title": "Bad", "detail": "Worse"}, ": Worse."),
            ({"error": {"message": "No such\n order"}}, ": No such order."),
            ({"message": "x" * 900}, f": {'x' * 200}…"),
            ({"error": "Token s3cret is old"}, ": Token [secret] is old."),
            ({"error": "\u202eabc"}, ": [U+202E]abc."),
            ({"detail": "x" * 500_000}, "."),
            ({"code": 7}, "."),
            ([1], "."),
        ],
    )
    def test_the_reason_of_a_refusal_is_shown_short_and_without_the_secret(
        self, httpserver: HTTPServer, body: Any, said: str
    ) -> None:
        httpserver.expect_request("/").respond_with_json(body, status=422)

        assert (
            str(failure(httpserver.url_for("/"), secret="s3cret"))
            == f"127.0.0.1 answered 422{said}"
        )

    def test_a_reason_needs_no_secret(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/").respond_with_json("Closed.", status=403)

        assert str(failure(httpserver.url_for("/"))) == "127.0.0.1 answered 403: Closed."

    def test_a_refused_connection_did_not_happen(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]

        error = failure(f"http://127.0.0.1:{port}")

        assert isinstance(error, TransientError)
        assert not error.may_have_happened
        assert str(error) == "127.0.0.1 cannot be reached: Connection refused."

    def test_a_call_without_any_time_did_not_happen(self, httpserver: HTTPServer) -> None:
        error = failure(httpserver.url_for("/"), seconds=0)

        assert isinstance(error, TransientError)
        assert not error.may_have_happened
        assert not httpserver.log

    def test_a_server_without_tls_did_not_act(self, httpserver: HTTPServer) -> None:
        error = failure(f"https://127.0.0.1:{httpserver.port}", seconds=2)

        assert isinstance(error, TransientError)
        assert not error.may_have_happened

    def test_an_unknown_name_did_not_happen(self) -> None:
        error = failure("https://nowhere.invalid")

        assert isinstance(error, TransientError)
        assert not error.may_have_happened

    def test_a_silent_connect_did_not_happen(self, settings: Settings) -> None:
        # A full backlog: the system accepts no more connections and says nothing.
        with socket.socket() as full, socket.socket() as first, socket.socket() as second:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for waiting in (first, second):
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())

            error = failure(f"http://127.0.0.1:{full.getsockname()[1]}", seconds=0.3)

        assert isinstance(error, TransientError)
        assert not error.may_have_happened
        assert "within 0.3 s" in str(error)

    @pytest.mark.parametrize("limit", [{}, {"timeout": 0.2}])
    def test_a_hanging_answer_may_have_happened(
        self, httpserver: HTTPServer, limit: dict[str, Any]
    ) -> None:
        over = Event()

        def hang(_: Request) -> Response:
            over.wait(10)
            return Response("{}")

        httpserver.expect_request("/").respond_with_handler(hang)
        started = time.monotonic()

        error = failure(httpserver.url_for("/"), seconds=5 if limit else 0.2, **limit)

        assert isinstance(error, TransientError)
        assert error.may_have_happened
        assert time.monotonic() - started < 3
        over.set()
        # The late request is logged here, not in the log of the next test.
        while not httpserver.log:
            time.sleep(0.01)

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"HTTP/1.1 200",
            b"SSH-2.0-OpenSSH\r\n\r\n",
            b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"a":',
            b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
        ],
    )
    def test_an_answer_cut_off_may_have_happened(
        self, raw_server: Callable[..., str], answer: bytes
    ) -> None:
        error = failure(raw_server(lambda connection: connection.sendall(answer)))

        assert isinstance(error, TransientError)
        assert error.may_have_happened

    def test_a_reset_connection_may_have_happened(self, raw_server: Callable[..., str]) -> None:
        def reset(connection: socket.socket) -> None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        error = failure(raw_server(reset))

        assert isinstance(error, TransientError)
        assert error.may_have_happened

    def test_the_status_counts_when_its_body_never_arrives(
        self, raw_server: Callable[..., str]
    ) -> None:
        head = b"HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\n"

        error = failure(raw_server(lambda connection: connection.sendall(head)))

        assert isinstance(error, PermanentError)
        assert str(error) == "127.0.0.1 answered 404."

    @pytest.mark.parametrize("location", ["/on", "http://127.0.0.1:1/", "http://[", "\x80", "//"])
    def test_a_redirect_is_not_followed(
        self, raw_server: Callable[..., str], location: str
    ) -> None:
        head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"

        error = failure(raw_server(lambda connection: connection.sendall(head.encode("latin-1"))))

        assert isinstance(error, CallError)
        assert error.may_have_happened


class TestTheTestButton:
    def test_it_only_connects(self, httpserver: HTTPServer) -> None:
        report = Http({"url": httpserver.url_for("/v1")}, "").check()

        assert report.ok
        assert report.findings[0] == "127.0.0.1 was reached at 127.0.0.1."
        assert not httpserver.log

    def test_it_gets_the_path_of_the_test_with_the_secret(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/v1/health").respond_with_data("fine")

        report = Http({"url": httpserver.url_for("/v1"), "check_path": "/health"}, "s3cret").check()

        assert report.ok
        assert report.findings[1] == "GET /v1/health answered well."
        assert only_request(httpserver).headers["Authorization"] == "Bearer s3cret"

    def test_a_refused_secret_is_a_finding(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/health").respond_with_data(status=401)

        report = Http({"url": httpserver.url_for("/"), "check_path": "/health"}, "old").check()

        assert not report.ok
        assert report.findings[-1] == "127.0.0.1 answered 401."

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("http://10.0.0.1", "which is private"),
            ("https://nowhere.invalid", "is not known"),
            ("ftp://ledger.example", "starts with https://"),
        ],
    )
    def test_what_is_wrong_is_a_sentence(self, url: str, said: str) -> None:
        report = Http({"url": url}, "").check()

        assert not report.ok
        assert said in report.findings[0]
        assert report.findings[0].endswith(".")
