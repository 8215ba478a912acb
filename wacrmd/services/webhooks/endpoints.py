"""Outbound webhooks as local apps and operators manage them; outbound/ delivers them."""

from functools import partial
from typing import Any
from uuid import uuid4

import anyio
import orjson

from wacrmd.domain.page import Position
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.errors import bad_request, conflict, not_found
from wacrmd.http import dns
from wacrmd.http.address_policy import AddressPolicy, parse_url, refusal
from wacrmd.secrets import new_webhook_secret
from wacrmd.services.access.keys import account_named
from wacrmd.services.context import Context
from wacrmd.services.views import time
from wacrmd.store import outbox, webhook_endpoints
from wacrmd.store.database import Tx
from wacrmd.store.outbox import Delivery
from wacrmd.store.webhook_endpoints import Endpoint
from wacrmd.vault import webhook_secret_context

ALL_EVENTS = tuple(event.value for event in WebhookEvent)
LOOKUP_S = 5.0
Page = tuple[list[dict[str, Any]], Position | None]


def endpoint_view(endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint, without its secret."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "is_active": endpoint.is_active,
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": time(endpoint.failing_since),
        "created_at": time(endpoint.created_at),
        "updated_at": time(endpoint.updated_at),
    }


def delivery_view(delivery: Delivery) -> dict[str, Any]:
    """A delivery with each of its tries and the envelope that it carries."""
    return {
        "id": delivery.uuid,
        "webhook_id": delivery.endpoint_id,
        "event": delivery.event,
        "event_id": delivery.event_id,
        "status": delivery.status,
        "attempts": len(delivery.tries),
        "next_attempt_at": time(delivery.next_attempt_at) if delivery.status == "pending" else None,
        "tries": delivery.tries,
        "payload": orjson.loads(delivery.body),
        "created_at": time(delivery.created_at),
        "delivered_at": time(delivery.delivered_at),
    }


async def check_url(ctx: Context, text: str) -> str:
    """`text` if it may be called as far as can be seen now; refuses what leads to an address that is not public.

    A name that cannot be looked up now passes: each delivery checks the very address that it connects to.
    """
    try:
        url = parse_url(text)
    except ValueError as error:
        raise bad_request(f"url: {error}") from error
    host = url.host or ""
    address_policy = AddressPolicy(ctx.config.outbound_webhooks.allow_private)
    try:
        with anyio.fail_after(LOOKUP_S):
            found = await dns.resolve(host, url.port or 0)
    except (OSError, TimeoutError, UnicodeError):
        return text
    for _, address in found:
        if not address_policy.allows(host, address):
            raise bad_request(f"url: {refusal(host, address)}")
    return text


def check_events(events: list[str]) -> list[str]:
    """The events, each once; refuses none at all and unknown ones."""
    if not events:
        raise bad_request("events: expected at least one event")
    for event in events:
        if event not in ALL_EVENTS:
            raise bad_request(
                f"events: there is no event {event!r}: expected some of {', '.join(ALL_EVENTS)}"
            )
    return list(dict.fromkeys(events))


async def add(ctx: Context, account_id: str, *, url: str, events: list[str]) -> dict[str, Any]:
    """Make an endpoint; its secret is in this answer and in no later one."""
    await check_url(ctx, url)
    endpoint_id, secret = str(uuid4()), new_webhook_secret()
    now = ctx.clock.now()
    await ctx.db.write(
        partial(
            webhook_endpoints.add,
            endpoint_id=endpoint_id,
            account_id=account_id,
            url=url,
            events=check_events(events),
            secret=ctx.vault.encrypt(secret, webhook_secret_context(endpoint_id)),
            now=now,
        )
    )
    return {**await show(ctx, endpoint_id, account_id), "secret": secret}


async def show(ctx: Context, endpoint_id: str, account_id: str | None = None) -> dict[str, Any]:
    """One endpoint; another account's is not found."""
    return endpoint_view(
        await ctx.db.read(partial(_endpoint, endpoint_id=endpoint_id, account_id=account_id))
    )


async def list_endpoints(
    ctx: Context, account_id: str | None = None, *, after: Position | None = None, limit: int = 100
) -> Page:
    """A page of endpoints of one account or of all, newest first, and where the next page begins.

    Without an account each also says whose it is.
    """
    position = (after.created_at, after.id) if after else None
    found = await ctx.db.read(
        partial(webhook_endpoints.page, account_id=account_id, after=position, limit=limit + 1)
    )
    more, found = len(found) > limit, found[:limit]
    views = [endpoint_view(each) | ({} if account_id else {"account": each.account}) for each in found]
    return views, Position(found[-1].created_at, found[-1].row_id) if more else None


