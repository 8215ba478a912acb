"""A recipient of a broadcast: one person, one message, and where it stands."""

from dataclasses import dataclass
from enum import StrEnum

from wacrmd.clock import Millis


class RecipientStatus(StrEnum):
    """Where a recipient stands; `SENDING` is an attempt in flight and counts as pending to callers."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    REPLIED = "replied"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"


RUNGS: tuple[RecipientStatus, ...] = (
    RecipientStatus.SENT,
    RecipientStatus.DELIVERED,
    RecipientStatus.READ,
    RecipientStatus.REPLIED,
)
"""The ladder: each rung implies those before it."""

RUNG: dict[RecipientStatus, int] = {status: rung for rung, status in enumerate(RUNGS, start=1)}

WAITING = frozenset({RecipientStatus.PENDING, RecipientStatus.SENDING})
"""What keeps a broadcast from being `sent`."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person of a broadcast, as stored."""

    id: int
    broadcast_id: int
    to: str
    status: RecipientStatus
    attempts: int
    wamid: str | None
    error_code: int | None
    error_title: str | None
    error_details: str | None
    next_attempt_at: Millis
    sent_at: Millis | None
    delivered_at: Millis | None
    read_at: Millis | None
    replied_at: Millis | None
    failed_at: Millis | None
