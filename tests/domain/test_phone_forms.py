"""How numbers are written: each form with what is read, for which country, or why it is refused."""

import re

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType

from tests.support.exhaustive import IS_EXHAUSTIVE, spread
from tests.support.table import rows
from wacrmd.domain.phone import Reading, normalize, read
from wacrmd.domain.phone_guess import Home, doubt, summary
from wacrmd.domain.phone_plan import COUNTRIES, calling_code, is_mobile
from wacrmd.domain.phone_text import Reason, Unreadable

# the text, the default country, and the number
READ: list[tuple[str, str | None, str]] = [
    # as a program that took the number for an amount writes it
    ("628123456789.0", None, "+628123456789"),
    ("628123456789.00", None, "+628123456789"),
    ("628123456789,0", None, "+628123456789"),
    ("628123456789,00", None, "+628123456789"),
    ("+628123456789.0", None, "+628123456789"),
    ("8123456789.0", "ID", "+628123456789"),
    ("15123456789.0", "DE", "+4915123456789"),
    (
        "\u06f6\u06f2\u06f8\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9\u066b\u06f0",
        None,
        "+628123456789",
    ),
    ("628123456789. 0", None, "+628123456789"),
    ("628123456789 .00", None, "+628123456789"),
    ("628123456789\uff0e\u30000", None, "+628123456789"),
    ("628123456789\u066b 0", None, "+628123456789"),
    ("628123456789 \u2022 0", None, "+628123456789"),
    ("628123456789.", None, "+628123456789"),
    # as a spreadsheet keeps text, or drops a +
    ("=+4915123456789", None, "+4915123456789"),
    ("=4915123456789", None, "+4915123456789"),
    ("'+4915123456789", None, "+4915123456789"),
    ("\u2019+4915123456789", None, "+4915123456789"),
    ('="4915123456789"', None, "+4915123456789"),
    ('"+4915123456789"', None, "+4915123456789"),
    ("'4915123456789.0", None, "+4915123456789"),
    # copied with the end of a list or of a sentence, or within quotes
    ("+4915123456789;", None, "+4915123456789"),
    ("+4915123456789 ,", None, "+4915123456789"),
    ("0151 23456789.", "DE", "+4915123456789"),
    ("<+4915123456789>", None, "+4915123456789"),
    ("\u2039+49 151 23456789\u203a", None, "+4915123456789"),
    ("\u00ab+49 151 23456789\u00bb", None, "+4915123456789"),
    # with a label
    ("Mobile: +4915123456789", None, "+4915123456789"),
    ("Tel. +49 151 23456789", None, "+4915123456789"),
    ("Tel +49 (0)151 23456789", None, "+4915123456789"),
    ("Handy 0151 23456789;", "DE", "+4915123456789"),
    ("No HP: 0812-3456-7890", "ID", "+6281234567890"),
    ("Celular: (11) 98765-4321", "BR", "+5511987654321"),
    ("\u0442\u0435\u043b: 8 912 345-67-89", "RU", "+79123456789"),
    ("\u624b\u673a13812345678", "CN", "+8613812345678"),
    ("\u7535\u8bdd\uff1a+86 138 1234 5678", None, "+8613812345678"),
    ("Ph.No.9876543210", "IN", "+919876543210"),
    ("Mob-9876543210", "IN", "+919876543210"),
    ("Phone: 1 201 555 0123", "US", "+12015550123"),
    ("p:+4915123456789", None, "+4915123456789"),
    ("p:015123456789", "DE", "+4915123456789"),
    ("M: +49 151 23456789", None, "+4915123456789"),
    ("\u260e +49 151 23456789", None, "+4915123456789"),
    ("\U0001f4f1+49 151 23456789", None, "+4915123456789"),
    ("+4915123456789 (WA)", None, "+4915123456789"),
    ("9876543210 (WhatsApp)", "IN", "+919876543210"),
    ("+49 151 23456789 mobil", None, "+4915123456789"),
    # links, and ids of WhatsApp
    ("tel:+1-201-555-0123", None, "+12015550123"),
    ("TEL:+44(0)20.7946.0018", None, "+442079460018"),
    ("tel:%2B4915123456789", None, "+4915123456789"),
    ("tel:0151-23456789", "DE", "+4915123456789"),
    ("sms:+4915123456789", None, "+4915123456789"),
    ("sms:+4915123456789?body=Hi%202", None, "+4915123456789"),
    ("sms:+4915123456789&body=Hi", None, "+4915123456789"),
    ("smsto:+4915123456789", None, "+4915123456789"),
    ("SMSTO:+4915123456789:Call me at 5", None, "+4915123456789"),
    ("mms:+4915123456789", None, "+4915123456789"),
    ("skype:+4915123456789?call", None, "+4915123456789"),
    ("facetime:+14155550123", None, "+14155550123"),
    ("%2B4915123456789", None, "+4915123456789"),
    ("TEL;TYPE=CELL:+4915123456789", None, "+4915123456789"),
    ("TEL;VALUE=uri:tel:+49-151-23456789", None, "+4915123456789"),
    ("item1.TEL;waid=4915123456789:+49 151 23456789", None, "+4915123456789"),
    ("whatsapp:+14155550123", None, "+14155550123"),
    ("WhatsApp: +1 415 555 0123", None, "+14155550123"),
    ("https://wa.me/14155550123", None, "+14155550123"),
    ("http://wa.me/+14155550123/", None, "+14155550123"),
    ("wa.me/0014155550123?text=Hi%20there", None, "+14155550123"),
    ("https://wa.me/4792345678", "US", "+4792345678"),
    ("https://api.whatsapp.com/send?phone=4915123456789&text=Hi", None, "+4915123456789"),
    ("https://api.whatsapp.com/send/?text=Hi&phone=%2B4915123456789&type=x", None, "+4915123456789"),
    ("https://web.whatsapp.com/send?phone=4915123456789", None, "+4915123456789"),
    ("whatsapp://send?phone=4915123456789", None, "+4915123456789"),
    ("4915123456789@c.us", None, "+4915123456789"),
    ("4915123456789@s.whatsapp.net", None, "+4915123456789"),
    ("4915123456789:12@s.whatsapp.net", None, "+4915123456789"),
    ("5215512345678@c.us", "US", "+525512345678"),
    # characters of other scripts
    ("\uff0b1\uff08415\uff09555\uff0d0123", None, "+14155550123"),
    ("\uff3b\uff0b49\uff3d 151 23456789", None, "+4915123456789"),
    ("+1 415\u2212555\u22120123", None, "+14155550123"),
    ("+81 90\u30fc1234\u30fc5678", None, "+819012345678"),
    ("+33\u00b76\u00b712\u00b734\u00b756\u00b778", None, "+33612345678"),
    ("+1\u202f415\u2007555\u20600123", None, "+14155550123"),
    ("\u202d+1 415 555 0123\u202c", None, "+14155550123"),
    ("\u27954915123456789", None, "+4915123456789"),
    # formatting where people put it
    ("+41 79'123'45'67", None, "+41791234567"),
    ("079\u2019123\u201945\u201967", "CH", "+41791234567"),
    ("02)2123-4567", "KR", "+82221234567"),
    ("+1 (415) 555-0123", None, "+14155550123"),
    ("(+1) 415 555 0123", None, "+14155550123"),
    ("(+1 415 555 0123)", None, "+14155550123"),
    ("+49 ( 151 ) 23456789", None, "+4915123456789"),
    ("+49 151 - 23456789", None, "+4915123456789"),
    ("+49 151 / 23456789", None, "+4915123456789"),
    ("+32 475/12.34.56", None, "+32475123456"),
    ("+43/664/1234567", None, "+436641234567"),
    ("0043/664/1234567", None, "+436641234567"),
    ("+49 / 151 / 23456789", None, "+4915123456789"),
    ("+381/60/123-4567", None, "+381601234567"),
    ("06/20/123-4567", "HU", "+36201234567"),
    ("1/201/555-0123", "US", "+12015550123"),
    ("8/912/345-67-89", "RU", "+79123456789"),
    ("06/12/34/56/78", "FR", "+33612345678"),
    ("+49 30 1234567-0", None, "+493012345670"),
    ("089 1234-0", "DE", "+498912340"),
    ("+47 92 34 56 7 8", None, "+4792345678"),
    ("+  49  151  23456789", None, "+4915123456789"),
    ("\t+4915123456789\r\n", None, "+4915123456789"),
    # a trunk prefix
    ("+44 (0)20 7946 0018", None, "+442079460018"),
    ("+44(0)(20)79460018", None, "+442079460018"),
    ("0044 (0) 20 7946 0018", None, "+442079460018"),
    ("44 (0) 20 7946 0018", None, "+442079460018"),
    ("44 [0] 20 7946 0018", "US", "+442079460018"),
    ("+49 0151 23456789", None, "+4915123456789"),
    ("+39 (0)6 1234 5678", None, "+390612345678"),
    ("+39 (0)347 1234567", None, "+393471234567"),
    ("(0)151 23456789", "DE", "+4915123456789"),
    # 00 and what stands for it
    ("0049 151 23456789", None, "+4915123456789"),
    ("(0049) 151 23456789", "US", "+4915123456789"),
    ("011 44 20 7946 0018", "US", "+442079460018"),
    ("0011 61 412 345 678", "AU", "+61412345678"),
    # a number without + is one of the default country first
    ("81234567890", "ID", "+6281234567890"),
    ("0812-3456-7890", "ID", "+6281234567890"),
    ("62812345678", "ID", "+62812345678"),
    ("4915123456789", "DE", "+4915123456789"),
    ("15123456789", "DE", "+4915123456789"),
    ("4792345678", "US", "+14792345678"),
    ("(646) 345-6789", "US", "+16463456789"),
    ("1 646 345 6789", "US", "+16463456789"),
    ("51987654321", "BR", "+5551987654321"),
    ("0 21 11 98765-4321", "BR", "+5511987654321"),
    ("11 8765-4321", "BR", "+5511987654321"),
    ("011 15 2345-6789", "AR", "+5491123456789"),
    ("295-1234", "BM", "+14412951234"),
    ("20 12 34 56", "DK", "+4520123456"),
    ("8 912 345-67-89", "RU", "+79123456789"),
    # … then an international one
    ("14155550123", "DE", "+14155550123"),
    ("4915123456789", "US", "+4915123456789"),
    # … also where leaving out its first digit would make it one of the country
    ("12015550123", "MX", "+12015550123"),
    ("1 (646) 345-6789", "MX", "+16463456789"),
    # a mobile in its full length, or a trunk prefix, is the usual form of the country
    ("(479) 234-5678", "US", "+14792345678"),
    ("479 234 5678", "US", "+14792345678"),
    ("51 98765-4321", "BR", "+5551987654321"),
    ("8 495 123-45-67", "RU", "+74951234567"),
    # 00 is +, whatever people of the country dial before a call abroad
    ("00 93 234 567 890", "SG", "+93234567890"),
    ("00 93 234 567 890", "KR", "+93234567890"),
    ("00 1 201 555 0123", "SG", "+12015550123"),
    # without a default country it is an international one
    ("81234567890", None, "+81234567890"),
    ("4792345678", None, "+4792345678"),
    ("+81234567890", "ID", "+81234567890"),
    # old prefixes within a country
    ("044 55 1234 5678", "MX", "+525512345678"),
    ("01 55 1234 5678", "MX", "+525512345678"),
    ("09 8765 4321", "CL", "+56987654321"),
    ("8 050 123 45 67", "UA", "+380501234567"),
    ("80501234567", "UA", "+380501234567"),
    ("0919876543210", "IN", "+919876543210"),
    ("+54 9 011 2345-6789", None, "+5491123456789"),
    # old forms
    ("+5215512345678", None, "+525512345678"),
    ("553187654321", None, "+5531987654321"),
    ("+22997123456", None, "+2290197123456"),
    ("97 12 34 56", "BJ", "+2290197123456"),
    ("22507123456", None, "+2250707123456"),
    ("05 12 34 56", "CI", "+2250505123456"),
    ("+225 41 12 34 56", None, "+2250141123456"),
]

