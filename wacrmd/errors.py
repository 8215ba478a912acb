"""Every error that a caller can see: a table of codes, and the exceptions that carry them."""

from collections.abc import Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from wacrmd.fields import Doc


class ErrorCode(StrEnum):
    """The `error.code` of the HTTP API and the reason of a refused admin method (docs/api.md, Errors)."""

    BAD_REQUEST = "bad_request"
    WHATSAPP_NOT_CONFIGURED = "whatsapp_not_configured"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal"
    META_ERROR = "meta_error"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class ErrorMeaning:
    """What an error code means to callers."""

    status: HTTPStatus
    text: str
    """One sentence, in Markdown."""


ERRORS: dict[ErrorCode, ErrorMeaning] = {
    ErrorCode.BAD_REQUEST: ErrorMeaning(
        HTTPStatus.BAD_REQUEST, "Malformed body, parameter or cursor; `details` name each place."
    ),
    ErrorCode.WHATSAPP_NOT_CONFIGURED: ErrorMeaning(
        HTTPStatus.BAD_REQUEST, "The account has no usable number."
    ),
    ErrorCode.UNAUTHORIZED: ErrorMeaning(
        HTTPStatus.UNAUTHORIZED,
        "The key is missing, malformed, unknown, revoked or expired, or not accepted from this address.",
    ),
    ErrorCode.FORBIDDEN: ErrorMeaning(
        HTTPStatus.FORBIDDEN, "The key is valid and lacks the scope that the message names."
    ),
    ErrorCode.NOT_FOUND: ErrorMeaning(
        HTTPStatus.NOT_FOUND, "No such thing, or it belongs to another account."
    ),
    ErrorCode.METHOD_NOT_ALLOWED: ErrorMeaning(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The path takes other methods; `Allow` names all of them.",
    ),
    ErrorCode.CONFLICT: ErrorMeaning(
        HTTPStatus.CONFLICT, "The state does not allow it; the message names the state."
    ),
    ErrorCode.PAYLOAD_TOO_LARGE: ErrorMeaning(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is larger than `[api] max_body_bytes`, or that of a single message than 64 KiB; of gzip the decoded size"
        " counts. Or a file is larger than Meta takes it, or `[limits] max_media_bytes` allows.",
    ),
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: ErrorMeaning(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "A `Content-Encoding` other than `gzip` and `identity`, or a text encoding other than UTF-8.",
    ),
    ErrorCode.IDEMPOTENCY_MISMATCH: ErrorMeaning(
        HTTPStatus.UNPROCESSABLE_ENTITY, "The Idempotency-Key was used with another body within 24 hours."
    ),
    ErrorCode.RATE_LIMITED: ErrorMeaning(
        HTTPStatus.TOO_MANY_REQUESTS,
        "The key made too many requests in this minute, or two uploads of its account are on their way already;"
        " `Retry-After` says how long to wait.",
    ),
    ErrorCode.INTERNAL: ErrorMeaning(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "A bug: logged under the request id that the response carries.",
    ),
    ErrorCode.META_ERROR: ErrorMeaning(
        HTTPStatus.BAD_GATEWAY,
        "Meta refused the message; `error.meta` has its code and words, and the id of the message.",
    ),
    ErrorCode.UNAVAILABLE: ErrorMeaning(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The daemon is draining, the disk is full or too much waits; `Retry-After` says how long to wait.",
    ),
}
"""Every error that a caller can see."""


MAX_PROBLEMS = 100
"""How many problems one answer lists."""

MAX_PATH = 200
MAX_MESSAGE = 1000
"""Characters of a problem's place and text: both may repeat names from the input."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input: where, such as `recipients[3].params[1]`, and what."""

    path: Annotated[str, Doc("where, such as `recipients[3].params[1]`")]
    message: Annotated[str, Doc("what is wrong")]

    def __post_init__(self) -> None:
        """Cut what is too long."""
        for name, most in (("path", MAX_PATH), ("message", MAX_MESSAGE)):
            text = getattr(self, name)
            if len(text) > most:
                object.__setattr__(self, name, text[: most - 1] + "…")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaRefusal:
    """Why a single message failed, in Meta's words."""

    message_id: Annotated[str, Doc("id of the message")]
    code: Annotated[int | None, Doc("Meta's error code; null where the reason is wacrmd's own")]
    title: Annotated[str | None, Doc("the error in a few words")]
    details: Annotated[str | None, Doc("what Meta says about it")]


class WacrmdError(Exception):
    """Base of all errors that wacrmd raises on purpose. The text is one sentence that says what to do."""


