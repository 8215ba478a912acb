"""The answers of the API, as OpenAPI describes them; services make them as plain dictionaries."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from wacrmd.domain.account import Scope
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.number import NumberState
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.errors import ErrorCode

At = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]

SeenStatus = Literal[
    RecipientStatus.PENDING,
    RecipientStatus.SENT,
    RecipientStatus.DELIVERED,
    RecipientStatus.READ,
    RecipientStatus.REPLIED,
    RecipientStatus.FAILED,
    RecipientStatus.UNCERTAIN,
    RecipientStatus.CANCELLED,
]
"""Where a recipient stands for callers: an attempt in flight is still pending."""


class HoldOut(BaseModel):
    """Why something does not move."""

    reason: str
    detail: str
    since: At


class AccountOut(BaseModel):
    """The account of a key."""

    id: str
    name: str


class KeyOut(BaseModel):
    """The key in use."""

    id: str
    scopes: list[Scope]


class MeOut(BaseModel):
    """Answer of GET /api/v1/me."""

    account: AccountOut
    key: KeyOut


class RejectionOut(BaseModel):
    """A recipient that was dropped."""

    index: int
    to: str | None
    reason: str


class CreatedOut(BaseModel):
    """Answer of POST /api/v1/broadcasts."""

    broadcast_id: str
    status: BroadcastStatus
    total_recipients: int
    accepted: int
    rejected: int
    duplicates: int
    suppressed: int
    rejections: list[RejectionOut]


class ProblemOut(BaseModel):
    """Something that is wrong with a request, and where."""

    path: str
    message: str


class ErrorDetailOut(BaseModel):
    """What went wrong, for programs and for people."""

    code: ErrorCode
    message: str
    details: list[ProblemOut] = Field([], description="each wrong place, where there are places")


class ErrorOut(BaseModel):
    """The body of every failure."""

    error: ErrorDetailOut


class Document(BaseModel):
    """An OpenAPI 3.1 document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]


class DryRunOut(BaseModel):
    """Answer of POST /api/v1/broadcasts?dry_run=true."""

    dry_run: bool
    status: BroadcastStatus
    sender: str = Field(alias="from")
    total_recipients: int
    accepted: int
    rejected: int
    duplicates: int
    suppressed: int
    rejections: list[RejectionOut]
    problems: list[ProblemOut]
    template_synced_at: At | None
    expected_duration_s: float


class BroadcastOut(BaseModel):
    """A broadcast with its counts."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    name: str
    template_name: str
    template_language: str
    status: BroadcastStatus
    sender: str = Field(alias="from")
    total_recipients: int
    sent_count: int
    delivered_count: int
    read_count: int
    replied_count: int
    failed_count: int
    pending_count: int
    uncertain_count: int
    cancelled_count: int
    hold: HoldOut | None
    created_at: At
    updated_at: At
    scheduled_at: At | None
    started_at: At | None
    completed_at: At | None


class MetaErrorOut(BaseModel):
    """Why Meta refused a message, in Meta's words; `code` is null where the reason is wacrmd's own."""

    code: int | None
    title: str | None
    details: str | None


class RecipientOut(BaseModel):
    """One person of a broadcast."""

    id: int
    to: str
    status: SeenStatus
    whatsapp_message_id: str | None
    error: MetaErrorOut | None
    attempts: int
    sent_at: At | None
    delivered_at: At | None
    read_at: At | None
    replied_at: At | None
    failed_at: At | None


class EventOut(BaseModel):
    """One line of a recipient's history: an attempt with its outcome, or a status that Meta told."""

    event: str
    at: At
    attempt: int | None
    started_at: At | None
    outcome: str | None
    note: str | None
    error: MetaErrorOut | None


class RecipientHistoryOut(RecipientOut):
    """One person of a broadcast and what happened to the message."""

    next_attempt_at: At | None
    history: list[EventOut]


class RetryOut(BaseModel):
    """Answer of a retry."""

    broadcast_id: str
    requeued: int


class NumberOut(BaseModel):
    """A number of the account."""

    id: str
    phone_number_id: str
    waba_id: str
    label: str | None
    display_phone: str | None
    verified_name: str | None
    is_default: bool
    state: NumberState
    hold: HoldOut | None
    quality: str | None
    limit_tier: str | None
    messages_per_second: float
    rate_now: float | None
    in_flight: int
    checked_at: At | None
    created_at: At
