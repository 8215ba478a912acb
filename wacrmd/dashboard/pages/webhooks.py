"""The webhooks to local apps: their URLs, deliveries with each try, send again, add, change, remove."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from wacrmd.dashboard.forms import Form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.pages.form_page import FormPage
from wacrmd.domain.webhook_delivery import DeliveryStatus
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.errors import bad_request
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


def _first(webhook: AccountWebhook | None) -> Form:
    if webhook is None:
        return Form(("events", event) for event in EVENTS)
    ticked = [("active", "1")] if webhook.is_active else []
    return Form([("url", webhook.url), *(("events", each) for each in webhook.events), *ticked])


def _events(form: Form) -> list[str]:
    """What is ticked; the operations take no event as all of them."""
    if not (ticked := form.every("events")):
        raise bad_request("events: Tick at least one")
    return ticked


async def _add(visit: Visit, form: Form, _webhook: None) -> Response:
    made = await visit.perform(
        "webhook.add", account=form.text("account"), url=form.text("url"), events=_events(form)
    )
    return visit.reveal(f"/webhooks/{made.id}", made)


async def _change(visit: Visit, form: Form, webhook: AccountWebhook) -> Response:
    url, events, active = form.text("url"), _events(form), "active" in form
    changes: dict[str, Any] = {
        "url": None if url == webhook.url else url,
        "events": None if set(events) == set(webhook.events) else events,
        "active": None if active == webhook.is_active else active,
    }
    if not any(value is not None for value in changes.values()):
        return visit.done(f"/webhooks/{webhook.id}", "Nothing was changed.")
    await visit.perform("webhook.set", id=webhook.id, **changes)
    return visit.done(f"/webhooks/{webhook.id}", "Changed.")


async def ask_remove(visit: Visit) -> Response:
    """Ask before a webhook goes with what waits for it."""
    await visit.require("webhook.remove")
    webhook = await _webhook(visit)
    return visit.confirm(
        "Remove the webhook?",
        f"{webhook.url} gets no more events, and those that wait for it are lost. This cannot be taken back.",
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
    webhook: AccountWebhook = await visit.find("webhook.list", "Webhook", "id")
    return webhook


_NEW = FormPage(
    path="/webhooks/new",
    operation="webhook.add",
    template="webhook_form.html",
    fields=("account", "url", "events"),
    first=_first,
    values={"events": EVENTS},
    send=_add,
)
_SETTINGS = FormPage(
    path="/webhooks/{id}/settings",
    operation="webhook.set",
    template="webhook_form.html",
    fields=("url", "events"),
    about=_webhook,
    first=_first,
    values={"events": EVENTS},
    send=_change,
)

PAGES: tuple[Row, ...] = (
    ("GET", "/webhooks", index),
    *_NEW.rows,
    ("GET", "/webhooks/{id}", one),
    *_SETTINGS.rows,
    ("GET", "/webhooks/{id}/remove", ask_remove),
    ("POST", "/webhooks/{id}/remove", remove),
    ("POST", "/webhooks/{id}/deliveries/{delivery}/resend", resend),
)
