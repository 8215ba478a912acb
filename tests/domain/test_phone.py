"""Phone numbers: valid ones, text that is none, and the fast check; test_phone_forms.py has the forms."""

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from tests.support.exhaustive import IS_EXHAUSTIVE
from tests.support.table import rows
from wacrmd.domain import phone, phone_plan

EXAMPLES = sorted(
    {
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        for region in phonenumbers.SUPPORTED_REGIONS
        for kind in phonenumbers.PhoneNumberType.values()
        if (number := phonenumbers.example_number_for_type(region, kind)) is not None
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+14155550123", "+14155550123"),
        ("14155550123", "+14155550123"),
        ("0014155550123", "+14155550123"),
        ("  +1 (415) 555-0123\n", "+14155550123"),
        ("+1.415.555.0123", "+14155550123"),
        ("+49 151/23456789", "+4915123456789"),
        ("[+1] 415 555 0123", "+14155550123"),
        ("+1\u00a0415\u2009555\u20110123", "+14155550123"),
        ("\u202a+1 415 555 0123\u202c", "+14155550123"),
        ("\ufeff+14155550123\u200e", "+14155550123"),
        ("\uff0b1415\uff15\uff15\uff150123", "+14155550123"),
        ("+٩٦٦٥٠١٢٣٤٥٦٧", "+966501234567"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("+49 0151 23456789", "+4915123456789"),
        ("+39 06 1234 5678", "+390612345678"),
        ("+16475550123", "+16475550123"),
        ("+525512345678", "+525512345678"),
        ("+5215512345678", "+525512345678"),
        ("52 1 55 1234 5678", "+525512345678"),
        ("+5491123456789", "+5491123456789"),
        ("+541123456789", "+541123456789"),
        ("+54 11 15 2345 6789", "+5491123456789"),
        ("+5511987654321", "+5511987654321"),
        ("553187654321", "+5531987654321"),
        ("+551132345678", "+551132345678"),
        ("+551177654321", "+551177654321"),
        ("+6834000", "+6834000"),
    ],
)
def test_formatting_and_old_forms_are_accepted(text: str, expected: str) -> None:
    assert phone.normalize(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "+1",
        "123456",
        "+123456",
        "+15550123",
        "+15555550123",
        "+1415555012",
        "+141555501234",
        "+0014155550123",
        "++14155550123",
        "1+4155550123",
        "+1415555+0123",
        "+999999999999",
        "+1234567890123456",
        "call +14155550123",
        "+1415555012x",
        "+1-800-FLOWERS",
        "+14155550123 ext 5",
        "+14155550123,5",
        "US.13491208655302741918",
        "+1415555012\u00b3",
        "+1415\0555\x000123",
        "+14155550123" + " " * 300,
        "0" * 10_000_000,
        "\ud800+14155550123",
    ],
)
def test_other_text_is_not_a_phone_number(text: str) -> None:
    assert phone.normalize(text) is None


@rows("number", EXAMPLES)
def test_the_example_numbers_of_the_library_stay_unchanged(number: str) -> None:
    assert phone.normalize(number) == (number if len(number) > 7 else None)


NUMBERS = st.one_of(
    st.builds(
        lambda number, length: f"+{str(number)[:length]}",
        st.integers(10**16, 10**17 - 1),
        st.integers(7, 17),
    ),
    st.builds(
        lambda number, place, digit: number[:place] + digit + number[place + 1 :],
        st.sampled_from(EXAMPLES),
        st.integers(2, 9),
        st.sampled_from("0123456789"),
    ),
)


@pytest.mark.exhaustive
@settings(max_examples=1000 if IS_EXHAUSTIVE else 250, deadline=None)
@given(NUMBERS)
@example("+79123456789")  # the library assigns these leading digits to Russia, not to Kazakhstan
@example("+77012345678")
@example("+16475550123")  # Canada, not the main region of +1
def test_the_fast_check_agrees_with_the_library(number: str) -> None:
    if len(number) <= 18 and phone_plan.is_plainly_valid(number):
        assert phone_plan.parse(number) == number


def test_the_fast_check_accepts_most_numbers() -> None:
    mobiles = [
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        for region in ("US", "CA", "BR", "IN", "ID", "MX", "DE", "GB", "ES", "NG", "AR", "IT", "RU", "ZA")
        if (number := phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE))
    ]
    assert [number for number in mobiles if not phone_plan.is_plainly_valid(number)] == []


@pytest.mark.exhaustive
@settings(max_examples=1000 if IS_EXHAUSTIVE else 250, deadline=None)
@given(st.one_of(NUMBERS, st.text(alphabet="+0123456789 ()-.", max_size=24), st.text(max_size=24)))
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = phone.normalize(text)
    assert once is None or (once.startswith("+") and once[1:].isdecimal() and once.isascii())
    assert once is None or phone.normalize(once) == once


def test_digits_are_the_number_without_plus_as_in_a_wa_id() -> None:
    assert phone.digits("+14155550123") == "14155550123"
    assert phone.digits("14155550123") == "14155550123"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+14155550123", "+1415•••0123"),
        ("14155550123", "14155•••0123"),
        ("+683400000", "+68•••00"),
        ("+6834000000", "+6834•••0000"),
        ("+6834000", "+68•••00"),
        ("+12345", "•••"),
        ("", "•••"),
        ("US.13491208655302741918", "US.13•••1918"),
    ],
)
def test_a_masked_number_hides_its_middle(text: str, expected: str) -> None:
    assert phone.mask(text) == expected


@pytest.mark.exhaustive
@settings(max_examples=1000 if IS_EXHAUSTIVE else 250, deadline=None)
@given(NUMBERS)
def test_the_fast_check_of_mobiles_agrees_with_the_library(number: str) -> None:
    if len(number) <= 18 and phone_plan.is_plainly_valid(number):
        kind = phonenumbers.number_type(phonenumbers.parse(number))
        mobiles = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
        if kind in (*mobiles, PhoneNumberType.FIXED_LINE):
            assert phone_plan.is_mobile(number) == (kind in mobiles)
