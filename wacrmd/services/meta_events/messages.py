"""Inbound messages and WhatsApp preferences: replies, opt-outs and opt-ins."""

from wacrmd.clock import HOUR
from wacrmd.domain.phone import normalize
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.meta.webhook import InboundMessage, Preference
from wacrmd.services.meta_events.batch import Batch
from wacrmd.services.optouts import from_messages
from wacrmd.store import inbound_messages


def apply_message(batch: Batch, message: InboundMessage) -> list[Receipt]:
    """Store an inbound message, apply its keyword, and return `replied` for the broadcast message that it answers.

    A message that was stored before changes nothing.
    """
    number = batch.number(message.phone_number_id)
    if number is None:
        batch.store_unknown("messages", message.phone_number_id)
        return []
    number_id, account_id = number
    if not inbound_messages.add(
        batch.tx,
        message_id=message.id,
        number_id=number_id,
        wa_id=message.wa_id,
        user_id=message.user_id,
        at=message.at,
        now=batch.now,
    ):
        batch.result.count("message_repeated")
        return []
    batch.result.count("message")
    replied = _replied(batch, message, number_id)
    keyword = from_messages.apply_message(batch.tx, batch.config, account_id, message, batch.now)
    if keyword is not None:
        batch.result.count(keyword)
    return replied


def apply_preference(batch: Batch, preference: Preference) -> None:
    """Opt a person out or in, as chosen in WhatsApp."""
    accounts = _accounts(batch, preference)
    if not accounts:
        batch.store_unknown("user_preferences", preference.phone_number_id or preference.waba_id)
    for account_id in sorted(accounts):
        batch.result.count(f"preference_{preference.value}")
        from_messages.apply_preference(batch.tx, account_id, preference, batch.now)


def _replied(batch: Batch, message: InboundMessage, number_id: str) -> list[Receipt]:
    """The reply as a receipt of the message that it quotes, else of the newest broadcast message to this person.

    If that one is not recorded yet, the callback token of the attempt in flight names it.
    """
    wamid = message.context_id
    if wamid is None:
        since = message.at - round(batch.config.replies.reply_window_hours * HOUR)
        newest = inbound_messages.newest_message_to(
            batch.tx, number_id=number_id, wa_id=message.wa_id, user_id=message.user_id, since=since
        )
        wamid = newest[1] if newest else None
    if wamid is not None:
        inbound_messages.attribute(batch.tx, message.id, wamid)
        return [Receipt(number_id, wamid, RecipientStatus.REPLIED, message.at, user_id=message.user_id)]
    phone = normalize(f"+{message.wa_id}") if message.wa_id else None
    token = inbound_messages.in_flight_to(batch.tx, number_id=number_id, phone=phone) if phone else None
    if token is None:
        return []
    return [Receipt(number_id, "", RecipientStatus.REPLIED, message.at, callback=token)]


def _accounts(batch: Batch, preference: Preference) -> set[str]:
    number = batch.number(preference.phone_number_id)
    if number is not None:
        return {number[1]}
    return batch.authorized.businesses.get(preference.waba_id or "", set())
