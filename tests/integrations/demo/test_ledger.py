from __future__ import annotations

import http.client
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from subprocess import run
from typing import Any
from urllib.parse import urlsplit

import pytest

from integrations.demo import ledger

REFUND = {"amount": 49.9, "currency": "EUR", "orders": [{"order_id": "KF-204817", "amount": 49.9}]}


def ask(
    url: str, method: str, path: str, body: object = None, key: str | None = None
) -> tuple[int, Any]:
    """One exchange on a connection of its own: status and JSON."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Idempotency-Key": key} if key is not None else {}
    connection.request(method, path, content if body is not None else None, headers)
    answer = connection.getresponse()
    result = json.loads(answer.read())
    connection.close()
    return answer.status, result


def test_the_same_key_and_body_are_written_once_and_answered_the_same(ledger_url: str) -> None:
    first = ask(ledger_url, "POST", "/refunds", REFUND, "case:pay::1")
    second = ask(ledger_url, "POST", "/refunds", REFUND, "case:pay::1")

    assert first == second
    assert first[0] == 201
    assert ask(ledger_url, "GET", "/refunds")[1] == {"items": [first[1]], "count": 1}
    assert ask(ledger_url, "GET", "/refunds/case%3Apay%3A%3A1") == (200, first[1])


def test_the_same_key_with_another_body_is_refused(ledger_url: str) -> None:
    ask(ledger_url, "POST", "/refunds", REFUND, "k")

    status, answer = ask(ledger_url, "POST", "/refunds", REFUND | {"amount": 50}, "k")

    assert (status, "another body" in answer["error"]) == (422, True)
    assert ask(ledger_url, "GET", "/refunds")[1]["count"] == 1


def test_twenty_writes_at_once_with_one_key_are_one_refund(ledger_url: str) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda _: ask(ledger_url, "POST", "/refunds", REFUND, "same"), range(20))
        )

    assert [status for status, _ in answers] == [201] * 20
    assert len({json.dumps(answer) for _, answer in answers}) == 1
    assert ask(ledger_url, "GET", "/refunds")[1]["count"] == 1


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [
        (REFUND, None, 400),
        (REFUND, "x" * 256, 400),
        (b"{", "k", 400),
        (b"[" * 5000, "k", 400),
        (b"[]", "k", 422),
        (REFUND | {"amount": 0}, "k", 422),
        (REFUND | {"amount": "49.90"}, "k", 422),
        (REFUND | {"amount": True}, "k", 422),
        (REFUND | {"amount": 1.005}, "k", 422),
        (json.dumps(REFUND).replace("49.9", "NaN").encode(), "k", 422),
        (json.dumps(REFUND).replace("49.9", "1e999999").encode(), "k", 422),
        (REFUND | {"currency": "euro"}, "k", 422),
        (REFUND | {"orders": []}, "k", 422),
        (b" " * (ledger.LARGEST_BODY + 1), "k", 413),
    ],
)
def test_what_is_no_refund_is_refused_and_nothing_is_written(
    ledger_url: str, body: Any, key: str | None, status: int
) -> None:
    assert ask(ledger_url, "POST", "/refunds", body, key)[0] == status
    assert ask(ledger_url, "GET", "/refunds")[1]["count"] == 0


def test_it_answers_health_and_knows_no_other_page(ledger_url: str) -> None:
    assert ask(ledger_url, "GET", "/healthz") == (200, {"status": "ok"})
    assert ask(ledger_url, "GET", "/refunds/unknown")[0] == 404
    assert ask(ledger_url, "GET", "/refunds?limit=0")[0] == 400
    assert ask(ledger_url, "POST", "/elsewhere", REFUND, "k")[0] == 404


def test_the_program_needs_nothing_but_python() -> None:
    done = run(
        [sys.executable, "-I", "-S", ledger.__file__, "--help"], capture_output=True, check=False
    )

    assert done.returncode == 0
    assert b"--port" in done.stdout
