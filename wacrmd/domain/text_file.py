"""The lines of a text file as programs save it: encoding and line ends. Pure.

A file that is damaged, or in an encoding that is not certain, is refused as a whole: a guess would show somebody a wrong
name, or `\ufffd` in its place.
"""

import codecs
import io
import re
from collections.abc import Iterable, Iterator

MAX_LINE = 1 << 20
"""Characters of the longest line: a file without line ends must not fill the memory."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_HEAD = 8
_UTF32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OTHER_FILES = (
    (b"PK\x03\x04", "an Excel or LibreOffice workbook, or another zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
)
_SWAPPED = re.compile("[\u0a00\ufffe\uffff]")
"""A line end, or a mark, of UTF-16 whose two bytes have changed places, because a byte before them is missing."""


class CsvError(ValueError):
    """The file cannot be used at all; the text is one sentence that says why."""


def split_lines(text: str) -> list[str]:
    r"""The lines of a text, each with its line end: `\n`, `\r\n` or `\r`, and nothing else.

    `str.splitlines` also splits at characters that may be inside a cell, such as U+2028.
    """
    return _LINE.findall(text)


def has_mark(head: bytes) -> bool:
    """Whether a file that begins with these bytes has a byte order mark."""
    return head.startswith((codecs.BOM_UTF8, *_UTF16_MARKS))


def decode_lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """The lines of a file from pieces of its bytes, as `LineDecoder` gives them."""
    decoder = LineDecoder()
    for piece in pieces:
        yield from decoder.feed(piece)
    yield from decoder.feed(b"", final=True)


class LineDecoder:
    """The lines of a file whose bytes come in pieces, each line with its end, without a byte order mark.

    UTF-8, or UTF-16 with a byte order mark, as "Unicode text" of a spreadsheet is. Raises CsvError for another
    encoding, for a damaged file, and for what is no text.
    """

    def __init__(self) -> None:
        self._head = b""
        self._is_utf16 = False
        self._decoder: io.IncrementalNewlineDecoder | None = None
        self._begun: list[str] = []  # pieces of a line whose end has not come yet
        self._size = self._complete = 0

    def feed(self, piece: bytes, *, final: bool = False) -> Iterator[str]:
        """The lines that are complete with this piece; with `final` also the last one. Read all of them."""
        if self._decoder is None:
            self._head += piece
            if len(self._head) < _HEAD and not final:
                return
            _check_kind(self._head)
            self._is_utf16 = self._head.startswith(_UTF16_MARKS)
            codec = codecs.getincrementaldecoder("utf-16" if self._is_utf16 else "utf-8-sig")()
            self._decoder = io.IncrementalNewlineDecoder(codec, translate=False)
            piece = self._head
        for line in split_lines(self._text(self._decoder, piece, final=final)):
            self._begun.append(line)
            self._size += len(line)
            if self._size > MAX_LINE:
                raise CsvError(
                    f"line {self._complete + 1} has more than {MAX_LINE} characters: is it the right file?"
                )
            if line.endswith(("\n", "\r")):
                yield "".join(self._begun)
                self._begun.clear()
                self._size, self._complete = 0, self._complete + 1
        if final and self._begun:
            yield "".join(self._begun)

    def _text(self, decoder: io.IncrementalNewlineDecoder, piece: bytes, *, final: bool) -> str:
        first, is_utf16, flushes = self._complete + 1, self._is_utf16, False
        try:
            text = decoder.decode(piece)
            if final:
                flushes = True
                text += decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            before = _decoded_before(error, decoder)
            _check_text(before, first, is_utf16=is_utf16)
            at = first + _line_ends(before)
            raise _undecodable(error, at, is_utf16=is_utf16, final=flushes) from None
        _check_text(text, first, is_utf16=is_utf16)
        return text


def _check_kind(head: bytes) -> None:
    for mark, what in _OTHER_FILES:
        if head.startswith(mark):
            raise CsvError(f"the file is {what}: save the sheet as 'CSV UTF-8'")
    if head.startswith(_UTF32_MARKS):
        raise CsvError("the file is UTF-32 text: save it as 'CSV UTF-8'")
    if b"\0" in head[:_HEAD] and not head.startswith(_UTF16_MARKS):
        raise _nul(1)


def _check_text(text: str, line: int, *, is_utf16: bool) -> None:
    if "\0" in text:
        raise _nul(line + _line_ends(text[: text.index("\0")]))
    if is_utf16 and (swapped := _SWAPPED.search(text)):
        raise _shifted(line + _line_ends(text[: swapped.start()]))


def _decoded_before(error: UnicodeDecodeError, decoder: io.IncrementalNewlineDecoder) -> str:
    r"""The text of a piece before the bytes that are none, with a `\r` that waits for its `\n`."""
    _, waiting = decoder.getstate()
    return ("\r" if waiting & 1 else "") + error.object[: error.start].decode(error.encoding)


def _line_ends(text: str) -> int:
    return len(re.findall(r"\r\n|\r|\n", text))


def _shifted(line: int) -> CsvError:
    return CsvError(
        f"from line {line} on: the file is damaged UTF-16, bytes are missing: save it again as 'CSV UTF-8'"
    )


def _nul(line: int) -> CsvError:
    return CsvError(
        f"line {line}: found a NUL byte, as in UTF-16 without a byte order mark: save the file as 'CSV UTF-8'"
    )


def _undecodable(error: UnicodeDecodeError, line: int, *, is_utf16: bool, final: bool) -> CsvError:
    """The refusal for bytes on this line that are no text of the encoding."""
    if is_utf16:
        return _shifted(line)
    if final:
        return CsvError(
            f"line {line}: expected UTF-8 text, and the file ends within a character: is it complete?"
        )
    byte = error.object[error.start : error.start + 1]
    guess = byte.decode("cp1252", errors="ignore")
    perhaps = f", in Windows-1252 {guess!r}" if guess else ""
    return CsvError(
        f"line {line}: expected UTF-8 text, found the byte 0x{byte.hex().upper()}{perhaps}; "
        "save the file as 'CSV UTF-8'"
    )
