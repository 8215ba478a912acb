"""The outline of JSON: what is refused before it is read, and that reading in pieces changes nothing."""

import json
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.exhaustive import IS_EXHAUSTIVE
from wacrmd.errors import ErrorCode, Refusal
from wacrmd.http.json_body import parse_json
from wacrmd.http.json_outline import (
    BYTES_A_VALUE,
    FREE_WEIGHT,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_PIECE_WEIGHT,
    OBJECT_WEIGHT,
    TooMuchError,
    outline,
)

MANY = 1_000_000
LARGE = 700_000
"""Bytes of a text that is read in pieces."""

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
ODD_TEXTS = st.text(alphabet='\\"[]{},:é😀1 ', max_size=40)
VALUES = st.recursive(
    SCALARS | ODD_TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ODD_TEXTS, inner, max_size=4),
    max_leaves=8,
)
ITEMS = st.lists(VALUES | st.dictionaries(ODD_TEXTS, VALUES, min_size=1, max_size=4), min_size=1, max_size=6)


def repeated(items: list[Any], size: int) -> list[Any]:
    """The items again and again, until their JSON has about this size; so long that they are not too dense."""
    items = [{"item": each, "long": "x" * 500} for each in items]
    return items * (size // len(json.dumps(items)) + 1)


def written(document: Any, *, spaces: bool, ascii_only: bool) -> bytes:
    separators = (", ", " : ") if spaces else (",", ":")
    return json.dumps(document, separators=separators, ensure_ascii=ascii_only).encode(errors="replace")


@pytest.mark.exhaustive
@settings(max_examples=40 if IS_EXHAUSTIVE else 10)
@given(
    items=ITEMS,
    other=ITEMS,
    name=ODD_TEXTS,
    spaces=st.booleans(),
    ascii_only=st.booleans(),
    twice=st.booleans(),
)
def test_a_text_that_is_read_in_pieces_is_the_same(
    items: list[Any], other: list[Any], name: str, spaces: bool, ascii_only: bool, twice: bool
) -> None:
    parts = [
        written({"first": 1, name: repeated(items, LARGE)}, spaces=spaces, ascii_only=ascii_only)[:-1],
        written(
            {name if twice else "other": repeated(other, LARGE), "last": [2]}, spaces=spaces, ascii_only=True
        )[1:],
    ]
    text = b",".join(parts)
    assert same(parse_json(text, "", MANY), json.loads(text))


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


@pytest.mark.exhaustive
@settings(max_examples=60 if IS_EXHAUSTIVE else 20)
@given(
    at=st.integers(0, LARGE),
    piece=st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"', b"\\", b":", b",,", b"x", b"", b"1"]),
    cut=st.integers(0, 3),
)
def test_a_text_that_is_no_json_is_refused_also_in_pieces(at: int, piece: bytes, cut: int) -> None:
    items = [{"to": "+14155550123", "params": ["a,[", 'b"']}, [1, {"a": {}}], {}]
    text = orjson.dumps({"recipients": repeated(items, LARGE), "name": "x"})
    broken = text[:at] + piece + text[at + cut :]
    try:
        expected: Any = orjson.loads(broken)
    except ValueError:
        expected = None
    try:
        found: Any = parse_json(broken, "", MANY)
    except Refusal:
        found = None
    assert found == expected


def test_a_large_text_is_cut_into_small_pieces() -> None:
    items = repeated([{"to": "+14155550123", "params": ["a", "b"]}], 3_000_000)
    text = orjson.dumps({"recipients": items})
    (cuts,) = outline(text, MANY).cuts
    assert len(cuts) > len(text) / 400_000
    assert max(end - start for start, end in pairwise(cuts)) < 300_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"[" * (MAX_DEPTH + 1), "nested too deep behind byte 0"),
        (b'{"a":' * (MAX_DEPTH + 1), "nested too deep"),
        (b"[" + b" " * 100_000 + b"[" * MAX_DEPTH, "nested too deep behind byte 98304"),
        (b"[" + b"1," * LARGE, "more than 100000 values, at about byte 196608"),
        (b"[" + b"[]," * LARGE, "more than 100000 values"),
        (b"[" + b"{}," * LARGE, "more than 100000 values"),
        (b"1" * (MAX_DIGITS + 1), "a number of more than 1024 digits behind byte 0"),
        (b"[0." + b"1" * (MAX_DIGITS + 1), "more than 1024 digits"),
        (b"[" + b" " * 40_000 + b"2" * 3_000_000, "more than 1024 digits behind byte 32768"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_what_is_too_much_is_refused_with_its_place(text: bytes, found: str) -> None:
    with pytest.raises(TooMuchError, match=found):
        outline(text[:4_000_000], FREE_WEIGHT)


def test_what_stands_in_a_text_does_not_count() -> None:
    inside = "[{,:1" * 100_000 + "9" * 5000
    text = orjson.dumps({"a": inside, 'b\\"': inside + '\\"', "c": "\\"})
    found = outline(text, 20)
    assert (found.has_long_integer, found.cuts) == (False, [])
    assert parse_json(text, "", 20) == orjson.loads(text)


@pytest.mark.parametrize("around", range(32_760, 32_776))
def test_escapes_numbers_and_texts_may_stand_where_a_chunk_ends(around: int) -> None:
    for piece in ('"\\\\\\""', '"\\\\"', '"a"', "12345678901234567890", "[]", '{"a":{}}'):
        document = f'["{"x" * (around - 4)}",{piece},[{piece}]]'.encode()
        assert same(parse_json(document, ""), json.loads(document))


def test_one_item_may_not_hold_more_than_can_be_read_at_once() -> None:
    text = orjson.dumps({"recipients": [{"to": "1", "x": [1] * (MAX_PIECE_WEIGHT + 10)}]})
    with pytest.raises(Refusal, match="more than 50000 values in one place") as refused:
        parse_json(text, "", MANY)
    assert refused.value.code is ErrorCode.BAD_REQUEST


def test_many_values_need_a_text_of_a_size() -> None:
    dense = orjson.dumps({"recipients": [{"": 0}] * 100_000})
    with pytest.raises(Refusal, match=r"more than [12][0-9]{5} values"):
        parse_json(dense, "", MANY)


def test_a_long_list_of_short_items_is_read_where_it_is_allowed() -> None:
    short = orjson.dumps({"recipients": [{"to": "+49301234"}] * 20_000})
    assert len(short) // BYTES_A_VALUE < 20_000 * (OBJECT_WEIGHT + 1)
    assert parse_json(short, "", 1000 * 20_000) == orjson.loads(short)
    with pytest.raises(TooMuchError):
        outline(short, MANY)
