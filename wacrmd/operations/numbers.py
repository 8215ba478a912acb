"""`number.…`: the business phone numbers that send."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from wacrmd.clock import HOUR
from wacrmd.domain.account import Scope
from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.page import Page, Position
from wacrmd.domain.sending_plan import MAX_RATE
from wacrmd.errors import ErrorCode
from wacrmd.operations.inputs import Name, Params, RequiredAccount
from wacrmd.operations.operation import Admin, Http, HttpRequest, Operations
from wacrmd.operations.paging import PageQuery
from wacrmd.services.context import Context
from wacrmd.services.numbers import manage, read
from wacrmd.services.numbers.input import NewNumber, NumberChange
from wacrmd.views.numbers import (
    AccountNumber,
    AddedNumber,
    ChangedNumber,
    CheckedNumber,
    NumberDetails,
    NumberView,
    RemovedNumber,
)

operations = Operations()

EXAMPLE = {"id": "106540352242922"}
MAX_META_ID = 32
MAX_SECRET = 4096
MAX_PEOPLE = 100_000_000
MAX_OVERLAP_HOURS = 720


def _meta_id(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_META_ID):
        raise ValueError("expected Meta's id, digits only: WhatsApp Manager shows it")
    return text


MetaId = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_meta_id)]
NumberRef = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=MAX_SECRET)]


class AddNumber(RequiredAccount):
    """A number with its secrets."""

    account: Name = Field(description="the account that it belongs to")
    phone_number_id: MetaId = Field(description="Meta's id of the number, digits")
    waba_id: MetaId = Field(description="Meta's id of its WhatsApp business account, digits")
    access_token: Secret = Field(description="a system user's token with whatsapp_business_messaging")
    app_secret: Secret = Field(description="the app's secret, which signs Meta's webhooks")
    verify_token: Secret = Field(description="any text; the same as in Meta's webhook settings")
    label: Name | None = Field(None, description="a name for people")
    display_phone: str | None = Field(None, max_length=40, description="the number itself")
    messages_per_second: float | None = Field(
        None, gt=0, le=MAX_RATE, description="its rate limit; left out: that of the configuration"
    )
    default: bool = Field(default=False, description="use it if a broadcast names no number")
    check: bool = Field(default=False, description="ask Meta first whether the token works for this number")


class NumberFilter(Params):
    """Which numbers."""

    removed: bool = Field(
        default=False, description="also those that were removed; broadcasts still name them"
    )


class NumberId(Params):
    """A number."""

    id: NumberRef = Field(description="its id, the beginning of it, or Meta's phone number id")


class SetNumber(NumberId):
    """What is to be different about a number; what is not given stays."""

    label: str | None = Field(None, max_length=100, description="a name for people; empty: none")
    display_phone: str | None = Field(None, max_length=40, description="the number itself; empty: none")
    messages_per_second: float | None = Field(
        None, ge=0, le=MAX_RATE, description="its rate limit, in force at once; 0: that of the configuration"
    )
    daily_limit: int | None = Field(
        None,
        ge=0,
        le=MAX_PEOPLE,
        description="people in 24 hours, if that is less than Meta's limit; 0: as Meta tells",
    )
    portfolio: str | None = Field(
        None,
        max_length=100,
        description="numbers with the same name share Meta's limit; empty: it shares it with those of its account",
    )
    default: bool = Field(default=False, description="use it if a broadcast names no number")
    access_token: Secret | None = Field(None, description="a new access token")
    app_secret: Secret | None = Field(
        None, description="a new app secret; the old one stays valid for `overlap_hours`"
    )
    verify_token: Secret | None = Field(None, description="a new verify token")
    overlap_hours: float = Field(
        24, ge=0, le=MAX_OVERLAP_HOURS, description="for how many hours the old app secret stays valid"
    )
    check: bool = Field(default=False, description="ask Meta first whether a new token works for this number")


class PauseNumber(NumberId):
    """A number that is not to send, and why."""

    reason: Name | None = Field(None, description="why, for other operators")


class CheckNumber(NumberId):
    """A number that Meta is asked about."""

    subscribe: bool = Field(default=False, description="subscribe the token's app to its webhooks")


@operations.operation(
    "number.add",
    admin=Admin(Level.ADMIN, per_account=True, audited=True),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    example={
        "account": "shop",
        "phone_number_id": "106540352242922",
        "waba_id": "102290129340398",
        "access_token": "EAAG…",
        "app_secret": "the app's secret",
        "verify_token": "a word of yours",
    },
)
async def add(ctx: Context, actor: Actor, params: AddNumber) -> AddedNumber:
    """Configure a business phone number; its secrets are stored encrypted."""
    new = NewNumber(
        phone_number_id=params.phone_number_id,
        waba_id=params.waba_id,
        access_token=params.access_token.get_secret_value(),
        app_secret=params.app_secret.get_secret_value(),
        verify_token=params.verify_token.get_secret_value(),
        label=params.label,
        display_phone=params.display_phone,
        messages_per_second=params.messages_per_second,
        default=params.default,
    )
    return await manage.add(ctx, actor.account, new, check=params.check)


async def _page_over_http(ctx: Context, actor: Actor, request: HttpRequest) -> Page[AccountNumber]:
    query: PageQuery = request.query
    page = query.page()
    found = (await read.list_numbers(ctx, actor.account_id))[::-1]
    rest = [each for each in found if page.after is None or _position(each) < page.after]
    return Page.of(rest, page, lambda number: number, _position)


def _position(number: AccountNumber) -> Position:
    """Where a number stands in the list; the first bits of its id have the order of the ids."""
    return Position(number.created_at, UUID(number.id).int >> 66)


@operations.operation(
    "number.list",
    http=Http(
        "GET",
        "/api/v1/numbers",
        scopes=(Scope.NUMBERS_READ,),
        shows=NumberView,
        handler=_page_over_http,
        query=PageQuery,
    ),
    admin=Admin(Level.READ, per_account=True, params=NumberFilter),
)
async def list_numbers(ctx: Context, actor: Actor, params: NumberFilter) -> list[AccountNumber]:
    """List the numbers."""
    return await read.list_numbers(ctx, actor.account_id, removed=params.removed)


@operations.operation(
    "number.show", admin=Admin(Level.READ, per_account=True), errors=(ErrorCode.NOT_FOUND,), example=EXAMPLE
)
async def show(ctx: Context, actor: Actor, params: NumberId) -> NumberDetails:
    """Show a number with its state, quality, limit and health."""
    return await manage.show(ctx, actor, params.id)


@operations.operation(
    "number.set",
    admin=Admin(Level.ADMIN, per_account=True, audited=True),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND),
    example={**EXAMPLE, "messages_per_second": 20},
)
async def change(ctx: Context, actor: Actor, params: SetNumber) -> ChangedNumber:
    """Change a number: label, rate, default, or its token and secrets."""

    def clear(secret: SecretStr | None) -> str | None:
        return secret.get_secret_value() if secret else None

    wanted = NumberChange(
        label=params.label,
        display_phone=params.display_phone,
        messages_per_second=params.messages_per_second,
        daily_limit=params.daily_limit,
        portfolio=params.portfolio,
        default=params.default,
        access_token=clear(params.access_token),
        app_secret=clear(params.app_secret),
        verify_token=clear(params.verify_token),
        overlap=round(params.overlap_hours * HOUR),
    )
    return await manage.change(ctx, actor, params.id, wanted, check=params.check)


@operations.operation(
    "number.pause",
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND,),
    example={**EXAMPLE, "reason": "the shop is closed"},
)
async def pause(ctx: Context, actor: Actor, params: PauseNumber) -> AccountNumber:
    """Stop all sending from a number until it is resumed."""
    detail = f"Paused by {actor.name}" + (f": {params.reason}" if params.reason else "")
    return await manage.pause(ctx, actor, params.id, detail)


@operations.operation(
    "number.resume",
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND,),
    example=EXAMPLE,
)
async def resume(ctx: Context, actor: Actor, params: NumberId) -> AccountNumber:
    """Let a number send again; its broadcasts continue."""
    return await manage.resume(ctx, actor, params.id)


@operations.operation(
    "number.check",
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND,),
    example=EXAMPLE,
)
async def check(ctx: Context, actor: Actor, params: CheckNumber) -> CheckedNumber:
    """Ask Meta about a number: token, quality, limit, health and webhooks."""
    return await manage.check(ctx, actor, params.id, subscribe=params.subscribe)


@operations.operation(
    "number.remove",
    admin=Admin(Level.ADMIN, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
    example=EXAMPLE,
)
async def remove(ctx: Context, actor: Actor, params: NumberId) -> RemovedNumber:
    """Take a number out of use and forget its secrets; it must have no unfinished broadcasts."""
    return await manage.remove(ctx, actor, params.id)
