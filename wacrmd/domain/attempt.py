"""An attempt to send a message: its claim and its result."""

from dataclasses import dataclass
from enum import StrEnum

from wacrmd.clock import Millis
from wacrmd.domain.recipient import RecipientStatus


class UncertainPolicy(StrEnum):
    """What to do with an attempt whose outcome is unknown (docs/delivery-guarantees.md)."""

    HOLD = "hold"
    RESEND = "resend"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class MetaError:
    """Meta's own error object, from an answer or from a `failed` webhook (docs/meta.md, Errors)."""

    code: int
    title: str
    details: str | None = None
    trace_id: str | None = None
    subcode: int | None = None

    @property
    def code_text(self) -> str:
        """The code, with its subcode if it has one."""
        return f"{self.code} (subcode {self.subcode})" if self.subcode else str(self.code)


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt that is on disk; its message may be sent once."""

    recipient_id: int
    broadcast_id: int
    attempt: int
    retries: int
    to: str
    params: str | None
    content: str | None
    first_attempt_at: Millis


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The result of an attempt: what changes in its recipient's row.

    `status` is SENT (then `wamid` is set, and `held` if Meta holds the message back), PENDING (try again at
    `next_attempt_at`), FAILED or UNCERTAIN; `used_retry` counts against the recipient's own retries; `to` is the
    address that was sent to; `note` says in the history what happened.
    """

    recipient_id: int
    broadcast_id: int
    attempt: int
    status: RecipientStatus
    at: Millis
    started_at: Millis
    note: str
    wamid: str | None = None
    wa_id: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    held: str | None = None
    error: MetaError | None = None
    next_attempt_at: Millis = 0
    used_retry: bool = False
    to: str = ""
