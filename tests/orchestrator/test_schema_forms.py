"""Forms: what is drawn and posted without an edit reads back as exactly the same value."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.schema import (
    add_row,
    check_schema,
    drop,
    fields,
    parse,
    remove_row,
    validate,
)
from tests.orchestrator.schemas import posted


def exactly(value: Any) -> str:
    """A spelling that tells 1, 1.0 and true apart."""
    return json.dumps(value, sort_keys=True)


# Schemas, each with values that are valid under it.
text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12
) | st.sampled_from(["", " ", "a\nb", "a\r\nb", "\r", "\nx", "null", "true", "5", '"q"', "x" * 250])
keys = st.sampled_from(
    ["a", "b", "order_id", "a/b", "~", "", "0", "1", "%41", "line\nend", "é", "f"]
)
small = st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5)
floats = st.floats(-9e18, 9e18) | st.sampled_from([0.0, -0.0, 1.0, 1e-300, 12.5, 1e17])
anything = st.recursive(
    st.none() | st.booleans() | small | floats | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
days = st.dates().map(lambda day: day.isoformat())
moments = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
enums = st.lists(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, 2.5]) | text,
    min_size=1,
    max_size=5,
    unique_by=exactly,
)

Pair = tuple[Any, st.SearchStrategy[Any]]


def plain(schema: Any, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Pair]:
    return st.just((schema, values))


leaves: st.SearchStrategy[Pair] = st.one_of(
    plain({"type": "string"}, text),
    plain({"type": "string", "minLength": 1}, text.filter(bool)),
    plain({"type": "string", "maxLength": 5000}, text),
    plain({"type": "string", "format": "textarea"}, text),
    plain({"type": "string", "format": "date"}, days),
    plain({"type": "string", "format": "date-time"}, moments),
    plain({"type": "integer"}, small | st.sampled_from([3.0, -0.0, 1e17])),
    plain({"type": "number"}, small | floats),
    plain({"type": "boolean"}, st.booleans()),
    plain({"type": "null"}, st.none()),
    plain({"type": ["string", "integer"]}, text | small),
    plain({}, anything),
    plain(True, anything),
    plain({"type": "object"}, st.dictionaries(keys, anything, max_size=3)),
    plain({"type": "array"}, st.lists(anything, max_size=3)),
    plain({"const": 5}, st.sampled_from([5, 5.0])),
    plain(
        {"oneOf": [{"const": "a", "title": "First"}, {"const": None}, {"const": 2}]},
        st.sampled_from(["a", None, 2, 2.0]),
    ),
    enums.map(lambda values: ({"enum": values}, st.sampled_from(values))),
)


TYPED = ("string", "number", "integer", "boolean", "object", "array")


def nullable(pair: Pair) -> st.SearchStrategy[Pair]:
    schema, values = pair
    with_null = st.none() | values
    union = plain({"anyOf": [schema, {"type": "null"}]}, with_null)
    if isinstance(schema, dict) and schema.get("type") in TYPED:
        return union | plain({**schema, "type": [schema["type"], "null"]}, with_null)
    return union


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    members = draw(st.dictionaries(keys, inner, min_size=1, max_size=4))
    required = draw(st.sets(st.sampled_from(sorted(members))))
    more = draw(st.sampled_from([None, False, True, {"type": "integer"}]))
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {key: schema for key, (schema, _) in members.items()},
        "required": sorted(required),
    }
    if more is not None:
        schema["additionalProperties"] = more
    values: st.SearchStrategy[Any] = st.fixed_dictionaries(
        {key: members[key][1] for key in required},
        optional={key: members[key][1] for key in members if key not in required},
    )
    if more is not False:
        extra = small if isinstance(more, dict) else anything
        others = keys.filter(lambda key: key not in members)
        values = st.builds(
            lambda known, extras: extras | known,
            values,
            st.dictionaries(others, extra, max_size=2),
        )
    return schema, values


def arrays(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return inner.map(
        lambda pair: ({"type": "array", "items": pair[0]}, st.lists(pair[1], max_size=3))
    )


pairs = st.recursive(
    leaves,
    lambda inner: objects(inner) | arrays(inner) | inner.flatmap(nullable),
    max_leaves=6,
)
schemas = pairs.map(lambda pair: pair[0])
cases = pairs.flatmap(lambda pair: pair[1].map(lambda value: (pair[0], value)))


@settings(max_examples=300)
@given(cases)
def test_unedited_form_reads_back_as_the_same_value(case: tuple[Any, Any]) -> None:
    schema, value = case
    assert check_schema(schema) == [] or schema is True
    assert validate(schema, value) == []

    data = posted(fields(schema, value))
    read, errors = parse(schema, data)

    assert (exactly(read), errors) == (exactly(value), {})


@given(cases)
def test_form_drawn_from_its_own_post_posts_the_same(case: tuple[Any, Any]) -> None:
    schema, value = case
    data = posted(fields(schema, value))

    again = posted(fields(schema, None, raw=data, errors={}))

    assert again == data


@given(schemas, anything)
def test_any_value_is_drawn_under_any_schema_and_nothing_is_lost(schema: Any, value: Any) -> None:
    data = posted(fields(schema, value))
    read, errors = parse(schema, data)

    if not errors:
        assert validate(schema, read) == []
    if value is not None and validate(schema, value) == []:
        assert exactly(read) == exactly(value)
    assert posted(fields(schema, value, raw=data, errors=errors)) == data


names = st.builds(
    lambda letter, parts: letter + "".join(f"/{part}" for part in parts),
    st.sampled_from(["f", "e", "k", "o", "w", "x", "csrf", ""]),
    st.lists(
        keys | st.sampled_from(["0", "7", "00", "99999999999", "-", "a" * 60, "~2"]), max_size=4
    ),
)
texts = text | st.sampled_from(
    [
        "absent",
        "null",
        "text",
        "false",
        "object",
        "array",
        "new",
        "json",
        "1e400",
        "[",
        "\x00",
        "{}",
    ]
)


@given(schemas, st.dictionaries(names, texts, max_size=12), names)
def test_any_post_is_read_and_drawn(schema: Any, data: dict[str, str], button: str) -> None:
    for post in [data, add_row(data, button), remove_row(data, button), drop(data, button)]:
        value, errors = parse(schema, post)
        drawn = fields(schema, value, raw=post, errors=errors)

        assert "\x00" not in json.dumps(value, ensure_ascii=False)
        assert errors or validate(schema, value) == []
        assert posted(drawn) is not None
