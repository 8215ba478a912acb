"""`webhook.…`: outbound webhooks to local apps."""

from typing import Any

from pydantic import Field

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.methods.accounts import Name
from wacrmd.admin.registry import Method, Params
from wacrmd.domain.webhook_delivery import DeliveryStatus
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.services.access import keys
from wacrmd.services.context import Context
from wacrmd.services.webhooks import endpoints as services


class NewWebhook(Params):
    """Where events of an account go."""

    account: Name = Field(description="whose events")
    url: str = Field(min_length=1, max_length=2000)
    events: list[WebhookEvent] = Field([], description="which events; none named: all")


class WhichWebhooks(Params):
    """Of one account or of all."""

    account: Name | None = None


class WebhookId(Params):
    """A webhook by its id or an unambiguous beginning of it."""

    id: str = Field(min_length=1, max_length=36, description="its id or an unambiguous beginning of it")


class WebhookChanges(WebhookId):
    """What shall be different about a webhook; what is not given stays."""

    url: str | None = Field(None, min_length=1, max_length=2000)
    events: list[WebhookEvent] | None = Field(None, min_length=1)
    active: bool | None = Field(None, description="whether events are delivered to it")


class WhichDeliveries(WebhookId):
    """Deliveries to a webhook, the newest first."""

    status: DeliveryStatus | None = None
    limit: int = Field(50, ge=1, le=1000)


class DeliveryId(Params):
    """A delivery by its id."""

    id: str = Field(min_length=36, max_length=36, description="the delivery's id, see webhook.deliveries")


async def add(ctx: Context, params: NewWebhook, _caller: Caller) -> dict[str, Any]:
    """Make a webhook; its secret is shown this once."""
    events = [event.value for event in params.events] or list(services.ALL_EVENTS)
    return await services.add_for(ctx, params.account, url=params.url, events=events)


async def list_all(ctx: Context, params: WhichWebhooks, _caller: Caller) -> list[dict[str, Any]]:
    """The webhooks, without their secrets."""
    account_id = (await keys.account_named(ctx, params.account)).id if params.account else None
    found, _ = await services.list_endpoints(ctx, account_id, limit=1000)
    return found


async def change(ctx: Context, params: WebhookChanges, _caller: Caller) -> dict[str, Any]:
    """Change a webhook, or let it be delivered to again."""
    return await services.change(
        ctx,
        await services.resolve(ctx, params.id),
        url=params.url,
        events=[event.value for event in params.events] if params.events else None,
        is_active=params.active,
    )


async def remove(ctx: Context, params: WebhookId, _caller: Caller) -> dict[str, Any]:
    """Delete a webhook with its deliveries."""
    return await services.remove(ctx, await services.resolve(ctx, params.id))


async def deliveries(ctx: Context, params: WhichDeliveries, _caller: Caller) -> list[dict[str, Any]]:
    """What was delivered, each try with its result."""
    found, _ = await services.list_deliveries(
        ctx, await services.resolve(ctx, params.id), status=params.status, limit=params.limit
    )
    return found


async def resend(ctx: Context, params: DeliveryId, _caller: Caller) -> dict[str, Any]:
    """Deliver an event once more."""
    return await services.resend(ctx, None, params.id.lower())


EXAMPLE_ID = {"id": "9c1e"}

METHODS: tuple[Method[Context], ...] = (
    Method(
        name="webhook.add",
        level=Level.ADMIN,
        summary="Tell a local app of events; the secret that signs them is shown this once",
        params=NewWebhook,
        handler=add,
        example={"account": "shop", "url": "https://crm.example.com/hook", "events": ["broadcast.sent"]},
        changes=True,
    ),
    Method(
        name="webhook.list",
        level=Level.READ,
        summary="List outbound webhooks and whether they work",
        params=WhichWebhooks,
        handler=list_all,
        example={"account": "shop"},
    ),
    Method(
        name="webhook.set",
        level=Level.ADMIN,
        summary="Change an outbound webhook, switch it off, or on again after it was disabled",
        params=WebhookChanges,
        handler=change,
        example=EXAMPLE_ID | {"active": True},
        changes=True,
    ),
    Method(
        name="webhook.remove",
        level=Level.ADMIN,
        summary="Delete an outbound webhook with its deliveries",
        params=WebhookId,
        handler=remove,
        example=EXAMPLE_ID,
        changes=True,
    ),
    Method(
        name="webhook.deliveries",
        level=Level.READ,
        summary="List deliveries to a webhook, newest first, each try with its result",
        params=WhichDeliveries,
        handler=deliveries,
        example=EXAMPLE_ID | {"status": "failed"},
    ),
    Method(
        name="webhook.resend",
        level=Level.OPERATE,
        summary="Deliver an event once more, under its own id",
        params=DeliveryId,
        handler=resend,
        example={"id": "0b9c7d6e-0000-4000-8000-000000000000"},
        changes=True,
    ),
)
