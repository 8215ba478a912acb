"""`webhook.…`: outbound webhooks, where local apps are told of events."""

from typing import Annotated, ClassVar

from pydantic import Field, StrictBool, StringConstraints

from wacrmd.domain.account import Scope
from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.page import Page, PageRequest
from wacrmd.domain.webhook_delivery import DeliveryStatus
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.errors import ErrorCode, bad_request
from wacrmd.http.address_policy import MAX_URL
from wacrmd.operations.body import Body
from wacrmd.operations.inputs import (
    MAX_LIST,
    Id,
    Limited,
    Names,
    NoParams,
    OptionalAccount,
    Params,
    RequiredAccount,
)
from wacrmd.operations.operation import Admin, Http, Operations
from wacrmd.services.context import Context
from wacrmd.services.webhooks import deliveries, endpoints
from wacrmd.views.webhooks import (
    AccountWebhook,
    DeliveryView,
    NewAccountWebhook,
    NewWebhookView,
    WebhookView,
)

operations = Operations()

COLLECTION = "/api/v1/webhooks"
ONE = f"{COLLECTION}/{{id}}"
MANAGE = (Scope.WEBHOOKS_MANAGE,)
EXAMPLE = {"id": "9c1e"}
MAX_EVENTS = 50

Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_URL)]


class WebhookId(Params):
    """A webhook."""

    id: Id = Field(description="id of the webhook; operators may give an unambiguous beginning of it")


class NewWebhook(Body):
    """Where events are posted, and which."""

    url: Url = Field(
        description="where events are posted; a public address, or one in `[outbound_webhooks] allow_private`"
    )
    events: list[WebhookEvent] = Field(min_length=1, max_length=MAX_EVENTS, description="which events")


class OperatorNewWebhook(NewWebhook, RequiredAccount, extra="forbid"):
    """Where events of an account are posted, and which."""

    events: list[WebhookEvent] = Field([], max_length=MAX_EVENTS, description="which events; none named: all")


class WebhookChanges(Body):
    """What is to be different about a webhook: what is left out stays as it is."""

    in_path: ClassVar[frozenset[str]] = frozenset({"id"})

    id: Id = Field(description="id of the webhook; operators may give an unambiguous beginning of it")
    url: Url | None = Field(None, description="where events are posted from now on")
    events: list[WebhookEvent] | None = Field(
        None, min_length=1, max_length=MAX_EVENTS, description="which events"
    )
    is_active: StrictBool | None = Field(
        None, description="whether events are delivered to it; true also removes the reason that disabled it"
    )


class OperatorWebhookChanges(WebhookChanges, extra="forbid"):
    """What is to be different about a webhook: what is left out stays as it is."""

    in_path: ClassVar[frozenset[str]] = frozenset()

    is_active: StrictBool | None = Field(
        None,
        alias="active",
        description="whether events are delivered to it; true also removes the reason that disabled it",
    )


class OperatorWebhookFilter(OptionalAccount):
    """Whose webhooks."""

    def page(self) -> PageRequest:
        """As many as there may be."""
        return PageRequest(MAX_LIST)


class DeliveryFilter(WebhookId):
    """Which deliveries to a webhook."""

    status: DeliveryStatus | None = Field(None, description="only those in this status")


class OperatorDeliveryFilter(Limited, DeliveryFilter):
    """Which deliveries to a webhook, and how many."""


class Resend(Params):
    """A delivery of a webhook."""

    id: Id | None = Field(None, description="id of the webhook")
    delivery_id: Annotated[Id, Names("Delivery")] = Field(description="id of the delivery")


class OperatorResend(Params):
    """A delivery."""

    id: Annotated[Id, Field(min_length=36)] = Field(description="the delivery's id, see webhook.deliveries")

    def of_any_webhook(self) -> Resend:
        """The same, whichever webhook it belongs to."""
        return Resend(delivery_id=self.id)


@operations.operation(
    "webhook.add",
    http=Http("POST", COLLECTION, scopes=MANAGE, status=201, shows=NewWebhookView),
    admin=Admin(Level.ADMIN, per_account=True, audited=True, params=OperatorNewWebhook),
    errors=(
        ErrorCode.BAD_REQUEST,
        ErrorCode.CONFLICT,
        ErrorCode.PAYLOAD_TOO_LARGE,
        ErrorCode.UNAVAILABLE,
    ),
    example={"account": "shop", "url": "https://crm.example.com/hook", "events": ["broadcast.sent"]},
)
async def add(ctx: Context, actor: Actor, params: NewWebhook) -> NewAccountWebhook:
    """Add an outbound webhook: events are posted to its URL.

    They are signed with the `secret`, which is in this answer and in no later one.
    """
    return await endpoints.add(ctx, actor, url=params.url, events=params.events or WebhookEvent)


