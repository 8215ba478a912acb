"""Meta's answer to a send: from HTTP status, headers and bytes to an `Outcome`; pure.

Decisions (docs/meta.md, Answers and Errors): a 2xx with a message id is accepted; an error object with
a code is Meta's word that it was refused, whatever the status; a 3xx or 4xx without such an object is
refused by its status; all else (garbage with 2xx, 408, 5xx of a proxy) may hide a message that was taken.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import orjson

from wacrmd.meta.errors import code_without_json
from wacrmd.meta.outcome import Accepted, MetaError, Outcome, Phase, Refused, Unknown

TEXT_LIMIT = 1000
"""Characters kept of a title, details or trace id: they are stored with every recipient that fails."""

MAX_CODE = 2**31
"""Codes beyond this are not Meta's (the largest known is 2494100), and would not fit everywhere."""


def outcome_of(status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """What an HTTP answer to `POST …/messages` says about the message; header names in any case."""
    document = _json(body)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES and (accepted := _accepted(document)):
        return accepted
    if error := error_of(document):
        return Refused(error, status, retry_after_s(headers))
    code = code_without_json(status)
    detail = f"HTTP {status} without Meta's error object"
    if code is None:
        return Unknown(Phase.ANSWER, detail, status)
    return Refused(MetaError(code, detail), status, retry_after_s(headers))


def error_of(document: Any) -> MetaError | None:
    """The error object of a Graph API answer, if it has one with a code."""
    return meta_error(document.get("error")) if isinstance(document, dict) else None


def meta_error(error: Any) -> MetaError | None:
    """One of Meta's error objects, of an answer or a webhook; None without a usable code."""
    if not isinstance(error, dict):
        return None
    try:
        code = int(error.get("code"))  # type: ignore[arg-type]  # anything that is no number is caught
    except (TypeError, ValueError, OverflowError):
        return None
    if abs(code) > MAX_CODE:
        return None
    message = _text(error.get("title")) or _text(error.get("message")) or "no title"
    data = error.get("error_data")
    details = _text(data.get("details")) if isinstance(data, dict) else _text(data)
    return MetaError(
        code,
        message.removeprefix(f"(#{code}) "),
        details or _text(error.get("error_user_msg")),
        _text(error.get("fbtrace_id")),
    )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that Meta asks to wait: the longer of `Retry-After` and the regain time of the usage header."""
    waits = (_retry_after(headers), _regain_access(headers))
    return max((wait for wait in waits if wait is not None), default=None)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, or a date that counts from the answer's own `Date` (RFC 9110, 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return max(wait.total_seconds(), 0.0)


def _regain_access(headers: Mapping[str, str]) -> float | None:
    """Seconds of `{"<id>": [{"estimated_time_to_regain_access": <minutes>, …}]}`; None for no wait."""
    usage = _json(headers.get("x-business-use-case-usage", "").encode(errors="replace"))
    groups = usage.values() if isinstance(usage, dict) else ()
    cases = [case for group in groups if isinstance(group, list) for case in group if isinstance(case, dict)]
    waits = [case.get("estimated_time_to_regain_access") for case in cases]
    minutes = max((wait for wait in waits if isinstance(wait, int | float)), default=0)
    return minutes * 60.0 if minutes > 0 else None


def _accepted(document: Any) -> Accepted | None:
    match document:
        case {"messages": [{"id": str(wamid), **message}, *_], **rest} if wamid:
            contact = _first(rest.get("contacts"))
            return Accepted(
                wamid,
                _text(contact.get("wa_id")),
                _text(contact.get("user_id")),
                _text(message.get("message_status")) or "accepted",
            )
    return None


def _first(items: Any) -> dict[str, Any]:
    return items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else {}


def _text(value: Any) -> str | None:
    return value[:TEXT_LIMIT] if isinstance(value, str) and value else None


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
