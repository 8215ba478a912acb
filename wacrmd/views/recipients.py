"""The recipients of a broadcast as callers see them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from wacrmd.clock import Millis
from wacrmd.domain.billing import Conversation, Pricing
from wacrmd.domain.history import HistoryEntry
from wacrmd.domain.recipient import Recipient, RecipientFacts, RecipientStatus
from wacrmd.fields import Doc, Time, shared

ShownStatus = Literal[
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


def shown_status(status: RecipientStatus) -> ShownStatus:
    """The status that callers are shown."""
    return RecipientStatus.PENDING if status is RecipientStatus.SENDING else status


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaErrorView:
    """Why Meta refused a message, in Meta's words."""

    code: Annotated[int | None, Doc("Meta's error code; null where the reason is wacrmd's own")]
    title: Annotated[str | None, Doc("the error in a few words")]
    details: Annotated[str | None, Doc("what Meta says about it")]

    @classmethod
    def of(cls, code: int | None, title: str | None, details: str | None) -> "MetaErrorView | None":
        """The error in three columns of a recipient's row; None where it has none."""
        return None if code is None and title is None else cls(code=code, title=title, details=details)


def pricing_of(
    category: str | None, kind: str | None, model: str | None, billable: bool | None
) -> Pricing | None:
    """The pricing in four columns; None where Meta has told none."""
    known = category is not None or kind is not None or model is not None
    return Pricing(category, kind, model, billable) if known else None


def conversation_of(
    conversation_id: str | None, origin: str | None, expires_at: Millis | None
) -> Conversation | None:
    """The conversation in three columns; None where Meta has told none."""
    return None if conversation_id is None else Conversation(conversation_id, origin, expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientView(RecipientFacts):
    """One recipient of a broadcast."""

    status: Annotated[ShownStatus, Doc("where the message stands now")]
    error: Annotated[MetaErrorView | None, Doc("why it failed")]
    pricing: Annotated[Pricing | None, Doc("what Meta counts the message as")]
    conversation: Annotated[Conversation | None, Doc("the conversation that it belongs to, if Meta tells it")]

    @classmethod
    def of(cls, recipient: Recipient) -> "RecipientView":
        """The view of a recipient."""
        facts = shared(RecipientFacts, recipient) | {"status": shown_status(recipient.status)}
        return RecipientView(
            **facts,
            error=MetaErrorView.of(recipient.error_code, recipient.error_title, recipient.error_details),
            pricing=pricing_of(
                recipient.pricing_category,
                recipient.pricing_type,
                recipient.pricing_model,
                recipient.pricing_billable,
            ),
            conversation=conversation_of(
                recipient.conversation_id, recipient.conversation_origin, recipient.conversation_expires_at
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientEventView:
    """One line of a recipient's history: an attempt with its outcome, or a status from Meta."""

    event: Annotated[str, Doc("`attempt`, or the status from Meta")]
    at: Annotated[Time, Doc("when it happened")]
    attempt: Annotated[int | None, Doc("which attempt, from 1")]
    started_at: Annotated[Time | None, Doc("when the attempt started")]
    outcome: Annotated[str | None, Doc("the status after the attempt")]
    note: Annotated[str | None, Doc("what happened in the attempt")]
    error: Annotated[MetaErrorView | None, Doc("why it failed")]

    @classmethod
    def of(cls, entry: HistoryEntry) -> "RecipientEventView":
        """The view of an entry."""
        error = entry.error
        return cls(
            event=entry.event,
            at=entry.at,
            attempt=entry.attempt,
            started_at=entry.started_at,
            outcome=entry.outcome,
            note=entry.note,
            error=MetaErrorView(code=error.code, title=error.title, details=error.details) if error else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientDetails(RecipientView):
    """One recipient of a broadcast with its history."""

    next_attempt_at: Annotated[Time | None, Doc("when the next attempt is due")]
    history: Annotated[
        list[RecipientEventView],
        Doc("every attempt, and every status from Meta, in the order in which wacrmd got them"),
    ]

    @classmethod
    def with_history(cls, recipient: Recipient, entries: Iterable[HistoryEntry]) -> "RecipientDetails":
        """The view of a recipient with the entries of its history."""
        return cls(
            **shared(RecipientView, RecipientView.of(recipient)),
            next_attempt_at=recipient.retry_at,
            history=[RecipientEventView.of(entry) for entry in entries],
        )
