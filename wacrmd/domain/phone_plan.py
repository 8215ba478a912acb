"""Numbering plans: whether digits are a valid number, by the phone library's metadata. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, CountryCodeSource, PhoneMetadata, PhoneNumberType
from phonenumbers.phonemetadata import PhoneNumberDesc

COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The countries that have numbers, by their ISO 3166 codes."""

_DIGITS_MIN, _DIGITS_MAX, _E164_MAX = 7, 17, 15
"""Digits: two more than in E.164 leave room for a trunk prefix."""
_TODAY: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\+521([0-9]{10})", re.ASCII), r"+52\1"),
    (re.compile(r"\+5490([0-9]{10})", re.ASCII), r"+549\1"),
    (re.compile(r"\+55([1-9]{2})([6-9][0-9]{7})", re.ASCII), r"+55\g<1>9\2"),
    (re.compile(r"\+229([0-9]{8})", re.ASCII), r"+22901\1"),
    (re.compile(r"\+225([04-9][0-3][0-9]{6})", re.ASCII), r"+22501\1"),
    (re.compile(r"\+225([04-9][4-6][0-9]{6})", re.ASCII), r"+22505\1"),
    (re.compile(r"\+225([04-9][7-9][0-9]{6})", re.ASCII), r"+22507\1"),
)
"""Old forms of numbers, and what their numbering plans made of them.

Mexico's old mobile 1, a 0 behind the mobile 9 of Argentina, Brazil's mobiles without their 9, Benin before 2024, and
Ivory Coast's mobiles before 2021, where the second digit says which operator's prefix the number got.
"""
_OLD_PREFIXES = {
    "MX": (re.compile(r"0(?:1|4[45])([2-9][0-9]{9})", re.ASCII), r"\1"),
    "CL": (re.compile(r"09([0-9]{8})", re.ASCII), r"9\1"),
    "UA": (re.compile(r"8(0[3-9][0-9]{8})", re.ASCII), r"\1"),
    "IN": (re.compile(r"091([6-9][0-9]{9})", re.ASCII), r"\1"),
}
"""What people dialled before national numbers, or still write: 01, 044 and 045 in Mexico, 09 before mobiles of Chile, 8
in Ukraine, 0 and the country code in India."""
_OTHER_FORMS = (
    *_TODAY,
    (re.compile(r"\+54([1-8][0-9]{9})", re.ASCII), r"+549\1"),
    (re.compile(r"\+225(2[0-3]8[0-9]{5})", re.ASCII), r"+22521\1"),
    (re.compile(r"\+225((?:2[0-4]|3[0-6])0[0-9]{5})", re.ASCII), r"+22525\1"),
    (
        re.compile(
            r"\+225((?:20[23]|21[2357]|22[45]|23[45]|24[345]|306|31[69]|327|337|347|359|368)[0-9]{5})",
            re.ASCII,
        ),
        r"+22527\1",
    ),
)
"""Argentina's numbers with and without their mobile 9 are both valid, and have one WhatsApp id.

Of Ivory Coast's fixed lines before 2021, the first three digits say which prefix they got.
"""
_OF_MANY_COUNTRIES = re.compile(r"\+(?:1[2-9][0-9]{2}[2-9][0-9]{6}|7[3-9][0-9]{9})", re.ASCII)
"""What a number of North America, or of Russia and Kazakhstan, looks like."""
_OLD = {"225": 2021, "229": 2024}
"""Country codes whose numbers had `_OLD_DIGITS` digits before the year."""
_OLD_DIGITS = 8
_COUNTRIES = ("+52", "+54", "+55", "+229", "+225")
_FIXED_LENGTHS = 2
"""Lengths that fixed lines of a plan have at most, if a whole number is known by its length."""
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)

_Rule = tuple[frozenset[int], Callable[[str], object], bool]
"""Lengths and pattern of national numbers, and whether these are mobiles."""


def one_form(phone: str) -> str:
    """Of the forms that have one WhatsApp id, the one by which numbers are compared (docs/meta.md, Forms of one number)."""
    return _replaced(phone, _OTHER_FORMS) if phone.startswith(_COUNTRIES) else phone


def international(digits: str) -> str | None:
    """The valid number in E.164 form that digits beginning with a country code write; about 1 µs, seldom 20 µs.

    A trunk prefix behind the country code is left out, and an old form becomes today's.
    """
    if not _DIGITS_MIN <= len(digits) <= _DIGITS_MAX or digits[0] == "0":
        return None
    phone = f"+{digits}"
    return _within_limits(phone if is_plainly_valid(phone) else parse(phone))


