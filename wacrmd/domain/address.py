"""Where a message can be sent: a phone number, or a business-scoped user id of Meta. Pure."""

import re

from wacrmd.domain.phone import Reading, read
from wacrmd.domain.phone_plan import calling_code
from wacrmd.domain.phone_text import Reason, Unreadable

_BEGINNING = re.compile(r"(\+|00)?([0-9][0-9 ()./-]*)", re.ASCII)
MIN_BEGINNING = 5
"""Characters of the beginning of a number, with its `+`, by which one is searched for: fewer would find a whole country."""

_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}", re.ASCII)


class UnplacedNumber(str):
    """A number as it was written, which only the account's default country makes an address."""

    __slots__ = ()


def is_user_id(text: str) -> bool:
    """Whether `text` is a business-scoped user id, `CC.…` or `CC.ENT.…` (docs/meta.md, User ids)."""
    return _USER_ID.fullmatch(text) is not None


def read_address(text: str, country: str | None = None) -> Reading | str | Unreadable:
    """The phone number that a text writes, the user id that it is, or why it is neither.

    A number without `+` is read as one of `country` first, the account's default country.
    """
    user_id = text.strip()
    return user_id if is_user_id(user_id) else read(text, country)


def normalize_address(text: str, country: str | None = None) -> str | None:
    """The form in which an address is stored: E.164 with `+`, or a user id; None where the text is neither."""
    found = read_address(text, country)
    return found.phone if isinstance(found, Reading) else found if isinstance(found, str) else None


def looked_up(text: str, country: str | None = None) -> str | Unreadable:
    """The address by which somebody is looked up; Unreadable where it may be that of two people.

    Another text that writes no number stays as it is: Meta's ids keep forms that no numbering plan has any more.
    """
    found = read_address(text, country)
    if isinstance(found, Unreadable):
        return found if found.reason is Reason.AMBIGUOUS else text.strip()
    return found.phone if isinstance(found, Reading) else found


def beginning_of(text: str, country: str | None = None) -> str | None:
    """The beginning of the E.164 form of a number of which somebody types the first digits; None where it is too short.

    With a leading 0 it is a number of `country`, otherwise an international one, with or without its `+`.
    """
    found = _BEGINNING.fullmatch(text.strip())
    if found is None:
        return None
    digits = "".join(re.findall("[0-9]", found[2]))
    if found[1] is None and digits.startswith("0"):
        if country is None:
            return None
        digits = calling_code(country) + digits.lstrip("0")
    return f"+{digits}" if len(digits) + 1 >= MIN_BEGINNING else None


def phone_and_user_id(address: str) -> tuple[str | None, str | None]:
    """A normalized address as (phone, user id), of which one is None."""
    return (None, address) if is_user_id(address) else (address, None)
