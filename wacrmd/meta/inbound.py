"""What people write, choose and change, as Meta's webhooks tell it; pure. Shapes: docs/meta.md, Messages."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from wacrmd.clock import Millis
from wacrmd.fields import JsonObject
from wacrmd.meta.untrusted import as_id, as_object, as_objects, as_text, as_time

NOT_WRITTEN = frozenset({"edit", "revoke", "system", "request_welcome"})
"""Kinds of messages that say nothing new to us: a person changed or took back one, or opened the chat."""

ADDRESS_CHANGES = frozenset({"user_changed_number", "user_changed_user_id", "customer_changed_number"})
"""Kinds of system messages that say that a person has another phone or user id; the last one is the older name."""


@dataclass(frozen=True, slots=True)
class Contact:
    """What a webhook says about a person beside the message or status itself."""

    wa_id: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    name: str | None = None
    username: str | None = None


NOBODY = Contact()


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
        if self.type in NOT_WRITTEN or self.group_id is not None:
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


class Contacts:
    """The people of a webhook, found by their ids."""

    def __init__(self, value: JsonObject) -> None:
        found = [_contact(one) for one in as_objects(value.get("contacts"))]
        self._by_wa_id = {one.wa_id: one for one in reversed(found)}
        self._by_user_id = {one.user_id: one for one in reversed(found)}
        self._only = found[0] if len(found) == 1 and len(_counterparts(value)) == 1 else None

    def of(self, wa_id: str | None, user_id: str | None) -> Contact:
        """The contact with one of these ids; the only one if there is nobody else whom it could be about."""
        if user_id and (contact := self._by_user_id.get(user_id)):
            return contact
        if wa_id and (contact := self._by_wa_id.get(wa_id)):
            return contact
        if self._only is not None and not self._contradicts(self._only, wa_id, user_id):
            return self._only
        return NOBODY

    @staticmethod
    def _contradicts(contact: Contact, wa_id: str | None, user_id: str | None) -> bool:
        return bool(wa_id and contact.wa_id) or bool(user_id and contact.user_id)


def _counterparts(value: JsonObject) -> set[tuple[str | None, ...]]:
    """Whom all of this webhook is about, as far as it can be told: several messages without ids are of one person.

    Statuses of several messages are not: those that failed come without a contact.
    """
    return {
        tuple(as_id(one.get(key)) for key in keys)
        for kind, keys in _NAMED_BY.items()
        for one in as_objects(value.get(kind))
    }


_NAMED_BY = {
    "messages": ("from", "from_user_id", "from_parent_user_id"),
    "statuses": ("id",),
    "user_preferences": ("wa_id", "user_id", "parent_user_id"),
}


def _contact(contact: JsonObject) -> Contact:
    profile = as_object(contact.get("profile"))
    return Contact(
        as_id(contact.get("wa_id")),
        as_id(contact.get("user_id")),
        as_id(contact.get("parent_user_id")),
        as_text(profile.get("name"), 256),
        as_text(profile.get("username"), 256) or as_text(contact.get("username"), 256),
    )


def messages(
    value: JsonObject, phone_number_id: str | None, received_at: Millis
) -> Iterator[InboundMessage | AddressChange | Ignored]:
    """The messages of people in the value of a change."""
    found = as_objects(value.get("messages"))
    if not found:
        return
    contacts = Contacts(value)
    display_phone = as_text(as_object(value.get("metadata")).get("display_phone_number"), 64)
    for message in found:
        yield _message(message, contacts, phone_number_id, display_phone, received_at)


def _message(
    message: JsonObject,
    contacts: Contacts,
    phone_number_id: str | None,
    display_phone: str | None,
    received_at: Millis,
) -> InboundMessage | AddressChange | Ignored:
    kind, message_id = message.get("type"), as_id(message.get("id"))
    if message_id is None or not isinstance(kind, str):
        return Ignored("messages", "a message without id or type")
    part, at = as_object(message.get(kind)), as_time(message.get("timestamp"), received_at)
    wa_id, user_id = as_id(message.get("from")), as_id(message.get("from_user_id"))
    if kind == "system":
        return _system(message, part, message_id, phone_number_id, at)
    contact = contacts.of(wa_id, user_id)
    written = _edited(message, part) if kind == "edit" else message
    written_kind = "text" if "text" in written else written.get("type")
    content = as_object(written.get(written_kind)) if isinstance(written_kind, str) else {}
    button = _button(kind, part)
    context = part.get("message_id") if kind == "reaction" else as_object(written.get("context")).get("id")
    return InboundMessage(
        phone_number_id,
        message_id,
        wa_id or contact.wa_id,
        user_id or contact.user_id,
        as_id(message.get("from_parent_user_id")) or contact.parent_user_id,
        at,
        kind,
        as_text(content.get("body")) if written_kind == "text" else as_text(content.get("caption")),
        as_text(button.get("payload", button.get("id"))),
        as_text(button.get("text", button.get("title"))),
        as_id(context),
        as_id(message.get("group_id")),
        contact,
        part,
        message,
        display_phone,
    )


def _edited(message: JsonObject, part: JsonObject) -> JsonObject:
    """What an edited message says now: the text of a person is looked for wherever it may stand, a STOP might be in it."""
    if new := as_object(part.get("message")):
        return new
    return part if "text" in part else message


def _button(kind: str, part: JsonObject) -> JsonObject:
    """The tapped button: of a template (`payload`, `text`), or of an interactive message (`id`, `title`)."""
    if kind == "button":
        return part
    if kind == "interactive":
        return as_object(part.get("button_reply")) or as_object(part.get("list_reply"))
    return {}


def _system(
    message: JsonObject, part: JsonObject, message_id: str, phone_number_id: str | None, at: Millis
) -> AddressChange | Ignored:
    """A system message has no `contacts`; `from` is the number before the change."""
    kind = part.get("type")
    if kind not in ADDRESS_CHANGES:
        return Ignored("messages", f"a system message {kind!r}: no person wrote it")
    wa_ids = (as_id(part.get("wa_id")), as_id(part.get("new_wa_id")))
    user_ids = (as_id(part.get("user_id")), as_id(part.get("parent_user_id")))
    previous = (
        as_id(message.get("from")),
        as_id(part.get("customer")),
        as_id(part.get("previous_user_id")),
        as_id(part.get("previous_parent_user_id")),
        as_id(message.get("from_user_id")),
        as_id(message.get("from_parent_user_id")),
    )
    now = {*wa_ids, *user_ids}
    return AddressChange(
        phone_number_id,
        message_id,
        at,
        tuple(each for each in wa_ids if each),
        tuple(each for each in user_ids if each),
        tuple(dict.fromkeys(each for each in previous if each and each not in now)),
    )


def preferences(
    value: JsonObject, phone_number_id: str | None, waba_id: str | None, received_at: Millis
) -> Iterator[Preference | Ignored]:
    """The wishes of people in the value of a `user_preferences` change."""
    found = as_objects(value.get("user_preferences"))
    contacts = Contacts(value)
    for preference in found:
        wish = preference.get("value")
        wa_id, user_id = as_id(preference.get("wa_id")), as_id(preference.get("user_id"))
        contact = contacts.of(wa_id, user_id)
        parent = as_id(preference.get("parent_user_id")) or contact.parent_user_id
        wa_id, user_id = wa_id or contact.wa_id, user_id or contact.user_id
        if wish not in ("stop", "resume", "signup") or not (wa_id or user_id or parent):
            yield Ignored("user_preferences", f"preference {wish!r}, or without a person")
        else:
            at = as_time(preference.get("timestamp"), received_at)
            yield Preference(phone_number_id, waba_id, wa_id, user_id, parent, wish, at)
