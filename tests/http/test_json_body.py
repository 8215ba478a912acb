"""JSON as clients send it."""

import pytest

from wacrmd.errors import ErrorCode, Refusal
from wacrmd.http.json_body import parse_json

JSON = "application/json"
HUGE = 12345678901234567890123


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18446744073709551616", 1 << 64),
        ("-9223372036854775809", -(1 << 63) - 1),
        (str(HUGE), HUGE),
        (f'{{"a": [1, {HUGE}, "{HUGE}", 0.5]}}', {"a": [1, HUGE, str(HUGE), 0.5]}),
        ("9" * 1024, int("9" * 1024)),
        ("[1e3, 1.0, -0]", [1000.0, 1.0, 0]),
    ],
)
def test_an_integer_is_exact_however_long_it_is(text: str, value: object) -> None:
    parsed = parse_json(text.encode(), JSON)
    assert parsed == value
    assert repr(parsed) == repr(value)


@pytest.mark.parametrize(
    "text",
    [
        "1e999",
        f"[{HUGE}, 1e999]",
        f'[{HUGE}, {{"a": [-1e999]}}]',
        f"[{HUGE}, NaN]",
        f'[{HUGE}, "\\ud800"]',
        f"{HUGE}x",
        "{",
        "",
    ],
)
def test_what_is_no_json_or_no_number_is_a_bad_request(text: str) -> None:
    with pytest.raises(Refusal, match="not valid JSON") as refused:
        parse_json(text.encode(), JSON)
    assert refused.value.code is ErrorCode.BAD_REQUEST


def test_a_byte_order_mark_is_ignored_once() -> None:
    assert parse_json(b"\xef\xbb\xbf{}", JSON) == {}
    with pytest.raises(Refusal, match="not valid JSON"):
        parse_json(b"\xef\xbb\xbf\xef\xbb\xbf{}", JSON)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        JSON,
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "text/plain; Charset = utf8; boundary=x",
        "application/json; charset=us-ascii",
        "application/json; charset='utf-8'",
        "application/json; charset=utf-8, application/json",
    ],
)
def test_utf_8_by_any_of_its_names_is_read(content_type: str) -> None:
    assert parse_json('{"a": "ä😀"}'.encode(), content_type) == {"a": "ä😀"}


@pytest.mark.parametrize("charset", ["utf-16", "UTF-16LE", "iso-8859-1", '"windows-1252"', "x" * 3000, ""])
def test_another_charset_is_named(charset: str) -> None:
    with pytest.raises(Refusal, match="must be UTF-8 text") as refused:
        parse_json(b"{}", f"application/json; charset={charset}")
    assert refused.value.code is ErrorCode.UNSUPPORTED_MEDIA_TYPE
    assert charset.strip('"')[:40] in refused.value.message
    assert len(refused.value.message) < 200


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("utf-32-le", "UTF-32"),
        ("utf-32-be", "UTF-32"),
        ("latin-1", "Byte 7 is 0xe4"),
        ("cp1252", "Byte 7 is 0xe4"),
    ],
)
def test_another_encoding_is_named_by_its_bytes(encoding: str, named: str) -> None:
    body = '{"a": "ä"}'.encode(encoding)
    with pytest.raises(Refusal, match=named) as refused:
        parse_json(body, JSON)
    assert refused.value.code is ErrorCode.UNSUPPORTED_MEDIA_TYPE


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_a_mark_of_utf_16_names_it(mark: bytes) -> None:
    with pytest.raises(Refusal, match="UTF-16") as refused:
        parse_json(mark, JSON)
    assert refused.value.code is ErrorCode.UNSUPPORTED_MEDIA_TYPE


@pytest.mark.parametrize("form", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_is_named(form: str) -> None:
    with pytest.raises(Refusal, match=f"Content-Type says {form}"):
        parse_json(b"phone=1", f"{form}; boundary=x")


def test_gzip_without_its_header_is_named() -> None:
    with pytest.raises(Refusal, match="needs the header Content-Encoding: gzip"):
        parse_json(b"\x1f\x8b\x08\0\0\0\0\0", JSON)
