"""The delivery of an event to a local app."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from wacrmd.clock import Millis
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
