"""`broadcast.recipients`, `broadcast.export`: the recipients of a broadcast."""

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from typing import Annotated

from pydantic import Field, StringConstraints

from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.export_format import ExportFormat
from wacrmd.domain.page import MAX_ID, Page, PageRequest, Position
from wacrmd.errors import ErrorCode, bad_request
from wacrmd.operations.broadcasts import EXAMPLE, ONE, READ, BroadcastId
from wacrmd.operations.inputs import Limited, Names
from wacrmd.operations.operation import Admin, Header, Http, HttpRequest, Operations, Stream
from wacrmd.operations.paging import DEFAULT_LIMIT, PageQuery
from wacrmd.services.broadcasts import read, recipients
from wacrmd.services.context import Context
from wacrmd.views.recipients import RecipientDetails, RecipientView, ShownStatus

operations = Operations()

MEDIA = {
    "text/csv": ExportFormat.CSV,
    "application/jsonl": ExportFormat.JSONL,
    "application/x-ndjson": ExportFormat.JSONL,
}

EXCEL = "CSV that Excel opens right: phone numbers stay text"
EXCEL_IS_CSV = "excel goes with CSV alone: leave it out, or ask for CSV"


class RecipientFilter(BroadcastId):
    """Which recipients of a broadcast."""

    status: ShownStatus | None = Field(None, description="only those in this status")


class OperatorFilter(RecipientFilter):
    """Which recipients of a broadcast, also by why they failed."""

    code: int | None = Field(
        None,
        ge=0,
        le=10_000_000,
        description="only those that failed with this code of Meta's; 0: without one",
    )


class OperatorRecipientFilter(Limited, OperatorFilter):
    """Which recipients of a broadcast, and how many."""

    to: str | None = Field(None, max_length=200, description="only this one, with its history")
    rid: int | None = Field(None, ge=1, le=MAX_ID, description="only the one with this id, with its history")
    before: int | None = Field(None, ge=1, description="only those with smaller ids: the next page")

    def page(self) -> PageRequest:
        """The page that is wanted."""
        return PageRequest(self.limit, None if self.before is None else Position(0, self.before))


class RecipientId(BroadcastId):
    """One recipient of a broadcast."""

    rid: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$"), Names("Recipient")] = Field(
        description="id of the recipient"
    )


class Export(OperatorFilter):
    """How recipients are written out."""

    format: ExportFormat = Field(ExportFormat.CSV, description="as CSV, or one JSON object a line")
    excel: bool = Field(default=False, description=EXCEL)


class RecipientsQuery(PageQuery):
    """Which recipients."""

    status: ShownStatus | None = Field(None, description="only those in this status")
    excel: bool = Field(default=False, description=EXCEL)


async def _list_over_http(ctx: Context, actor: Actor, request: HttpRequest) -> Page[RecipientView] | Stream:
    query: RecipientsQuery = request.query
    broadcast = await read.broadcast_of(ctx, actor, request.path["id"])
    media = wanted_media(request.headers)
    if query.excel:
        if media is not None and MEDIA[media] is not ExportFormat.CSV:
            raise bad_request(EXCEL_IS_CSV)
        media = "text/csv"  # also for a link in a browser, which asks for HTML
    if media is None:
        return await recipients.page(ctx, broadcast, query.status, query.page())
    if query.cursor is not None or query.limit != DEFAULT_LIMIT:  # generated clients send what is the default
        raise bad_request("limit and cursor do not go with an export: it has all recipients in one answer")
    form = MEDIA[media]
    return Stream(
        media if form is ExportFormat.JSONL else f"{media}; charset=utf-8; header=present",
        recipients.export(ctx, broadcast, form, query.status, excel=query.excel),
        {
            "Content-Disposition": f'attachment; filename="broadcast-{broadcast.uuid}.{form}"',
            "Cache-Control": "no-store",
            "Vary": "Accept",
        },
    )


def wanted_media(headers: Mapping[str, str], known: Collection[str] = tuple(MEDIA)) -> str | None:
    """The export's media type that the caller prefers; None where JSON is as welcome (RFC 9110, 12.5.1)."""
    weights: dict[str, float] = {}
    for item in headers.get("accept", "").lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            weights[name] = float(weight)
        except ValueError:
            weights[name] = 0.0
    exports = [(weights[name], name) for name in known if weights.get(name, 0) > 0]
    if not exports:
        return None
    best, media = max(exports, key=lambda found: found[0])
    return media if best > weights.get("application/json", 0) else None


@operations.operation(
    "broadcast.recipients",
    http=Http(
        "GET",
        f"{ONE}/recipients",
        scopes=READ,
        handler=_list_over_http,
        query=RecipientsQuery,
        shows=RecipientView,
        headers=(Header("Accept", "`text/csv` or `application/jsonl` for an export; else pages of JSON"),),
        media={
            "text/csv": "a line of column names, then one line for each recipient",
            "application/jsonl": "one JSON object a line",
            "application/x-ndjson": "the same, by another name",
        },
    ),
    admin=Admin(Level.READ, per_account=True, params=OperatorRecipientFilter),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND),
    example={**EXAMPLE, "status": "failed"},
)
async def list_recipients(
    ctx: Context, actor: Actor, params: OperatorRecipientFilter, page: PageRequest
) -> Page[RecipientDetails | RecipientView]:
    """List a broadcast's recipients, newest first.

    Over HTTP, with `Accept: text/csv` or `Accept: application/jsonl`, the answer is a stream of all recipients in the order
    of the request (`status` still filters; `limit` and `cursor` do not go with it).
    """
    broadcast = await read.broadcast_of(ctx, actor, params.id)
    if params.to is not None:
        return Page([await recipients.show_address(ctx, broadcast, params.to)])
    if params.rid is not None:
        return Page([await recipients.show(ctx, broadcast, params.rid)])
    found = await recipients.page(ctx, broadcast, params.status, page, code=params.code)
    return Page([*found.items], found.next, found.positions)


@operations.operation(
    "broadcast.recipient",
    http=Http("GET", f"{ONE}/recipients/{{rid}}", scopes=READ),
    errors=(ErrorCode.NOT_FOUND,),
)
async def show_recipient(ctx: Context, actor: Actor, params: RecipientId) -> RecipientDetails:
    """Show a recipient with its history.

    `history` has every attempt and every status that Meta told, in the order in which they were learnt.
    """
    broadcast = await read.broadcast_of(ctx, actor, params.id)
    return await recipients.show(ctx, broadcast, int(params.rid))


@operations.operation(
    "broadcast.export",
    admin=Admin(Level.READ, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND,),
    example={**EXAMPLE, "format": "jsonl"},
)
async def export(ctx: Context, actor: Actor, params: Export) -> AsyncGenerator[str, None]:
    """Write out all recipients as CSV or JSON lines, piece by piece."""
    if params.excel and params.format is not ExportFormat.CSV:
        raise bad_request(EXCEL_IS_CSV)
    broadcast = await read.broadcast_of(ctx, actor, params.id)
    made = recipients.export(
        ctx, broadcast, params.format, params.status, code=params.code, excel=params.excel
    )
    async with aclosing(made) as pieces:
        async for piece in pieces:
            yield piece.decode()
