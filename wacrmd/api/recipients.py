"""The people of a broadcast over HTTP: a page of them, one with its history, all of them as a file."""

from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from wacrmd.api.answers import RecipientHistoryOut, RecipientOut, SeenStatus
from wacrmd.api.endpoint import Call, Endpoint, Header, answer
from wacrmd.api.paging import PageQuery, decode_cursor, encode_cursor
from wacrmd.domain.account import Scope
from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.export_format import ExportFormat
from wacrmd.domain.page import Position
from wacrmd.errors import ErrorCode, bad_request, not_found
from wacrmd.services.broadcasts import lifecycle, recipients

READ = (Scope.BROADCASTS_SEND, Scope.BROADCASTS_READ)
MEDIA = {
    "text/csv": ExportFormat.CSV,
    "application/jsonl": ExportFormat.JSONL,
    "application/x-ndjson": ExportFormat.JSONL,
}
LONGEST_ID = 18


class RecipientsQuery(PageQuery):
    """Which recipients."""

    status: Annotated[SeenStatus | None, Field(description="only those in this status")] = None


async def index(call: Call) -> Response:
    """A page of a broadcast's recipients, or all of them as CSV or JSON lines."""
    query: RecipientsQuery = call.query
    broadcast = await lifecycle.broadcast_of(call.ctx, call.path("id"), call.account_id)
    media = wanted_media(call.request)
    if media is not None:
        if {"limit", "cursor"} & query.model_fields_set:
            raise bad_request(
                "limit and cursor do not go with an export: it has all recipients in one answer"
            )
        return _export(call, broadcast, query, media)
    after = decode_cursor(query.cursor)
    found, before = await recipients.list_recipients(
        call.ctx, broadcast, status=query.status, before=after.id if after else None, limit=query.limit
    )
    position = Position(broadcast.created_at, before) if before is not None else None
    return answer(found, meta={"next_cursor": encode_cursor(position)})


def _export(call: Call, broadcast: Broadcast, query: RecipientsQuery, media: str) -> Response:
    form = MEDIA[media]
    return StreamingResponse(
        recipients.export(call.ctx, broadcast, form, query.status),
        media_type=media if form is ExportFormat.JSONL else f"{media}; charset=utf-8; header=present",
        headers={
            "Content-Disposition": f'attachment; filename="broadcast-{broadcast.uuid}.{form}"',
            "Cache-Control": "no-store",
            "Vary": "Accept",
        },
    )


def wanted_media(request: Request) -> str | None:
    """The export's media type that the caller prefers; None where JSON is as welcome (RFC 9110, 12.5.1)."""
    weights: dict[str, float] = {}
    for item in request.headers.get("accept", "").lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            weights[name] = float(weight)
        except ValueError:
            weights[name] = 0.0
    exports = [(weights[name], name) for name in MEDIA if weights.get(name, 0) > 0]
    if not exports:
        return None
    best, media = max(exports, key=lambda found: found[0])
    return media if best > weights.get("application/json", 0) else None


async def show(call: Call) -> Response:
    """One recipient with its history."""
    broadcast = await lifecycle.broadcast_of(call.ctx, call.path("id"), call.account_id)
    given = call.path("rid")
    if not (given.isascii() and given.isdecimal() and len(given) <= LONGEST_ID):
        raise not_found("Recipient")
    return answer(await recipients.show_recipient(call.ctx, broadcast, int(given)))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/broadcasts/{id}/recipients",
        "List a broadcast's recipients, or export them all",
        index,
        RecipientOut,
        scopes=READ,
        query=RecipientsQuery,
        paged=True,
        errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND),
        description=(
            "With `Accept: text/csv` or `Accept: application/jsonl` the answer is a stream of all recipients in the"
            " order of the request (`status` still filters; `limit` and `cursor` do not go with it)."
        ),
        headers=(Header("Accept", "`text/csv` or `application/jsonl` for an export; else pages of JSON"),),
        media={
            "text/csv": "One line a recipient, with a line of column names before them.",
            "application/jsonl": "One JSON object a line.",
        },
    ),
    Endpoint(
        "GET",
        "/api/v1/broadcasts/{id}/recipients/{rid}",
        "Show a recipient with its history",
        show,
        RecipientHistoryOut,
        scopes=READ,
        errors=(ErrorCode.NOT_FOUND,),
        description="`history` has every attempt and every status that Meta told, in the order in which they were learnt.",
    ),
)
