"""The delivery of an event to a local app."""

from enum import StrEnum


class DeliveryStatus(StrEnum):
    """Where a delivery stands; `PENDING` will be tried (again)."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