# the text, the default country, and why it is refused
REFUSED: list[tuple[str, str | None, Reason]] = [
    ("", None, Reason.EMPTY),
    (" \u200b ", None, Reason.EMPTY),
    ("''", None, Reason.EMPTY),
    ("+", None, Reason.EMPTY),
    ("-", None, Reason.EMPTY),
    ("4.91512E+11", None, Reason.EXPONENT),
    ("4,9e11", None, Reason.EXPONENT),
    ("4.915123456789E+12", None, Reason.EXPONENT),
    ("4E11", "DE", Reason.EXPONENT),
    ("628123456789.5", None, Reason.DECIMAL),
    ("628123456789.000", None, Reason.DECIMAL),
    ("1415555.0000", None, Reason.DECIMAL),
    ("628 123 456 789.00", None, Reason.DECIMAL),
    ("628 123 456 789,00", None, Reason.DECIMAL),
    ("628,123,456,789", None, Reason.DECIMAL),
    ("+1.415.555.0123.0", None, Reason.DECIMAL),
    ("628 123 456 789 . 0", None, Reason.DECIMAL),
    ("628123456789. 5", None, Reason.DECIMAL),
    ("+62 812 3456 789. 00", None, Reason.DECIMAL),
    # a last group that may be no part of a mobile whose plan has several lengths
    ("628123456789 0", None, Reason.AMBIGUOUS),
    ("628123456789-0", None, Reason.AMBIGUOUS),
    ("628123456789 00", None, Reason.AMBIGUOUS),
    ("62812345678 00", None, Reason.AMBIGUOUS),
    ("+62 812 3456 78 - 00", None, Reason.AMBIGUOUS),
    ("+62 812 3456 789-1", None, Reason.AMBIGUOUS),
    ("+43.66.41.23.45.6", None, Reason.AMBIGUOUS),
    ("0812 3456 789 / 0", "ID", Reason.SEVERAL),
    ("(0812) 3456 789-0", "ID", Reason.AMBIGUOUS),
    ("628123456789;;", None, Reason.CHARACTER),
    ("628123456789-", None, Reason.SEPARATORS),
    ("-628123456789", None, Reason.SEPARATORS),
    ("+49--15123456789", None, Reason.SEPARATORS),
    ("4915123456789+", None, Reason.SEPARATORS),
    ("++4915123456789", None, Reason.SEVERAL),
    ("+4915123456789 / +4915123456780", None, Reason.SEVERAL),
    ("+4915123456789\n+4915123456780", None, Reason.SEVERAL),
    ("+49 30 1234567/68", None, Reason.SEVERAL),
    ("+49 30 1234567/68/69", None, Reason.SEVERAL),
    ("+49/30/12345/67", None, Reason.SEVERAL),
    ("https://api.whatsapp.com/send?phone=628123456789&phone=628123456780", None, Reason.LINK),
    ("0151 23456789 / 0151 23456780", "DE", Reason.DIGITS),
    ("+49 151 234567 (2)", None, Reason.BRACKETS),
    ("+49 (151 23456789", None, Reason.BRACKETS),
    ("+49 151) 23456789", None, Reason.BRACKETS),
    ("+49 (151] 23456789", None, Reason.BRACKETS),
    ("+49 ((151)) 23456789", None, Reason.BRACKETS),
    ("+49 () 15123456789", None, Reason.BRACKETS),
    ("+44 (0) (0) 20 7946 0018", None, Reason.BRACKETS),
    ("+49 151 (0) 23456789", None, Reason.BRACKETS),
    ("151 (0) 23456789", "DE", Reason.BRACKETS),
    ("+14155550123 ext 5", None, Reason.EXTENSION),
    ("+14155550123x5", None, Reason.EXTENSION),
    ("+14155550123 #5", None, Reason.EXTENSION),
    ("tel:+14155550123;ext=5", None, Reason.EXTENSION),
    ("tel:0151-23456789;phone-context=+49", "DE", Reason.CHARACTER),
    ("+14155550123;5", None, Reason.CHARACTER),
    ("+49\t15123456789", None, Reason.CHARACTER),
    ("02-1234-5678~9", "KR", Reason.CHARACTER),
    ("\u202e+4915123456789", None, Reason.CHARACTER),
    ("=49-151-23456789", None, Reason.CHARACTER),
    ("+=4915123456789", None, Reason.CHARACTER),
    ("#31#+4915123456789", None, Reason.CHARACTER),
    ("&#43;4915123456789", None, Reason.CHARACTER),
    ("nan", None, Reason.LETTERS),
    ("+1-800-FLOWERS", None, Reason.LETTERS),
    ("0x4915123456789", None, Reason.LETTERS),
    ("Fax: +49 30 1234567", None, Reason.LETTERS),
    ("Tel/Fax: +49 30 1234567", None, Reason.LETTERS),
    ("Anna: +4915123456789", None, Reason.LETTERS),
    ("No. 081234567890", "ID", Reason.LETTERS),
    ("Mobile 1 9012345678", "IN", Reason.LETTERS),  # or is it +1 901 234 5678?
    ("Mobile 2: +4915123456789", None, Reason.LETTERS),
    ("+62 812 3456 789 2 (WA)", None, Reason.AMBIGUOUS),
    ('{"phone":"+4915123456789"}', None, Reason.LETTERS),
    ("Tel: +4915123456789 & +4915123456780", None, Reason.SEVERAL),
    ("sms:+4915123456789,+4915123456780", None, Reason.SEVERAL),
    ("TEL;TYPE=FAX:+49301234567", None, Reason.LINK),
    ("+141555501\u00b23", None, Reason.LETTERS),
    ("https://wa.me/message/ABCDEFGH12345", None, Reason.LINK),
    ("https://chat.whatsapp.com/AbCdEf123456789", None, Reason.LINK),
    ("https://example.com/4915123456789", None, Reason.LINK),
    ("123456789012345@lid", None, Reason.LINK),
    ("120363025246125486@g.us", None, Reason.LINK),
    ("4915123456789@example.com", None, Reason.LINK),
    ("0151 23456789", None, Reason.NO_COUNTRY_CODE),
    ("0812-3456-7890", None, Reason.NO_COUNTRY_CODE),
    ("+0014155550123", None, Reason.INVALID),
    ("+114155550123", None, Reason.INVALID),
    ("001114155550123", None, Reason.INVALID),
    ("+999123456789", None, Reason.INVALID),
    ("+15550123456", None, Reason.INVALID),
    ("12", None, Reason.INVALID),
    ("0151 23456789", "US", Reason.INVALID),
    ("+225 21 12 34 56", None, Reason.INVALID),
    ("1" * 18, None, Reason.DIGITS),
    ("+49 201 00000000000", None, Reason.INVALID),  # 16 digits, which the library takes
    ("1" * 65, None, Reason.TOO_LONG),
    ("1" * 10_000_000, None, Reason.TOO_LONG),
    # a fixed line as nobody writes it, or a mobile of another country
    ("33612345678", "DE", Reason.AMBIGUOUS),
    ("447400123456", "DE", Reason.AMBIGUOUS),
    ("919876543210", "DE", Reason.AMBIGUOUS),
    ("33612345678", "LU", Reason.AMBIGUOUS),
    # grouped as people of the other country write it
    ("47 92 34 56 78", "US", Reason.AMBIGUOUS),
    ("51 987 654 321", "BR", Reason.AMBIGUOUS),
    # an area code is no country code, and no number of a line
    ("(659) 123-4567", "US", Reason.INVALID),
    ("1) 415 555 0123", "US", Reason.BRACKETS),
    ("02) 0151 23456789", "DE", Reason.BRACKETS),
    ("41791234567", "LU", Reason.AMBIGUOUS),
    # as 00 1 659… it is a number of the United States, as 001 65… one of Singapore
    ("001 65 9223 4567", "SG", Reason.AMBIGUOUS),
]


