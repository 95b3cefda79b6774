from __future__ import annotations

import math
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_django import Settings

from integrations.connectors.python import Python
from orchestrator.connectors import CallError, PermanentError, Picture, Result, TransientError
from tests.integrations.conftest import a_call


class UnreadableError(Exception):
    pass


def echo(given: Any) -> Any:
    return {"seen": given}


def briefed(given: Any, brief: Any = None) -> Any:
    return {"seen": given, "told": brief}


def looking(given: Any, picture: Any) -> Any:
    return {"bytes": len(picture(given).content)}


def sure(_: Any) -> Result:
    return Result({"amount": 5}, confidence=np.float32(0.5), model="m" * 500)  # type: ignore[arg-type]


def nan(_: Any) -> Result:
    return Result({}, confidence=math.nan, field_confidence={"/a": math.inf, "/b": True})


def sloppy(_: Any) -> Result:
    return Result({}, model=None, cost_micros=1.5, latency_ms=-3)  # type: ignore[arg-type]


def fails(given: Any) -> Any:
    raise UnreadableError(f"no amount in {given['message'][:6]}")


def chats(_: Any) -> Any:
    raise ValueError("x" * 10_000)


def leaves(_: Any) -> Any:
    sys.exit(3)


def nothing_to_take() -> None: ...


def not_json(_: Any) -> Any:
    return {"amount": Decimal(5)}


def not_a_number(_: Any) -> Any:
    return [math.nan]


def endless(_: Any) -> Any:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def half_a_pair(_: Any) -> Any:
    return "\ud800"


def waits(_: Any) -> Any:
    raise TransientError("The model is loading.", retry_after=2, may_have_happened=True)


LIMIT = 7


@pytest.fixture(autouse=True)
def _here_is_allowed(settings: Settings) -> None:
    settings.REWIRE_PYTHON_CALLABLES = [__name__]


def python(name: str) -> Python:
    return Python({"callable": f"{__name__}.{name}"}, "")


def failure(connector: Python) -> CallError:
    with pytest.raises(CallError) as caught:
        connector.call(a_call())
    return caught.value


def test_plain_json_has_no_confidence() -> None:
    result = python("echo").call(a_call({"a": 1}))

    assert result.output == {"seen": {"a": 1}}
    assert result.confidence is None


def test_who_takes_a_brief_gets_it() -> None:
    told = {"sent_back": {"instructions": "Read the date too."}}

    result = python("briefed").call(a_call({"a": 1}, brief=told))

    assert result.output == {"seen": {"a": 1}, "told": told}
    assert python("echo").call(a_call({"a": 1}, brief=told)).output == {"seen": {"a": 1}}


def test_who_takes_a_picture_opens_what_the_input_refers_to() -> None:
    call = replace(a_call("photo"), picture={"photo": Picture("image/png", b"12345")}.get)

    assert python("looking").call(call).output == {"bytes": 5}


def test_a_result_is_made_storable() -> None:
    result = python("sure").call(a_call())

    assert type(result.confidence) is float
    assert result.confidence == 0.5
    assert len(result.model) == 200


def test_impossible_confidences_are_unknown() -> None:
    result = python("nan").call(a_call())

    assert result.confidence is None
    assert result.field_confidence == {}


def test_what_is_no_name_or_count_is_left_out() -> None:
    result = python("sloppy").call(a_call())

    assert (result.model, result.cost_micros) == ("", None)
    assert result.latency_ms is not None
    assert result.latency_ms >= 0


def test_an_exception_gives_its_name_and_message_and_no_traceback() -> None:
    error = failure(python("fails"))

    assert isinstance(error, PermanentError)
    assert str(error) == "UnreadableError: no amount in Please"
    assert error.may_have_happened
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_a_long_message_is_cut() -> None:
    assert len(str(failure(python("chats")))) == 500


def test_a_function_that_exits_leaves_the_worker_alone() -> None:
    assert str(failure(python("leaves"))) == "SystemExit: 3"


def test_a_connector_error_passes_through() -> None:
    error = failure(python("waits"))

    assert isinstance(error, TransientError)
    assert error.retry_after == 2
    assert error.may_have_happened


@pytest.mark.parametrize("name", ["not_json", "not_a_number", "endless", "half_a_pair"])
def test_an_output_that_is_no_json_is_refused(name: str) -> None:
    error = failure(python(name))

    assert isinstance(error, PermanentError)
    assert "not JSON" in str(error)


@pytest.mark.parametrize(
    "path",
    ["os.system", "subprocess.run", "builtins.eval", "{here}ing.echo", "tests", "", ".", "{here}"],
)
def test_only_listed_places_are_called(path: str) -> None:
    connector = Python({"callable": path.format(here=__name__)}, "")

    error = failure(connector)

    assert isinstance(error, PermanentError)
    assert not error.may_have_happened
    assert not connector.check().ok


@pytest.mark.parametrize("place", [__name__, f"{__name__}.", f"{__name__}.echo", "tests."])
def test_a_place_is_a_package_a_module_or_a_function(settings: Settings, place: str) -> None:
    settings.REWIRE_PYTHON_CALLABLES = [place]

    assert python("echo").check().ok


def test_with_an_empty_list_nothing_is_called(settings: Settings) -> None:
    settings.REWIRE_PYTHON_CALLABLES = []

    assert "does not allow" in str(failure(python("echo")))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone", "cannot be imported"),
        ("LIMIT", "is not a function"),
        ("nothing_to_take", "does not take one argument"),
    ],
)
def test_the_test_button_says_what_is_wrong(name: str, said: str) -> None:
    report = python(name).check()

    assert not report.ok
    assert said in report.findings[0]


def test_a_module_that_fails_to_import_is_a_finding(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop_agent.py").write_text("raise RuntimeError('no model file')\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings.REWIRE_PYTHON_CALLABLES = ["shop_agent"]

    report = Python({"callable": "shop_agent.read"}, "").check()

    assert report.findings == ("shop_agent.read cannot be imported. RuntimeError: no model file.",)
