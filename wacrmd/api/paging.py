"""Pages of lists: an opaque cursor that says where a page ended, stable while rows are added before it."""

import base64
import binascii
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from wacrmd.domain.page import Position
from wacrmd.errors import bad_request

PAGE = 50
LONGEST_PAGE = 100


class PageQuery(BaseModel):
    """How much of a list, and from where."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE, description="Items on the page")] = PAGE
    cursor: Annotated[str | None, Field(max_length=200, description="`next_cursor` of the page before")] = (
        None
    )


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
    if not (0 <= created_at < 2**62 and 0 <= row_id < 2**62):
        raise bad_request("cursor: expected next_cursor of an earlier page")
    return Position(created_at, row_id)
