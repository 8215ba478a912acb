"""Endpoints of outbound webhooks: create, list, change and remove them. wacrmd/outbound/ delivers to them."""

from collections.abc import Iterable
from functools import partial
from uuid import uuid4

from wacrmd.domain.actor import Actor
from wacrmd.domain.page import Page, PageRequest, Position
from wacrmd.domain.webhook_endpoint import Endpoint, WebhookFacts
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.errors import conflict, counted, not_found
from wacrmd.fields import shared
from wacrmd.secrets import new_webhook_secret
from wacrmd.services.context import Context
from wacrmd.services.lookup import exactly_one
from wacrmd.services.webhooks.url_check import check_url
from wacrmd.store import outbox, webhook_endpoints
from wacrmd.store.database import Tx
from wacrmd.vault import webhook_secret_context
from wacrmd.views.webhooks import AccountWebhook, NewAccountWebhook


def find(tx: Tx, actor: Actor, reference: str) -> Endpoint:
    """The endpoint with this id; an operator may give only the beginning of the id.

    Raises Refusal if there is none, if it belongs to another account, or if several ids begin so.
    """
    endpoint_id = reference.lower()
    if actor.abbreviates:
        return exactly_one(webhook_endpoints.find(tx, endpoint_id, actor.account_id), "Webhook", reference)
    exact = webhook_endpoints.get(tx, endpoint_id, actor.account)
    if exact is None:
        raise not_found("Webhook")
    return exact


def _view(endpoint: Endpoint) -> AccountWebhook:
    return AccountWebhook(**shared(WebhookFacts, endpoint), account=endpoint.account)


async def add(ctx: Context, actor: Actor, *, url: str, events: Iterable[WebhookEvent]) -> NewAccountWebhook:
    """Create an endpoint; only this answer contains its secret. Raises Refusal, also where the account has too many."""
    await check_url(ctx, actor, url)
    endpoint_id, secret = str(uuid4()), new_webhook_secret()
    now, most = ctx.clock.now(), ctx.config.limits.max_webhooks

    def work(tx: Tx) -> Endpoint:
        if webhook_endpoints.count_of(tx, actor.account) >= most:
            raise conflict(
                f"the account has {counted(most, 'webhook')}, as many as [limits] max_webhooks allows: delete one"
                " that is not needed"
            )
        webhook_endpoints.add(
            tx,
            endpoint_id=endpoint_id,
            account_id=actor.account,
            url=url,
            events=list(dict.fromkeys(events)),
            secret=ctx.vault.encrypt(secret, webhook_secret_context(endpoint_id)),
            now=now,
        )
        return find(tx, actor, endpoint_id)

    made = await ctx.db.write(work)
    return NewAccountWebhook(**shared(WebhookFacts, made), account=made.account, secret=secret)


async def show(ctx: Context, actor: Actor, reference: str) -> AccountWebhook:
    """One endpoint; raises Refusal as `find`."""
    return _view(await ctx.db.read(partial(find, actor=actor, reference=reference)))


async def page(ctx: Context, account_id: str | None, request: PageRequest) -> Page[AccountWebhook]:
    """A page of endpoints of one account or of all, newest first."""
    found = await ctx.db.read(
        partial(webhook_endpoints.page, account_id=account_id, after=request.after, limit=request.rows)
    )
    return Page.of(found, request, _view, lambda row: Position(row.created_at, row.row_id))


async def change(
    ctx: Context,
    actor: Actor,
    reference: str,
    *,
    url: str | None = None,
    events: Iterable[WebhookEvent] | None = None,
    is_active: bool | None = None,
) -> AccountWebhook:
    """Change what is not None; after `is_active=True` its pending deliveries are delivered."""
    await show(ctx, actor, reference)
    if url is not None:
        await check_url(ctx, actor, url)

    def work(tx: Tx) -> Endpoint:
        endpoint = find(tx, actor, reference)
        webhook_endpoints.update(
            tx,
            endpoint.id,
            url=url,
            events=None if events is None else list(dict.fromkeys(events)),
            is_active=is_active,
            now=ctx.clock.now(),
        )
        return find(tx, actor, endpoint.id)

    changed = await ctx.db.write(work)
    ctx.changes.publish()
    return _view(changed)


async def remove(ctx: Context, actor: Actor, reference: str) -> AccountWebhook:
    """Delete an endpoint with its deliveries and return it as it was."""

    def stop(tx: Tx) -> Endpoint:
        endpoint = find(tx, actor, reference)
        webhook_endpoints.update(tx, endpoint.id, is_active=False, now=ctx.clock.now())
        return endpoint

    endpoint = await ctx.db.write(stop)
    # The deliveries first, in small parts: one large transaction would delay all other writes.
    while await ctx.db.write(partial(outbox.delete_deliveries, endpoint_id=endpoint.id)):
        pass
    await ctx.db.write(partial(webhook_endpoints.remove, endpoint_id=endpoint.id))
    return _view(endpoint)
