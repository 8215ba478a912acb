"""JSON that is not quite JSON is made readable, or refused before it is parsed."""

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wacrmd.meta.json_repair import MAX_COMMAS, MAX_CONTAINERS, MAX_DEPTH, MAX_REPAIRS, check_size, repaired
from wacrmd.meta.webhook import decode


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (rb'["\ud800"]', ["?"]),
        (rb'["a\udc00\ud800b"]', ["a??b"]),
        (rb'["\ud83d\ude00\ud83d"]', ["😀?"]),
        (rb'["\\ud800"]', [r"\ud800"]),
        (rb'["\\\ud800\""]', [r'\?"']),
        (b'["\xff", "\xed\xa0\x80"]', ["\ufffd", "\ufffd\ufffd\ufffd"]),
        (b"[NaN, Infinity, -Infinity, 1]", [None, None, None, 1]),
        (rb'["NaN 1e999 \ud800"]', ["NaN 1e999 ?"]),
        (b"[1e999, -1e999, 1E400, 1e10, 1.5e-400]", [None, None, None, 1e10, 0.0]),
        (b"[" + b"9" * 5000 + b", -" + b"9" * 5000 + b".5, 7]", [None, None, 7]),
        (b"[" * 400 + b"]" * 400 + b"", None),
        (b'{"a": ' + b'{"b": [' * 300 + b"1" + b"]}" * 300 + b', "c": 2}', None),
    ],
)
def test_what_no_parser_takes_is_replaced(body: bytes, found: object) -> None:
    decoded = orjson.loads(repaired(body))
    if found is not None:
        assert decoded == found


def test_what_is_nested_too_deeply_becomes_null_and_what_stands_beside_it_is_kept() -> None:
    deep = b"[" * 2000 + b'"x]"' + b"]" * 2000
    found = decode(b'{"a": ' + deep + b', "b": [1, {"c": 2}], "d": ' + deep + b"}")
    assert found["b"] == [1, {"c": 2}]
    depth, inner = 1, found["a"]
    while inner is not None:
        (inner,), depth = inner, depth + 1
    assert depth == MAX_DEPTH - 1


@settings(max_examples=40)
@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False,
    allow_infinity=False) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_json_is_left_as_it_is(value: object) -> None:
    for body in (json.dumps(value, ensure_ascii=True).encode(errors="replace"), orjson.dumps(value)):
        assert repaired(body) == body


@given(st.text(alphabet='"\\\\[]{},:uaD8dcNne19.-') | st.binary())
def test_no_text_raises_anything_else_than_that_it_is_no_json(text: str | bytes) -> None:
    body = text.encode() if isinstance(text, str) else text
    try:
        decode(body)
    except ValueError:
        return


def test_only_objects_lists_and_commas_outside_of_texts_count() -> None:
    check_size(b"[" + b'"[{,",' * MAX_CONTAINERS + b"1]")
    check_size(b"[" + b"[]," * (MAX_CONTAINERS - 2) + b"1]")
    for body in (
        b"[]," * (MAX_CONTAINERS + 1),
        b"1," * (MAX_COMMAS + 1),
        b'"\\",{",[' + b"{}" * MAX_CONTAINERS,
    ):
        with pytest.raises(ValueError, match="more than 60,000 objects and lists, or 250,000 values"):
            check_size(body)


def test_too_many_faults_are_no_json() -> None:
    with pytest.raises(ValueError, match="more than 20,000 of its values are no JSON"):
        repaired(b"[" + b"NaN," * (MAX_REPAIRS + 1) + b"1]")
