"""Inbound messages, WhatsApp preferences and changed addresses: replies, opt-outs, opt-ins, and who is who."""

from wacrmd.clock import HOUR, Millis
from wacrmd.domain.number import NumberIds
from wacrmd.domain.person import identity, names
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.log import get_logger
from wacrmd.meta.inbound import AddressChange, InboundMessage, Preference
from wacrmd.services.meta_events.batch import Batch
from wacrmd.services.optouts import from_messages
from wacrmd.services.optouts.from_messages import Attribution, Sender, Wish
from wacrmd.store import inbound_messages, quotes
from wacrmd.store.inbound_messages import BroadcastMessage
from wacrmd.store.people import Sighting
from wacrmd.store.quotes import Keyword, Quoting

log = get_logger(__name__)


def apply_message(batch: Batch, message: InboundMessage) -> list[Receipt]:
    """Store an inbound message, apply its keyword, and return `replied` for the broadcast message that it answers.

    A message that was stored before changes nothing.
    """
    number = batch.number(message.phone_number_id)
    if number is None:
        batch.count_unknown("messages", message.phone_number_id)
        return []
    if inbound_messages.is_known(batch.tx, message.id):
        batch.result.count("message_repeated")
        return []
    batch.result.count("message")
    quoted = None
    if message.context_id is not None:
        quoted = inbound_messages.with_wamid(batch.tx, number, message.context_id)
    writer = _see_sender(batch, number, message, quoted)
    person_id = writer.person_id
    attribution = _attribution(batch, number, message, person_id, quoted)
    answered = attribution.message if attribution else None
    is_open = _may_be_reply(message) and (answered is None or not answered.is_had)
    inbound_messages.add(
        batch.tx,
        message_id=message.id,
        number_id=number.id,
        person_id=person_id,
        wa_id=message.wa_id,
        user_id=message.user_id,
        recipient_id=answered.recipient_id if answered else None,
        at=message.at,
        now=batch.now,
        replies_from=message.at - _window(batch) if is_open else None,
        button=_button(message) if is_open else None,
    )
    if person_id is None:
        log.warning(
            "meta_message_without_sender", whatsapp_message_id=message.id, type=message.type, summed=True
        )
    sender = Sender(number, person_id, message.wa_id, message.user_id)
    keyword = from_messages.apply_message(batch.tx, batch.config, sender, message, attribution, batch.now)
    if keyword is not None:
        batch.result.count("opt_in" if keyword.stop is None else "opt_out")
    _apply_quote(batch, number, message, quoted, writer, keyword)
    return _replied(number, message, answered)


def _apply_quote(
    batch: Batch,
    number: NumberIds,
    message: InboundMessage,
    quoted: BroadcastMessage | None,
    writer: Quoting,
    keyword: Wish | None,
) -> None:
    """Opt out everybody who may have written this, or remember it until the message that it quotes is known."""
    stop = Keyword(keyword.source, keyword.stop) if keyword is not None and keyword.stop is not None else None
    if quoted is not None and stop is not None:
        for other in writer.others:
            quotes.opt_out(
                batch.tx, number.account_id, other, stop, quoted.broadcast_id, at=message.at, now=batch.now
            )
    elif quoted is None and message.context_id is not None and message.group_id is None:
        quotes.remember(batch.tx, message.id, message.context_id, stop)


def apply_preference(batch: Batch, preference: Preference) -> None:
    """Opt a person out or in, as chosen in WhatsApp."""
    accounts = _accounts(batch, preference)
    if not accounts:
        batch.count_unknown("user_preferences", preference.phone_number_id or preference.waba_id)
    named = names(preference.wa_id, user_ids=(preference.user_id, preference.parent_user_id))
    number = batch.number(preference.phone_number_id)
    scope = number.waba_id if number is not None else preference.waba_id
    for account_id in sorted(accounts):
        batch.result.count(f"preference_{preference.value}")
        person_id = batch.see(Sighting(account_id, named, preference.at, scope))
        if person_id is None:
            log.warning("meta_preference_without_person", value=preference.value, summed=True)
        else:
            from_messages.apply_preference(batch.tx, account_id, person_id, preference, batch.now)


