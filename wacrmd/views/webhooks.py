"""Outbound webhooks and their deliveries as callers see them."""

from dataclasses import dataclass
from typing import Annotated

from wacrmd.domain.webhook_delivery import DeliveryAttempt, DeliveryFacts
from wacrmd.domain.webhook_endpoint import WebhookFacts
from wacrmd.fields import Doc, JsonObject, Time


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
class DeliveryView(DeliveryFacts):
    """One event for one webhook, with each attempt."""

    attempts: Annotated[int, Doc("how many attempts there were")]
    next_attempt_at: Annotated[Time | None, Doc("when it is tried again")]
    tries: Annotated[list[DeliveryAttempt], Doc("each attempt, the oldest first")]
    payload: Annotated[JsonObject, Doc("the envelope that it carries")]