@rows(("text", "country", "phone"), READ)
def test_a_number_is_read_in_each_of_its_forms(text: str, country: str | None, phone: str) -> None:
    reading = read(text, country)
    assert isinstance(reading, Reading), reading
    assert reading.phone == phone


@rows(("text", "country", "reason"), REFUSED)
def test_what_is_no_number_is_refused_with_the_reason(text: str, country: str | None, reason: Reason) -> None:
    reading = read(text, country)
    assert isinstance(reading, Unreadable), reading
    assert reading.reason is reason
    assert 0 < len(reading.detail) < 150


def test_each_reason_has_a_row() -> None:
    assert {reason for _, _, reason in REFUSED} == set(Reason)


EXAMPLES = [
    (country, phonenumbers.format_number(number, PhoneNumberFormat.E164), number)
    for country in sorted(COUNTRIES)
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
    if (number := phonenumbers.example_number_for_type(country, kind)) is not None
    and len(phonenumbers.format_number(number, PhoneNumberFormat.E164)) > 7
]


@rows("country", sorted(COUNTRIES))
def test_a_national_number_of_the_default_country_is_never_sent_to_another_one(country: str) -> None:
    for phone, number in [(phone, number) for of, phone, number in EXAMPLES if of == country]:
        written = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        significant = phonenumbers.national_significant_number(number)
        for text in (written, re.sub(r"[^0-9]", "", written)):
            assert normalize(text, country) == phone, text
        for text in (significant, f"{significant}.0"):
            found = read(text, country)
            if not is_mobile(phone) and isinstance(found, Unreadable):
                assert found.reason is Reason.AMBIGUOUS, text
                assert phone in found.detail, text
            else:
                assert isinstance(found, Reading), text
                assert found.phone == phone, text
        for text in (phone, phone[1:], f"00{phone[1:]}", phone[1:] + ".00"):
            found = read(text, country)
            assert isinstance(found, Unreadable) or found.phone == phone, text


