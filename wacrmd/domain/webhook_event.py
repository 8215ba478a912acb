"""The events of outbound webhooks."""

from enum import StrEnum


class WebhookEvent(StrEnum):
    """What local apps can subscribe to (docs/webhooks.md)."""

    BROADCAST_SENT = "broadcast.sent"
    BROADCAST_PAUSED = "broadcast.paused"
    BROADCAST_CANCELLED = "broadcast.cancelled"
    MESSAGE_STATUS_UPDATED = "message.status_updated"
    MESSAGE_RECEIVED = "message.received"
    CONTACT_OPTED_OUT = "contact.opted_out"
    CONTACT_OPTED_IN = "contact.opted_in"
