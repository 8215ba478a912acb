"""Deliveries of outbound webhooks: list them, and send one again."""

import orjson

from wacrmd.domain.actor import Actor
from wacrmd.domain.page import Page, PageRequest, Position
from wacrmd.domain.webhook_delivery import Delivery, DeliveryFacts, DeliveryStatus
from wacrmd.errors import conflict, not_found
from wacrmd.fields import shared
from wacrmd.services.context import Context
from wacrmd.services.webhooks.endpoints import find
from wacrmd.store import outbox
from wacrmd.store.database import Tx
from wacrmd.views.webhooks import DeliveryView


def _view(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        **shared(DeliveryFacts, delivery),
        attempts=len(delivery.tries),
        next_attempt_at=delivery.due_at,
        tries=delivery.tries,
        payload=orjson.loads(delivery.body),
    )


async def page(
    ctx: Context, actor: Actor, webhook: str, status: DeliveryStatus | None, request: PageRequest
) -> Page[DeliveryView]:
    """A page of a webhook's deliveries, newest first; raises Refusal as `find`."""

    def work(tx: Tx) -> list[Delivery]:
        endpoint = find(tx, actor, webhook)
        return outbox.page(tx, endpoint.id, status=status, after=request.after, limit=request.rows)

    found = await ctx.db.read(work)
    return Page.of(found, request, _view, lambda row: Position(row.created_at, row.id))


async def resend(ctx: Context, actor: Actor, delivery_id: str, webhook: str | None = None) -> DeliveryView:
    """Deliver an event again, with the same event id; raises Refusal while the webhook is not active.

    The delivery must belong to `webhook`, if that is given.
    """

    def work(tx: Tx) -> Delivery:
        endpoint_id = None if webhook is None else find(tx, actor, webhook).id
        delivery = outbox.get(tx, endpoint_id, delivery_id.lower())
        if delivery is None:
            raise not_found("Delivery")
        if not find(tx, actor, delivery.endpoint_id).is_active:
            raise conflict("The webhook is not active: set is_active to true first")
        outbox.requeue(tx, delivery.id, ctx.clock.now())
        return outbox.get(tx, endpoint_id, delivery.uuid) or delivery

    again = await ctx.db.write(work)
    ctx.changes.publish()
    return _view(again)
