"""An endpoint of outbound webhooks: a URL of a local app."""

from dataclasses import dataclass, field
from typing import Annotated

from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.fields import Doc, Time, Url, Uuid


@dataclass(frozen=True, kw_only=True)
class WebhookFacts:
    """What is stored of an outbound webhook and shown to callers."""

    __slots__ = ()  # what inherits it has slots of its own

    id: Annotated[Uuid, Doc("its id")]
    url: Annotated[Url, Doc("where events are posted")]
    events: Annotated[tuple[WebhookEvent, ...], Doc("the events that it gets")]
    is_active: Annotated[bool, Doc("whether events are delivered to it")]
    disabled_reason: Annotated[str | None, Doc("why it was disabled")]
    failing_since: Annotated[Time | None, Doc("since when every delivery has failed")]
    created_at: Annotated[Time, Doc("when it was added")]
    updated_at: Annotated[Time, Doc("when it was changed last")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(WebhookFacts):
    """An endpoint as stored; its secret is encrypted."""

    account_id: str
    account: str
    row_id: int
    secret: bytes = field(repr=False)
