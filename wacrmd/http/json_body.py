"""JSON as clients send it: UTF-8 with or without a byte order mark, and integers of any length; pure."""

import re
from math import isinf

import orjson
from pydantic_core import from_json

from wacrmd.errors import ErrorCode, Refusal, bad_request

BOM = b"\xef\xbb\xbf"
UTF_8_NAMES = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
"""ASCII is a part of UTF-8."""

_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s;,\"']*)", re.IGNORECASE)
_FORM = re.compile(r"\s*(?:application/x-www-form-urlencoded|multipart/form-data)", re.IGNORECASE)
"""What HTTP clients send when they are given fields and not JSON."""
_LONG_INTEGER = re.compile(rb"[0-9]{19}")
_OTHER_ENCODINGS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_GZIP_MAGIC = b"\x1f\x8b"


def parse_json(body: bytes, content_type: str) -> object:
    """The value of a body. Refuses what is not UTF-8 (naming the encoding) and what is not JSON.

    An integer is an integer however long it is; a number with a fraction or an exponent is a float.
    """
    _check_charset(content_type)
    text = body.removeprefix(BOM)
    _check_encoding(text)
    try:
        if _LONG_INTEGER.search(text) is None:
            return orjson.loads(text)
        value = from_json(text, allow_inf_nan=False)  # slower; orjson makes floats of long integers
    except ValueError as error:
        raise bad_request(_not_json(text, content_type, error)) from error
    if _has_infinite(value):
        raise bad_request("The body is not valid JSON: a number is too large")
    return value


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


def _check_encoding(text: bytes) -> None:
    """Refuse text in another encoding, by its byte order mark, its zero bytes or its first wrong byte."""
    if text.startswith(_GZIP_MAGIC):
        raise bad_request("The body is not valid JSON: gzip needs the header Content-Encoding: gzip")
    for mark, name in _OTHER_ENCODINGS:
        if text.startswith(mark):
            raise _not_utf_8(f"It is {name}")
    if b"\0" in text[:4]:  # JSON begins with two ASCII characters (RFC 4627, section 3)
        raise _not_utf_8("It is UTF-32" if text[:4].count(0) == len(text[:4]) - 1 > 1 else "It is UTF-16")
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
