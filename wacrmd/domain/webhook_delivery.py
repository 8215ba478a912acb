"""The delivery of an event to a local app."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from wacrmd.clock import MINUTE, SECOND, Millis, iso
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.fields import Doc, Time, Uuid, WrittenTime, json_name


class DeliveryStatus(StrEnum):
    """The status of a delivery; a `PENDING` one will be attempted, or attempted again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """One attempt of a delivery, as stored and as callers see it."""

    at: Annotated[WrittenTime, Doc("when it began")]
    status: Annotated[int | None, Doc("the HTTP status; null if there was no answer")]
    error: Annotated[str | None, Doc("why it failed; null if it succeeded")]
    duration_ms: Annotated[int, Doc("how long it took, in milliseconds")]


@dataclass(frozen=True, kw_only=True)
class DeliveryFacts:
    """What is stored of a delivery and shown to callers."""

    __slots__ = ()  # what inherits it has slots of its own

    uuid: Annotated[Uuid, Doc("its id")] = field(metadata=json_name("id"))
    endpoint_id: Annotated[Uuid, Doc("id of the webhook")] = field(metadata=json_name("webhook_id"))
    event: Annotated[WebhookEvent, Doc("which event")]
    event_id: Annotated[str, Doc("id of the event, the same at each delivery")]
    status: Annotated[DeliveryStatus, Doc("`pending` until it is delivered or given up")]
    created_at: Annotated[Time, Doc("when the event was stored")]
    delivered_at: Annotated[Time | None, Doc("when it was delivered")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(DeliveryFacts):
    """One event for one endpoint: its state, and each attempt with time, HTTP status or error, and duration."""

    id: int
    body: str
    next_attempt_at: Millis
    tries: list[DeliveryAttempt]

    @property
    def due_at(self) -> Millis | None:
        """When the next attempt is due; None when none will follow."""
        return self.next_attempt_at if self.status is DeliveryStatus.PENDING else None


LONG_WAIT: Millis = 5 * MINUTE
"""A webhook is behind when a delivery waits longer: the app is too slow, or three attempts have failed."""
MANY = 1000
MANY_WAIT: Millis = 30 * SECOND
"""It is also behind when `MANY` deliveries wait and the oldest one waits longer than this."""


@dataclass(frozen=True, slots=True)
class PendingDeliveries:
    """The pending deliveries of one webhook: how many, and since when the oldest one waits."""

    endpoint_id: str
    account: str
    is_active: bool
    failing_since: Millis | None
    count: int
    since: Millis

    def is_behind(self, waits: Millis) -> bool:
        """Whether a person should know, if the oldest has waited so long while the daemon ran.

        Those of a webhook that is turned off wait because somebody wanted it.
        """
        return self.is_active and (waits > LONG_WAIT or (self.count >= MANY and waits > MANY_WAIT))

    def text(self) -> str:
        """What a person reads about it."""
        failing = f"; every attempt has failed since {iso(self.failing_since)}" if self.failing_since else ""
        return (
            f"Webhook {self.endpoint_id[:8]} of {self.account} is behind: {self.count} pending, the oldest since"
            f" {iso(self.since)}{failing}"
        )


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that is due, with the URL and the encrypted secret of its endpoint."""

    id: int
    endpoint_id: str
    url: str
    secret: bytes = field(repr=False)
    event: str
    event_id: str
    body: str = field(repr=False)
    attempts: int
    queued_at: Millis
    is_failing: bool = False
    """Whether the last attempts at its endpoint failed, of any delivery."""
