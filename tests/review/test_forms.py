from __future__ import annotations

from typing import Any

import pytest

from orchestrator.schema import add_row, parse, remove_row
from review.forms import Form, Row, form_of, reasons_in

ITEM = {
    "type": "object",
    "required": ["sku", "amount"],
    "properties": {"sku": {"type": "string"}, "amount": {"type": "number"}},
}
REFUND = {
    "type": "object",
    "required": ["order_id", "amount", "items"],
    "properties": {
        "order_id": {"type": "string"},
        "urgent": {"type": "boolean"},
        "items": {"type": "array", "items": ITEM},
        "amount": {"type": "number"},
        "note": {"type": "string", "format": "text"},
    },
}
OUTPUT = {
    "order_id": "R-1",
    "urgent": True,
    "items": [{"sku": "MUG", "amount": 9.5}, {"sku": "POT", "amount": 42.9}],
    "amount": 52.4,
}


def draw(posted: dict[str, str] | None = None, **confidence: float) -> Form:
    return form_of(
        REFUND,
        OUTPUT,
        confidence={f"/{key.replace('__', '/')}": value for key, value in confidence.items()},
        posted=posted,
    )


def posted_by(form: Form) -> dict[str, str]:
    """What a browser sends for an untouched form."""
    sent: dict[str, str] = {}

    def walk(rows: tuple[Row, ...]) -> None:
        for row in rows:
            sent.update(row.field.hidden)
            if row.field.kind not in {"object", "array"} and not _unchecked(row):
                sent[row.field.name] = row.field.text
            walk(row.children)

    walk(form.rows)
    return sent


def _unchecked(row: Row) -> bool:
    return row.field.kind == "boolean" and not row.field.choices and row.field.text != "true"


def names(rows: tuple[Row, ...]) -> list[str]:
    return [row.field.path for row in rows]


def find(rows: tuple[Row, ...], path: str) -> Row:
    for row in rows:
        if row.field.path == path:
            return row
        if path.startswith(f"{row.field.path}/"):
            return find(row.children, path)
    raise LookupError(path)


def test_an_untouched_form_has_no_changes_and_reads_back() -> None:
    form = draw(posted_by(draw()))

    assert form.changes == 0
    assert parse(REFUND, posted_by(form)) == (OUTPUT, {})


def test_low_confidence_flags_a_field_and_moves_it_up() -> None:
    form = draw(amount=0.62, order_id=0.99)

    assert form.flags == 1
    assert names(form.rows)[0] == "/amount"
    assert form.first_name == "f/amount"


def test_a_group_with_a_flagged_field_moves_up_and_keeps_its_table() -> None:
    form = draw(items__1__amount=0.2)

    assert names(form.rows)[0] == "/items"
    assert form.rows[0].columns == ("Sku", "Amount")
    assert names(form.rows[0].children[1].children) == ["/items/1/sku", "/items/1/amount"]


def test_a_field_without_confidence_is_not_flagged() -> None:
    assert draw().flags == 0


def test_a_rule_that_asks_for_less_flags_less() -> None:
    form = form_of(REFUND, OUTPUT, confidence={"/amount": 0.62}, thresholds={"": 0.5})

    assert form.flags == 0


def test_a_typed_value_is_a_change_from_what_the_agent_said() -> None:
    row = find(draw(posted_by(draw()) | {"f/amount": "42.9"}).rows, "/amount")

    assert (row.changed, row.original, row.field.text) == (True, "52.4", "42.9")


def test_removing_a_row_is_one_change_and_the_others_keep_their_original() -> None:
    form = draw(remove_row(posted_by(draw()), "/items/0"))

    items = find(form.rows, "/items")
    assert items.changed
    assert find(form.rows, "/items/0/sku").original == "POT"
    assert form.changes == 1


def test_a_new_row_has_no_original() -> None:
    form = draw(add_row(posted_by(draw()), "/items"))

    assert find(form.rows, "/items").changed
    assert find(form.rows, "/items/2").children != ()
    assert find(form.rows, "/items/2/sku").original == ""


def test_what_was_typed_and_cannot_be_read_is_kept_with_its_error() -> None:
    posted = posted_by(draw()) | {"f/amount": "fifty"}
    _, errors = parse(REFUND, posted)

    form = form_of(REFUND, OUTPUT, confidence=None, posted=posted, errors=errors)

    row = find(form.rows, "/amount")
    assert row.field.text == "fifty"
    assert row.field.error


def test_hidden_characters_in_a_field_are_pointed_out() -> None:
    form = form_of(REFUND, OUTPUT | {"order_id": "R\u202e-1"}, confidence=None)

    assert find(form.rows, "/order_id").hidden_text


@pytest.mark.parametrize("output", [None, [], "text", {"amount": None}, {"items": {"a": 1}}])
def test_an_output_that_breaks_the_schema_is_still_drawn(output: Any) -> None:
    assert form_of(REFUND, output, confidence={"/amount": 0.1}).rows


def test_reasons_are_read_by_place() -> None:
    posted = {"why/amount": "wrong", "why/a%25b": "odd", "why/items/0/sku": "", "f/amount": "1"}

    assert reasons_in(posted) == {"/amount": "wrong", "/a%b": "odd"}
