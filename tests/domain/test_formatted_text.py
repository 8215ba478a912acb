"""Text as WhatsApp shows it: which marks count, and which placeholder a character comes from."""

import time

import pytest

from wacrmd.domain.formatted_text import MAX_CHARACTERS, Run, runs_of
from wacrmd.domain.placeholders import Piece, pieces


def look(text: str) -> str:
    """The runs of a text, each format in brackets."""
    return "".join(
        f"[{'+'.join(run.styles)}:{run.text}]" if run.styles else run.text for run in runs_of([Piece(text)])
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("*bold*", "[bold:bold]"),
        ("a *b c* d", "a [bold:b c] d"),
        ("_i_ ~s~", "[italic:i] [struck:s]"),
        ("*_both_*", "[bold+italic:both]"),
        ("~*both*~", "[bold+struck:both]"),
        ("*a _b_ c*", "[bold:a ][bold+italic:b][bold: c]"),
        ("2*3*4", "2*3*4"),
        ("* no*", "* no*"),
        ("*no *", "*no *"),
        ("*no\nmore*", "*no\nmore*"),
        ("snake_case_name", "snake_case_name"),
        ("```*a*\nb```", "[code:*a*\nb]"),
        ("`x` *y*", "[code:x] [bold:y]"),
        ("**", "**"),
        ("*a* *b*", "[bold:a] [bold:b]"),
        ("(*a*)!", "([bold:a])!"),
        ("", ""),
    ],
)
def test_marks_count_where_whatsapp_lets_them(text: str, expected: str) -> None:
    assert look(text) == expected


def test_a_value_within_a_format_has_it_and_says_its_placeholder() -> None:
    assert runs_of(pieces("Hi *{{1}}*, {{2}}", ["Jane"])) == (
        Run("Hi "),
        Run("Jane", ("bold",), "1"),
        Run(", "),
        Run("{{2}}", (), "2", is_filled=False),
    )


def test_a_value_can_begin_a_format_as_on_the_phone() -> None:
    assert runs_of(pieces("{{1}} {{2}}", ["*a", "b*"])) == (
        Run("a", ("bold",), "1"),
        Run(" ", ("bold",)),
        Run("b", ("bold",), "2"),
    )


@pytest.mark.parametrize("text", ["*a " * 50_000, "`" * 100_000, "{{1}}" * 20_000, "*_~" * 30_000])
def test_a_long_text_is_cut_and_costs_little(text: str) -> None:
    began = time.process_time()
    runs = runs_of(pieces(text, ["x" * 1024]))
    assert time.process_time() - began < 1
    assert runs[-1] == Run("…")
    assert sum(len(run.text) for run in runs) <= MAX_CHARACTERS + 1