@pytest.mark.exhaustive
@rows("country", spread(sorted(COUNTRIES), 50))
def test_an_international_number_without_plus_never_becomes_one_of_the_default_country_silently(
    country: str,
) -> None:
    home = Home(country, is_default=True)
    begin = (
        sorted(COUNTRIES).index(country) % 3
    )  # every third number, which is another one for the next country
    for of, phone, _ in EXAMPLES[begin::3]:
        if calling_code(of) == calling_code(country):
            continue
        for text in (phone[1:], f"{phone[1:]}.0", f"00{phone[1:]}"):
            found = read(text, country)
            if isinstance(found, Unreadable):
                assert found.reason is Reason.AMBIGUOUS, text
                assert phone in found.detail, text
            elif found.phone != phone:
                assert phone in (doubt(found, home) or ""), text


@pytest.mark.parametrize("country", ["DE", "AT", "LU", "IT", "MX", "RS", "FI"])
def test_a_mobile_of_another_country_never_becomes_a_fixed_line_of_a_country_whose_numbers_vary_in_length(
    country: str,
) -> None:
    for of, phone, _ in EXAMPLES:
        if calling_code(of) != calling_code(country) and is_mobile(phone):
            found = read(phone[1:], country)
            assert isinstance(found, Unreadable) or found.phone == phone or is_mobile(found.phone), phone


