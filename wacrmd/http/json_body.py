"""JSON as clients send it: UTF-8 with or without a byte order mark, and integers of any length; pure."""

import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from math import isinf
from secrets import token_hex
from typing import Any

import orjson
from pydantic_core import from_json

from wacrmd.errors import ErrorCode, Refusal, bad_request
from wacrmd.http.json_outline import TooMuchError, outline

BOM = b"\xef\xbb\xbf"
UTF_8_NAMES = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
"""ASCII is a part of UTF-8."""

_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s;,\"']*)", re.IGNORECASE)
_FORM = re.compile(r"\s*(?:application/x-www-form-urlencoded|multipart/form-data)", re.IGNORECASE)
"""What HTTP clients send when they are given fields and not JSON."""
_OTHER_ENCODINGS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_GZIP_MAGIC = b"\x1f\x8b"


MAX_VALUES = 10_000
"""Values that a body may hold where nothing else is said."""


def parse_json(body: bytes, content_type: str, max_values: int = MAX_VALUES) -> object:
    """The value of a body. Refuses what is not UTF-8 (naming the encoding), what is not JSON, and what holds too much.

    An integer is an integer however long it is; a number with a fraction or an exponent is a float. A large text is read in
    pieces, so that other threads get their turn.
    """
    _check_charset(content_type)
    text = body.removeprefix(BOM)
    _check_marks(text)
    try:
        found = outline(text, max_values)
    except TooMuchError as error:
        _check_encoding(text)
        raise bad_request(f"The body {error}") from error
    load = _load_exactly if found.has_long_integer else orjson.loads
    try:
        return _load_pieces(text, found.cuts, load) if found.cuts else load(text)
    except ValueError as error:
        _check_encoding(text)
        raise bad_request(_not_json(text, content_type, error)) from error


_load_all = partial(from_json, allow_inf_nan=False)


def _load_exactly(text: bytes) -> object:
    """The value of a text that has long integers, of which orjson makes floats; slower."""
    value = _load_all(text)
    if _has_infinite(value):
        raise ValueError("a number is too large")
    return value


def _load_pieces(text: bytes, cuts: list[list[int]], load: Callable[[bytes], Any]) -> object:
    """The value of an object in whose arrays there are cuts: each piece between two of them is read by itself.

    Everything else is read as one text, in which a mark that nobody can guess stands for the pieces of an array.
    """
    marks = [token_hex(16) for _ in cuts]
    rest, end = [], 0
    for mark, ends in zip(marks, cuts, strict=True):
        rest += [text[end : ends[0]], b',"%s"' % mark.encode()]
        end = ends[-1]
    whole = load(b"".join([*rest, text[end:]]))
    for mark, ends in zip(marks, cuts, strict=True):
        items: list[object] = []
        for start, end in pairwise(ends):
            items += load(b"[0%s]" % text[start:end])[1:]  # it begins with the comma
        array = next((each for each in whole.values() if isinstance(each, list) and mark in each), None)
        if array is not None:  # else the same key came again, with another value
            at = array.index(mark)
            array[at : at + 1] = items
    return whole


def _not_json(text: bytes, content_type: str, error: ValueError) -> str:
    if not text.strip():
        return "The body is not valid JSON: it is empty"
    form = _FORM.match(content_type)
    found = f"Content-Type says {form[0]}: " if form is not None else ""
    return f"The body is not valid JSON: {found}{error}"


def _check_charset(content_type: str) -> None:
    found = _CHARSET.search(content_type)
    if found is not None and found[1].lower() not in UTF_8_NAMES:
        raise _not_utf_8(f"Content-Type says charset {found[1][:40]!r}")


def _check_marks(text: bytes) -> None:
    """Refuse text in another encoding, by its byte order mark or its zero bytes."""
    if text.startswith(_GZIP_MAGIC):
        raise bad_request("The body is not valid JSON: gzip needs the header Content-Encoding: gzip")
    for mark, name in _OTHER_ENCODINGS:
        if text.startswith(mark):
            raise _not_utf_8(f"It is {name}")
    if b"\0" in text[:4]:  # JSON begins with two ASCII characters (RFC 4627, section 3)
        raise _not_utf_8("It is UTF-32" if text[:4].count(0) == len(text[:4]) - 1 > 1 else "It is UTF-16")


def _check_encoding(text: bytes) -> None:
    """Refuse text in another encoding, by its first wrong byte."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise _not_utf_8(f"Byte {error.start} is 0x{text[error.start]:02x}") from error


def _not_utf_8(found: str) -> Refusal:
    return Refusal(ErrorCode.UNSUPPORTED_MEDIA_TYPE, f"The body must be UTF-8 text. {found}")


def _has_infinite(value: object) -> bool:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case float() as number if isinf(number):
                return True
            case list() as items:
                waiting += items
            case dict() as fields:
                waiting += fields.values()
    return False
