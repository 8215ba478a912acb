"""A value of Meta's JSON has the expected type, or counts as absent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.meta.untrusted import (
    as_id,
    as_json,
    as_object,
    as_objects,
    as_text,
    as_time,
    as_word,
    one_object,
    unread,
)

DEFAULT = 1_767_225_600_000
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("body", "document"),
    [(b'{"a": [1]}', {"a": [1]}), (b"7", 7), (b"", None), (b"{", None), (b"\xff", None)],
)
def test_bytes_that_are_not_json_are_none(body: bytes, document: Any) -> None:
    assert as_json(body) == document


@pytest.mark.parametrize(
    ("value", "found"), [({"a": 1}, {"a": 1}), ({}, {}), (None, {}), ([1], {}), ("a", {})]
)
def test_values_read_as_an_object(value: Any, found: dict[str, Any]) -> None:
    assert as_object(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([{"a": 1}, 2, None, [3], {}], [{"a": 1}, {}]),
        ([], []),
        ({"a": {}}, [{"a": {}}]),
        ({}, []),
        ("ab", []),
        (None, []),
    ],
)
def test_values_read_as_the_objects_of_a_list(value: Any, found: list[dict[str, Any]]) -> None:
    assert as_objects(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [({"a": 1}, {"a": 1}), ([{"a": 1}, {"b": 2}], {"a": 1}), ([1, {"a": 1}], {"a": 1}), ([], {}), ("a", {})],
)
def test_values_read_as_one_object(value: Any, found: dict[str, Any]) -> None:
    assert one_object(value) == found


@pytest.mark.parametrize(
    ("value", "is_unread"),
    [
        (None, False),
        ({}, False),
        ([], False),
        ([{}], False),
        ([{}, 7], True),
        ([None], True),
        ("", True),
        (0, True),
    ],
)
def test_what_is_no_object_is_named(value: Any, *, is_unread: bool) -> None:
    assert (unread(value) is not None) is is_unread


@pytest.mark.parametrize(
    ("value", "word"),
    [("STOP", "stop"), (" Sent ", "sent"), (" ", None), ("", None), (7, None), (None, None)],
)
def test_values_read_as_a_word(value: Any, word: str | None) -> None:
    assert as_word(value) == word


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        ("abc", None, "abc"),
        ("abc", 3, "abc"),
        ("abc", 2, "ab"),
        (" ", None, " "),
        ("", None, None),
        (7, None, None),
        (["a"], None, None),
        (None, None, None),
    ],
)
def test_values_read_as_text(value: Any, limit: int | None, text: str | None) -> None:
    assert as_text(value, limit) == text


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("1", "1"),
        (1, "1"),
        (0, "0"),
        ("", None),
        ("\0", None),
        ("1\x002", None),
        (True, None),
        (False, None),
        (1.5, None),
        ([1], None),
        (None, None),
    ],
)
def test_values_read_as_an_id(value: Any, found: str | None) -> None:
    assert as_id(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("1", 1000),
        (1, 1000),
        (1_760_000_000.9, 1_760_000_000_000),
        (10**11 - 1, (10**11 - 1) * 1000),
        (1_760_000_000_123, 1_760_000_000_123),
        ("1760000000123", 1_760_000_000_123),
        (10**14, DEFAULT),
        (0, DEFAULT),
        (-1, DEFAULT),
        ("soon", DEFAULT),
        ("", DEFAULT),
        (float("inf"), DEFAULT),
        (float("nan"), DEFAULT),
        ([1], DEFAULT),
        (None, DEFAULT),
    ],
)
def test_values_read_as_a_time(value: Any, found: int) -> None:
    assert as_time(value, DEFAULT) == found


@given(ANYTHING)
def test_no_value_raises(value: Any) -> None:
    for read in (as_object, as_objects, as_text, as_id):
        read(value)
    assert isinstance(as_time(value, DEFAULT), int)
