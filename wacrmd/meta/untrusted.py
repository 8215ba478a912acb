"""JSON from Meta, read without trusting its shape: a value of another type counts as absent; pure."""

from typing import Any

import orjson

from wacrmd.clock import SECOND, Millis
from wacrmd.fields import JsonObject

MAX_ID = 512
"""Characters of an id: Meta's have up to about 200. A longer one is none; cut off, it could be that of somebody else."""

MAX_SHOWN = 64

_MAX_UNIX_S = 10**11
"""From here on (the year 5138) a time is not in seconds."""
_MAX_UNIX_MS = 10**14


def as_json(body: bytes) -> Any:
    """The JSON document of `body`; None if it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def as_object(value: Any) -> JsonObject:
    """`value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def one_object(value: Any) -> JsonObject:
    """A JSON object, or the first one of a list: Meta's older samples have lists of one; else an empty one."""
    return value if isinstance(value, dict) else next(iter(as_objects(value)), {})


def as_objects(value: Any) -> list[JsonObject]:
    """The JSON objects of a list; an object is a list of one, and an empty one says nothing."""
    if isinstance(value, dict):
        return [value] if value else []
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def unread(value: Any) -> str | None:
    """What `as_objects` leaves out of a value, in words for a log line; None if it is nothing."""
    if value is None or isinstance(value, dict):
        return None
    if not isinstance(value, list):
        return "is neither a list nor an object"
    lost = sum(not isinstance(item, dict) for item in value)
    return f"has {lost} of {len(value)} elements that are no objects" if lost else None


def as_word(value: Any) -> str | None:
    """One of Meta's words in small letters: their case makes no difference."""
    return value.strip().lower() or None if isinstance(value, str) else None


def as_text(value: Any, limit: int | None = None) -> str | None:
    """`value` if it is a text with at least one character, cut after `limit` characters."""
    return value[:limit] if isinstance(value, str) and value else None


def as_id(value: Any) -> str | None:
    """An id as text; Meta writes some ids as numbers.

    One with a zero byte is none: SQLite's JSON functions end at it, and then it could be that of somebody else.
    """
    if isinstance(value, str):
        return value if 0 < len(value) <= MAX_ID and "\0" not in value else None
    is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_ID
    return str(value) if is_number else None


def shown(word: str | None) -> str:
    """A word in a sentence for people: only the beginning of a long one."""
    return repr(word if word is None or len(word) <= MAX_SHOWN else f"{word[:MAX_SHOWN]}…")


def as_time(value: Any, default: Millis) -> Millis:
    """Unix seconds or milliseconds, as text or as a number, in milliseconds; `default` for anything else."""
    if isinstance(value, bool):
        return default
    try:
        time = int(value)  # of a text with thousands of digits a ValueError, at once
    except (TypeError, ValueError, OverflowError):
        return default
    if 0 < time < _MAX_UNIX_S:
        return time * SECOND
    return time if 0 < time < _MAX_UNIX_MS else default
