"""A broadcast: one template to many people, its status and its derived counts."""

from dataclasses import dataclass
from enum import StrEnum

from wacrmd.clock import Millis
from wacrmd.domain.hold import Hold
from wacrmd.domain.recipient import RecipientStatus


class BroadcastStatus(StrEnum):
    """Where a broadcast stands (docs/api.md)."""

    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One template to many people, without its counts (they are derived, see Progress)."""

    id: int
    uuid: str
    account_id: str
    number_id: str
    name: str
    template_name: str
    template_language: str
    status: BroadcastStatus
    hold: Hold | None
    created_at: Millis
    updated_at: Millis
    scheduled_at: Millis | None
    started_at: Millis | None
    completed_at: Millis | None


@dataclass(frozen=True, slots=True)
class Progress:
    """The counts of a broadcast as the API shows them: a ladder of rungs, and what is beside it."""

    total: int = 0
    pending: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    replied: int = 0
    failed: int = 0
    uncertain: int = 0
    cancelled: int = 0

    @classmethod
    def of(cls, by_status: dict[str, int]) -> "Progress":
        """Progress from the number of recipients in each status."""
        count = {status: by_status.get(status, 0) for status in RecipientStatus}
        replied = count[RecipientStatus.REPLIED]
        read = replied + count[RecipientStatus.READ]
        delivered = read + count[RecipientStatus.DELIVERED]
        return cls(
            total=sum(count.values()),
            pending=count[RecipientStatus.PENDING] + count[RecipientStatus.SENDING],
            sent=delivered + count[RecipientStatus.SENT],
            delivered=delivered,
            read=read,
            replied=replied,
            failed=count[RecipientStatus.FAILED],
            uncertain=count[RecipientStatus.UNCERTAIN],
            cancelled=count[RecipientStatus.CANCELLED],
        )
