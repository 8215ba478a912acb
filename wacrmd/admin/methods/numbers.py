"""`number.…`: the business phone numbers that send."""

from typing import Annotated, Any

from pydantic import Field, SecretStr, StringConstraints

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.methods.accounts import Name
from wacrmd.admin.registry import Method, NoParams, Params
from wacrmd.services import numbers as services
from wacrmd.services.context import Context

MetaId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{1,32}$")]
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
)