@rows("country", sorted(COUNTRIES))
def test_without_a_default_country_a_national_number_that_is_read_as_a_foreign_one_is_a_guess(
    country: str,
) -> None:
    home = Home(country)
    for of, _, number in EXAMPLES:
        if of != country:
            continue
        for text in (
            phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL),
            phonenumbers.national_significant_number(number),
        ):
            found = read(text)
            if isinstance(found, Reading) and not found.phone.startswith(f"+{calling_code(country)}"):
                assert doubt(found, home) is not None, text


_SEPARATORS = st.sampled_from(
    [
        "",
        " ",
        "-",
        ".",
        "/",
        ") ",
        " (",
        ",",
        ".0",
        "e",
        "+",
        "\u2212",
        "\u00a0",
        "(0)",
        "'",
        "0",
        ":",
        "tel ",
    ]
)


@pytest.mark.exhaustive
@settings(max_examples=1000 if IS_EXHAUSTIVE else 250, deadline=None)
@given(
    st.sampled_from(EXAMPLES),
    st.sampled_from(
        [
            "+",
            "00",
            "",
            "'+",
            "tel:+",
            "https://wa.me/",
            "=",
            "=+",
            "Mobile: +",
            "Mob. ",
            "Tel 1 ",
            "p:",
            "1) ",
            "0",
            "8",
        ]
    ),
    st.lists(st.tuples(st.integers(1, 14), _SEPARATORS), max_size=3),
    st.sampled_from(
        ["", ".0", ",00", ".5", "-", "(2)", "E+11", " 0", ";", ".", " (WA)", " mobil 2", "&2", ":2"]
    ),
    st.sampled_from([None, "US", "DE", "ID", "BR", "IT", "SG", "MX", "IN", "KR"]),
)
@example(("ID", "+628123456789", None), "", [], ".0", None)
@example(("AC", "+247401230", None), "+", [(8, ".")], " (WA)", None)
@example(("HT", "+50922453300", None), "+", [(1, "."), (9, ".")], "", None)
def test_formatting_never_changes_the_digits(
    number: tuple[str, str, object], start: str, marks: list[tuple[int, str]], end: str, country: str | None
) -> None:
    body = number[1][1:]
    for place, mark in sorted(marks, reverse=True):
        body = body[:place] + mark + body[place:]
    text = f"{start}{body}{end}"
    found = read(text, country)
    if isinstance(found, Unreadable):
        return
    whole = re.sub(r"\s*[;,.]$", "", text.removesuffix(" (WA)"))
    without_decimals = re.sub(r"\s*[.,]\s*00?\s*$", "", whole)
    is_grouped = re.search(r"[.,]", without_decimals) is not None
    without_trunk = {
        re.sub(r"[^0-9]", "", each)
        for written in ([without_decimals, whole] if is_grouped else [without_decimals])
        for each in (written, written.replace("(0)", "", 1))
    }
    allowed = set[str]()
    for each in without_trunk:
        own = each.removeprefix("0") if country == "IN" else each  # 0 91 …
        for rest in {each, each.removeprefix("00"), _behind_prefix(each, country), own}:
            allowed |= {rest, f"{calling_code(country)}{rest}"} if country else {rest}
    assert any(_is_same(found.phone[1:], each) for each in allowed), (text, found)


