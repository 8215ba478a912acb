"""One person in the text of a file: in each form of their number, and in no row of somebody else."""

import pytest

from wacrmd.domain.csv_file import CsvReader
from wacrmd.domain.person_in_file import PersonFinder, blanked, lines_about
from wacrmd.domain.text_file import split_lines

JANE, USER_ID = "+14155550123", "US.134"


def without(text: str) -> str:
    """The file without Jane."""
    lines = split_lines(text)
    finder = PersonFinder([JANE, "14155550123", USER_ID], "US")
    return "".join(blanked(lines, lines_about(lines, finder)))


def lines_taken(text: str) -> list[int]:
    """The numbers of the lines that are empty without Jane."""
    return [at for at, line in enumerate(split_lines(without(text)), start=1) if not line.strip()]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("+14155550123,Jane", True),
        ('Jane;"(415) 555-0123"', True),
        ("0014155550123", True),
        ("Jane,4155550123", True),
        ('="+14155550123",x', True),
        ("1,415 555 0123", True),
        ("US.134,Jane", True),
        ("us.134x,Jane", False),
        ("+14155550124,Jane", False),
        ("+494155550123,Jane", False),
        ("0123,Jane", False),
        ("٤١٥٥٥٥٠١٢٣,Jane", True),
    ],
)
def test_a_number_is_found_in_each_form(row: str, found: bool) -> None:
    assert bool(lines_taken(f"phone,name\n{row}\n")) is found


@pytest.mark.parametrize(
    ("address", "country", "cell", "found"),
    [
        (JANE, None, "'+14155550123", True),
        (JANE, None, '"+14155550123" ', True),
        (JANE, None, "", False),
        (JANE, None, "Jane", False),
        (JANE, "US", "US.14155550123", False),
        # a national number that only its country's rules read
        ("+5491155551299", "AR", "011 15 5555 1299", True),
        ("+5491155551299", "US", "011 15 5555 1299", False),
        # a part of the number, whose country or area stands in another column
        (JANE, None, "4155550123", True),
        (JANE, None, "00005550123", True),
        (JANE, None, "5550123", True),
        (JANE, None, "550123", False),
        (JANE, None, "5550123 4", False),
        # a national number that is also one of another country
        ("+12035550123", None, "2035550123", True),
        ("+12105550123", "DE", "02105550123", True),
        ("+12035550123", None, "+2035550123", False),
        ("+3545551234", "BN", "5551234", True),
        ("+12035550123", None, "\t+2035550123", False),
        ("+12035550123", None, "002035550123", False),
        ("+3225550123", "IT", "3225550123", True),
        ("+393225550123", "IT", "3225550123", True),
        # a plan that has changed: the old form and the new one
        ("+5215512345678", None, "+525512345678", True),
        ("+525512345678", None, "+5215512345678", True),
        ("22507123456", None, "+2250707123456", True),
        ("+2250707123456", None, "22507123456", True),
        # user ids
        ("US.ENT.7755501", None, "US.ENT.7755501", True),
        ("US.7755501X", None, "'\"US.7755501X\" '", True),
        ("US.7755501", None, "DE.7755501", False),
        ("US.7755501", None, "US.77555012", False),
    ],
)
def test_a_cell_is_an_address_of_the_person_or_is_not(
    address: str, country: str | None, cell: str, found: bool
) -> None:
    finder = PersonFinder([address], country)
    assert finder.is_in(["x", cell]) is found
    assert finder.is_in([cell, "x"]) is found


@pytest.mark.parametrize(
    ("addresses", "text", "may_be"),
    [
        ([JANE], "a (415) 555-01-23 b", True),
        ([JANE], "55-01-2", False),
        ([JANE], "450123", False),
        ([JANE], "٥٥٠١٢٣", True),
        ([JANE], "Jane", False),
        ([JANE, "+14155550199"], "550199", True),
        ([USER_ID], "to us.134, or", True),
        ([USER_ID], "US.13 4", False),
        ([USER_ID, JANE], "550123", True),
        ([], "550123 US.134", False),
    ],
)
def test_a_text_without_the_last_digits_or_the_user_id_is_passed_over(
    addresses: list[str], text: str, may_be: bool
) -> None:
    assert PersonFinder(addresses).may_be_in(text) is may_be


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("phone;name,first,x,y\n+14155550123;4,5,6,7\n", [2]),
        ('phone,note\n+14155550199,"as\n+14155550123, or"\n', [3]),
        ('phone,name\n+14155550100,"Ann\n+14155550123,Jane\n+14155550101,Bob"\n', [3]),
        ('phone,name\n+14155550123,"Jane\n+14155550100,Ann"\n+14155550101,Bob\n', [2]),
        ('phone,name\n+14155550100,"Ann\n4155550123,Jane\n+14155550101,Bob"\n', [3]),
        ('phone,name\n+14155550123,"Jane\n+14155550123,Jane"\n', [2, 3]),
    ],
)
def test_wrong_quotes_and_another_separator_hide_nobody_and_take_nobody_else(
    text: str, lines: list[int]
) -> None:
    assert lines_taken(text) == lines


def test_other_lines_keep_their_numbers_and_their_content() -> None:
    text = 'phone,note\r\n+14155550100,a\r\n+14155550123,"two\r\nlines"\r\n+14155550199,"b"\r\n+14155550123'
    kept = without(text)
    assert kept == 'phone,note\r\n+14155550100,a\r\n\r\n\r\n+14155550199,"b"\r\n'
    assert [row.line for row in CsvReader(split_lines(kept))] == [1, 2, 5]
