"""What people write, choose and change, as Meta's webhooks tell it; pure. Shapes: docs/meta.md, Messages."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from wacrmd.clock import Millis
from wacrmd.domain.address import is_user_id
from wacrmd.fields import JsonObject
from wacrmd.meta.contacts import NOBODY, Contact, Contacts
from wacrmd.meta.untrusted import as_id, as_objects, as_text, as_time, as_word, one_object, shown

NOT_WRITTEN = frozenset({"edit", "revoke", "system", "request_welcome"})
"""Kinds of messages that say nothing new to us: a person changed or took back one, or opened the chat."""

ADDRESS_CHANGES = frozenset({"user_changed_number", "user_changed_user_id", "customer_changed_number"})
"""Kinds of system messages that say that a person has another phone or user id; the last one is the older name."""

CONTENTS = ("edit", "revoke", "system", "reaction", "button", "interactive", "text", "image", "video", "audio",
    "document", "sticker", "location", "contacts", "order")  # fmt: skip
"""Kinds of messages whose content is under the name of their kind."""

RETURNS = frozenset({"resume", "signup"})
"""Preferences that end an opt-out."""
MARKETING = "marketing"
"""How the category of a preference begins that is about what wacrmd sends: `marketing_messages`."""

MAX_TEXT = 65_536
"""Characters kept of a text: WhatsApp takes 4,096."""
MAX_BUTTON = 1024
"""Characters kept of what a button says: its payload has up to 256."""
MAX_KIND = 64
"""Characters kept of the kind of a message."""
MAX_SENTENCE = 2048
"""Of a sentence of Meta's so many of its last characters are read."""

_ADDRESS = r"\+?(\d{7,15}|[A-Z]{2}\.[A-Za-z0-9.]{1,132}?)"
_SENTENCE = re.compile(rf"changed from {_ADDRESS} to {_ADDRESS}\W*$", re.ASCII)


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message from a person; `context_id` is the id of our message that it replies or reacts to.

    `text` is what was written, also below a picture; of an edited message, the new text. `part` is Meta's own object of
    this kind of message, in `raw`, its object of the whole message. `display_phone` is the number that was written to.
    """

    phone_number_id: str | None
    id: str
    wa_id: str | None
    user_id: str | None
    parent_user_id: str | None
    at: Millis
    type: str
    text: str | None
    button_payload: str | None
    button_text: str | None
    context_id: str | None
    group_id: str | None = None
    contact: Contact = NOBODY
    part: JsonObject = field(default_factory=dict, repr=False)
    raw: JsonObject = field(default_factory=dict, repr=False)
    display_phone: str | None = None

    @property
    def is_reply(self) -> bool:
        """Whether a person wrote it to us: not a change of an older message, and not to a group."""
        kind = as_word(self.part.get("type")) if self.type == "unsupported" else self.type
        if kind in NOT_WRITTEN or self.group_id is not None:
            return False
        return self.type != "reaction" or bool(self.part.get("emoji"))

    @property
    def needs_context(self) -> bool:
        """Whether it is a reply only to the message that it names: a reaction."""
        return self.type == "reaction"


@dataclass(frozen=True, slots=True)
class AddressChange:
    """A person has another phone or user id than before."""

    phone_number_id: str | None
    id: str
    at: Millis
    wa_ids: tuple[str, ...]
    user_ids: tuple[str, ...]
    previous: tuple[str, ...]
    """Phones and user ids from before."""


@dataclass(frozen=True, slots=True)
class Preference:
    """A person stopped or resumed marketing messages; `value` is `stop`, `resume` or `signup`."""

    phone_number_id: str | None
    waba_id: str | None
    wa_id: str | None
    user_id: str | None
    parent_user_id: str | None
    value: str
    at: Millis


@dataclass(frozen=True, slots=True)
class Ignored:
    """A part of the payload that wacrmd does not use, and why."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of the payload that should say something and cannot be read, and why."""

    field: str
    reason: str


