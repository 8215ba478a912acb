"""Opt-outs and opt-ins by inbound messages and WhatsApp preferences, in the caller's transaction."""

from functools import partial

from wacrmd.clock import Millis
from wacrmd.config import Config
from wacrmd.domain.keywords import keyword_of_payload, matching_keyword
from wacrmd.domain.phone import normalize
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.meta.webhook import InboundMessage, Preference
from wacrmd.store import inbound_messages, optouts, outbox
from wacrmd.store.database import Tx
from wacrmd.views.events import MessageReceivedData

STOPPED_IN_WHATSAPP = "The user stopped marketing messages in WhatsApp"


def phone_of(tx: Tx, account_id: str, wa_id: str | None, user_id: str | None) -> str | None:
    """The phone number that broadcasts use for a person: Meta's `wa_id` differs from it in Brazil and Mexico."""
    known = inbound_messages.broadcast_phone_of(tx, account_id=account_id, wa_id=wa_id, user_id=user_id)
    return known or (normalize(f"+{wa_id}") if wa_id else None)


def apply_message(
    tx: Tx, config: Config, account_id: str, message: InboundMessage, now: Millis
) -> str | None:
    """Emit `message.received` and apply a keyword; returns `opt_out`, `opt_in`, or None without a keyword.

    A word that is both a stop and a start keyword opts the person out.
    """
    phone = phone_of(tx, account_id, message.wa_id, message.user_id)
    if phone and message.user_id:
        optouts.link(tx, [(account_id, phone, message.user_id)])
    if WebhookEvent.MESSAGE_RECEIVED in outbox.subscribed_events(tx, account_id):
        data = MessageReceivedData(
            wamid=message.id,
            phone=phone,
            user_id=message.user_id,
            type=message.type,
            text=message.text or message.button_text,
            payload=message.button_payload,
            in_reply_to=message.context_id,
        )
        outbox.add(tx, account_id, WebhookEvent.MESSAGE_RECEIVED, data, now, occurred_at=message.at)
    if phone is None and message.user_id is None:
        return None
    texts = (
        message.text,
        message.button_text,
        message.button_payload,
        keyword_of_payload(message.button_payload),
    )
    source = "button" if message.button_payload or message.button_text else "keyword"
    stop = matching_keyword(texts, config.optout.stop_keywords)
    if stop is None and matching_keyword(texts, config.optout.start_keywords) is None:
        return None
    _apply(tx, account_id, phone, message, source, stop, now)
    return "opt_in" if stop is None else "opt_out"


def apply_preference(tx: Tx, account_id: str, preference: Preference, now: Millis) -> None:
    """Opt a person out (`stop`) or in (`resume`), as chosen in WhatsApp."""
    phone = phone_of(tx, account_id, preference.wa_id, preference.user_id)
    stop = STOPPED_IN_WHATSAPP if preference.value == "stop" else None
    _apply(tx, account_id, phone, preference, "preference", stop, now)


def _apply(
    tx: Tx,
    account_id: str,
    phone: str | None,
    update: InboundMessage | Preference,
    source: str,
    stop: str | None,
    now: Millis,
) -> None:
    """Opt the sender of an update out for the reason `stop`; without a reason, in."""
    apply = optouts.remove if stop is None else partial(optouts.add, detail=stop)
    apply(
        tx,
        account_id=account_id,
        phone=phone,
        user_id=update.user_id,
        source=source,
        at=update.at,
        now=now,
    )
