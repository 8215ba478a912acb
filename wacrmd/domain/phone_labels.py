"""What people write beside a phone number to say what it is: `Mobile: +49 …`, `… (WhatsApp)`. Pure.

Only a name that a column of phone numbers may have is such a label, so that the number of an order stays none of a person.
"""

import re
import unicodedata

from wacrmd.domain.column_names import is_phone_name

_NAME = r"[^0-9+()\[\]{}<>\"=|;,:@_~!?$%^*`\\]+"
_BEFORE = re.compile(rf"({_NAME}?) ?([:.\-]?) ?(?=[+(\[0-9])")
_BEHIND = re.compile(rf"(?<=[0-9])(?: ?\(({_NAME})\)| ({_NAME}))\Z")
_SHORT = re.compile(r"[ptm]", re.IGNORECASE)
"""`p:` is what lead exports of Facebook write, `T:` and `M:` stand on business cards; `F:` is a fax."""
_COUNTED = re.compile(r"[1-3](?![0-9])")
"""Behind `Mobile` or `Tel.`, without a colon, one digit says which of several phones it is."""
_SIGNS = ("So", "Sk", "Mn")
"""Kinds of characters that ☎, 📱 and flags are made of."""


def without_label(text: str) -> str:
    """`text` without a name for phones before the number or behind it, and without signs such as ☎ before it."""
    if (found := _BEFORE.match(text)) and _is_label(found[1], found[2], text[found.end() :]):
        text = text[found.end() :]
    if (found := _BEHIND.search(text)) and is_phone_name(found[1] or found[2]):
        text = text[: found.start()]
    return text


def _is_label(name: str, mark: str, number: str) -> bool:
    words = "".join(char for char in name if unicodedata.category(char) not in _SIGNS).strip()
    if not words:
        return True
    if mark == ":":
        return _SHORT.fullmatch(words) is not None or is_phone_name(words)
    return is_phone_name(words) and not _COUNTED.match(number)
