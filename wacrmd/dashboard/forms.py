"""What a form of a page sends."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from wacrmd.errors import bad_request
from wacrmd.http.body import read_raw

MAX_BYTES = 64 << 10
MAX_FIELDS = 200
TIMEOUT_S = 30.0
URLENCODED = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a form, of those with several values the last. Refuses what is too large or no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_raw(request.scope, request.receive, limit=MAX_BYTES, deadline_s=TIMEOUT_S)
    if not body:
        return {}
    if kind != URLENCODED:
        raise bad_request(f"Expected a form ({URLENCODED}), found {kind[:60]!r}")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except (UnicodeDecodeError, ValueError) as error:
        raise bad_request(f"The form cannot be read: {error}") from error
