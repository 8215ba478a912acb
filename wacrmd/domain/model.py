"""The nouns of the domain and the state machine of recipients and broadcasts; no I/O.

The same rules stand again in SQL (`CHECK`, and `WHERE status …` on each transition), see store/.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from wacrmd.clock import Millis


class BroadcastStatus(StrEnum):
    """Where a broadcast stands (contract 3.4)."""

    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


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


class NumberState(StrEnum):
    """Whether a number sends; why it is paused stands beside it."""

    ACTIVE = "active"
    PAUSED = "paused"


class Scope(StrEnum):
    """What an API key may do (contract 3.1)."""

    BROADCASTS_SEND = "broadcasts:send"
    BROADCASTS_READ = "broadcasts:read"
    TEMPLATES_READ = "templates:read"
    OPTOUTS_MANAGE = "optouts:manage"
    WEBHOOKS_MANAGE = "webhooks:manage"
    NUMBERS_READ = "numbers:read"


class WebhookEvent(StrEnum):
    """What local apps can be told of by outbound webhooks (contract 3.6)."""

    BROADCAST_SENT = "broadcast.sent"
    BROADCAST_PAUSED = "broadcast.paused"
    BROADCAST_CANCELLED = "broadcast.cancelled"
    MESSAGE_STATUS_UPDATED = "message.status_updated"
    MESSAGE_RECEIVED = "message.received"
    CONTACT_OPTED_OUT = "contact.opted_out"
    CONTACT_OPTED_IN = "contact.opted_in"


class UncertainPolicy(StrEnum):
    """What becomes of an attempt whose outcome is unknown (design 2.2)."""

    HOLD = "hold"
    RESEND = "resend"
    FAIL = "fail"


class HoldReason(StrEnum):
    """Why something does not move; `hold.reason` in the API, a label in the metrics."""

    PAUSED_BY_OPERATOR = "paused_by_operator"
    PAUSED_BY_API = "paused_by_api"
    TEMPLATE = "template"
    MANY_FAILURES = "many_failures"
    ACCOUNT = "account"
    NUMBER_PAUSED = "number_paused"
    NUMBER_REMOVED = "number_removed"
    THROTTLED = "throttled"
    META_UNREACHABLE = "meta_unreachable"
    MAINTENANCE = "maintenance"
    WAITING_FOR_RETRY = "waiting_for_retry"
    DRAINING = "draining"
    STORAGE = "storage"


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


def after_receipt(current: RecipientStatus, receipt: RecipientStatus) -> RecipientStatus:
    """The status after Meta told `receipt` (a rung or FAILED) of one of the recipient's messages.

    Forward only, and truth wins: a receipt settles an attempt whose answer was never seen, even where the
    recipient waits for another try; `failed` yields to delivered, read and replied (meta-cloud-api 2.5).
    """
    if receipt is RecipientStatus.FAILED:
        settles = current in (RecipientStatus.SENDING, RecipientStatus.UNCERTAIN, RecipientStatus.SENT)
        return RecipientStatus.FAILED if settles else current
    if current is RecipientStatus.FAILED:
        return current if receipt is RecipientStatus.SENT else receipt
    return receipt if RUNG[receipt] > RUNG.get(current, 0) else current


@dataclass(frozen=True, slots=True)
class Hold:
    """Why something does not move: the reason, a sentence, and since when."""

    reason: HoldReason
    detail: str
    since: Millis


@dataclass(frozen=True, slots=True)
class MetaError:
    """Meta's own error object, from an answer or from a `failed` webhook (meta-cloud-api 2.1)."""

    code: int
    title: str
    details: str | None = None
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """One thing that Meta tells of a message of ours: a rung of the ladder, or that it failed."""

    number_id: str
    wamid: str
    status: RecipientStatus
    at: Millis
    callback: str | None = None
    wa_id: str | None = None
    user_id: str | None = None
    error: MetaError | None = None


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """What one attempt changes in its recipient's row.

    `status` is SENT (then `wamid` is set), PENDING (try again at `next_attempt_at`), FAILED or UNCERTAIN;
    `used_retry` counts against the recipient's own tries; `note` tells the history what happened.
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
    error: MetaError | None = None
    next_attempt_at: Millis = 0
    used_retry: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant: owns numbers, keys, broadcasts, templates and opt-outs."""

    id: str
    name: str
    created_at: Millis


@dataclass(frozen=True, slots=True)
class Number:
    """A business phone number that sends; its token and secrets stay sealed in the database."""

    id: str
    account_id: str
    account: str
    phone_number_id: str
    waba_id: str
    label: str | None
    display_phone: str | None
    messages_per_second: float | None
    is_default: bool
    state: NumberState
    hold: Hold | None
    quality: str | None
    limit_tier: str | None
    verified_name: str | None
    checked_at: Millis | None
    created_at: Millis
    access_token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A local app's key as stored: never the key itself, only its hash and a display prefix."""

    id: str
    account_id: str
    account: str
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: Millis
    expires_at: Millis | None
    revoked_at: Millis | None
    last_used_at: Millis | None


@dataclass(frozen=True, slots=True)
class TemplateContent:
    """What fills a template: body params, and either header and buttons or Meta's raw components.

    `params` is a list for positional and a dict for named body parameters; None where nothing was given.
    """

    params: list[str] | dict[str, str] | None = None
    header: dict[str, Any] | None = None
    buttons: list[dict[str, Any]] | None = None
    components: list[dict[str, Any]] | None = None

    def over(self, defaults: "TemplateContent") -> "TemplateContent":
        """A recipient's content over the broadcast's defaults; raw components replace the other kinds."""
        if self.components is not None:
            return self
        given = self.header is not None or self.buttons is not None
        return TemplateContent(
            params=self.params if self.params is not None else defaults.params,
            header=self.header if self.header is not None else defaults.header,
            buttons=self.buttons if self.buttons is not None else defaults.buttons,
            components=None if given or self.params is not None else defaults.components,
        )


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


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt that is durably noted and may now be sent, once."""

    recipient_id: int
    broadcast_id: int
    attempt: int
    retries: int
    to: str
    params: str | None
    content: str | None
    first_tried_at: Millis


def callback_token(broadcast_uuid: str, recipient_id: int, attempt: int) -> str:
    """The `biz_opaque_callback_data` of one attempt: comes back in Meta's statuses and names the attempt."""
    return f"wacrmd:{broadcast_uuid}:{recipient_id}:{attempt}"


def parse_callback_token(token: str) -> tuple[str, int, int] | None:
    """Broadcast uuid, recipient id and attempt of our own token; None for anybody else's data."""
    parts = token.split(":")
    if len(parts) != 4 or parts[0] != "wacrmd" or not (parts[2].isdecimal() and parts[3].isdecimal()):  # noqa: PLR2004
        return None
    return parts[1], int(parts[2]), int(parts[3])
