"""The people beside the messages and statuses of a webhook, found by their ids; pure. Shape: docs/meta.md, Messages."""

from dataclasses import dataclass

from wacrmd.domain.person import identity
from wacrmd.fields import JsonObject
from wacrmd.meta.untrusted import as_id, as_objects, as_text, one_object


@dataclass(frozen=True, slots=True)
class Contact:
    """What a webhook says about a person beside the message or status itself."""

    wa_id: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    name: str | None = None
    username: str | None = None


NOBODY = Contact()


class Contacts:
    """The people of a webhook, found by their ids."""

    def __init__(self, value: JsonObject) -> None:
        found = [_contact(one) for one in as_objects(value.get("contacts"))]
        self._by_wa_id = {one.wa_id: one for one in reversed(found)}
        self._by_user_id = {one.user_id: one for one in reversed(found)}
        self._by_form: dict[str, Contact] | None = None
        self._only = found[0] if len(found) == 1 and len(_counterparts(value)) == 1 else None

    def of(self, wa_id: str | None, user_id: str | None) -> Contact:
        """The contact with one of these ids; the only one if there is nobody else whom it could be about."""
        if user_id and (contact := self._by_user_id.get(user_id)):
            return contact
        if wa_id and (contact := self._by_wa_id.get(wa_id)):
            return contact
        if wa_id and self._by_wa_id and (contact := self._in_another_form(wa_id)):
            return contact
        if self._only is not None and not self._contradicts(self._only, wa_id, user_id):
            return self._only
        return NOBODY

    def _in_another_form(self, wa_id: str) -> Contact | None:
        """The contact whose number is the same one in its older or newer form."""
        if self._by_form is None:
            self._by_form = {identity(each): one for each, one in self._by_wa_id.items() if each}
        return self._by_form.get(identity(wa_id))

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
    profile = one_object(contact.get("profile"))
    return Contact(
        as_id(contact.get("wa_id")),
        as_id(contact.get("user_id")),
        as_id(contact.get("parent_user_id")),
        as_text(profile.get("name"), 256),
        as_text(profile.get("username"), 256) or as_text(contact.get("username"), 256),
    )
