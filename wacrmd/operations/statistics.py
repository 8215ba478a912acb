"""`stats`: what became of messages, by template, country, hour of the day or day."""

from collections.abc import AsyncGenerator
from typing import Literal

from pydantic import Field

from wacrmd.domain.account import Scope
from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.statistics import By
from wacrmd.domain.statistics_file import MEDIA_TYPE, statistics_csv
from wacrmd.errors import ErrorCode, bad_request
from wacrmd.operations.inputs import OptionalAccount, Params
from wacrmd.operations.operation import Admin, Header, Http, HttpRequest, Operations, Stream
from wacrmd.operations.recipients import wanted_media
from wacrmd.services.context import Context
from wacrmd.services.statistics.read import read_statistics
from wacrmd.views.json import as_object
from wacrmd.views.statistics import Statistics

operations = Operations()

CSV = "text/csv"


class StatisticsQuery(Params):
    """Which messages, and what each row is about."""

    by: By = Field(description="what each row is about")
    since: str | None = Field(
        None,
        alias="from",
        min_length=1,
        max_length=40,
        description="messages that were tried from then on: a date, an ISO time, or how long ago (`7d`); default the 30 days"
        " that end with `to`",
    )
    until: str | None = Field(
        None,
        alias="to",
        min_length=1,
        max_length=40,
        description="and before then; a date is included. Default now. At most 366 days",
    )
    zone: str | None = Field(
        None,
        min_length=1,
        max_length=60,
        description="the time zone of hours, days and dates, such as `Europe/Berlin`; default UTC",
    )
    template_name: str | None = Field(
        None, min_length=1, max_length=512, description="only messages of this template"
    )
    template_language: str | None = Field(
        None, min_length=1, max_length=20, description="only those in this language"
    )


class StatisticsForm(StatisticsQuery):
    """Which messages, and the form of the answer."""

    format: Literal["json", "csv"] | None = Field(None, description="`csv`: as with `Accept: text/csv`")
    excel: bool = Field(default=False, description="CSV that Excel opens right: shares are whole percents")


class OperatorStatistics(StatisticsQuery, OptionalAccount):
    """Whose messages, and which."""


async def _over_http(ctx: Context, actor: Actor, request: HttpRequest) -> Statistics | Stream:
    query: StatisticsForm = request.query
    if query.excel and query.format == "json":
        raise bad_request("excel goes with CSV alone: leave it out, or ask for format=csv")
    found = await show(ctx, actor, query)
    wants_csv = query.excel or query.format == "csv"
    if not wants_csv and (query.format == "json" or wanted_media(request.headers, (CSV,)) is None):
        return found
    text = statistics_csv(query.by, as_object(found)["rows"], excel=query.excel)
    return Stream(
        MEDIA_TYPE,
        _one_piece(text),
        {
            "Content-Disposition": f'attachment; filename="statistics-by-{query.by}.csv"',
            "Cache-Control": "no-store",
            "Vary": "Accept",
        },
    )


async def _one_piece(text: str) -> AsyncGenerator[bytes, None]:
    yield text.encode()


@operations.operation(
    "stats",
    http=Http(
        "GET",
        "/api/v1/stats",
        scopes=(Scope.BROADCASTS_READ,),
        handler=_over_http,
        query=StatisticsForm,
        headers=(Header("Accept", "`text/csv` for a file; else JSON"),),
        media={CSV: "a line of column names, then one line for each row"},
    ),
    admin=Admin(Level.READ, per_account=True, params=OperatorStatistics),
    errors=(ErrorCode.BAD_REQUEST,),
    example={"account": "shop", "by": "template", "from": "7d"},
)
async def show(ctx: Context, actor: Actor, params: StatisticsQuery) -> Statistics:
    """Show what became of messages, by template, country, hour of the day or day.

    A message counts when it was last tried, with its present status. The sums are made in the background: they are some
    seconds old, those of large broadcasts that are changing some minutes. They stay when retention deletes the recipients.
    """
    return await read_statistics(
        ctx,
        actor.account_id,
        params.by,
        since=params.since,
        until=params.until,
        zone=params.zone,
        template_name=params.template_name,
        template_language=params.template_language,
    )
