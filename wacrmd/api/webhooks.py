"""Outbound webhooks over HTTP: where an app wants to be told of events, and what became of each telling."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response

from wacrmd.api.endpoint import Call, Endpoint, answer
from wacrmd.api.paging import PageQuery, decode_cursor, encode_cursor
from wacrmd.api.schemas import RequestModel
from wacrmd.domain.account import Scope
from wacrmd.domain.webhook_delivery import DeliveryStatus
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.errors import ErrorCode, bad_request
from wacrmd.http.address_policy import MAX_URL
from wacrmd.services.webhooks import endpoints

MANAGE = (Scope.WEBHOOKS_MANAGE,)
Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_URL)]
Events = Annotated[list[WebhookEvent], Field(min_length=1, max_length=50)]


class WebhookIn(RequestModel):
    """The body of POST /api/v1/webhooks."""

    url: Url = Field(description="where events are posted; http or https, a public address unless configured")
    events: Events = Field(description="the events that are told")


class WebhookPatch(RequestModel):
    """The body of PATCH /api/v1/webhooks/{id}: what is left out stays as it is."""

    url: Url | None = None
    events: Events | None = None
    is_active: bool | None = Field(None, description="true also clears what had disabled it")


class WebhookOut(BaseModel):
    """A webhook without its secret."""

    id: str
    url: str
    events: list[WebhookEvent]
    is_active: bool
    disabled_reason: str | None
    failing_since: str | None
    created_at: str
    updated_at: str


class NewWebhookOut(WebhookOut):
    """A webhook that was just made, with the secret that is shown this once."""

    secret: str


class TryOut(BaseModel):
    """One try of a delivery: the HTTP status and, where it did not succeed, why."""

    at: str
    status: int | None
    error: str | None
    duration_ms: int


class DeliveryOut(BaseModel):
    """One event for one webhook, with each try."""

    id: str
    webhook_id: str
    event: WebhookEvent
    event_id: str
    status: DeliveryStatus
    attempts: int
    next_attempt_at: str | None
    tries: list[TryOut]
    payload: dict[str, Any]
    created_at: str
    delivered_at: str | None


class DeliveriesQuery(PageQuery):
    """Which deliveries."""

    status: Annotated[DeliveryStatus | None, Field(description="only those in this status")] = None


async def create(call: Call) -> Response:
    """Make a webhook."""
    body: WebhookIn = call.body
    made = await endpoints.add(call.ctx, call.account_id, url=body.url, events=[*body.events])
    return answer(made, status=201)


async def index(call: Call) -> Response:
    """A page of the account's webhooks, newest first."""
    query: PageQuery = call.query
    found, position = await endpoints.list_endpoints(
        call.ctx, call.account_id, after=decode_cursor(query.cursor), limit=query.limit
    )
    return answer(found, meta={"next_cursor": encode_cursor(position)})


async def show(call: Call) -> Response:
    """One webhook."""
    return answer(await endpoints.show(call.ctx, call.path("id"), call.account_id))


async def change(call: Call) -> Response:
    """Change a webhook."""
    body: WebhookPatch = call.body
    if body.url is None and body.events is None and body.is_active is None:
        raise bad_request("Expected url, events or is_active: nothing to change was given")
    changed = await endpoints.change(
        call.ctx,
        call.path("id"),
        call.account_id,
        url=body.url,
        events=[*body.events] if body.events is not None else None,
        is_active=body.is_active,
    )
    return answer(changed)


async def remove(call: Call) -> Response:
    """Delete a webhook."""
    return answer(await endpoints.remove(call.ctx, call.path("id"), call.account_id))


async def deliveries(call: Call) -> Response:
    """A page of a webhook's deliveries, newest first."""
    query: DeliveriesQuery = call.query
    found, position = await endpoints.list_deliveries(
        call.ctx,
        call.path("id"),
        call.account_id,
        status=query.status,
        after=decode_cursor(query.cursor),
        limit=query.limit,
    )
    return answer(found, meta={"next_cursor": encode_cursor(position)})


async def resend(call: Call) -> Response:
    """Deliver an event once more."""
    again = await endpoints.resend(call.ctx, call.path("id"), call.path("delivery_id"), call.account_id)
    return answer(again, status=202)


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/v1/webhooks",
        "Be told of events at a URL",
        create,
        NewWebhookOut,
        scopes=MANAGE,
        body=WebhookIn,
        status=201,
        errors=(ErrorCode.BAD_REQUEST, ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.UNAVAILABLE),
        description=(
            "Events are posted to `url`, signed with the `secret` that is in this answer and in no later one. Addresses"
            " that are not public are refused, now and at each delivery, unless `[outbound_webhooks] allow_private` lists"
            " them."
        ),
    ),
    Endpoint(
        "GET",
        "/api/v1/webhooks",
        "List webhooks, newest first",
        index,
        WebhookOut,
        scopes=MANAGE,
        query=PageQuery,
        paged=True,
        errors=(ErrorCode.BAD_REQUEST,),
    ),
    Endpoint(
        "GET",
        "/api/v1/webhooks/{id}",
        "Show a webhook",
        show,
        WebhookOut,
        scopes=MANAGE,
        errors=(ErrorCode.NOT_FOUND,),
    ),
    Endpoint(
        "PATCH",
        "/api/v1/webhooks/{id}",
        "Change a webhook's URL or events, or switch it off and on",
        change,
        WebhookOut,
        scopes=MANAGE,
        body=WebhookPatch,
        errors=(
            ErrorCode.BAD_REQUEST,
            ErrorCode.NOT_FOUND,
            ErrorCode.PAYLOAD_TOO_LARGE,
            ErrorCode.UNAVAILABLE,
        ),
        description=(
            "What is left out stays as it is. `is_active: true` also clears what had disabled it; what was still to be"
            " told goes to the new `url`."
        ),
    ),
    Endpoint(
        "DELETE",
        "/api/v1/webhooks/{id}",
        "Delete a webhook with its deliveries",
        remove,
        WebhookOut,
        scopes=MANAGE,
        errors=(ErrorCode.NOT_FOUND, ErrorCode.UNAVAILABLE),
    ),
    Endpoint(
        "GET",
        "/api/v1/webhooks/{id}/deliveries",
        "List what was told or is still to be told to a webhook, newest first",
        deliveries,
        DeliveryOut,
        scopes=MANAGE,
        query=DeliveriesQuery,
        paged=True,
        errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND),
        description="Each delivery with the envelope that it carries and every try: its time, status or error, duration.",
    ),
    Endpoint(
        "POST",
        "/api/v1/webhooks/{id}/deliveries/{delivery_id}/resend",
        "Deliver an event once more, under its own id",
        resend,
        DeliveryOut,
        scopes=MANAGE,
        status=202,
        errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.UNAVAILABLE),
        description="Whatever became of it before. While the webhook is not active: 409.",
    ),
)
