"""Phone numbers in E.164 form with `+`, as the only form in which they are stored and sent; how each text is read. Pure.

The one reading of numbers for requests, files, opt-outs and commands: phone_text.py has the forms in which a number may be
written, phone_plan.py says which digits are a valid one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from wacrmd.domain import phone_plan
from wacrmd.domain.phone_text import Dialled, Reason, Unreadable, dialled

_PLAIN = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_BARE = re.compile(r"[0-9]{7,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reading:
    """The number that a text writes; `digits` are what was read where nothing says for certain of which place it is."""

    phone: str
    digits: str | None = None


def read(text: str, country: str | None = None) -> Reading | Unreadable:
    """The number that `text` writes, or why it writes none.

    A number without `+` or `00` is one of `country` (an ISO 3166 code) if it can be, else it begins with a country code.
    Formatting never adds or removes digits. Left out are only the trunk prefix and what stands for `+`; an old form of
    a number becomes today's: `+521…` of Mexico, eight-digit mobiles of Brazil, Benin and Ivory Coast.
    """
    if _PLAIN.fullmatch(text) and phone_plan.is_plainly_valid(text):
        return Reading(text)
    found = Dialled(text, has_plus=False) if _BARE.fullmatch(text) else dialled(text)
    if isinstance(found, Unreadable):
        return found
    if found.has_plus:
        return _with_code(found)
    if found.digits.startswith("00"):
        return _dialled_abroad(found.digits, country)
    return _without_code(found.digits, country)


def normalize(text: str, country: str | None = None) -> str | None:
    """The number as `read` reads it; None where `text` writes none."""
    reading = read(text, country)
    return reading.phone if isinstance(reading, Reading) else None


def digits(phone: str) -> str:
    """The digits of an E.164 number, which is how Meta writes a `wa_id`."""
    return phone.removeprefix("+")


def mask(phone: str) -> str:
    """A number or user id with its middle hidden, such as `+1415•••0123`; a short one shows fewer characters."""
    head, tail = (5, 4) if len(phone) >= 11 else (3, 2) if len(phone) >= 8 else (0, 0)  # noqa: PLR2004
    return f"{phone[:head]}•••{phone[len(phone) - tail :]}"


def _with_code(found: Dialled) -> Reading | Unreadable:
    """The number whose digits begin with a country code for certain."""
    readings = [phone_plan.international(each) for each in (found.digits, found.with_zero) if each]
    return _only(readings) or Unreadable(Reason.INVALID, phone_plan.why_invalid(found.digits))


def _dialled_abroad(written: str, country: str | None) -> Reading | Unreadable:
    """The number behind `00`. In some countries a call abroad begins otherwise, such as with 001 or 0011."""
    readings = [phone_plan.international(written[2:])]
    if country is not None:
        readings.append(phone_plan.dialled_abroad(written, country))
    return _only(readings) or Unreadable(Reason.INVALID, phone_plan.why_invalid(written[2:]))


def _without_code(written: str, country: str | None) -> Reading | Unreadable:
    """The number that may be a national one."""
    if country is not None:
        reading = _at_home(written, country)
        if reading is None and (abroad := phone_plan.dialled_abroad(written, country)):
            return Reading(abroad)
        if reading is not None:
            return reading
    phone = phone_plan.international(written)
    if phone is not None:
        return Reading(phone, digits=written)
    if country is not None:
        return Unreadable(Reason.INVALID, f"is no valid number of {country}, nor one with a country code")
    if written.startswith("0"):
        return Unreadable(
            Reason.NO_COUNTRY_CODE,
            "has no country code: write it with + and its country code, or set a default country for the account",
        )
    return Unreadable(Reason.INVALID, f"has no +, and with one it {phone_plan.why_invalid(written)}")


def _at_home(written: str, country: str) -> Reading | Unreadable | None:
    """The number as one of `country`: a national one, or one that begins with its country code; None if it is neither."""
    national = phone_plan.national(written, country)
    code = phone_plan.calling_code(country)
    with_code = phone_plan.international(written) if written.startswith(code) else None
    if national and with_code and national != with_code:
        # +62 812… or a fixed line of the area 0628: people send to mobiles
        mobile = {each for each in (national, with_code) if phone_plan.is_mobile(each)}
        return _only(mobile if len(mobile) == 1 else {national, with_code})
    if national and phone_plan.lacks_trunk_prefix(written, country) and not phone_plan.is_mobile(national):
        return Reading(national, digits=written)  # it may also be a number within a town
    return _only({national, with_code})


def _only(readings: Iterable[str | None]) -> Reading | Unreadable | None:
    """The one number that was found; ambiguous if there are two, None if there is none."""
    found = sorted({each for each in readings if each})
    if len(found) > 1:
        return Unreadable(
            Reason.AMBIGUOUS, f"may be {' or '.join(found)}: write it with + and its country code"
        )
    return Reading(found[0]) if found else None