def _behind_prefix(digits: str, country: str | None) -> str:
    """The digits behind what people in the country dial before a call abroad, such as 011."""
    metadata = PhoneMetadata.metadata_for_region(country, None) if country else None
    prefix = re.match(metadata.international_prefix or "", digits) if metadata else None
    return digits[prefix.end() :] if prefix else digits


def _is_same(phone: str, digits: str) -> bool:
    """Whether the number is those digits but for a trunk prefix behind the country code, or a known change of a plan."""
    if phone == digits:
        return True
    code = next(
        phone[:end] for end in (1, 2, 3) if int(phone[:end]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    )
    if not digits.startswith(code):
        return False
    rest, national = digits[len(code) :], phone[len(code) :]
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(
        int(code), phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)][0]
    )
    assert metadata is not None
    prefix = re.match(metadata.national_prefix_for_parsing or "", rest)
    if prefix is not None and rest[prefix.end() :] == national:
        return True
    return code in {"52", "54", "55", "225", "229"} or metadata.national_prefix_transform_rule is not None


@pytest.mark.exhaustive
@settings(max_examples=700 if IS_EXHAUSTIVE else 250, deadline=None)
@given(
    st.text(alphabet="+0123456789 ()[]-./,:;=@'\"xEe\u2212\u00a0\uff10\n", max_size=30),
    st.sampled_from([None, "DE", "US"]),
)
def test_any_text_is_read_or_refused(text: str, country: str | None) -> None:
    found = read(text, country)
    if isinstance(found, Reading):
        assert re.fullmatch(r"\+[1-9][0-9]{6,14}", found.phone)
        assert normalize(found.phone, country) == found.phone
    else:
        assert found.detail.isprintable()


