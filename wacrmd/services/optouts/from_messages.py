"""Opt-outs and opt-ins by inbound messages and WhatsApp preferences, in the caller's transaction."""

from dataclasses import dataclass
from typing import Literal

from wacrmd.clock import Millis
from wacrmd.config import Config
from wacrmd.domain.keywords import matching_keyword
from wacrmd.domain.number import NumberIds
from wacrmd.domain.opt_out_buttons import payload_keyword
from wacrmd.domain.phone import normalize
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.fields import shared
from wacrmd.meta.inbound import InboundMessage, Preference
from wacrmd.meta.message_content import content_of
from wacrmd.store import inbound_messages, optouts, outbox
from wacrmd.store.database import Tx
from wacrmd.store.inbound_messages import BroadcastMessage
from wacrmd.views.events import MessageReceivedData
from wacrmd.views.received import MessageContent, WrittenTo

STOPPED_IN_WHATSAPP = "The user stopped marketing messages in WhatsApp"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote to which of our numbers; no person if the message names nobody."""

    number: NumberIds
    person_id: int | None
    wa_id: str | None
    user_id: str | None


@dataclass(frozen=True, slots=True)
class Attribution:
    """The broadcast message that an inbound message answers, and how that is known."""

    message: BroadcastMessage
    how: Literal["context", "newest"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a keyword in a message says: `stop` is the stop word; None if the person wants messages again."""

    source: str
    stop: str | None


def phone_of(tx: Tx, person_id: int | None, wa_id: str | None) -> str | None:
    """The phone number that broadcasts use for a person, else Meta's id as a number, which need not be a valid one."""
    known = inbound_messages.broadcast_phone_of(tx, person_id) if person_id is not None else None
    if known is not None or wa_id is None:
        return known
    return normalize(f"+{wa_id}") or f"+{wa_id}"


def apply_message(
    tx: Tx,
    config: Config,
    sender: Sender,
    message: InboundMessage,
    attribution: Attribution | None,
    now: Millis,
) -> Wish | None:
    """Emit `message.received` and apply a keyword, if it is known who wrote it; returns what the keyword says.

    A word that is both a stop and a start keyword opts the person out.
    """
    account_id, phone = sender.number.account_id, phone_of(tx, sender.person_id, sender.wa_id)
    if WebhookEvent.MESSAGE_RECEIVED in outbox.subscribed_events(tx, account_id):
        data = _received(sender.number, phone, message, attribution)
        outbox.add(tx, account_id, WebhookEvent.MESSAGE_RECEIVED, data, now, occurred_at=message.at)
    source = "button" if message.button_payload or message.button_text else "keyword"
    stop, start = (
        matching_keyword((message.text, message.button_text), keywords)
        or payload_keyword(message.button_payload, message.button_text, keywords)
        for keywords in (config.optout.stop_keywords, config.optout.start_keywords)
    )
    if stop is None and start is None:
        return None
    broadcast_id = attribution.message.broadcast_id if attribution else None
    if sender.person_id is not None:
        _apply(tx, account_id, sender.person_id, phone, message, source, stop, now, broadcast_id)
    return Wish(source, stop)


def _received(
    number: NumberIds, phone: str | None, message: InboundMessage, attribution: Attribution | None
) -> MessageReceivedData:
    answered = attribution.message if attribution else None
    return MessageReceivedData(
        wamid=message.id,
        phone=phone,
        user_id=message.user_id,
        parent_user_id=message.parent_user_id,
        wa_id=message.wa_id,
        profile_name=message.contact.name,
        username=message.contact.username,
        number=WrittenTo(
            id=number.id,
            phone_number_id=number.phone_number_id,
            display_phone=_e164(message.display_phone),
        ),
        group_id=message.group_id,
        type=message.type,
        text=message.text or message.button_text,
        payload=message.button_payload,
        in_reply_to=message.context_id,
        broadcast_id=answered.uuid if answered else None,
        recipient_id=answered.recipient_id if answered else None,
        attributed_by=attribution.how if attribution else None,
        **shared(MessageContent, content_of(message)),
    )


def _e164(display_phone: str | None) -> str | None:
    """The account's own number, of which Meta gives the digits, with or without a plus and spaces."""
    digits = "".join(filter(str.isdecimal, display_phone or ""))
    return f"+{digits}" if digits else display_phone


def apply_preference(tx: Tx, account_id: str, person_id: int, preference: Preference, now: Millis) -> None:
    """Opt a person out (`stop`) or in (`resume`, `signup`), as chosen in WhatsApp."""
    phone = phone_of(tx, person_id, preference.wa_id)
    stop = STOPPED_IN_WHATSAPP if preference.value == "stop" else None
    _apply(tx, account_id, person_id, phone, preference, "preference", stop, now, None)


def _apply(
    tx: Tx,
    account_id: str,
    person_id: int,
    phone: str | None,
    update: InboundMessage | Preference,
    source: str,
    stop: str | None,
    now: Millis,
    broadcast_id: int | None,
) -> None:
    """Opt the sender of an update out for the reason `stop`; without a reason, in."""
    user_id = update.user_id or update.parent_user_id
    if stop is None:
        if not optouts.remove(
            tx, account_id=account_id, person_id=person_id, source=source, at=update.at, now=now
        ):
            optouts.note_opt_in(
                tx,
                account_id=account_id,
                person_id=person_id,
                phone=phone,
                user_id=user_id,
                source=source,
                at=update.at,
            )
        return
    optouts.add(
        tx,
        account_id=account_id,
        person_id=person_id,
        phone=phone,
        user_id=user_id,
        source=source,
        detail=stop,
        at=update.at,
        now=now,
        broadcast_id=broadcast_id,
    )
