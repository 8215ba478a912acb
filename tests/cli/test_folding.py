"""Texts on a terminal: their width in columns, and their lines."""

from time import process_time_ns

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


@pytest.mark.parametrize("word", ["漢", "e\u0301", "👨\u200d👩"])
def test_a_long_word_is_folded_in_linear_time(word: str) -> None:
    def took(times: int) -> int:
        begun = process_time_ns()
        assert "".join(folded(word * times, 60)) == word * times
        return process_time_ns() - begun

    short, long = (min(took(times) for _ in range(3)) for times in (200, 2_000))
    assert long < 40 * max(short, 100_000)  # 10 times, and 100 times for a square
