"""Removes secrets, and the middle of phone numbers, from what is logged; pure."""

import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache

from wacrmd.domain.phone import mask
from wacrmd.domain.phone_masking import mask_phones as masked

REDACTED = "[redacted]"

_MAX_TEXT = 16_384
_MAX_HEAD = 12_288
_MAX_DEPTH = 6
_LEAST_PHONE = 10**9

_SECRET = re.compile(
    r"""
      \b(?P<api>wacrm_live_[\w-]{8})[\w-]+                # an API key; its prefix may be shown
    | \b(?P<hook>whsec_)[\w+/=-]+                         # a secret of an outbound webhook
    | \b(?P<graph>(?-i:EAA))[\w-]{8,}                     # an access token of Meta; `eaa…` may begin a UUID
    | \b(?P<scheme>bearer\s{1,3})[^\s"',]{6,}           # an Authorization header
    | (?P<quoted>(?:token|secret|password|authorization|api_?key)\\?["']?\s{0,3}[:=,]\s{0,3}b?\\?["'])[^"'\\]+
    | (?P<query>(?:token|secret|password|proof|api_?key)=)[^\s&;"',)\[]+
    | (?P<login>://)[^/\s@"']{1,200}@                     # user and password in a URL
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

_SECRET_KEY = re.compile(r"token|secret|passw|passphrase|authorization|cookie|(?:^|[_.-])key$", re.IGNORECASE)
_NOT_SECRET_KEY = re.compile(r"_(?:file|path|prefix|fingerprint)$", re.IGNORECASE)
_PHONE_KEYS = frozenset(
    {"to", "phone", "phone_number", "display_phone", "wa_id", "recipient", "recipient_id"}
)


_ID_KEYS = frozenset(
    {
        "number",
        "phone_number_id",
        "business_account",
        "waba_id",
        "subject",
        "whatsapp_message_id",
        "request_id",
    }
    | {"event_id", "endpoint", "broadcast", "file", "database"}
)
"""Ids that look like phone numbers are no phone numbers."""


class _Kind(Enum):
    PLAIN = 0
    SECRET = 1
    PHONE = 2
    ID = 3


def redact(text: str) -> str:
    """`text` without anything that looks like a secret; API keys keep the prefix that may be shown."""
    return _SECRET.sub(_keep_head, text)


def clean(values: Mapping[str, object], *, mask_phones: bool) -> dict[str, object]:
    """`values` as plain JSON values, without secrets and, with `mask_phones`, without whole phone numbers.

    Both are found by names (`…token…`, `…secret…`, `key`; `to`, `phone`, `wa_id` …) and in texts, also nested ones.
    Message ids stay as they are, although Meta encodes a number in them: people search for them.
    """
    return _clean_mapping(values, mask_phones, 0)


def _clean_mapping(values: Mapping[str, object], mask_phones: bool, depth: int) -> dict[str, object]:
    cleaned: dict[str, object] = {}
    for name, value in values.items():
        kind = _kind(name) if isinstance(name, str) else _Kind.PLAIN
        if kind is _Kind.PHONE and mask_phones and _is_written(value):
            cleaned[str(name)] = mask(str(value))
        elif value is None or isinstance(value, bool | int | float):
            cleaned[str(name)] = value  # a count of tokens is no token
        elif kind is _Kind.SECRET:
            cleaned[str(name)] = REDACTED
        elif kind is _Kind.ID:
            cleaned[str(name)] = _clean(value, False, depth)
        else:
            cleaned[str(name)] = _clean(value, mask_phones, depth)
    return cleaned


def _is_written(phone: object) -> bool:
    """Whether it is a text, or an integer with as many digits as a phone number; the id of a row is shorter."""
    is_long = isinstance(phone, int) and not isinstance(phone, bool) and phone >= _LEAST_PHONE
    return isinstance(phone, str) or is_long


def _clean(value: object, mask_phones: bool, depth: int) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _clean_text(value, mask_phones)
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return _clean_mapping(value, mask_phones, depth + 1)
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, mask_phones, depth + 1) for item in value]
    if isinstance(value, bytes | bytearray):
        return _clean_text(bytes(value).decode(errors="replace"), mask_phones)
    return _clean_text(str(value), mask_phones)


def _clean_text(text: str, mask_phones: bool) -> str:
    if len(text) > _MAX_TEXT:
        # The last lines of a traceback say what happened, so they stay. Whole lines only: half a secret is not
        # recognised.
        end = text[_MAX_HEAD - _MAX_TEXT :].partition("\n")[2]
        text = f"{text[:_MAX_HEAD]} … {len(text) - _MAX_HEAD - len(end)} characters left out … {end}"
    text = redact(text)
    return masked(text) if mask_phones else text


def _keep_head(match: re.Match[str]) -> str:
    return f"{match[str(match.lastgroup)]}{REDACTED}" + ("@" if match.lastgroup == "login" else "")


@lru_cache(maxsize=1024)
def _kind(name: str) -> _Kind:
    if name.lower() in _PHONE_KEYS:
        return _Kind.PHONE
    if name.lower() in _ID_KEYS:
        return _Kind.ID
    if _SECRET_KEY.search(name) and not _NOT_SECRET_KEY.search(name):
        return _Kind.SECRET
    return _Kind.PLAIN
