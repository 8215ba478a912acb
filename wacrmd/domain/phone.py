"""Phone numbers in E.164 form with `+`, as the only form in which they are stored and sent."""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

_TEXT_MAX = 64
_DIGITS_MIN, _DIGITS_MAX = 7, 17
"""E.164 has at most 15; two more leave room for a trunk prefix, as in +44 (0)20 …."""

_FORMATTING = str.maketrans("", "", " \t\r\n().-/[]")
_FORMATTING_CATEGORIES = frozenset({"Zs", "Pd", "Cf"})
"""Spaces, dashes and the invisible marks that address books put around a number they copy."""

_DIALLED = re.compile(rf"\+?[0-9]{{{_DIGITS_MIN},{_DIGITS_MAX}}}", re.ASCII)
_MEXICAN_MOBILE = re.compile(r"\+521([0-9]{10})", re.ASCII)
_BRAZILIAN_MOBILE = re.compile(r"\+55([1-9]{2})([6-9][0-9]{7})", re.ASCII)

_Rule = tuple[frozenset[int], Callable[[str], object]]


def normalize(text: str) -> str | None:
    """The E.164 form, with `+`, of the valid number that `text` writes; None where it writes none.

    Forgiven: spaces, dashes, brackets, dots, slashes, invisible marks, a missing `+`, `00` for it, a trunk
    prefix such as `(0)`, and decimal digits of any script. Letters are never skipped. Two old mobile forms,
    which WhatsApp still uses in ids, become today's: `+521…` of Mexico loses the 1, eight-digit mobiles of
    Brazil get their 9. Argentina's `+549…` is the mobile form of today and stays.
    """
    if len(text) > _TEXT_MAX:
        return None
    dialled = (text if text.isascii() else _to_ascii(text)).translate(_FORMATTING)
    if not _DIALLED.fullmatch(dialled):
        return None
    if dialled[0] != "+":
        dialled = "+" + dialled.removeprefix("00")
    return dialled if _is_plainly_valid(dialled) else _parse(dialled)


def digits(phone: str) -> str:
    """The digits of an E.164 number, which is how Meta writes a `wa_id`."""
    return phone.removeprefix("+")


def mask(phone: str) -> str:
    """A number or user id with its middle hidden, such as `+1415•••0123`; a short one shows fewer characters."""
    head, tail = (5, 4) if len(phone) >= 11 else (3, 2) if len(phone) >= 8 else (0, 0)  # noqa: PLR2004
    return f"{phone[:head]}•••{phone[len(phone) - tail :]}"


def _to_ascii(text: str) -> str:
    """`text` with other scripts' digits as ASCII and other spaces, dashes and invisible marks left out."""
    kept = (
        str(unicodedata.decimal(char)) if char.isdecimal() else "+" if char == "\uff0b" else char
        for char in text
        if unicodedata.category(char) not in _FORMATTING_CATEGORIES
    )
    return "".join(kept)


def _parse(dialled: str) -> str | None:
    """The library's own reading of `+` and digits: about 20 µs."""
    try:
        number = phonenumbers.parse(dialled)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_valid_number(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if match := _MEXICAN_MOBILE.fullmatch(dialled):
        return _parse(f"+52{match[1]}")
    if match := _BRAZILIAN_MOBILE.fullmatch(dialled):
        return _parse(f"+55{match[1]}9{match[2]}")
    return None


def _is_plainly_valid(dialled: str) -> bool:
    """Whether a mobile or fixed-line pattern fits as it stands, so that `_parse` would return it unchanged.

    True is certain, and takes about 1 µs; nearly every valid number gets it. False means that `_parse` decides.
    """
    for end in (3, 2, 4):  # country codes are prefix-free; two digits are the most common
        if rules := _rules(dialled[1:end]):
            national = dialled[end:]
            return any(len(national) in lengths and fits(national) for lengths, fits in rules)
    return False


@lru_cache(maxsize=1200)
def _rules(country_code: str) -> tuple[_Rule, ...]:
    """Lengths and pattern of a country code's mobile and fixed lines, from the library's metadata.

    Small regions that share a code are left to `_parse`, and so is every number on which the library could
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
                )
                for desc in (metadata.mobile, metadata.fixed_line)
                if desc is not None and (pattern := _pattern(desc))
            ]
        if leading:
            before += f"(?!{leading})"  # a region with this pattern accepts these numbers, valid or not
    return tuple(rules)


def _pattern(desc: PhoneNumberDesc | None) -> str | None:
    return desc.national_number_pattern if desc is not None else None
