"""Numbers as people type them: those in digits are read, and nothing else that Python would take."""

import pytest

from wacrmd.domain.number_text import read_amount, read_whole

OF_PYTHON_ALONE = [
    "1_0",
    "\uff16\uff10",
    "\u0661",
    "+5",
    "1e2",
    "nan",
    "inf",
    "-inf",
    "0x10",
    "",
    " ",
    "-",
    "ten",
    "9" * 30,
]


@pytest.mark.parametrize(("text", "number"), [("80", 80), (" 7 ", 7), ("007", 7), ("-3", -3), ("0", 0)])
def test_a_whole_number_has_digits_and_may_have_a_minus_sign(text: str, number: int) -> None:
    assert read_whole(text) == number
    assert read_amount(text) == number


@pytest.mark.parametrize(("text", "number"), [("0.5", 0.5), (".5", 0.5), ("5.", 5.0), ("-0.25", -0.25)])
def test_an_amount_may_have_decimals(text: str, number: float) -> None:
    assert read_amount(text) == number
    assert read_whole(text) is None


@pytest.mark.parametrize("text", [*OF_PYTHON_ALONE, "1,5", "1.2.3", "."])
def test_anything_else_is_no_number(text: str) -> None:
    assert read_whole(text) is None
    assert read_amount(text) is None
