"""A recipient of a broadcast: one person, one message, and its status."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from wacrmd.clock import Millis
from wacrmd.fields import Doc, Time, json_name

NO_CODE = 0
"""Stands for a failure that has no code of Meta's, because the reason is wacrmd's own."""


class RecipientStatus(StrEnum):
    """The status of a recipient; callers see `SENDING`, an attempt in flight, as pending."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    REPLIED = "replied"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"


class RecipientState(StrEnum):
    """The status of a recipient, with two states for `failed`: Meta reported it, or wacrmd gave the attempt up.

    A given-up recipient is stored as `failed` without Meta's error code and without Meta's message id.
    """

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    REPLIED = "replied"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"

    @property
    def status(self) -> RecipientStatus:
        """The status as it is stored and shown."""
        return RecipientStatus.FAILED if self is RecipientState.GIVEN_UP else RecipientStatus(self.value)


def recipient_state(status: RecipientStatus, *, error_code: int | None, wamid: str | None) -> RecipientState:
    """The state of a stored recipient."""
    if status is RecipientStatus.FAILED and error_code is None and wamid is None:
        return RecipientState.GIVEN_UP
    return RecipientState(status.value)


DELIVERY_STAGES: tuple[RecipientStatus, ...] = (
    RecipientStatus.SENT,
    RecipientStatus.DELIVERED,
    RecipientStatus.READ,
    RecipientStatus.REPLIED,
)
"""The delivery stages in order: each one implies those before it."""

STAGE: dict[RecipientStatus, int] = {status: stage for stage, status in enumerate(DELIVERY_STAGES, start=1)}
"""The place of each delivery stage, from 1."""


@dataclass(frozen=True, kw_only=True)
class RecipientFacts:
    """What is stored of a recipient and shown to callers."""

    __slots__ = ()  # what inherits it has slots of its own

    id: Annotated[int, Doc("its id")]
    to: Annotated[str, Doc("phone number in E.164 form, or business-scoped user id")]
    status: RecipientStatus
    wamid: Annotated[str | None, Doc("Meta's id of the message")] = field(
        metadata=json_name("whatsapp_message_id")
    )
    attempts: Annotated[int, Doc("how often it was tried")]
    sent_at: Annotated[Time | None, Doc("when Meta accepted the message")]
    delivered_at: Annotated[Time | None, Doc("when it was delivered, in Meta's time")]
    read_at: Annotated[Time | None, Doc("when it was read, in Meta's time")]
    replied_at: Annotated[Time | None, Doc("when the person replied, in Meta's time")]
    failed_at: Annotated[Time | None, Doc("when it failed")]
    held: Annotated[
        str | None,
        Doc(
            "how Meta holds the message back until its first status: `held_for_quality_assessment` or `paused`"
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient(RecipientFacts):
    """One person of a broadcast, as stored (docs/architecture.md, The queue in one look)."""

    broadcast_id: int
    error_code: int | None
    error_title: str | None
    error_details: str | None
    pricing_category: str | None = None
    pricing_type: str | None = None
    pricing_model: str | None = None
    pricing_billable: bool | None = None
    conversation_id: str | None = None
    conversation_origin: str | None = None
    conversation_expires_at: Millis | None = None
    next_attempt_at: Millis

    @property
    def retry_at(self) -> Millis | None:
        """When another attempt is due; None without an earlier one, and when none will follow."""
        return self.next_attempt_at if self.status is RecipientStatus.PENDING and self.attempts else None
