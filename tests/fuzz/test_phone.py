"""Phone numbers as anybody may write them: one reading, a valid one, in a bounded time."""

import re
import time

from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.effort import examples
from tests.fuzz.growth import assert_grows_in_proportion
from tests.fuzz.mutations import mutated_text
from wacrmd.domain import phone, phone_plan
from wacrmd.domain.address import looked_up, normalize_address, read_address
from wacrmd.domain.column_names import is_phone_name
from wacrmd.domain.country_codes import CodeColumns
from wacrmd.domain.phone import Reading
from wacrmd.domain.phone_guess import Home, doubt
from wacrmd.domain.phone_text import TEXT_MAX, Unreadable

SEEDS = (
    "+14155550123",
    "0049 (0)151 / 234 567-89",
    "+44 (0)20 7946 0018",
    "Mobile: +49 151 23456789 (WhatsApp)",
    "📱 +55 11 98765-4321",
    "tel:+1-415-555-0123;ext=12",
    "https://wa.me/14155550123?text=Hi",
    "https://api.whatsapp.com/send?phone=+4915123456789&text=Hallo",
    "14155550123@s.whatsapp.net",
    "TEL;TYPE=CELL:+49 151 23456789",
    "SMSTO:+4915123456789:Hello",
    "+٩٦٦٥٠١٢٣٤٥٦٧",
    "+1415５５５0123",
    "06/12/34/56/78",
    "5.21E+12",
    "628123456789.0",
    '="+14155550123"',
    "(479) 234-5678",
    "\u202a+1 415 555 0123\u202c",
    "US.13491208655302741918",
    "0812 3456 789 0",
    "001 61 412 345 678",
    "02)212-3456",
    "8 (912) 345-67-89",
)
TOKENS = (
    *"+0123456789()[]/.-' :;,#x\"=<>",
    "00",
    "(0)",
    "+49",
    " (WhatsApp)",
    "ext. ",
    "tel:",
    "%2B",
    "&phone=",
    "\u200e",
    "\u00a0",
    "\u2011",
    "٣",
    "x" * 60,
)
TEXTS = mutated_text(SEEDS, TOKENS) | st.text(max_size=30)
COUNTRIES = st.none() | st.sampled_from(sorted(phone_plan.COUNTRIES))
E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


@examples(150)
@given(TEXTS, COUNTRIES)
def test_a_text_is_a_valid_number_or_refused_with_a_reason(text: str, country: str | None) -> None:
    found = phone.read(text, country)
    assert phone.read(text, country) == found
    if isinstance(found, Unreadable):
        assert found.detail
        return
    for each in filter(None, (found.phone, found.other)):
        assert E164.fullmatch(each)
        assert phone_plan.parse(each) == each
    assert (found.digits is None) or found.phone[1:].endswith(found.digits[-4:])
    for home in (Home(country, is_default=True), Home(country), Home(None)):
        assert doubt(found, home) is None or found.digits is not None


@examples(100)
@given(TEXTS, COUNTRIES, COUNTRIES)
def test_a_number_that_is_stored_is_the_same_number_in_every_country(
    text: str, country: str | None, other: str | None
) -> None:
    stored = normalize_address(text, country)
    if stored is not None:
        assert normalize_address(stored, other) == stored
        assert looked_up(stored, other) == stored
        found = read_address(stored, other)
        assert not isinstance(found, Reading) or found.digits is None


@examples(100)
@given(TEXTS, COUNTRIES, st.sampled_from((" ", "\u00a0", "\u200e", "\ufeff", "\n")))
def test_spaces_and_invisible_marks_around_it_change_nothing(
    text: str, country: str | None, mark: str
) -> None:
    found = phone.read(text, country)
    if len(text) + 2 <= TEXT_MAX and isinstance(found, Reading):
        assert phone.read(f"{mark}{text}{mark}", country) == found


@examples(100)
@given(TEXTS, mutated_text(SEEDS, TOKENS), COUNTRIES)
def test_a_column_with_country_codes_is_joined_or_refused(code: str, text: str, country: str | None) -> None:
    joined = CodeColumns(["phone", "country code"], 0).joined(text, [text, code])
    if isinstance(joined, str):
        phone.read(joined, country)
    assert is_phone_name(code) in (True, False)


@examples(12)
@given(
    mutated_text(SEEDS, TOKENS, changes=3),
    st.text(min_size=1, max_size=3) | st.sampled_from(TOKENS),
    COUNTRIES,
)
@example("", "(0) ", None)
def test_the_longest_text_takes_no_longer_than_many_usual_ones(
    text: str, unit: str, country: str | None
) -> None:
    """A regular expression that goes astray takes thousands of times longer."""
    usual = [phone.read(each, "DE") for each in SEEDS]
    assert usual
    began = time.thread_time()
    for each in SEEDS * 40:
        phone.read(each, country)
    many = time.thread_time() - began
    began = time.thread_time()
    for long in (text + unit * 150, unit * 150 + text, (unit + text) * 20):
        for cut in (64, TEXT_MAX):
            phone.read(long[:cut], country)
            is_phone_name(long[:cut])
    assert time.thread_time() - began < 2 * many


@examples(8)
@given(st.text(min_size=1, max_size=3) | st.sampled_from(TOKENS))
def test_a_text_of_any_length_is_read_in_linear_time(unit: str) -> None:
    assert_grows_in_proportion(lambda size: unit * size, phone.read, 20_000)