def apply_address_change(batch: Batch, change: AddressChange) -> None:
    """Note that a person has another phone or user id: an opt-out holds for the old and the new one."""
    number = batch.number(change.phone_number_id)
    if number is None:
        batch.count_unknown("messages", change.phone_number_id)
        return
    if inbound_messages.is_known(batch.tx, change.id):
        batch.result.count("message_repeated")
        return
    batch.result.count("address_change")
    named = names(*change.wa_ids, user_ids=change.user_ids, previous=change.previous)
    person_id = batch.see(Sighting(number.account_id, named, change.at, number.waba_id))
    inbound_messages.add(  # so that it counts once: the number may get yet another holder before Meta repeats it
        batch.tx,
        message_id=change.id,
        number_id=number.id,
        person_id=person_id,
        wa_id=next(iter(change.wa_ids), None),
        user_id=next(iter(change.user_ids), None),
        recipient_id=None,
        at=change.at,
        now=batch.now,
    )


def _see_sender(
    batch: Batch, number: NumberIds, message: InboundMessage, quoted: BroadcastMessage | None
) -> Quoting:
    """Who wrote. Whoever quotes a message in a chat with us is its recipient, if the ids do not say otherwise."""
    named = names(message.wa_id, user_ids=(message.user_id, message.parent_user_id))
    person_id = batch.see(Sighting(number.account_id, named, message.at, number.waba_id))
    if quoted is None or message.group_id is not None:
        return Quoting(person_id)
    found = quotes.quoting(batch.tx, person_id, quoted.recipient_id, at=message.at, now=batch.now)
    batch.result.broadcasts |= found.broadcasts
    batch.result.joined |= set(found.joined)
    return found


def _attribution(
    batch: Batch,
    number: NumberIds,
    message: InboundMessage,
    person_id: int | None,
    quoted: BroadcastMessage | None,
) -> Attribution | None:
    """The broadcast message that is answered: the one that is quoted, else the newest one sent before this was written."""
    if quoted is not None:
        return Attribution(quoted, "context")
    if person_id is None:
        return None
    if not _may_be_reply(message):
        return None
    newest = inbound_messages.newest_to(
        batch.tx,
        number,
        person_id,
        wa_id=message.wa_id,
        written_at=message.at,
        window=_window(batch),
    )
    return Attribution(newest, "newest") if newest else None


def _may_be_reply(message: InboundMessage) -> bool:
    """Whether it is a reply to the newest message, if there is one."""
    return (
        message.is_reply
        and message.context_id is None
        and not message.needs_context
        and not _is_from_us(message)
    )


def _is_from_us(message: InboundMessage) -> bool:
    """Whether the number that is written to is the one that writes: no person replies."""
    ours = "".join(filter(str.isdecimal, message.display_phone or ""))
    return message.wa_id is not None and identity(message.wa_id) == identity(ours)


def _window(batch: Batch) -> Millis:
    return round(batch.config.replies.reply_window_hours * HOUR)


def _replied(number: NumberIds, message: InboundMessage, answered: BroadcastMessage | None) -> list[Receipt]:
    """The reply as a receipt of the message that it answers, or quotes by an id that is not known yet."""
    if not message.is_reply or _is_from_us(message):
        return []
    button = _button(message)
    if message.context_id is not None:
        wamid = message.context_id
        return [Receipt(number, wamid, RecipientStatus.REPLIED, message.at, button=button)]
    if answered is None or not answered.is_settled:
        return []
    return [
        Receipt(number, "", RecipientStatus.REPLIED, message.at, callback=answered.callback, button=button)
    ]


def _button(message: InboundMessage) -> str | None:
    return message.button_text or message.button_payload


def _accounts(batch: Batch, preference: Preference) -> set[str]:
    number = batch.number(preference.phone_number_id)
    if number is not None:
        return {number.account_id}
    return batch.authorized.businesses.get(preference.waba_id or "", set())
