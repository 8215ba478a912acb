"""The webhooks to local apps: their URLs, deliveries with each try, send again, add, change, remove."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from wacrmd.dashboard.forms import Form, mistakes, read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.domain.webhook_delivery import DeliveryStatus
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.errors import Refusal, not_found
from wacrmd.views.webhooks import AccountWebhook

EVENTS: Mapping[str, str] = {
    WebhookEvent.BROADCAST_SENT: "a broadcast was sent to everybody",
    WebhookEvent.BROADCAST_PAUSED: "a broadcast was paused",
    WebhookEvent.BROADCAST_CANCELLED: "a broadcast was cancelled",
    WebhookEvent.MESSAGE_STATUS_UPDATED: "a message was sent, delivered, read, answered, or failed",
    WebhookEvent.MESSAGE_RECEIVED: "somebody wrote",
    WebhookEvent.CONTACT_OPTED_OUT: "somebody opted out",
    WebhookEvent.CONTACT_OPTED_IN: "somebody opted in again",
}
STATUSES: Mapping[str, str] = {
    DeliveryStatus.PENDING: "waits",
    DeliveryStatus.DELIVERED: "delivered",
    DeliveryStatus.FAILED: "given up",
}
PER_PAGE = 50
MAX_PAYLOAD = 4000
"""Characters of an event that the page shows."""
_FIELDS = ("account", "url", "events")


async def index(visit: Visit) -> Response:
    """All webhooks."""
    account = visit.param("account")
    found = await visit.perform("webhook.list", account=account)
    return visit.page(
        "webhooks.html",
        webhooks=found.items,
        account=account,
        accounts=await account_names(visit),
        events=EVENTS,
    )


async def one(visit: Visit) -> Response:
    """One webhook with its deliveries; its secret, if it was just made."""
    webhook, status = await _webhook(visit), visit.param("status")
    found = await visit.perform(
        "webhook.deliveries", id=webhook.id, status=status, limit=PER_PAGE, cursor=visit.param("cursor")
    )
    return visit.page(
        "webhook.html",
        webhook=webhook,
        deliveries=[(each, _payload(each.payload)) for each in found.items],
        pages=visit.pages(found),
        chosen=status,
        statuses=STATUSES,
        events=EVENTS,
        made=visit.take("once"),
    )


def _payload(payload: Any) -> str:
    text = json.dumps(payload, ensure_ascii=False, indent=2)
    return text if len(text) <= MAX_PAYLOAD else text[:MAX_PAYLOAD] + "…"


async def new(visit: Visit) -> Response:
    """The form for another webhook."""
    visit.require("webhook.add")
    return await _form(visit, None, Form(("events", event) for event in EVENTS))


async def _form(
    visit: Visit, webhook: AccountWebhook | None, form: Form, errors: Mapping[str, str] | None = None
) -> Response:
    return visit.page(
        "webhook_form.html",
        status=200 if errors is None else 422,
        webhook=webhook,
        form=form,
        errors=errors or {},
        events=EVENTS,
        accounts=await account_names(visit),
    )


async def add(visit: Visit) -> Response:
    """Add a webhook; its secret is shown this once."""
    visit.require("webhook.add")
    form = await read_form(visit.request)
    if not (events := form.every("events")):
        return await _form(visit, None, form, {"events": "Tick at least one"})
    try:
        made = await visit.perform(
            "webhook.add", account=form.text("account"), url=form.text("url"), events=events
        )
    except Refusal as refusal:
        return await _form(visit, None, form, mistakes(refusal, _FIELDS))
    return visit.reveal(f"/webhooks/{made.id}", made)


async def settings(visit: Visit) -> Response:
    """The form for what can be changed about a webhook."""
    visit.require("webhook.set")
    webhook = await _webhook(visit)
    ticked = [("active", "1")] if webhook.is_active else []
    return await _form(
        visit, webhook, Form([("url", webhook.url), *(("events", each) for each in webhook.events), *ticked])
    )


async def change(visit: Visit) -> Response:
    """Change a webhook, or turn it on or off."""
    visit.require("webhook.set")
    form, webhook = await read_form(visit.request), await _webhook(visit)
    url, events, active = form.text("url"), form.every("events"), "active" in form
    if not events:
        return await _form(visit, webhook, form, {"events": "Tick at least one"})
    changes: dict[str, Any] = {
        "url": None if url == webhook.url else url,
        "events": None if set(events) == set(webhook.events) else events,
        "active": None if active == webhook.is_active else active,
    }
    if not any(value is not None for value in changes.values()):
        return visit.done(f"/webhooks/{webhook.id}", "Nothing was changed.")
    try:
        await visit.perform("webhook.set", id=webhook.id, **changes)
    except Refusal as refusal:
        return await _form(visit, webhook, form, mistakes(refusal, _FIELDS))
    return visit.done(f"/webhooks/{webhook.id}", "Changed.")


async def ask_remove(visit: Visit) -> Response:
    """Ask before a webhook goes with what waits for it."""
    visit.require("webhook.remove")
    webhook = await _webhook(visit)
    return visit.confirm(
        "Remove the webhook?",
        f"{webhook.url} gets no more events, and those that wait for it are lost. This cannot be taken back.",
        action=f"/webhooks/{webhook.id}/remove",
        button="Remove the webhook",
        back=f"/webhooks/{webhook.id}",
    )


async def remove(visit: Visit) -> Response:
    """Remove a webhook with its deliveries."""
    gone = await visit.perform("webhook.remove", id=visit.request.path_params["id"])
    return visit.done("/webhooks", f"Removed: {gone.url}.")


async def resend(visit: Visit) -> Response:
    """Deliver an event again."""
    again = await visit.perform("webhook.resend", id=visit.request.path_params["delivery"])
    return visit.done(f"/webhooks/{again.endpoint_id}", f"The event is sent again: {EVENTS[again.event]}.")


async def _webhook(visit: Visit) -> AccountWebhook:
    found: Any = await visit.perform("webhook.list")
    wanted = visit.request.path_params["id"]
    webhook: AccountWebhook | None = next((each for each in found.items if each.id == wanted), None)
    if webhook is None:
        raise not_found("Webhook")
    return webhook


PAGES: tuple[Row, ...] = (
    ("GET", "/webhooks", index),
    ("GET", "/webhooks/new", new),
    ("POST", "/webhooks/new", add),
    ("GET", "/webhooks/{id}", one),
    ("GET", "/webhooks/{id}/settings", settings),
    ("POST", "/webhooks/{id}/settings", change),
    ("GET", "/webhooks/{id}/remove", ask_remove),
    ("POST", "/webhooks/{id}/remove", remove),
    ("POST", "/webhooks/{id}/deliveries/{delivery}/resend", resend),
)
