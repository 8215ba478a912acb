"""Single messages as callers see them."""

from dataclasses import dataclass, field
from typing import Annotated

from wacrmd.domain.billing import Pricing
from wacrmd.domain.hold import Hold
from wacrmd.domain.message import Message
from wacrmd.fields import Doc, Time, Uuid, json_name
from wacrmd.views.recipients import MetaErrorView, RecipientView, ShownStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message to one person."""

    uuid: Annotated[
        Uuid, Doc("its id; with it the message is also a broadcast, `/api/v1/broadcasts/{id}`")
    ] = field(metadata=json_name("message_id"))
    wamid: Annotated[str | None, Doc("Meta's id of the message; null until Meta has taken it")] = field(
        metadata=json_name("whatsapp_message_id")
    )
    status: Annotated[ShownStatus, Doc("where the message stands now")]
    to: Annotated[str, Doc("phone number in E.164 form, or business-scoped user id")]
    template_name: Annotated[str, Doc("name of the template")]
    template_language: Annotated[str, Doc("language code of the template")]
    number_id: Annotated[Uuid, Doc("id of the number that sends")] = field(metadata=json_name("from"))
    attempts: Annotated[int, Doc("how often it was tried")]
    created_at: Annotated[Time, Doc("when it was accepted")]
    sent_at: Annotated[Time | None, Doc("when Meta accepted it")]
    delivered_at: Annotated[Time | None, Doc("when it was delivered, in Meta's time")]
    read_at: Annotated[Time | None, Doc("when it was read, in Meta's time")]
    replied_at: Annotated[Time | None, Doc("when the person replied, in Meta's time")]
    failed_at: Annotated[Time | None, Doc("when it failed")]
    error: Annotated[MetaErrorView | None, Doc("why it failed")]
    pricing: Annotated[Pricing | None, Doc("what Meta counts it as")]
    hold: Annotated[Hold | None, Doc("why it waits; null if it does not")]

    @classmethod
    def of(cls, message: Message, hold: Hold | None) -> "MessageView":
        """The view of a message."""
        broadcast, recipient = message.broadcast, RecipientView.of(message.recipient)
        return cls(
            uuid=broadcast.uuid,
            wamid=recipient.wamid,
            status=recipient.status,
            to=recipient.to,
            template_name=broadcast.template_name,
            template_language=broadcast.template_language,
            number_id=broadcast.number_id,
            attempts=recipient.attempts,
            created_at=broadcast.created_at,
            sent_at=recipient.sent_at,
            delivered_at=recipient.delivered_at,
            read_at=recipient.read_at,
            replied_at=recipient.replied_at,
            failed_at=recipient.failed_at,
            error=recipient.error,
            pricing=recipient.pricing,
            hold=hold,
        )