def national(digits: str, country: str) -> str | None:
    """The valid number that `digits` write as a national one of `country`, with or without its trunk prefix."""
    if country in _OLD_PREFIXES:
        old, now = _OLD_PREFIXES[country]
        digits = old.sub(now, digits) if old.fullmatch(digits) else digits
    phone = f"+{calling_code(country)}{digits}"
    if is_plainly_valid(phone):
        return _within_limits(phone)
    try:
        number = phonenumbers.parse(digits, country, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None
    if number.country_code_source != CountryCodeSource.FROM_DEFAULT_COUNTRY:
        return None  # the digits begin with a country code, its own one or another behind 011
    phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return _within_limits(phone if phonenumbers.is_valid_number(number) else _today(phone))


def _within_limits(phone: str | None) -> str | None:
    """The number, unless it has more digits than E.164 allows (the library knows longer ones), or too few for a person's."""
    return phone if phone and _DIGITS_MIN < len(phone) <= _E164_MAX + 1 else None


def dialled_abroad(digits: str, country: str) -> str | None:
    """The number that `digits` call with the prefix by which people in `country` call abroad, such as 011."""
    metadata = PhoneMetadata.metadata_for_region(country, None)
    match = (
        re.match(metadata.international_prefix, digits)
        if metadata and metadata.international_prefix
        else None
    )
    return international(digits[match.end() :]) if match and match.end() < len(digits) else None


def is_mobile(phone: str) -> bool:
    """Whether the numbering plan has this valid number for mobiles, or does not tell them from other lines."""
    plainly = next(_fitting(phone), None)
    return phonenumbers.number_type(phonenumbers.parse(phone)) in _MOBILE if plainly is None else plainly


def lacks_trunk_prefix(digits: str, country: str) -> bool:
    """Whether national numbers of the country are written with a 0 before them, and these digits have none."""
    metadata = PhoneMetadata.metadata_for_region(country, None)
    return metadata is not None and metadata.national_prefix == "0" and digits[0] != "0"


def is_usual_form(digits: str, phone: str, country: str) -> bool:
    """Whether people in the country write its number `phone` with these digits.

    That is with the trunk prefix; a mobile also without it, in its full length; and a fixed line where nobody writes a
    trunk prefix (as the 1 of North America) and numbers have a fixed length.
    """
    metadata = PhoneMetadata.metadata_for_region(country, None)
    trunk, lines = (metadata.national_prefix, metadata.fixed_line) if metadata else (None, None)
    significant = national_part(phone)
    if digits != significant:
        return trunk is not None and digits == trunk + significant
    if is_mobile(phone):
        return True
    lengths = lines.possible_length if lines else ()
    if trunk not in (None, "1") or len(lengths) > _FIXED_LENGTHS:
        return False
    return phonenumbers.number_type(phonenumbers.parse(phone)) == PhoneNumberType.FIXED_LINE


def is_grouped_as_national(groups: Sequence[str], phone: str) -> bool:
    """Whether groups of digits are those in which its country writes a number, with or without its trunk prefix."""
    number = phonenumbers.parse(phone)
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    size = len(national_part(phone))
    return _sizes(groups, size) == _sizes(re.findall("[0-9]+", written), size)


def _sizes(groups: Sequence[str], digits: int) -> list[int]:
    """How many of the last `digits` are in each group, from the last group on."""
    sizes: list[int] = []
    for group in reversed(groups):
        sizes.append(min(len(group), digits - sum(sizes)))
    return [size for size in sizes if size]


def is_mailbox(phone: str, country: str) -> bool:
    """Whether its number is a voice mailbox, as Italy's mobiles with one digit more are: nobody has WhatsApp there."""
    metadata = PhoneMetadata.metadata_for_region(country, None)
    pattern = _pattern(metadata.voicemail) if metadata else None
    return pattern is not None and re.fullmatch(pattern, national_part(phone)) is not None


def is_of(phone: str, country: str) -> bool:
    """Whether the number has the country code of the country."""
    return code_of(phone) == calling_code(country)


def national_part(phone: str) -> str:
    """The digits behind the country code."""
    return phone[1 + len(code_of(phone) or "") :]


def calling_code(country: str) -> str:
    """The country code of its numbers, such as `49` of DE."""
    return str(phonenumbers.country_code_for_region(country))


def is_calling_code(digits: str) -> bool:
    """Whether the digits are a country code."""
    return digits != "" and digits[0] != "0" and int(digits) in COUNTRY_CODE_TO_REGION_CODE


def code_of(phone: str) -> str | None:
    """The country code with which a number in E.164 form begins."""
    return next((phone[1:end] for end in (2, 3, 4) if is_calling_code(phone[1:end])), None)


def main_country(code: str) -> str:
    """The country that most numbers of a country code belong to."""
    country: str = COUNTRY_CODE_TO_REGION_CODE[int(code)][0]
    return country


def country_of(phone: str) -> str | None:
    """The country of a number in E.164 form; that of most of its country code's numbers where it is not valid."""
    code = code_of(phone)
    if code is None:
        return None
    countries = COUNTRY_CODE_TO_REGION_CODE[int(code)]
    if len(countries) == 1 or len(phone) <= _DIGITS_MIN:
        return countries[0]
    return phonenumbers.region_code_for_number(phonenumbers.parse(phone)) or countries[0]


def why_invalid(digits: str) -> str:
    """Why digits with a country code are no valid number, for `<the number> …`."""
    code = code_of(f"+{digits}")
    if code is None:
        return "does not begin with a country code"
    countries = COUNTRY_CODE_TO_REGION_CODE[int(code)]
    where = f"{countries[0]} (+{code})"
    if since := _OLD.get(code) if len(digits) == len(code) + _OLD_DIGITS else None:
        return f"is a number of {where} from before {since}: it got more digits since"
    try:
        possible = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        possible = phonenumbers.ValidationResult.TOO_SHORT
    if possible == phonenumbers.ValidationResult.TOO_SHORT:
        return f"is too short for a number of {where}"
    if possible == phonenumbers.ValidationResult.TOO_LONG:
        return f"is too long for a number of {where}"
    return f"is in no numbering plan of {where}"


def parse(phone: str) -> str | None:
    """The library's own reading of `+` and digits: about 20 µs."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return _today(phone)
    if phone.startswith(
        "+11"
    ):  # the library would take the second 1 for a trunk prefix; 0011 begins a call from Australia
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _today(phone: str) -> str | None:
    """The valid number of today in place of an old form that is not valid any more."""
    now = _replaced(phone, _TODAY)
    return None if now == phone else now if is_plainly_valid(now) else parse(now)


def _replaced(phone: str, forms: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    return next((old.sub(now, phone) for old, now in forms if old.fullmatch(phone)), phone)


def is_plainly_valid(dialled: str) -> bool:
    """Whether a mobile or fixed-line pattern fits as it stands, so that `parse` would return it unchanged.

    True is certain, and takes about 1 µs; nearly every valid number gets it. False means that `parse` decides.
    """
    return next(_fitting(dialled), None) is not None


def is_probably_valid(digits: str) -> bool:
    """Whether digits that begin with a country code are a number of today or an old form: at most 5 µs.

    `international` is exact, and takes 20 µs for most of the digits that are no number.
    """
    phone = f"+{digits}"
    if not _DIGITS_MIN <= len(digits) <= _E164_MAX or digits[0] == "0":
        return False
    return is_plainly_valid(one_form(phone)) or _OF_MANY_COUNTRIES.fullmatch(phone) is not None


def _fitting(dialled: str) -> Iterator[bool]:
    """For each rule that fits a number with `+`, mobiles first, whether it is that of mobiles."""
    for end in (3, 2, 4):  # country codes are prefix-free; two digits are the most common
        if rules := _rules(dialled[1:end]):
            national = dialled[end:]
            yield from (
                mobile for lengths, fits, mobile in rules if len(national) in lengths and fits(national)
            )
            return


@lru_cache(maxsize=1200)
def _rules(country_code: str) -> tuple[_Rule, ...]:
    """Lengths and pattern of a country code's mobile and fixed lines, from the library's metadata.

    Small regions that share a code are left to `parse`, and so is every number on which the library could
    see a national prefix: only what it would leave as it stands fits.
    """
    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(country_code), ()) if country_code[0] != "0" else ()
    known = [metadata for region in regions if (metadata := PhoneMetadata.metadata_for_region(region, None))]
    if not known:
        return ()
    prefix = known[0].national_prefix_for_parsing  # parsing asks the main region, which comes first
    # Argentina's prefix pattern also matches an empty prefix, hence the second lookahead.
    before = rf"(?!(?:{prefix})(?!\A))" if prefix else ""
    rules: list[_Rule] = []
    for place, metadata in enumerate(known):
        leading = metadata.leading_digits if len(known) > 1 else None
        general = _pattern(metadata.general_desc)
        if general and (place == 0 or not leading):
            start = f"{before}(?={leading})" if leading else before
            rules += [
                (
                    frozenset(desc.possible_length),
                    re.compile(f"{start}(?=(?:{general})\\Z)(?:{pattern})").fullmatch,
                    desc is metadata.mobile,
                )
                for desc in (metadata.mobile, metadata.fixed_line)
                if desc is not None and (pattern := _pattern(desc))
            ]
        if leading:
            before += f"(?!{leading})"  # a region with this pattern accepts these numbers, valid or not
    return tuple(rules)


def _pattern(desc: PhoneNumberDesc | None) -> str | None:
    return desc.national_number_pattern if desc is not None else None