def messages(
    value: JsonObject, phone_number_id: str | None, received_at: Millis
) -> Iterator[InboundMessage | AddressChange | Ignored | Unreadable]:
    """The messages of people in the value of a change."""
    found = as_objects(value.get("messages"))
    if not found:
        return
    contacts = Contacts(value)
    display_phone = as_text(one_object(value.get("metadata")).get("display_phone_number"), 64)
    for message in found:
        yield _message(message, contacts, phone_number_id, display_phone, received_at)


def _message(
    message: JsonObject,
    contacts: Contacts,
    phone_number_id: str | None,
    display_phone: str | None,
    received_at: Millis,
) -> InboundMessage | AddressChange | Ignored | Unreadable:
    kind = _kind(message)
    if kind is None:
        return Unreadable("messages", "a message without type and content")
    message_id = as_id(message.get("id")) or _made_id(message, phone_number_id, received_at)
    part, at = _part(message, kind), as_time(message.get("timestamp"), received_at)
    wa_id, user_id = as_id(message.get("from")), as_id(message.get("from_user_id"))
    if kind == "system":
        return _system(message, part, message_id, phone_number_id, at)
    contact = contacts.of(wa_id, user_id)
    written = _edited(message, part) if kind == "edit" else message
    button = _button(kind, part)
    context = part.get("message_id") if kind == "reaction" else one_object(written.get("context")).get("id")
    return InboundMessage(
        phone_number_id,
        message_id,
        wa_id or contact.wa_id,
        user_id or contact.user_id,
        as_id(message.get("from_parent_user_id")) or contact.parent_user_id,
        at,
        kind,
        _text(written),
        as_text(button.get("payload", button.get("id")), MAX_BUTTON),
        as_text(button.get("text", button.get("title")), MAX_BUTTON),
        as_id(context),
        as_id(message.get("group_id")),
        contact,
        part,
        message,
        display_phone,
    )


def _kind(message: JsonObject) -> str | None:
    """The kind of a message in small letters; without a type, that of its content."""
    kind = as_word(message.get("type"))
    return kind[:MAX_KIND] if kind else next((kind for kind in CONTENTS if message.get(kind)), None)


def _part(written: JsonObject, kind: str) -> JsonObject:
    """Meta's object of the content, which is under the name of the kind, in the case in which it was written."""
    found = written.get(kind)
    return one_object(written.get(str(written.get("type"))) if found is None else found)


def _text(written: JsonObject) -> str | None:
    """The text of a message, also below a picture."""
    text = written.get("text")
    if text is not None:
        return as_text(text, MAX_TEXT) or as_text(one_object(text).get("body"), MAX_TEXT)
    kind = as_word(written.get("type"))
    return as_text(_part(written, kind).get("caption"), MAX_TEXT) if kind else None


def _made_id(message: JsonObject, phone_number_id: str | None, received_at: Millis) -> str:
    """An id of a message that has none, made of its content, so that a repeat counts once.

    Without a time nothing tells a repeat from a person who writes the same again; both count, so that no STOP is lost.
    """
    at = None if message.get("timestamp") else received_at
    try:
        text = json.dumps([phone_number_id, at, message], sort_keys=True)
    except RecursionError:
        text = str(received_at)
    return f"wacrmd.{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def _edited(message: JsonObject, part: JsonObject) -> JsonObject:
    """What an edited message says now: the text of a person is looked for wherever it may stand, a STOP might be in it."""
    if new := one_object(part.get("message")):
        return new
    return part if "text" in part else message


def _button(kind: str, part: JsonObject) -> JsonObject:
    """The tapped button: of a template (`payload`, `text`), or of an interactive message (`id`, `title`)."""
    if kind == "button":
        return part
    if kind == "interactive":
        return one_object(part.get("button_reply")) or one_object(part.get("list_reply"))
    return {}


