from __future__ import annotations

import base64
from typing import Any

import pytest

from orchestrator.attachments import Attached
from orchestrator.images import is_image
from orchestrator.rasters import Raster
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


DIGEST = "sha256:" + "a" * 64
PHOTO = {"attachment": DIGEST, "name": "photo.png"}
PAPER = {"attachment": DIGEST, "name": "paper.pdf"}
FILES = {
    f"{DIGEST}/photo.png": Attached("photo.png", "/p", 9, "image/png", Raster("image/png", 2, 3)),
    f"{DIGEST}/paper.pdf": Attached("paper.pdf", "/f", 9, "application/pdf"),
}


@pytest.mark.parametrize("wanted", ["image", "file"])
@pytest.mark.parametrize(
    ("value", "names"),
    [(PHOTO, ["photo.png"]), ([PHOTO, PAPER], ["photo.png", "paper.pdf"])],
)
def test_a_file_of_the_case_is_shown_as_one(wanted: str, value: Any, names: list[str]) -> None:
    (shown,) = exhibits([{"path": "/it", "as": wanted}], {"it": value}, lambda: FILES)

    assert (shown.kind, [file.name for file in shown.files]) == (wanted, names)


@pytest.mark.parametrize(
    "value",
    [
        {"attachment": "sha256:" + "b" * 64, "name": "photo.png"},
        {"attachment": DIGEST, "name": "other.png"},
        [PHOTO, "and a text"],
        [],
        {"attachment": 3},
    ],
)
def test_what_is_no_file_of_the_case_is_still_shown(value: Any) -> None:
    (shown,) = exhibits([{"path": "/it", "as": "file"}], {"it": value}, lambda: FILES)

    assert (shown.kind, shown.files) == ("json", [])


def test_files_are_looked_up_only_where_one_is_named() -> None:
    evidence = [{"path": "/it", "as": "file"}, {"path": "/that", "as": "image"}]
    asked = []

    def files() -> dict[str, Attached]:
        asked.append(1)
        return FILES

    exhibits(evidence, {"it": "text", "that": PNG}, files)
    assert asked == []
    exhibits(evidence, {"it": PHOTO, "that": PAPER}, files)
    assert asked == [1]
