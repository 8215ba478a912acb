"""`draft.…`: broadcasts that a person makes step by step, with a file of people."""

import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.draft import Again, FileFormat, FileMapping, Fill, Which
from wacrmd.domain.page import Page, PageRequest
from wacrmd.domain.sending_plan import SendingPlan
from wacrmd.errors import ErrorCode, bad_request
from wacrmd.fields import JsonObject, shared
from wacrmd.off_loop import off_loop
from wacrmd.operations.broadcast_inputs import BroadcastParams, Label, Language, TemplateName
from wacrmd.operations.inputs import (
    Address,
    CountryOrNone,
    DefaultAccount,
    Id,
    Limited,
    OpenFiles,
    OptionalAccount,
    Params,
    TimeInput,
)
from wacrmd.operations.operation import Admin, Operations
from wacrmd.operations.plan_inputs import PlanParams
from wacrmd.operations.recipient_inputs import Content
from wacrmd.services.context import Context
from wacrmd.services.drafts import additions, again, check, left_out, manage, read, rows
from wacrmd.services.drafts.manage import DraftChange
from wacrmd.services.drafts.uploads import PIECE_BYTES
from wacrmd.views.drafts import (
    DraftColumns,
    DraftRow,
    DraftSummary,
    DraftView,
    SentTest,
)

operations = Operations()

EXAMPLE = {"id": "4b6d"}

NumberName = Annotated[str, StringConstraints(max_length=64, to_lower=True)]
CHANGES = (ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.UNAVAILABLE)


class DraftId(Params):
    """A draft."""

    id: Id = Field(description="id of the draft, or an unambiguous beginning of it")


class DraftFilter(Limited, OptionalAccount):
    """Which drafts, and how many."""

    ids: list[Id] | None = Field(None, max_length=100, description="only those with these ids")


class NewDraftParams(BroadcastParams, DefaultAccount, extra="forbid"):
    """A draft to make."""


class FillParams(Params):
    """What fills a placeholder: a column, or a text for everybody."""

    column: int | None = Field(None, ge=1, le=10_000, description="number of the column, from 1")
    value: Annotated[str, StringConstraints(max_length=4096)] | None = Field(
        None, description="a text that is the same for everybody"
    )


class MappingParams(Params):
    """What the columns of the file mean."""

    phone: int | None = Field(
        None, ge=1, le=10_000, description="number of the column of phone numbers, from 1"
    )
    fills: dict[str, FillParams] = Field(
        default_factory=dict, max_length=100, description="`body.1` or `body.name`, `header`, `button.0` each"
    )
    country: CountryOrNone = Field(
        None, description="country as whose numbers those without `+` are read; default that of the account"
    )

    def to_mapping(self) -> FileMapping:
        """As the service takes it."""
        fills = {name: Fill(column=fill.column, value=fill.value) for name, fill in self.fills.items()}
        return FileMapping(phone=self.phone, fills=fills, country=self.country)


class ChangeParams(PlanParams, Content, DraftId, extra="forbid"):
    """What to change; what is left out stays as it is."""

    name: Label | None = Field(None, description="another label")
    template_name: TemplateName | None = Field(None, description="another template")
    template_language: Language | None = Field(None, description="another language of the template")
    number: NumberName | None = Field(None, alias="from", description="another number that sends")
    scheduled_at: TimeInput | None = Field(None, description="when to start, within a year")
    now: bool = Field(default=False, description="start at once, not at a time")
    no_content: bool = Field(default=False, description="without header, buttons and components")
    mapping: MappingParams | None = Field(None, description="what the columns of the file mean")
    without: list[
        Literal["send_between", "spread_over_minutes", "messages_per_second", "canary", "retry_rules"]
    ] = Field(default_factory=list, description="parts of the way of sending that it is to be without")

    def changes_of_plan(self) -> JsonObject:
        """Parts of the way of sending that are to be different, by their names in `SendingPlan`; None takes one away."""
        given = shared(SendingPlan, self.to_plan())
        return {name: value for name, value in given.items() if value is not None} | dict.fromkeys(
            self.without
        )


class UploadParams(OpenFiles, DraftId):
    """A file of people; it is open, and comes beside the call."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(description="its name")
    format: FileFormat = Field(
        FileFormat.CSV, description="CSV, or JSON lines with one recipient as in the API on each"
    )
    add: bool = Field(
        default=False,
        description="add the people in a CSV file to those that are there; columns go by their names",
    )


class RowParams(DraftId):
    """One person of a draft."""

    row: int = Field(0, ge=0, le=10_000_000, description="number of the person, from 0")


class TestParams(RowParams):
    """A test message."""

    to: Address = Field(description="a number of one's own")
    key: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        None, description="calls with the same key, person and number send one message in 24 hours"
    )


class LeftOutParams(DraftId):
    """Which lines."""

    which: Which = Field(
        Which.LEFT_OUT,
        description="all that get no message, those for one reason, or the numbers that are a guess",
    )
    plain: bool = Field(
        default=False, description="with the reasons in plain words, as a file that a spreadsheet opens"
    )


class AgainParams(Params):
    """From which broadcast, and for whom."""

    id: Id = Field(description="id of the broadcast, or an unambiguous beginning of it")
    whom: Again = Field(Again.ALL, description="which of its recipients")
    code: int | None = Field(
        None, ge=0, le=10_000_000, description="with `failed`: only with this code of Meta's; 0: without one"
    )


@operations.operation(
    "draft.list", admin=Admin(Level.READ, per_account=True, params=DraftFilter), example={"limit": 10}
)
async def list_drafts(
    ctx: Context, actor: Actor, params: DraftFilter, page: PageRequest
) -> Page[DraftSummary]:
    """List drafts, newest first."""
    if params.ids is not None:
        return Page(await read.some(ctx, actor.account_id, params.ids))
    return await read.page(ctx, actor.account_id, page)


@operations.operation(
    "draft.show", admin=Admin(Level.READ, per_account=True), errors=(ErrorCode.NOT_FOUND,), example=EXAMPLE
)
async def show(ctx: Context, actor: Actor, params: DraftId) -> DraftView:
    """Show a draft with what its last check found."""
    return await read.show(ctx, actor, params.id)


@operations.operation(
    "draft.columns", admin=Admin(Level.READ, per_account=True), errors=(ErrorCode.NOT_FOUND,), example=EXAMPLE
)
async def columns(ctx: Context, actor: Actor, params: DraftId) -> DraftColumns:
    """Show the columns of a draft's file and the placeholders of its template."""
    return await read.columns(ctx, actor, params.id)


