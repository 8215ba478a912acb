"""Outbound webhooks and their deliveries as callers see them."""

from dataclasses import dataclass
from typing import Annotated, Any

from wacrmd.domain.webhook_delivery import DeliveryFacts
from wacrmd.domain.webhook_endpoint import WebhookFacts
from wacrmd.fields import Doc, Time


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView(DeliveryFacts):
    """One event for one webhook, with each try."""

    attempts: Annotated[int, Doc("how often it was tried")]
    next_attempt_at: Annotated[Time | None, Doc("when it is tried again")]
    tries: Annotated[list[TryView], Doc("each try, the oldest first")]
    payload: Annotated[dict[str, Any], Doc("the envelope that it carries")]
