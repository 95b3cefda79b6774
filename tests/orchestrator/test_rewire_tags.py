"""What the pages make of text, numbers and states from outside."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from orchestrator import indented
from orchestrator.templatetags import people, rewire


def test_markup_in_a_text_is_shown_as_text() -> None:
    assert rewire.visible('<img src="//evil.example/x">') == (
        "&lt;img src=&quot;//evil.example/x&quot;&gt;"
    )


def test_hidden_characters_are_written_out_between_escaped_text() -> None:
    shown = rewire.visible("<b>a\u202eb")

    assert shown == ('&lt;b&gt;a<span class="hidden-char" title="Hidden character">U+202E</span>b')


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_an_unknown_confidence_is_never_a_number(value: float | None) -> None:
    assert "unknown" in rewire.confidence(value)


def test_a_low_confidence_says_so_in_words() -> None:
    assert "Low confidence </span>0.41" in rewire.confidence(0.41, low=True)


@pytest.mark.parametrize(
    ("pointer", "text"),
    [
        ("", "whole output"),
        ("/items/0/unit_price", "items › 1 › unit price"),
        ("/a~1b/\u00b2", "a/b › \u00b2"),
        ("/" + "9" * 5000, "9" * 5000),
    ],
)
def test_a_pointer_reads_as_a_place(pointer: str, text: str) -> None:
    assert rewire.place(pointer) == text


def test_an_unknown_state_is_still_a_word() -> None:
    assert "Sent back" in rewire.pill("sent_back")


def test_json_becomes_indented_lines_in_order() -> None:
    lines = indented.json_lines({"b": [{"c": None}], "a": 1.5, "e": {}, "is": False})

    assert [(line.depth, line.key, line.kind, line.text) for line in lines] == [
        (0, "b", "empty", ""),
        (1, "1", "empty", ""),
        (2, "c", "null", "none"),
        (0, "a", "number", "1.5"),
        (0, "e", "empty", "empty"),
        (0, "is", "boolean", "no"),
    ]


def test_like_objects_become_a_table() -> None:
    (line,) = indented.json_lines({"items": [{"sku": "A", "qty": 1}, {"sku": "B"}]})

    assert (line.key, line.kind, line.columns) == ("items", "table", ("sku", "qty"))
    assert line.cells == (("A", "1"), ("B", ""))


def test_a_long_document_is_cut() -> None:
    lines = indented.json_lines(list(range(10_000)))

    assert len(lines) == indented.MAX_LINES + 1
    assert lines[-1].text == "…"


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (timedelta(seconds=-9), "9 s"),
        (timedelta(minutes=-61), "1 h"),
        (timedelta(days=-3), "3 d"),
        (timedelta(minutes=5, seconds=5), "5 min"),
    ],
)
def test_an_age_has_one_unit(delta: timedelta, text: str) -> None:
    assert f">{text}</time>" in rewire.age(timezone.now() + delta)


@pytest.mark.parametrize(
    ("user", "letters"),
    [
        (User(username="bea", first_name="Bea"), "Be"),
        (User(username="bs", first_name="Bea", last_name="Stone"), "BS"),
        (User(username="o.neil", last_name="O'Neil"), "on"),
        (User(username="x", first_name="\u202e<i>", last_name="\u200d"), "i"),
        (User(username="--"), ""),
    ],
)
def test_a_picture_of_somebody_has_two_letters_of_the_name(user: User, letters: str) -> None:
    user.pk = 1

    assert people.avatar(user).endswith(f">{letters}</span>")


def test_people_who_begin_alike_tell_apart_by_their_tint() -> None:
    bea, ben = User(pk=7, first_name="Bea"), User(pk=8, first_name="Ben")

    assert people.avatar(bea) != people.avatar(ben)