@operations.operation(
    "draft.create",
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(
        ErrorCode.BAD_REQUEST,
        ErrorCode.WHATSAPP_NOT_CONFIGURED,
        ErrorCode.CONFLICT,
        ErrorCode.UNAVAILABLE,
    ),
    example={"account": "shop", "template_name": "order_update"},
)
async def create(ctx: Context, actor: Actor, params: NewDraftParams) -> DraftView:
    """Make a draft; nothing of it is sent until that is asked for."""
    return await manage.create(ctx, actor, params.to_input())


@operations.operation(
    "draft.change",
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=CHANGES,
    example={**EXAMPLE, "name": "Spring sale"},
)
async def change(ctx: Context, actor: Actor, params: ChangeParams) -> DraftView:
    """Change a draft; what decides what is sent to whom makes a new check necessary."""
    wanted = DraftChange(
        name=params.name,
        number=params.number,
        template_name=params.template_name,
        template_language=params.template_language,
        content={} if params.no_content else _content(params),
        mapping=params.mapping.to_mapping() if params.mapping is not None else None,
        scheduled_at=params.scheduled_at,
        at_once=params.now,
        plan=params.changes_of_plan(),
    )
    return await manage.change(ctx, actor, params.id, wanted)


@operations.operation(
    "draft.upload",
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(*CHANGES, ErrorCode.PAYLOAD_TOO_LARGE),
    example={**EXAMPLE, "name": "people.csv"},
)
async def upload(ctx: Context, actor: Actor, params: UploadParams) -> DraftView:
    """Give a draft its file of people, in place of the one before, or in addition to it.

    The open file comes beside the call (SCM_RIGHTS, unix(7)). What its columns probably mean is set; if it is added, they
    keep their meaning.
    """
    if len(params.descriptors) != 1 or not stat.S_ISREG(os.fstat(params.descriptors[0]).st_mode):
        raise bad_request("file: expected one open file beside the call")
    pieces = _pieces(params.descriptors[0])
    if params.add:
        if params.format is not FileFormat.CSV:
            raise bad_request("add: only a CSV file can be added")
        return await additions.add_csv(ctx, actor, params.id, pieces, name=params.name)
    put = manage.put_csv if params.format is FileFormat.CSV else manage.put_people
    return await put(ctx, actor, params.id, pieces, name=params.name)


@operations.operation(
    "draft.check", admin=Admin(Level.OPERATE, per_account=True, audited=True), errors=CHANGES, example=EXAMPLE
)
async def start_check(ctx: Context, actor: Actor, params: DraftId) -> DraftView:
    """Check a draft: who gets the message, who is left out and why.

    The answer comes at once; `state` is `checking` until it is done.
    """
    return await check.start(ctx, actor, params.id)


@operations.operation(
    "draft.row",
    admin=Admin(Level.READ, per_account=True),
    errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    example={**EXAMPLE, "row": 1},
)
async def show_row(ctx: Context, actor: Actor, params: RowParams) -> DraftRow:
    """Show what one person of a checked draft gets."""
    return await rows.row(ctx, actor, params.id, params.row)


@operations.operation(
    "draft.left-out",
    admin=Admin(Level.READ, per_account=True, audited=True),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    example={**EXAMPLE, "which": "rejected"},
)
async def show_left_out(ctx: Context, actor: Actor, params: LeftOutParams) -> AsyncGenerator[str, None]:
    """Write out the lines of a draft's file that get no message, each with the reason, piece by piece."""
    async with aclosing(left_out.download(ctx, actor, params.id, params.which, plain=params.plain)) as pieces:
        async for piece in pieces:
            yield piece


@operations.operation(
    "draft.test",
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(*CHANGES, ErrorCode.WHATSAPP_NOT_CONFIGURED),
    example={**EXAMPLE, "to": "+14155550123"},
)
async def send_test(ctx: Context, actor: Actor, params: TestParams) -> SentTest:
    """Send what one person of a checked draft gets to a number of one's own, now."""
    return await rows.send_test(ctx, actor, params.id, params.row, params.to, key=params.key)


@operations.operation(
    "draft.again",
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=CHANGES,
    example={**EXAMPLE, "whom": "failed"},
)
async def send_again(ctx: Context, actor: Actor, params: AgainParams) -> DraftView:
    """Make a draft from an earlier broadcast, for all or some of its recipients."""
    return await again.again(ctx, actor, params.id, params.whom, code=params.code)


def _content(params: Content) -> JsonObject | None:
    """Header, buttons and components that were given; None for none."""
    parts = {"header": params.header, "buttons": params.buttons, "components": params.components}
    return {name: part for name, part in parts.items() if part is not None} or None


async def _pieces(descriptor: int) -> AsyncIterator[bytes]:
    """The bytes of an open file, from its beginning."""
    at = 0
    while piece := await off_loop(os.pread, descriptor, PIECE_BYTES, at):
        at += len(piece)
        yield piece
