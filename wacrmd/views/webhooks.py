"""Outbound webhooks and their deliveries as callers see them."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from wacrmd.domain.webhook_delivery import DeliveryStatus
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.fields import Doc, Time, json_name


@dataclass(frozen=True, kw_only=True)
class WebhookFacts:
    """What is stored of an outbound webhook and shown to callers."""

    __slots__ = ()  # what inherits it has slots of its own

    id: Annotated[str, Doc("its id")]
    url: Annotated[str, Doc("where events are posted")]
    events: Annotated[tuple[WebhookEvent, ...], Doc("the events that it gets")]
    is_active: Annotated[bool, Doc("whether events are delivered to it")]
    disabled_reason: Annotated[str | None, Doc("why it was switched off")]
    failing_since: Annotated[Time | None, Doc("since when no delivery has succeeded")]
    created_at: Time
    updated_at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookView(WebhookFacts):
    """An outbound webhook, without its secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountWebhook(WebhookView):
    """An outbound webhook, and whose events it gets."""

    account: Annotated[str, Doc("name of the account")]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWebhookView(WebhookView):
    """An outbound webhook that was just made, with the secret that is shown this once."""

    secret: Annotated[str, Doc("signs the events; shown this once")]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccountWebhook(NewWebhookView):
    """An outbound webhook that was just made, its secret, and whose events it gets."""

    account: Annotated[str, Doc("name of the account")]


@dataclass(frozen=True, slots=True, kw_only=True)
class TryView:
    """One try of a delivery."""

    at: Annotated[str, Doc("when it began, ISO-8601")]
    status: Annotated[int | None, Doc("the HTTP status; null where there was none")]
    error: Annotated[str | None, Doc("why it did not succeed")]
    duration_ms: int


@dataclass(frozen=True, kw_only=True)
class DeliveryFacts:
    """What is stored of a delivery and shown to callers."""

    __slots__ = ()

    uuid: Annotated[str, Doc("its id")] = field(metadata=json_name("id"))
    endpoint_id: Annotated[str, Doc("id of the webhook")] = field(metadata=json_name("webhook_id"))
    event: WebhookEvent
    event_id: Annotated[str, Doc("id of the event, the same at each delivery")]
    status: DeliveryStatus
    created_at: Time
    delivered_at: Time | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView(DeliveryFacts):
    """One event for one webhook, with each try."""

    attempts: Annotated[int, Doc("how often it was tried")]
    next_attempt_at: Annotated[Time | None, Doc("when it is tried again")]
    tries: list[TryView]
    payload: Annotated[dict[str, Any], Doc("the envelope that it carries")]