class ConfigError(WacrmdError):
    """The configuration cannot be used; `problems` has one line for each error. Exit code 78."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class DatabaseInUseError(WacrmdError):
    """Another instance uses the database file. Exit code 75."""


class DatabaseUnusableError(WacrmdError):
    """The database file cannot be used. Exit code 1."""


class DatabaseContentError(DatabaseUnusableError):
    """It has a newer schema, is damaged or incomplete, or is of another program.

    Exit code of the daemon 78: a restart does not help.
    """


class DatabaseDamagedError(DatabaseUnusableError):
    """Its content is broken."""


class KeyFileError(WacrmdError):
    """The key file is missing, cannot be used, or has not the key of the database. Exit code 78."""


class AddressInUseError(WacrmdError):
    """A listener's address is in use. Exit code 69."""


class Refusal(WacrmdError):  # noqa: N818 - a refusal is an answer, not a fault
    """A request is refused; the answer says why.

    Raise a new one each time. An exception that is kept in a module keeps the frames of every request that raised it.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        details: list[Problem] | None = None,
        *,
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
        meta: MetaRefusal | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or []
        self.retry_after_s = retry_after_s
        self.headers = headers or {}
        self.meta = meta


def bad_request(message: str, details: list[Problem] | None = None) -> Refusal:
    """The refusal of a malformed request."""
    return Refusal(ErrorCode.BAD_REQUEST, message, details)


def invalid(problems: list[Problem]) -> Refusal:
    """The refusal of a request for at least one problem; the message says the first one."""
    path, message = problems[0].path, problems[0].message
    return bad_request((f"{path}: " if path else "") + message + and_more(problems), problems[:MAX_PROBLEMS])


def not_found(what: str) -> Refusal:
    """The refusal for something that does not exist or belongs to another account."""
    return Refusal(ErrorCode.NOT_FOUND, f"{what} not found")


def conflict(message: str) -> Refusal:
    """The refusal of what the present state does not allow; the message names the state."""
    return Refusal(ErrorCode.CONFLICT, message)


def payload_too_large(limit: int) -> Refusal:
    """The refusal of a body above the limit."""
    return Refusal(ErrorCode.PAYLOAD_TOO_LARGE, f"the body is larger than the limit of {limit} bytes")


def method_not_allowed(method: str, allow: str) -> Refusal:
    """The refusal of a method at a path that takes only those of `allow`."""
    return Refusal(
        ErrorCode.METHOD_NOT_ALLOWED,
        f"{method[:40]} is none of the methods of this path: {allow}",
        headers={"Allow": allow},
    )


def no_number() -> Refusal:
    """The refusal for an account that has no number to send from."""
    return Refusal(
        ErrorCode.WHATSAPP_NOT_CONFIGURED,
        "This account has no WhatsApp number: add one with wacrmd number add --account NAME",
    )


def draining(detail: str | None = None) -> Refusal:
    """The refusal of new work while the daemon drains: for a restart, or for as long as `detail` says."""
    if detail is not None:
        return Refusal(ErrorCode.UNAVAILABLE, detail, retry_after_s=60)
    message = "The daemon is draining for a restart: try again in a moment"
    return Refusal(ErrorCode.UNAVAILABLE, message, retry_after_s=5)


def and_more(problems: Sized) -> str:
    """What follows the first of these problems: how many more there are; empty for one."""
    return f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""


def json_kind(value: object) -> str:
    """What a JSON value is, for a sentence such as "expected an object, found an array"."""
    names = {
        bool: "a boolean",
        float: "a number",
        int: "an integer",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), "null")


def counted(count: int, noun: str, nouns: str | None = None) -> str:
    """So many of them, in words: `1 item`, `2 items`; `nouns` are those that are not made with an s."""
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


_KIB = 1024
_TWO_DIGITS = 10
"""From here on a size is read without a decimal."""


def sized(count: int) -> str:
    """A number of bytes as people read it: `512 B`, `1.5 MiB`, `64 MiB`."""
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < _KIB or unit == "TiB":
            break
        value /= _KIB
    exact = f"{value:.0f}" if value >= _TWO_DIGITS or unit == "B" else f"{value:.1f}"
    return f"{exact.removesuffix('.0')} {unit}"


def quoted(names: Iterable[str]) -> str:
    """Names for a sentence: `"a", "b"`."""
    return ", ".join(f'"{name}"' for name in names)


def describe(error: BaseException) -> str:
    """An exception as one text for people: its type and its message, at most 300 characters."""
    return f"{type(error).__name__}: {error}".rstrip(": ")[:300]


@contextmanager
def sole_error() -> Iterator[None]:
    """Raise the only exception in nested exception groups of task groups instead of the groups."""
    try:
        yield
    except BaseExceptionGroup as group:
        leaf: BaseException = group
        while isinstance(leaf, BaseExceptionGroup) and len(leaf.exceptions) == 1:
            leaf = leaf.exceptions[0]
        raise leaf from None
