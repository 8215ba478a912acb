"""`number.…`: the business phone numbers that send."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.methods.accounts import Name
from wacrmd.admin.registry import Method, NoParams, Params
from wacrmd.clock import HOUR
from wacrmd.services.context import Context
from wacrmd.services.numbers import manage as services


def _meta_id(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_META_ID):
        raise ValueError("expected Meta's id, digits only: WhatsApp Manager shows it")
    return text


LONGEST_META_ID = 32
MetaId = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_meta_id)]
NumberRef = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=4096)]


class NewNumber(Params):
    """A number with its secrets."""

    account: Name = Field(description="the account that it belongs to")
    phone_number_id: MetaId = Field(description="Meta's id of the number, digits")
    waba_id: MetaId = Field(description="Meta's id of its WhatsApp business account, digits")
    access_token: Secret = Field(description="a system user's token with whatsapp_business_messaging")
    app_secret: Secret = Field(description="the app's secret, which signs Meta's webhooks")
    verify_token: Secret = Field(description="any text; the same as in Meta's webhook settings")
    label: Name | None = None
    display_phone: str | None = Field(None, max_length=40)
    messages_per_second: float | None = Field(None, gt=0, le=1000)
    default: bool = False
    check: bool = Field(default=False, description="ask Meta first whether the token opens this number")


class NumberId(Params):
    """A number by its id, the beginning of it, or Meta's phone number id."""

    id: NumberRef = Field(description="its id, the beginning of it, or Meta's phone number id")


class NumberChanges(NumberId):
    """What shall be different about a number; what is not given stays."""

    label: str | None = Field(None, max_length=100, description="a name for people; empty: none")
    display_phone: str | None = Field(None, max_length=40, description="the number itself; empty: none")
    messages_per_second: float | None = Field(
        None, ge=0, le=1000, description="its pace, at once; 0: the configuration's"
    )
    default: bool = Field(default=False, description="send from it where a broadcast names no number")
    access_token: Secret | None = Field(None, description="a new access token")
    app_secret: Secret | None = Field(None, description="a new app secret; the old one holds for a while")
    verify_token: Secret | None = Field(None, description="a new verify token")
    overlap_hours: float = Field(24, ge=0, le=720, description="how long the old app secret still holds")
    check: bool = Field(default=False, description="ask Meta first whether a new token opens this number")


class Pause(NumberId):
    """A number that shall not send, and why."""

    reason: Name | None = Field(None, description="why, for those who wonder later")


class Check(NumberId):
    """A number that Meta is asked about."""

    subscribe: bool = Field(default=False, description="let the token's app get its webhooks")


async def add(ctx: Context, params: NewNumber, _caller: Caller) -> dict[str, Any]:
    """Configure a number."""
    return await services.add_number(
        ctx,
        services.NewNumber(
            account=params.account,
            phone_number_id=params.phone_number_id,
            waba_id=params.waba_id,
            access_token=params.access_token.get_secret_value(),
            app_secret=params.app_secret.get_secret_value(),
            verify_token=params.verify_token.get_secret_value(),
            label=params.label,
            display_phone=params.display_phone,
            messages_per_second=params.messages_per_second,
            default=params.default,
        ),
        check=params.check,
    )


async def list_all(ctx: Context, _params: NoParams, _caller: Caller) -> list[dict[str, Any]]:
    """All numbers."""
    return await services.list_numbers(ctx)


async def show(ctx: Context, params: NumberId, _caller: Caller) -> dict[str, Any]:
    """One number with its health."""
    return await services.show_number(ctx, params.id)


async def change(ctx: Context, params: NumberChanges, _caller: Caller) -> dict[str, Any]:
    """Change a number."""

    def clear(secret: SecretStr | None) -> str | None:
        return secret.get_secret_value() if secret else None

    return await services.set_number(
        ctx,
        params.id,
        services.NumberChange(
            label=params.label,
            display_phone=params.display_phone,
            messages_per_second=params.messages_per_second,
            default=params.default,
            access_token=clear(params.access_token),
            app_secret=clear(params.app_secret),
            verify_token=clear(params.verify_token),
            overlap=round(params.overlap_hours * HOUR),
        ),
        check=params.check,
    )


async def pause(ctx: Context, params: Pause, caller: Caller) -> dict[str, Any]:
    """Stop all sending from a number."""
    by = f"Paused by {caller.user}" + (f": {params.reason}" if params.reason else "")
    return await services.pause_number(ctx, params.id, by)


async def resume(ctx: Context, params: NumberId, _caller: Caller) -> dict[str, Any]:
    """Let a number send again."""
    return await services.resume_number(ctx, params.id)


async def check(ctx: Context, params: Check, _caller: Caller) -> dict[str, Any]:
    """Ask Meta about a number."""
    return await services.check_number(ctx, params.id, subscribe=params.subscribe)


async def remove(ctx: Context, params: NumberId, _caller: Caller) -> dict[str, Any]:
    """Take a number out of use."""
    return await services.remove_number(ctx, params.id)


EXAMPLE_ID = {"id": "106540352242922"}

METHODS: tuple[Method[Context], ...] = (
    Method(
        name="number.add",
        level=Level.ADMIN,
        summary="Configure a business phone number; its secrets are stored encrypted",
        params=NewNumber,
        handler=add,
        example={
            "account": "shop",
            "phone_number_id": "106540352242922",
            "waba_id": "102290129340398",
            "access_token": "EAAG…",
            "app_secret": "the app's secret",
            "verify_token": "a word of yours",
        },
        changes=True,
    ),
    Method(name="number.list", level=Level.READ, summary="List the numbers", handler=list_all),
    Method(
        name="number.show",
        level=Level.READ,
        summary="Show a number with its state, quality, limit and health",
        params=NumberId,
        handler=show,
        example=EXAMPLE_ID,
    ),
    Method(
        name="number.set",
        level=Level.ADMIN,
        summary="Change a number: label, pace, default, or its token and secrets",
        params=NumberChanges,
        handler=change,
        example=EXAMPLE_ID | {"messages_per_second": 20},
        changes=True,
    ),
    Method(
        name="number.pause",
        level=Level.OPERATE,
        summary="Stop all sending from a number until it is resumed",
        params=Pause,
        handler=pause,
        example=EXAMPLE_ID | {"reason": "the shop is closed"},
        changes=True,
    ),
    Method(
        name="number.resume",
        level=Level.OPERATE,
        summary="Let a number send again; its broadcasts go on by themselves",
        params=NumberId,
        handler=resume,
        example=EXAMPLE_ID,
        changes=True,
    ),
    Method(
        name="number.check",
        level=Level.OPERATE,
        summary="Ask Meta about a number: token, quality, limit, health and webhooks",
        params=Check,
        handler=check,
        example=EXAMPLE_ID,
        changes=True,
    ),
    Method(
        name="number.remove",
        level=Level.ADMIN,
        summary="Take a number out of use and forget its secrets; it must have no unfinished broadcasts",
        params=NumberId,
        handler=remove,
        example=EXAMPLE_ID,
        changes=True,
    ),
)
