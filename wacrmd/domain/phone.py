"""Phone numbers in E.164 form with `+`, as the only form in which they are stored and sent; how each text is read. Pure.

The one reading of numbers for requests, files, opt-outs and commands: phone_text.py has the forms in which a number may be
written, phone_plan.py says which digits are a valid one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from wacrmd.domain import phone_plan
from wacrmd.domain.phone_text import Dialled, Reason, Unreadable, dialled

NO_COUNTRY = "has no country code"
"""How the reason begins where only a country is missing."""

_PLAIN = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_BARE = re.compile(r"[0-9]{7,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reading:
    """The number that a text writes.

    `digits` are what was read where nothing says for certain of which place it is; `other` is a valid number of another
    country that the same digits may mean.
    """

    phone: str
    digits: str | None = None
    other: str | None = None


def read(text: str, country: str | None = None) -> Reading | Unreadable:
    """The number that `text` writes, or why it writes none.

    A number without `+` or `00` is one of `country` (an ISO 3166 code) if it can be, else it begins with a country code;
    one that may be either is read as people write it, or refused. Formatting never adds or removes digits. Left out are
    only the trunk prefix and what stands for `+`; an old form of a number becomes today's: `+521…` of Mexico, eight-digit
    mobiles of Brazil, Benin and Ivory Coast.
    """
    if _PLAIN.fullmatch(text) and phone_plan.is_plainly_valid(text):
        return Reading(text)
    found = Dialled(text, has_plus=False) if _BARE.fullmatch(text) else dialled(text)
    if isinstance(found, Unreadable):
        return found
    reading = _reading(found, country)
    if found.last and isinstance(reading, Reading) and phone_plan.is_mobile(reading.phone):
        without = _reading(Dialled(found.digits[: -found.last], found.has_plus), country)
        if isinstance(without, Reading):  # 812 3456 789 0 of a plan with several lengths
            either = f"may be {reading.phone} or {without.phone}"
            return Unreadable(
                Reason.AMBIGUOUS, f"{either}: write it without a space or dash before its last digits"
            )
    return reading


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


def _reading(found: Dialled, country: str | None) -> Reading | Unreadable:
    if found.has_plus:
        return _with_code(found)
    if found.digits.startswith("00"):
        return _dialled_abroad(found.digits, country)
    return _without_code(found, country)


def _with_code(found: Dialled) -> Reading | Unreadable:
    """The number whose digits begin with a country code for certain."""
    readings = [phone_plan.international(each) for each in (found.digits, found.with_zero) if each]
    return _only(readings) or Unreadable(Reason.INVALID, phone_plan.why_invalid(found.digits))


def _dialled_abroad(written: str, country: str | None) -> Reading | Unreadable:
    """The number behind `00`, which is `+` also in countries where a call abroad begins otherwise, such as with 008."""
    phone = phone_plan.international(written[2:])
    other = phone_plan.dialled_abroad(written, country) if country is not None else None
    if phone and other and phone != other:
        if written.startswith("001") and phone_plan.is_mobile(other):
            return _ambiguous([phone, other])  # people do write 001 there
        return Reading(phone, digits=written, other=other)
    return _only({phone, other}) or Unreadable(Reason.INVALID, phone_plan.why_invalid(written[2:]))


def _without_code(found: Dialled, country: str | None) -> Reading | Unreadable:
    """The number that may be a national one."""
    written = found.digits
    abroad = phone_plan.international(written) if country is None or not found.has_area else None
    if country is not None:
        home = _at_home(written, country)
        if isinstance(home, Reading) and abroad and not phone_plan.is_of(abroad, country):
            return _either(found, home.phone, abroad, country)
        if home is not None:
            return home
        dialled_there = phone_plan.dialled_abroad(written, country)
        if dialled_there is not None:
            return (
                _ambiguous([dialled_there, abroad])
                if abroad and abroad != dialled_there
                else Reading(dialled_there)
            )
    if abroad is not None:
        return Reading(abroad, digits=written)
    if country is not None:
        return Unreadable(Reason.INVALID, f"is no valid number of {country}, nor one with a country code")
    if written.startswith("0"):
        return Unreadable(
            Reason.NO_COUNTRY_CODE,
            f"{NO_COUNTRY}: write it with + and its country code, or set a default country for the account",
        )
    return Unreadable(Reason.INVALID, f"has no +, and with one it {phone_plan.why_invalid(written)}")


def _either(found: Dialled, home: str, abroad: str, country: str) -> Reading | Unreadable:
    """Of two valid numbers the one that people write so, as a guess; ambiguous where both or none are usual.

    A reading that keeps all digits comes before one that leaves out the first. Where people write a 0 before a fixed
    line, one without it is no usual form. Groups may say for certain that it is one of the country, or speak for the other:
    `(479) 234-5678` and `47 92 34 56 78`.
    """
    written = found.digits
    if phone_plan.is_usual_form(written, home, country):
        if len(found.groups) > 1:
            if phone_plan.is_grouped_as_national(found.groups, home):
                return Reading(home)
            if found.groups[0] == phone_plan.code_of(abroad):
                return _ambiguous([home, abroad])
        return Reading(home, digits=written, other=abroad)
    leaves_out = not home.endswith(written) and written.endswith(phone_plan.national_part(home))
    if leaves_out or phone_plan.is_mailbox(home, country):
        return Reading(abroad, digits=written, other=home)
    return _ambiguous([home, abroad])


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
        return _ambiguous(found)
    return Reading(found[0]) if found else None


def _ambiguous(phones: Iterable[str]) -> Unreadable:
    return Unreadable(Reason.AMBIGUOUS, f"may be {' or '.join(phones)}: write it with + and its country code")
