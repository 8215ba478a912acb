"""Refuses webhooks in an overload before they are parsed: a refusal must cost much less than what it refuses."""

from starlette.responses import Response

from wacrmd.errors import ErrorCode, Refusal
from wacrmd.http.middleware import error_response
from wacrmd.http.raw_request import plain_request, request_id_of
from wacrmd.services.meta_events.intake import Intake


def overload() -> Refusal:
    """The refusal of a webhook for which there is no room."""
    return Refusal(
        ErrorCode.UNAVAILABLE, "More webhooks come than can be stored: send this one again", retry_after_s=1
    )


class EarlyRefusal:
    """Takes the bytes that a connection has received; the answer, if they are a webhook that must be refused."""

    def __init__(self, intake: Intake, path: str) -> None:
        self._intake = intake
        self._starts = f"POST {path} ".encode()
        self._answer = _raw(error_response(overload()))

    def __call__(self, data: bytes) -> bytes | None:
        """The whole answer, or None if the request goes its usual way."""
        if not self._intake.is_full() or not data.startswith(self._starts):
            return None
        head = plain_request(data)
        if head is None:
            return None
        self._intake.count_refusal()
        return self._answer.replace(b"REQUEST-ID", request_id_of(head), 1)


def _raw(response: Response) -> bytes:
    """The answer as HTTP/1.1, with a place for the request's id."""
    lines = [b"HTTP/1.1 %d " % response.status_code]
    lines += [b"%b: %b" % header for header in (*response.raw_headers, (b"x-request-id", b"REQUEST-ID"))]
    return b"\r\n".join([*lines, b"", bytes(response.body)])
