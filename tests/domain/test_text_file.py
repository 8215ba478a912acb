"""Text files: bytes to lines, and the files that are refused as a whole."""

import codecs
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.domain.text_file import MAX_LINE, CsvError, decode_lines, has_mark, split_lines

TEXTS = st.text(alphabet='aß \u2028\x85\r\n,;"', max_size=40)
TEXT = "to,name\r\n+14155550123,Zoë\r\n+14155550124,Jörg 🙏\r\n"


def pieces_of(raw: bytes, size: int) -> list[bytes]:
    return [raw[at : at + size] for at in range(0, len(raw), size)]


@given(TEXTS, st.integers(1, 7), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_a_file_has_the_same_lines_however_its_bytes_arrive(text: str, size: int, encoding: str) -> None:
    lines = list(decode_lines(pieces_of(text.encode(encoding), size)))
    assert "".join(lines) == text
    assert lines == list(io.StringIO(text, newline=""))
    assert lines == split_lines(text)


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf_16_of_both_byte_orders_is_read(mark: bytes) -> None:
    raw = mark + TEXT.encode("utf-16-le" if mark == b"\xff\xfe" else "utf-16-be")
    assert "".join(decode_lines([raw])) == TEXT


def test_a_long_line_is_read_in_linear_time_and_a_longer_one_is_refused() -> None:
    piece = b"x" * 8
    (line,) = decode_lines(piece for _ in range(MAX_LINE // 8))
    assert len(line) == MAX_LINE
    with pytest.raises(CsvError, match=r"^line 2 has more than 1048576 characters"):
        list(decode_lines([b"a\n", b"x" * MAX_LINE, b"x"]))


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(("newline", "number"), [(b"\n", 3), (b"\r\n", 3), (b"\r", 3)])
def test_bytes_that_are_not_utf8_are_refused_with_their_line(size: int, newline: bytes, number: int) -> None:
    raw = newline.join([b"to,name", b"1,Jane", b"2,J\xf6rg", b"3,Joe"])
    said = rf"^line {number}: expected UTF-8 text, found the byte 0xF6, in Windows-1252 'ö'; save the file as"
    with pytest.raises(CsvError, match=said):
        list(decode_lines(pieces_of(raw, size)))


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (codecs.BOM_UTF16_LE + "a\nb\nc\n".encode("utf-16-le") + "d\ne\n".encode("utf-16-be"), "line 4 on"),
        (codecs.BOM_UTF16_BE + "a\r\nb\r".encode("utf-16-be") + b"\xdc\x00" * 2, "line 3 on"),
        (codecs.BOM_UTF16_LE + "a\n\ufffe\nb\n".encode("utf-16-le") + b"\x00\xdc\x00\xdc", "line 2 on"),
        (b"a\rb\r\xff", "line 3: expected UTF-8 text, found the byte 0xFF"),
        (b"aaaaaaaa\n\0\nb\xff", "line 2: found a NUL byte"),
    ],
)
def test_damage_is_told_with_its_line_however_the_bytes_arrive(raw: bytes, said: str, size: int) -> None:
    with pytest.raises(CsvError, match=said):
        list(decode_lines(pieces_of(raw, size)))


@pytest.mark.parametrize("size", [1, 100])
def test_a_file_that_is_cut_within_a_character_is_refused(size: int) -> None:
    with pytest.raises(CsvError, match=r"^line 2: expected UTF-8 text, and the file ends within a character"):
        list(decode_lines(pieces_of(TEXT.encode()[: TEXT.encode().index("ë".encode()) + 1], size)))


@given(st.integers(2, len(TEXT) * 2), st.sampled_from(["utf-16-le", "utf-16-be"]), st.integers(1, 9))
def test_utf_16_that_lacks_a_byte_is_refused(at: int, encoding: str, size: int) -> None:
    mark = "\ufeff".encode(encoding)
    raw = mark + TEXT.encode(encoding)
    with pytest.raises(CsvError, match=r"damaged UTF-16|NUL byte"):
        list(decode_lines(pieces_of(raw[:at] + raw[at + 1 :], size)))


def test_utf_16_that_lacks_two_bytes_at_two_places_is_refused() -> None:
    """Its length is even, and every pair of bytes between the places is some character."""
    raw = ("\ufeff" + TEXT * 3).encode("utf-16-le")
    damaged = raw[:61] + raw[62:181] + raw[182:]
    with pytest.raises(CsvError, match="damaged UTF-16"):
        list(decode_lines([damaged]))


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (TEXT.encode("utf-16-le"), "line 1: found a NUL byte, as in UTF-16 without a byte order mark"),
        (b"phone\n+1415\n\0\n", "line 3: found a NUL byte"),
        (TEXT.encode("utf-32"), "the file is UTF-32 text"),
        (b"PK\x03\x04\x14\x00\x06\x00rest of a workbook", "the file is an Excel or LibreOffice workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "the file is an old Excel workbook"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "the file is a gzip archive"),
        (b"%PDF-1.7\n", "the file is a PDF document"),
    ],
)
def test_what_is_no_text_is_refused_with_its_kind(raw: bytes, sentence: str) -> None:
    for size in (1, 3, 1000):
        with pytest.raises(CsvError) as raised:
            list(decode_lines(pieces_of(raw, size)))
        assert str(raised.value).startswith(sentence)


def test_a_mark_is_seen() -> None:
    assert has_mark("\ufeffa".encode())
    assert has_mark("a".encode("utf-16"))
    assert not has_mark(b"a")
