"""Pages of lists: an opaque cursor that says where a page ended, stable while rows are added before it."""

import base64
import binascii
from typing import Annotated

from pydantic import Field

from wacrmd.domain.page import MAX_ID, PageRequest, Position
from wacrmd.errors import bad_request
from wacrmd.operations.inputs import Params

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
MAX_CURSOR = 200


class PageQuery(Params):
    """How much of a list, and from where."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="items on the page")] = DEFAULT_LIMIT
    cursor: Annotated[
        str | None, Field(max_length=MAX_CURSOR, description="`next_cursor` of the page before")
    ] = None

    def page(self) -> PageRequest:
        """The page that is wanted. Refuses a cursor that is none of ours."""
        return PageRequest(self.limit, decode_cursor(self.cursor))


def encode_cursor(position: Position | None) -> str | None:
    """The cursor after which the next page begins; null on the last page."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(f"{position.created_at}.{position.id}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> Position | None:
    """The position in a cursor; refuses what is none of ours."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode(
            "ascii"
        )
        created_at, row_id = (int(part) for part in text.split("."))
    except (ValueError, binascii.Error) as error:
        raise bad_request("cursor: expected next_cursor of an earlier page") from error
    if not (0 <= created_at < MAX_ID and 0 <= row_id < MAX_ID):
        raise bad_request("cursor: expected next_cursor of an earlier page")
    return Position(created_at, row_id)
