"""What outbound webhooks carry: the `data` of each event, and the envelope around it (docs/webhooks.md)."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from wacrmd.domain.billing import Conversation, Pricing
from wacrmd.domain.broadcast import Broadcast, BroadcastCounts, BroadcastKind, BroadcastStatus, Progress
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.fields import Doc, Time, json_name, shared
from wacrmd.views.received import MessageContent, WrittenTo
from wacrmd.views.recipients import MetaErrorView, ShownStatus


@dataclass(frozen=True, kw_only=True)
class _BroadcastHead:
    __slots__ = ()

    broadcast_id: Annotated[str, Doc("id of the broadcast")]
    kind: Annotated[BroadcastKind, Doc("`message`: it is a single message, and this its `message_id`")]
    name: Annotated[str, Doc("its label")]
    status: Annotated[BroadcastStatus, Doc("where the broadcast stands")]
    reason: Annotated[str | None, Doc("why it is paused")]


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastData(BroadcastCounts, _BroadcastHead):
    """`broadcast.sent`, `broadcast.paused`, `broadcast.cancelled`."""

    @classmethod
    def of(cls, broadcast: Broadcast, progress: Progress) -> "BroadcastData":
        """The data for a broadcast that changed."""
        return BroadcastData(
            broadcast_id=broadcast.uuid,
            kind=broadcast.kind,
            name=broadcast.name,
            status=broadcast.status,
            reason=broadcast.hold.detail if broadcast.hold else None,
            **shared(BroadcastCounts, progress),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStatusData:
    """`message.status_updated`."""

    broadcast_id: Annotated[str, Doc("id of the broadcast")]
    recipient_id: Annotated[int, Doc("id of the recipient in the broadcast")]
    to: Annotated[str, Doc("the recipient's address")]
    user_id: Annotated[str | None, Doc("Meta's business-scoped user id, where it is known")]
    wamid: Annotated[str | None, Doc("Meta's id of the message")] = field(
        metadata=json_name("whatsapp_message_id")
    )
    status: Annotated[ShownStatus, Doc("the new status")]
    error: Annotated[MetaErrorView | None, Doc("why it failed")]
    held: Annotated[str | None, Doc("how Meta holds the message back until its first status")]
    pricing: Annotated[Pricing | None, Doc("what Meta counts the message as")]
    conversation: Annotated[Conversation | None, Doc("the conversation that it belongs to, if Meta tells it")]


@dataclass(frozen=True, kw_only=True)
class _MessageHead:
    __slots__ = ()

    wamid: Annotated[str, Doc("Meta's id of the message")] = field(metadata=json_name("whatsapp_message_id"))
    phone: Annotated[str | None, Doc("who wrote; null for people who hide their number")] = field(
        metadata=json_name("from")
    )
    user_id: Annotated[str | None, Doc("Meta's business-scoped user id, where it is known")]
    parent_user_id: Annotated[str | None, Doc("the same for linked business portfolios")]
    wa_id: Annotated[str | None, Doc("Meta's id of the person, as the webhook gives it")]
    profile_name: Annotated[str | None, Doc("the name that the person chose")]
    username: Annotated[str | None, Doc("the username that the person chose")]
    number: Annotated[WrittenTo, Doc("the number of the account that was written to")]
    group_id: Annotated[str | None, Doc("Meta's id of the group that it was written in")]
    type: Annotated[str, Doc("the kind of message, in Meta's words")]
    text: Annotated[
        str | None, Doc("the text, the caption, or the button's text; of an edited message the new text")
    ]
    payload: Annotated[str | None, Doc("the payload of a button")]
    in_reply_to: Annotated[str | None, Doc("Meta's id of the message that is answered")]
    broadcast_id: Annotated[str | None, Doc("the broadcast that it answers, where it is known")]
    recipient_id: Annotated[int | None, Doc("id of the recipient in the broadcast")]
    attributed_by: Annotated[
        Literal["context", "newest"] | None,
        Doc(
            "how that is known: `context`, the message names it; `newest`, it was the newest one before this"
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceivedData(MessageContent, _MessageHead):
    """`message.received`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptInData:
    """`contact.opted_in`."""

    phone: Annotated[str | None, Doc("phone number in E.164 form")]
    user_id: Annotated[str | None, Doc("Meta's business-scoped user id, where it is known")]
    source: Annotated[str, Doc("the source, see optouts.md")]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutData(OptInData):
    """`contact.opted_out`."""

    detail: Annotated[str | None, Doc("the word of the person, or a remark")]


EventData = BroadcastData | MessageStatusData | MessageReceivedData | OptInData | OptOutData

EVENT_DATA: dict[WebhookEvent, type[EventData]] = {
    WebhookEvent.BROADCAST_SENT: BroadcastData,
    WebhookEvent.BROADCAST_PAUSED: BroadcastData,
    WebhookEvent.BROADCAST_CANCELLED: BroadcastData,
    WebhookEvent.MESSAGE_STATUS_UPDATED: MessageStatusData,
    WebhookEvent.MESSAGE_RECEIVED: MessageReceivedData,
    WebhookEvent.CONTACT_OPTED_OUT: OptOutData,
    WebhookEvent.CONTACT_OPTED_IN: OptInData,
}
"""The `data` of each event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The body of a delivery."""

    id: Annotated[str, Doc("the same at each delivery of this event")]
    event: Annotated[WebhookEvent, Doc("which event")]
    occurred_at: Annotated[Time, Doc("when it happened")]
    account_id: Annotated[str, Doc("id of the account")]
    data: Annotated[EventData, Doc("what happened, by event")]
