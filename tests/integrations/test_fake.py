from __future__ import annotations

import time
from typing import Any

import pytest

from integrations.connectors.fake import Fake
from orchestrator.connectors import CallError, PermanentError, TransientError
from tests.integrations.conftest import a_call


def failure(settings: dict[str, Any], **call: Any) -> CallError:
    with pytest.raises(CallError) as caught:
        Fake(settings, "").call(a_call(**call))
    return caught.value


def test_without_a_script_it_answers_its_input() -> None:
    assert Fake({}, "").call(a_call({"a": [1]})).output == {"a": [1]}


def test_it_fails_as_often_as_told_and_then_answers() -> None:
    settings = {"fail_first": 2, "output": "done"}

    for attempt in (1, 2):
        assert isinstance(failure(settings, attempt=attempt), TransientError)

    assert Fake(settings, "").call(a_call(attempt=3)).output == "done"


@pytest.mark.parametrize(
    ("error", "kind", "happened"),
    [
        ("refused", TransientError, False),
        ("throttled", TransientError, False),
        ("broken", TransientError, True),
        ("rejected", PermanentError, False),
        ("unreadable", PermanentError, True),
    ],
)
def test_each_kind_of_failure(error: str, kind: type[CallError], happened: bool) -> None:
    failed = failure({"fail_first": 1, "error": error})

    assert type(failed) is kind
    assert failed.may_have_happened is happened


def test_it_takes_its_time() -> None:
    result = Fake({"delay": 0.1}, "").call(a_call())

    assert result.latency_ms is not None
    assert result.latency_ms >= 100


def test_a_delay_beyond_the_time_out_is_a_time_out() -> None:
    started = time.monotonic()

    failed = failure({"delay": 60}, timeout=0.1)

    assert isinstance(failed, TransientError)
    assert failed.may_have_happened
    assert time.monotonic() - started < 10


def test_the_test_button_tells_the_script() -> None:
    report = Fake({"fail_first": 2, "error": "rejected"}, "").check()

    assert report.ok
    assert report.findings[1] == "The first tries of each task fail: 2. The double said no."
