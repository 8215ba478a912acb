"""Texts on a terminal: their width in columns, and their lines."""

import pytest

from wacrmd.cli.folding import folded, width


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("日本", 4), ("e\u0301", 1), ("שלום", 4), ("\u200dx", 1), ("🎉", 2), ("", 0)],
)
def test_the_width_of_a_text(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three", ["one two", "three"]),
        ("a 日本語日本語日本語", ["a", "日本語日", "本語日本", "語"]),
        ("see /var/lib/wacrmd now", ["see", "/var/lib/wacrmd", "now"]),
        ("號碼+14155550123號碼", ["號碼", "+14155550123", "號碼"]),
        ("", [""]),
    ],
)
def test_only_words_of_wide_characters_are_broken(text: str, lines: list[str]) -> None:
    assert list(folded(text, 9, whole=True)) == lines


def test_a_word_that_fits_nowhere_is_broken() -> None:
    assert list(folded("to abcdefghijk", 5)) == ["to", "abcde", "fghij", "k"]
