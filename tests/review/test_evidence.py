from __future__ import annotations

import base64
from typing import Any

import pytest

from orchestrator.images import is_image
from review.evidence import exhibits

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 40).decode()


def kinds(wanted: str, value: Any) -> list[str]:
    return [one.kind for one in exhibits([{"path": "/it", "as": wanted}], {"it": value})]


@pytest.mark.parametrize("address", ["/demo/digits/42.png", "/a-b/c_d.webp", PNG])
def test_an_image_of_this_site_or_of_the_case_is_shown(address: str) -> None:
    assert is_image(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x.png",
        "//evil.example/x.png",
        "/\\evil.example/x.png",
        "/review/next/",
        "/review/next/?x=.png",
        "/a/../b.png",
        "javascript:alert(1)//.png",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data:image/png;base64,PHN2Zy8+PHN2Zy8+PHN2Zy8+PHN2Zy8+",
        "data:image/png;base64,====",
        "/x.png\n",
    ],
)
def test_nothing_is_fetched_because_a_text_says_so(address: str) -> None:
    assert kinds("image", address) == ["text"]


def test_a_chat_is_a_list_of_messages() -> None:
    assert kinds("chat", [{"role": "user", "content": "Hi"}]) == ["chat"]


@pytest.mark.parametrize("value", [[{"content": 3}], ["Hi"], {"content": "Hi"}])
def test_what_is_no_chat_is_still_shown(value: Any) -> None:
    assert kinds("chat", value) == ["json"]


@pytest.mark.parametrize("data", [{}, {"it": None}, [], "text"])
def test_what_is_not_there_is_said_to_be_missing(data: Any) -> None:
    shown = exhibits([{"path": "/it", "as": "text", "label": "Message"}], data)

    assert [(one.kind, one.label) for one in shown] == [("missing", "Message")]


def test_the_label_falls_back_to_the_last_part_of_the_path() -> None:
    shown = exhibits([{"path": "/a/b"}, {"path": ""}], {"a": {"b": 1}})

    assert [one.label for one in shown] == ["b", "Case"]