async def change(
    ctx: Context,
    endpoint_id: str,
    account_id: str | None = None,
    *,
    url: str | None = None,
    events: list[str] | None = None,
    is_active: bool | None = None,
) -> dict[str, Any]:
    """Change what is given. Made active again, what still waits for it is delivered."""
    await show(ctx, endpoint_id, account_id)
    if url is not None:
        await check_url(ctx, url)
    if events is not None:
        events = check_events(events)

    def work(tx: Tx) -> Endpoint:
        _endpoint(tx, endpoint_id, account_id)
        webhook_endpoints.update(
            tx, endpoint_id, url=url, events=events, is_active=is_active, now=ctx.clock.now()
        )
        return _endpoint(tx, endpoint_id, account_id)

    changed = await ctx.db.write(work)
    ctx.changes.publish()
    return endpoint_view(changed)


async def remove(ctx: Context, endpoint_id: str, account_id: str | None = None) -> dict[str, Any]:
    """Delete an endpoint with its deliveries; returns it as it was."""

    def stop(tx: Tx) -> Endpoint:
        endpoint = _endpoint(tx, endpoint_id, account_id)
        webhook_endpoints.update(tx, endpoint_id, is_active=False, now=ctx.clock.now())
        return endpoint

    endpoint = await ctx.db.write(stop)
    # Its deliveries first and in small parts: all in one transaction would hold up every send meanwhile.
    while await ctx.db.write(partial(outbox.delete_deliveries, endpoint_id=endpoint_id)):
        pass
    await ctx.db.write(partial(webhook_endpoints.remove, endpoint_id=endpoint_id))
    return endpoint_view(endpoint)


async def list_deliveries(
    ctx: Context,
    endpoint_id: str,
    account_id: str | None = None,
    *,
    status: str | None = None,
    after: Position | None = None,
    limit: int = 50,
) -> Page:
    """A page of an endpoint's deliveries, newest first, and where the next page begins."""

    def work(tx: Tx) -> list[Delivery]:
        _endpoint(tx, endpoint_id, account_id)
        position = (after.created_at, after.id) if after else None
        return outbox.page(tx, endpoint_id, status=status, after=position, limit=limit + 1)

    found = await ctx.db.read(work)
    more, found = len(found) > limit, found[:limit]
    return [delivery_view(each) for each in found], (
        Position(found[-1].created_at, found[-1].id) if more else None
    )


async def resend(
    ctx: Context, endpoint_id: str | None, delivery_id: str, account_id: str | None = None
) -> dict[str, Any]:
    """Deliver an event once more, under its own id; refuses while the endpoint is not active.

    Without `endpoint_id` the delivery is found by its own id alone (operators).
    """

    def work(tx: Tx) -> Delivery:
        if endpoint_id is not None:
            _endpoint(tx, endpoint_id, account_id)
        delivery = outbox.get(tx, endpoint_id, delivery_id)
        if delivery is None:
            raise not_found("Delivery")
        if not _endpoint(tx, delivery.endpoint_id, account_id).is_active:
            raise conflict("The webhook is not active: set is_active to true first")
        outbox.queue_again(tx, delivery.id, ctx.clock.now())
        again = outbox.get(tx, endpoint_id, delivery_id)
        return again or delivery

    again = await ctx.db.write(work)
    ctx.changes.publish()
    return delivery_view(again)


async def add_for(ctx: Context, account: str, *, url: str, events: list[str]) -> dict[str, Any]:
    """Make an endpoint for the account of this name or id (operators)."""
    owner = await account_named(ctx, account)
    return {**await add(ctx, owner.id, url=url, events=events), "account": owner.name}


async def resolve(ctx: Context, beginning: str) -> str:
    """The id of the endpoint whose id is this or begins so (operators abbreviate). Refuses none and several."""
    found = await ctx.db.read(partial(webhook_endpoints.find, beginning=beginning.lower()))
    if not found:
        raise not_found(f"Webhook {beginning!r}")
    if len(found) > 1:
        raise conflict(f"Several webhooks begin with {beginning!r}: give more of the id")
    return found[0].id


def _endpoint(tx: Tx, endpoint_id: str, account_id: str | None) -> Endpoint:
    endpoint = webhook_endpoints.get(tx, endpoint_id, account_id)
    if endpoint is None:
        raise not_found("Webhook")
    return endpoint