@pytest.mark.parametrize(
    ("text", "country", "home", "expected"),
    [
        ("81234567890", None, "US", "no + or 00: read as a number of JP"),
        (
            "4792345678",
            None,
            "US",
            "no + or 00: read as a number of NO; as a number of US it would be +14792345678",
        ),
        ("14155550123", None, "US", None),
        ("16475550123", None, "US", None),
        ("4915123456789", None, "DE", None),
        ("4915123456789", None, "US", "no + or 00: read as a number of DE"),
        ("4915123456789", None, None, "no + or 00: read as a number of DE"),
        ("+4915123456789", None, None, None),
        ("004915123456789", None, "US", None),
        ("https://wa.me/4915123456789", None, "US", None),
        (
            "81234567890",
            "ID",
            "ID",
            "no + or 00: read as a number of ID; with + it would be +81234567890 of JP",
        ),
        ("85812345678", "ID", "ID", None),
        ("812-3456-7890", "ID", "ID", None),
        ("(479) 234-5678", "US", "US", None),
        ("81 1234 5678", "MX", "MX", None),
        (
            "12015550123",
            "MX",
            "MX",
            "no + or 00: read as a number of US; as a number of MX it would be +522015550123",
        ),
        (
            "00 93 234 567 890",
            "SG",
            "SG",
            "00 is read as +; with a prefix for calls abroad of SG it would be +3234567890",
        ),
        ("4915123456789", "DE", "DE", None),
        ("14155550123", "DE", "DE", "no + or 00: read as a number of US"),
        ("2345678", "DE", "DE", "no +, 00 or 0: read as a number of DE with its area code"),
    ],
)
def test_a_number_without_plus_is_a_guess_unless_it_is_plainly_one_of_our_country(
    text: str, country: str | None, home: str | None, expected: str | None
) -> None:
    reading = read(text, country)
    assert isinstance(reading, Reading)
    assert doubt(reading, Home(home, is_default=country is not None)) == expected


def test_the_guesses_in_one_sentence() -> None:
    phones = ["+81234567890", "+51987654321", "+6463456789", "+4792345678"]
    us = Home.of(None, "+15550123456")
    assert summary(phones, us) == "4 numbers without +: JP, PE, NZ, NO; your own number is US"
    assert (
        summary([*phones, "+4792345679"], us)
        == "5 numbers without +: NO (2), JP, PE, NZ; your own number is US"
    )
    assert (
        summary(phones[:1], Home.of("ID", "+15550123456"))
        == "1 number without +: JP; the account's country is ID"
    )
    assert summary(phones[:1], Home.of(None, None)).endswith(
        "JP; the country of your own number is not known"
    )
