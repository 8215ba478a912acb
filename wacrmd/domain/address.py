"""Where a message can be sent: a phone number, or a business-scoped user id of Meta. Pure."""

import re

from wacrmd.domain.phone import normalize

_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}", re.ASCII)


def is_user_id(text: str) -> bool:
    """Whether `text` is a business-scoped user id, `CC.…` or `CC.ENT.…` (docs/meta.md, User ids)."""
    return _USER_ID.fullmatch(text) is not None


def normalize_address(text: str) -> str | None:
    """The form in which an address is stored: E.164 with `+`, or a user id; None where the text is neither."""
    text = text.strip()
    return text if is_user_id(text) else normalize(text)


def phone_and_user_id(address: str) -> tuple[str | None, str | None]:
    """A normalized address as (phone, user id), of which one is None."""
    return (None, address) if is_user_id(address) else (address, None)