def _system(
    message: JsonObject, part: JsonObject, message_id: str, phone_number_id: str | None, at: Millis
) -> AddressChange | Ignored | Unreadable:
    """A system message has no `contacts`; `from` is the number before the change."""
    kind = as_word(part.get("type"))
    if kind not in ADDRESS_CHANGES:
        return Ignored("messages", f"a system message {shown(kind)}: no person wrote it")
    sender = as_id(message.get("from"))
    wa_ids = [as_id(part.get("wa_id")), as_id(part.get("new_wa_id"))]
    user_ids = [as_id(part.get("user_id")), as_id(part.get("parent_user_id"))]
    previous = [
        sender,
        as_id(part.get("customer")),
        as_id(part.get("previous_user_id")),
        as_id(part.get("previous_parent_user_id")),
        as_id(message.get("from_user_id")),
        as_id(message.get("from_parent_user_id")),
    ]
    if told := _told(part.get("body"), {_plain(each) for each in (*wa_ids, *user_ids) if each}, sender):
        old, new = told
        previous.append(old)
        (user_ids if is_user_id(new) else wa_ids).append(new)
    return _address_change(phone_number_id, message_id, at, wa_ids, user_ids, previous) or Unreadable(
        "messages", f"a system message {shown(kind)} that does not say what is new"
    )


def _address_change(
    phone_number_id: str | None,
    change_id: str,
    at: Millis,
    wa_ids: Iterable[str | None],
    user_ids: Iterable[str | None],
    previous: Iterable[str | None],
) -> AddressChange | None:
    """The change of an address; None if nothing is new."""
    phones, ids = (tuple(dict.fromkeys(each for each in found if each)) for found in (wa_ids, user_ids))
    now = {_plain(each) for each in (*phones, *ids)}
    before = tuple(dict.fromkeys(each for each in previous if each and _plain(each) not in now))
    return AddressChange(phone_number_id, change_id, at, phones, ids, before) if now else None


def _told(body: Any, now: set[str], sender: str | None) -> tuple[str, str] | None:
    """The old and the new address in Meta's sentence, where its other fields leave one of them open and none says otherwise.

    The sentence begins with the name that the person has chosen, and ends with the addresses.
    """
    match = _SENTENCE.search(body[-MAX_SENTENCE:]) if isinstance(body, str) else None
    if match is None:
        return None
    old, new = match[1], match[2]
    if new in now or (not now and (is_user_id(new) or old == _plain(sender or ""))):
        return old, new
    return None


def _plain(address: str) -> str:
    return address.removeprefix("+")


def user_id_updates(
    value: JsonObject, phone_number_id: str | None, received_at: Millis
) -> Iterator[AddressChange | Unreadable]:
    """The changed user ids in the value of a `user_id_update` change, which came beside the system messages until 2026."""
    for update in as_objects(value.get("user_id_update")):
        ids = [one_object(update.get(name)) for name in ("user_id", "parent_user_id")]
        current, previous = ([as_id(each.get(word)) for each in ids] for word in ("current", "previous"))
        wa_id = as_id(update.get("wa_id"))
        change_id = _made_id(update, phone_number_id, received_at)
        at = as_time(update.get("timestamp"), received_at)
        yield _address_change(phone_number_id, change_id, at, [wa_id], current, previous) or Unreadable(
            "user_id_update", "a user id update that does not say what is new"
        )


def preferences(
    value: JsonObject, phone_number_id: str | None, waba_id: str | None, received_at: Millis
) -> Iterator[Preference | Unreadable]:
    """The wishes of people in the value of a `user_preferences` change.

    A stop of any category is an opt-out, and only a return to marketing messages ends one: people get broadcasts or none.
    """
    found = as_objects(value.get("user_preferences"))
    contacts = Contacts(value)
    for preference in found:
        wish, category = as_word(preference.get("value")), as_word(preference.get("category")) or MARKETING
        wa_id, user_id = as_id(preference.get("wa_id")), as_id(preference.get("user_id"))
        contact = contacts.of(wa_id, user_id)
        parent = as_id(preference.get("parent_user_id")) or contact.parent_user_id
        wa_id, user_id = wa_id or contact.wa_id, user_id or contact.user_id
        if not (wa_id or user_id or parent):
            yield Unreadable("user_preferences", f"preference {shown(wish)} without a person")
        elif wish == "stop" or (wish in RETURNS and category.startswith(MARKETING)):
            at = as_time(preference.get("timestamp"), received_at)
            yield Preference(phone_number_id, waba_id, wa_id, user_id, parent, str(wish), at)
        else:
            yield Unreadable(
                "user_preferences", f"preference {shown(wish)} of the category {shown(category)}"
            )
