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
    disabled_reason: Annotated[str | None, Doc("why it was disabled")]
    failing_since: Annotated[Time | None, Doc("since when every delivery has failed")]
    created_at: Annotated[Time, Doc("when it was added")]
    updated_at: Annotated[Time, Doc("when it was changed last")]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookView(WebhookFacts):
    """An outbound webhook, without its secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountWebhook(WebhookView):
    """An outbound webhook with its account."""

    account: Annotated[str, Doc("name of the account")]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWebhookView(WebhookView):
    """An outbound webhook that was just added."""

    secret: Annotated[str, Doc("signs the events; shown this once")]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccountWebhook(NewWebhookView):
    """An outbound webhook of an account that was just added."""

    account: Annotated[str, Doc("name of the account")]


@dataclass(frozen=True, slots=True, kw_only=True)
class TryView:
    """One try of a delivery."""

    at: Annotated[str, Doc("when it began, ISO-8601")]
    status: Annotated[int | None, Doc("the HTTP status; null where there was none")]
    error: Annotated[str | None, Doc("why it did not succeed")]
    duration_ms: Annotated[int, Doc("how long it took, in milliseconds")]


@dataclass(frozen=True, kw_only=True)
class DeliveryFacts:
    """What is stored of a delivery and shown to callers."""

    __slots__ = ()

    uuid: Annotated[str, Doc("its id")] = field(metadata=json_name("id"))
    endpoint_id: Annotated[str, Doc("id of the webhook")] = field(metadata=json_name("webhook_id"))
    event: Annotated[WebhookEvent, Doc("which event")]
    event_id: Annotated[str, Doc("id of the event, the same at each delivery")]
    status: Annotated[DeliveryStatus, Doc("`pending` until it is delivered or given up")]
    created_at: Annotated[Time, Doc("when the event was stored")]
    delivered_at: Annotated[Time | None, Doc("when it was delivered")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView(DeliveryFacts):
    """One event for one webhook, with each try."""

    attempts: Annotated[int, Doc("how often it was tried")]
    next_attempt_at: Annotated[Time | None, Doc("when it is tried again")]
    tries: Annotated[list[TryView], Doc("each try, the oldest first")]
    payload: Annotated[dict[str, Any], Doc("the envelope that it carries")]