@operations.operation(
    "webhook.list",
    http=Http("GET", COLLECTION, scopes=MANAGE, shows=WebhookView),
    admin=Admin(Level.READ, per_account=True, params=OperatorWebhookFilter),
    errors=(ErrorCode.BAD_REQUEST,),
    example={"account": "shop"},
)
async def list_webhooks(
    ctx: Context, actor: Actor, _params: NoParams, page: PageRequest
) -> Page[AccountWebhook]:
    """List outbound webhooks and whether they work, newest first."""
    return await endpoints.page(ctx, actor.account_id, page)


@operations.operation(
    "webhook.show",
    http=Http("GET", ONE, scopes=MANAGE, shows=WebhookView),
    errors=(ErrorCode.NOT_FOUND,),
)
async def show(ctx: Context, actor: Actor, params: WebhookId) -> AccountWebhook:
    """Show an outbound webhook."""
    return await endpoints.show(ctx, actor, params.id)


@operations.operation(
    "webhook.set",
    http=Http("PATCH", ONE, scopes=MANAGE, shows=WebhookView),
    admin=Admin(Level.ADMIN, per_account=True, audited=True, params=OperatorWebhookChanges),
    errors=(
        ErrorCode.BAD_REQUEST,
        ErrorCode.NOT_FOUND,
        ErrorCode.PAYLOAD_TOO_LARGE,
        ErrorCode.UNAVAILABLE,
    ),
    example={**EXAMPLE, "active": True},
)
async def change(ctx: Context, actor: Actor, params: WebhookChanges) -> AccountWebhook:
    """Change an outbound webhook, or turn it on or off.

    What is left out stays as it is. Waiting events go to the new `url`.
    """
    if params.url is None and params.events is None and params.is_active is None:
        raise bad_request("Expected url, events or is_active: nothing to change was given")
    return await endpoints.change(
        ctx, actor, params.id, url=params.url, events=params.events, is_active=params.is_active
    )


@operations.operation(
    "webhook.remove",
    http=Http("DELETE", ONE, scopes=MANAGE, shows=WebhookView),
    admin=Admin(Level.ADMIN, per_account=True, audited=True),
    errors=(ErrorCode.NOT_FOUND, ErrorCode.UNAVAILABLE),
    example=EXAMPLE,
)
async def remove(ctx: Context, actor: Actor, params: WebhookId) -> AccountWebhook:
    """Delete an outbound webhook with its deliveries."""
    return await endpoints.remove(ctx, actor, params.id)


@operations.operation(
    "webhook.deliveries",
    http=Http("GET", f"{ONE}/deliveries", scopes=MANAGE),
    admin=Admin(Level.READ, per_account=True, params=OperatorDeliveryFilter),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND),
    example={**EXAMPLE, "status": "failed"},
)
async def list_deliveries(
    ctx: Context, actor: Actor, params: DeliveryFilter, page: PageRequest
) -> Page[DeliveryView]:
    """List the deliveries to a webhook, newest first.

    Those of the last weeks, and those that wait, with each try and its result.
    """
    return await deliveries.page(ctx, actor, params.id, params.status, page)


@operations.operation(
    "webhook.resend",
    http=Http("POST", f"{ONE}/deliveries/{{delivery_id}}/resend", scopes=MANAGE, status=202),
    admin=Admin(
        Level.OPERATE,
        per_account=True,
        audited=True,
        params=OperatorResend,
        adapt=OperatorResend.of_any_webhook,
    ),
    errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.UNAVAILABLE),
    example={"id": "0b9c7d6e-0000-4000-8000-000000000000"},
)
async def resend(ctx: Context, actor: Actor, params: Resend) -> DeliveryView:
    """Deliver an event again, with the same id.

    It may have been delivered or given up before. While the webhook is not active, the answer is a conflict.
    """
    return await deliveries.resend(ctx, actor, params.delivery_id, params.id)
