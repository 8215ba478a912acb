"""What a form of a page sends."""

from collections.abc import Collection, Iterable, Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from wacrmd.errors import ERRORS, ErrorCode, Refusal, bad_request
from wacrmd.http.body import read_raw

MAX_BYTES = 64 << 10
MAX_FIELDS = 200
TIMEOUT_S = 30.0
MAX_DIGITS = 8
"""No list is longer; and Python raises ValueError for a number of thousands of digits."""
URLENCODED = "application/x-www-form-urlencoded"


class Form(dict[str, str]):
    """The fields of a form, of those with several values the last."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = list(pairs)
        super().__init__(self.pairs)

    def every(self, name: str) -> list[str]:
        """All values of a field, such as those of the boxes that are ticked."""
        return [value for key, value in self.pairs if key == name]

    def text(self, name: str) -> str | None:
        """What was typed, without spaces around it; None if nothing was."""
        return self.get(name, "").strip() or None


def whole_number(text: str | None) -> int | None:
    """What was typed, or stands in an address, as a number without sign; None for anything else, and above 99 999 999."""
    is_one = text is not None and text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
    return int(text) if text is not None and is_one else None


def whole_of(form: Form, name: str, least: int, most: int) -> int:
    """The whole number that was typed; raises Refusal for anything else, and for one that is too small or too large."""
    number = whole_number(form.text(name))
    if number is None or not least <= number <= most:
        raise bad_request(f"{name}: give a whole number from {least} to {most:,}")
    return number


STATUSES: Mapping[ErrorCode, int] = {
    ErrorCode.BAD_REQUEST: 422,
    ErrorCode.CONFLICT: 422,
    ErrorCode.UNAVAILABLE: ERRORS[ErrorCode.UNAVAILABLE].status,
    ErrorCode.RATE_LIMITED: ERRORS[ErrorCode.RATE_LIMITED].status,
}
"""Of the page that shows a form again with what was typed, by the refusal: it can be corrected, or sent again later."""


def errors_by_field(refusal: Refusal, fields: Collection[str]) -> Mapping[str, str]:
    """What is wrong with each field of a form, by its name; under "" what is about none of them."""
    found: dict[str, str] = {}
    for problem in refusal.details:
        first, *within = problem.path.split(".")
        # `allowed_from[2]`, and `mapping.country` for a field `country`
        names = (first.split("[")[0], *within[-1:])
        found.setdefault(next((name for name in names if name in fields), ""), problem.message)
    if not found:
        name, _, message = refusal.message.partition(": ")
        found = {name: message} if name in fields and message else {"": refusal.message}
    return found


def mistakes(refusal: Refusal, fields: Collection[str]) -> Mapping[str, str]:
    """What to show on a form that can be sent again, as `errors_by_field`; raises a refusal of another kind again."""
    if refusal.code not in STATUSES:
        raise refusal
    return errors_by_field(refusal, fields)


def allow_again(response: Response, refusal: Refusal) -> Response:
    """The page of a refusal, which says when the same can be sent again, if that is known."""
    if refusal.retry_after_s is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


async def read_form(request: Request) -> Form:
    """The fields of a form. Refuses what is too large or no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_raw(request.scope, request.receive, limit=MAX_BYTES, deadline_s=TIMEOUT_S)
    if not body:
        return Form()
    if kind != URLENCODED:
        raise bad_request(f"Expected a form ({URLENCODED}), found {kind[:60]!r}")
    try:
        return Form(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except (UnicodeDecodeError, ValueError) as error:
        raise bad_request(f"The form cannot be read: {error}") from error
