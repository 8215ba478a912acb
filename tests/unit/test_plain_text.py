"""Texts of others on a terminal: no character of theirs controls it."""

import json
import sys
import unicodedata

import pytest

from wacrmd.plain_text import REPLACEMENT, in_json, in_lines, on_a_line

BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = {0x200E, 0x200F, 0x061C}
"""Left-to-right, right-to-left and Arabic letter mark."""


def is_control(char: str) -> bool:
    """By Unicode's own tables: controls, separators of lines, surrogates, and what changes the direction of text."""
    return (
        unicodedata.category(char) in ("Cc", "Zl", "Zp", "Cs")
        or unicodedata.bidirectional(char) in BIDI
        or ord(char) in MARKS
    )


@pytest.fixture(scope="module")
def controls() -> list[str]:
    """All of them; to look at each character takes a second, too long for each process that only collects the tests."""
    return [chr(at) for at in range(sys.maxunicode + 1) if is_control(chr(at))]


def test_every_control_character_is_replaced(controls: list[str]) -> None:
    assert len(controls) > 65 + 2048
    assert {on_a_line(char) for char in controls} == {REPLACEMENT}
    assert {char for char in controls if in_lines(char) == char} == {"\n", "\t"}
    assert in_lines("a\r\nb\rc\n") == "a\r\nb\ufffdc\n"


def test_what_people_write_stays() -> None:
    for text in ("Zoë, José & Ω", "مرحبا", "नमस्ते", "👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "می‌خواهم", "tab-less — “quotes”"):
        assert on_a_line(text) == in_lines(text) == in_json(text) == text


def test_a_json_document_says_the_same_without_them(controls: list[str]) -> None:
    text = "".join(char for char in controls if unicodedata.category(char) != "Cs")
    document = json.dumps({"text": text}, ensure_ascii=False)
    plain = in_json(document)
    assert json.loads(plain) == {"text": text}
    assert not any(map(is_control, plain))
    assert in_json('{"a":1}\n') == '{"a":1}\n'
