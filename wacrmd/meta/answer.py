"""Meta's answer to a send: from HTTP status, headers and body to an `Outcome`; pure.

The rules (docs/meta.md, Answers): a 2xx with a message id is accepted. An error object with a code means refused,
whatever the status. A 3xx or 4xx without such an object is refused by its status. Everything else (other bodies
with 2xx, 408, 5xx of a proxy) has an unknown outcome: Meta may have the message.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from wacrmd.clock import Millis, millis
from wacrmd.meta.errors import code_without_json
from wacrmd.meta.outcome import Accepted, MetaError, Outcome, Phase, Refused, Unknown
from wacrmd.meta.untrusted import as_json, as_object, as_objects, as_text

MAX_TEXT = 1000
"""Characters kept of a title, details or trace id: they are stored with every recipient that fails."""

MAX_CODE = 2**31
"""Larger codes are not Meta's (the largest known one is 2494100), and SQLite could not store all of them."""


def outcome_of(status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """What an HTTP answer to `POST …/messages` says about the message; header names in any case."""
    document = as_json(body)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES and (accepted := _accepted(document)):
        return accepted
    if error := error_of(document):
        return Refused(error, status, retry_after_s(headers))
    code = code_without_json(status)
    detail = f"HTTP {status} without Meta's error object"
    if code is None:
        return Unknown(Phase.ANSWER, detail, status)
    return Refused(MetaError(code, detail), status, retry_after_s(headers))


def date_of(header: str) -> Millis | None:
    """The time in a `Date` header; None if there is none."""
    try:
        return millis(parsedate_to_datetime(header))
    except (TypeError, ValueError):
        return None


def error_of(document: Any) -> MetaError | None:
    """The error object of a Graph API answer, if it has one with a code."""
    return meta_error(as_object(document).get("error"))


def meta_error(error: Any) -> MetaError | None:
    """One of Meta's error objects, from an answer or a webhook; None without a usable code."""
    if not isinstance(error, dict):
        return None
    code = _code(error.get("code"))
    if code is None:
        return None
    title = as_text(error.get("title"), MAX_TEXT) or as_text(error.get("message"), MAX_TEXT) or "no title"
    data = error.get("error_data")
    details = as_text(data.get("details") if isinstance(data, dict) else data, MAX_TEXT)
    details = details or as_text(error.get("details"), MAX_TEXT)
    return MetaError(
        code,
        title.removeprefix(f"(#{code}) "),
        details or as_text(error.get("error_user_msg"), MAX_TEXT),
        as_text(error.get("fbtrace_id"), MAX_TEXT),
        _code(error.get("error_subcode")),
    )


def _code(value: Any) -> int | None:
    """A code or subcode, which may be text; None if it is none."""
    try:
        code = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return code if abs(code) <= MAX_CODE else None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that Meta asks to wait: the longer one of `Retry-After` and the regain time of the usage header."""
    waits = (_retry_after(headers), _regain_access(headers))
    return max((wait for wait in waits if wait is not None), default=None)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, or a date, which counts from the answer's own `Date` (RFC 9110, 10.2.3)."""
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
    usage = as_object(as_json(headers.get("x-business-use-case-usage", "").encode(errors="replace")))
    cases = [case for group in usage.values() for case in as_objects(group)]
    waits = [case.get("estimated_time_to_regain_access") for case in cases]
    minutes = max((wait for wait in waits if isinstance(wait, int | float)), default=0)
    return minutes * 60.0 if minutes > 0 else None


def _accepted(document: Any) -> Accepted | None:
    match document:
        case {"messages": [{"id": str(wamid), **message}, *_], **rest} if wamid:
            contact = next(iter(as_objects(rest.get("contacts"))), {})
            return Accepted(
                wamid,
                as_text(contact.get("wa_id"), MAX_TEXT),
                as_text(contact.get("user_id"), MAX_TEXT),
                as_text(message.get("message_status"), MAX_TEXT) or "accepted",
                as_text(contact.get("parent_user_id"), MAX_TEXT),
            )
    return None
