"""Codes as people type them: what is certain is read, and what may be one code or two is refused."""

import re

import pytest

from wacrmd.domain.code_text import read_codes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", []),
        (" 131049 ", [131049]),
        ("131049,131026", [131049, 131026]),
        ("131049; 131026 131053", [131049, 131026, 131053]),
        ("100, 190", [100, 190]),
        ("4,131049", [4, 131049]),
        ("0", [0]),
        ("-1000", [-1000]),
        ("2494100", [2494100]),
    ],
)
def test_codes_stand_between_commas_semicolons_or_spaces(text: str, codes: list[int]) -> None:
    assert read_codes(text) == codes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("131,049", "'131,049' may be the code 131049 or several codes"),
        ("131.049", "'131.049' may be the code 131049"),
        ("131 049", "'131 049' may be the code 131049"),
        ("131\u202f049", "may be the code 131049"),
        ("131'049", "may be the code 131049"),
        ("2,494,100", "'2,494,100' may be the code 2494100"),
        ("131026, 131,049", "'131,049' may be the code 131049"),
        ("049", "'049' is no code of Meta's, which begin with no zero"),
        ("00", "begin with no zero"),
        ("131049, no phone", "'no' is no code of Meta's: expected codes such as 131049"),
        ("123456789", "is no code of Meta's"),
        ("131049.5", "is no code of Meta's"),
        ("\u0661\u0663", "is no code of Meta's"),
    ],
)
def test_what_may_be_one_code_or_two_or_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        read_codes(text)
