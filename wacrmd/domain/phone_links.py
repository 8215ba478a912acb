"""Phone numbers inside addresses: `tel:`, links that open a chat, and the ids that WhatsApp programs write. Pure."""

import re
from dataclasses import dataclass

_SCHEME = re.compile(
    r"(?:tel|callto|sms|mms|whatsapp|facetime(?:-audio)?|imessage|skype|(sms|mms)to) ?:(?!//send)(?://)? ?"
    r"(.*?)(?:[?&][a-z]+(?:=.*)?|(?(1):.*|))?",
    re.IGNORECASE | re.DOTALL,
)
"""A number, and perhaps what to write there: `sms:+49…?body=Hi`, `SMSTO:+49…:Hi`."""
_CARD = re.compile(r"(?:item[0-9]+\.)?tel(;[^:]*)?:(?:tel:)?(.*)", re.IGNORECASE | re.DOTALL)
"""A line of a contact: `TEL;TYPE=CELL:+49 …`."""
_NO_PERSON = re.compile(r"[;=,](?:fax|pager|modem|bbs)\b", re.IGNORECASE)
_CHAT = re.compile(r"(?:https?://)?(?:www\.)?wa\.me/ ?([^?#/]*)/?(?:[?#].*)?", re.IGNORECASE | re.DOTALL)
_SEND = re.compile(
    r"(?:(?:https?://)?(?:(?:api|web|www)\.)?whatsapp\.com/send|whatsapp://send)/?\?(?:[^#]*&)?phone=([^&#]*).*",
    re.IGNORECASE | re.DOTALL,
)
_USER = re.compile(r"\+?([0-9]+)(?::[0-9]{1,3})?@(?:c\.us|s\.whatsapp\.net)", re.IGNORECASE | re.ASCII)
"""`<number>:<device>@…`: the id of a person, whose digits are those of a `wa_id`."""
_OTHER_ID = {
    "lid": "is a hidden id of WhatsApp, which is no phone number",
    "g.us": "is the id of a group",
    "broadcast": "is the id of a broadcast list",
    "newsletter": "is the id of a channel",
}


@dataclass(frozen=True, slots=True)
class Link:
    """The number in an address, as it is written there; `is_international` if it begins with a country code."""

    text: str
    is_international: bool


@dataclass(frozen=True, slots=True)
class NoLink:
    """An address of something else than one phone number; `detail` says of what."""

    detail: str


def unlinked(text: str) -> Link | NoLink | None:
    """The number in an address; None for a text that is no address."""
    if len(re.findall(r"[?&]phone=", text, re.IGNORECASE)) > 1:
        return NoLink("is a link that names more than one phone number")
    if match := _USER.fullmatch(text) or _CHAT.fullmatch(text) or _SEND.fullmatch(text):
        if any(map(str.isdecimal, match[1])):
            return Link(match[1], is_international=True)
        return NoLink("is a link that names no phone number")
    if match := _SCHEME.fullmatch(text):
        return Link(match[2], is_international=False)
    if match := _CARD.fullmatch(text):
        if match[1] and _NO_PERSON.search(match[1]):
            return NoLink("is the line of a fax or a pager")
        return Link(match[2], is_international=False)
    if "@" in text:
        return NoLink(_OTHER_ID.get(text.rpartition("@")[2].lower(), "is an address and no phone number"))
    if "://" in text or re.match(r"(?:[a-z]+\.)*(?:wa\.me|whatsapp\.com)/", text, re.IGNORECASE):
        return NoLink("is a link that names no phone number")
    return None
