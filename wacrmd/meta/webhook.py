"""Meta's webhooks: verifying the signature and parsing the payload; pure.

Plain dictionaries and no validation library, for speed: one request may carry 1,000 updates. Shapes:
docs/meta.md, Webhooks and the sections after it. An object is taken for a list of one and the reverse, and Meta's words
in any case. What still cannot be read becomes `Unreadable`, so that it is logged, and the other parts are read.
"""

import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson

from wacrmd.clock import Millis
from wacrmd.domain.billing import Billing
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.fields import JsonObject
from wacrmd.meta.answer import MAX_TEXT, meta_error
from wacrmd.meta.billing import billing_of
from wacrmd.meta.contacts import Contacts
from wacrmd.meta.errors import Action, rule_for
from wacrmd.meta.inbound import (
    AddressChange,
    Ignored,
    InboundMessage,
    Preference,
    Unreadable,
    messages,
    preferences,
    user_id_updates,
)
from wacrmd.meta.json_repair import check_size, repaired
from wacrmd.meta.outcome import MetaError
from wacrmd.meta.untrusted import as_id, as_objects, as_text, as_time, as_word, one_object, shown, unread

STATUSES: dict[str, RecipientStatus] = {
    "sent": RecipientStatus.SENT,
    "delivered": RecipientStatus.DELIVERED,
    "read": RecipientStatus.READ,
    "played": RecipientStatus.READ,
    "failed": RecipientStatus.FAILED,
}
"""Meta's statuses that change a recipient; `played` is a voice message that was listened to."""

_BY_WEIGHT = (
    Action.OPT_OUT,
    Action.PAUSE_BUSINESS_ACCOUNT,
    Action.PAUSE_NUMBER,
    Action.PAUSE_BROADCAST,
    Action.COUNT_FAILURE,
)
"""The actions that concern more than one message, those first that must not be missed: of several errors one is stored."""

MESSAGE_FIELDS = frozenset({"messages", "standby"})
"""Webhook fields with messages and statuses. `standby` has those of a number on which Meta's own agent answers."""

TEMPLATE_FIELDS: dict[str, str] = {
    "message_template_status_update": "event",
    "message_template_quality_update": "new_quality_score",
    "message_template_components_update": "",
    "template_category_update": "new_category",
}
"""Webhook fields about a template, and the key that holds its new status, quality or category."""

ACCOUNT_FIELDS = frozenset(
    {
        "account_update",
        "account_alerts",
        "account_review_update",
        "account_settings_update",
        "business_capability_update",
        "payment_configuration_update",
        "phone_number_name_update",
        "phone_number_quality_update",
        "security",
    }
)
"""Webhook fields about the business account or one of its numbers."""


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """A status of one of our messages; `recipient_id` is absent for people who hide their number."""

    phone_number_id: str | None
    wamid: str
    status: RecipientStatus
    at: Millis
    recipient_id: str | None
    user_id: str | None
    parent_user_id: str | None
    callback: str | None
    error: MetaError | None
    billing: Billing | None


@dataclass(frozen=True, slots=True)
class NumberSignal:
    """An error of the number as a whole, such as 130429; it names no message."""

    phone_number_id: str | None
    error: MetaError


@dataclass(frozen=True, slots=True)
class TemplateEvent:
    """A template changed: `event` is the new status, quality or category (by `field`), in Meta's capitals."""

    waba_id: str | None
    field: str
    name: str | None
    language: str | None
    event: str
    reason: str | None
    raw: JsonObject


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """The business account or one of its numbers changed, at Meta's time `at`."""

    waba_id: str | None
    field: str
    event: str | None
    at: Millis
    raw: JsonObject


MAX_UPDATES = 10_000
"""Of one webhook so many are read: Meta sends 1,000 at most, in up to 3 MiB."""

MAX_NAME = 512
"""Characters kept of names, of our callback token and of what Meta calls its events."""

_SIGNATURE = re.compile(rb"sha256=([0-9A-Fa-f]{64})")

Update = (
    StatusUpdate
    | InboundMessage
    | AddressChange
    | NumberSignal
    | Preference
    | TemplateEvent
    | AccountEvent
    | Ignored
    | Unreadable
)


def read_signature(headers: Iterable[bytes]) -> bytes | None:
    """The HMAC in the `X-Hub-Signature-256` headers of a request; None unless there is exactly one, well formed."""
    given = list(headers)
    found = _SIGNATURE.fullmatch(given[0]) if len(given) == 1 else None
    return None if found is None else bytes.fromhex(found[1].decode())


def verify(secrets: Iterable[bytes], body: bytes, signature: bytes) -> int | None:
    """The index of the app secret that signed `body`; None if none did. Compares in constant time.

    `body` are the raw bytes as received. An empty secret never verifies.
    """
    for index, secret in enumerate(secrets):
        if not secret:
            continue
        # Unlike hmac.digest, this keeps the interpreter's lock for a small body; to take it again costs more.
        made = _keyed(secret).copy()
        made.update(body)
        if hmac.compare_digest(made.digest(), signature):
            return index
    return None


@lru_cache(maxsize=64)
def _keyed(secret: bytes) -> hmac.HMAC:
    """The HMAC of nothing yet under this secret, to be copied."""
    return hmac.new(secret, digestmod="sha256")


def decode(body: bytes) -> Any:
    """The JSON of a webhook's body; raises ValueError if it is none, or has too many objects to be parsed at once.

    What no parser takes is replaced (`json_repair.py`), so that one person's text does not cost the other 999 updates.
    """
    check_size(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return orjson.loads(repaired(body))


def parse(payload: Any, received_at: Millis) -> list[Update]:
    """The updates in a webhook payload, in order. Never raises: what cannot be read becomes `Unreadable`.

    `received_at` is used where Meta gave no time.
    """
    envelopes = as_objects(payload)
    if not envelopes:
        return [Unreadable("", "the payload is not a JSON object")] if payload not in ({}, []) else []
    found = (update for envelope in envelopes for update in _envelope(envelope, received_at))
    updates = list(islice(found, MAX_UPDATES))
    if next(found, None) is not None:
        updates.append(
            Unreadable("", f"more than {MAX_UPDATES:,} updates in one webhook: the others are not read")
        )
    return updates


def _envelope(payload: JsonObject, received_at: Millis) -> Iterator[Update]:
    about = as_word(payload.get("object"))
    if about != "whatsapp_business_account" and (about or "entry" not in payload):
        yield Ignored("", "the payload is not about a WhatsApp business account")
        return
    yield from _unread("", payload, "entry")
    for entry in as_objects(payload.get("entry")):
        if "changes" not in entry:
            yield Unreadable("", "an entry without changes")
        yield from _unread("", entry, "changes")
        for change in as_objects(entry.get("changes")):
            yield from _change(entry, change, received_at)


def _change(entry: JsonObject, change: JsonObject, received_at: Millis) -> Iterator[Update]:
    value = change.get("value")
    values = [value] if isinstance(value, dict) else as_objects(value)
    field = as_word(as_text(change.get("field"), MAX_NAME))
    if field is None and any("messages" in value or "statuses" in value for value in values):
        field = "messages"
    if field is None or not values:
        yield Unreadable(field or "", "a change without field or value")
        return
    yield from _unread(field, change, "value")
    waba_id = as_id(entry.get("id"))
    for value in values:
        if field in MESSAGE_FIELDS:
            yield from _messages(field, value, received_at)
        elif field == "user_preferences":
            yield from _unread(field, value, "user_preferences", "contacts")
            yield from preferences(value, _phone_number_id(value), waba_id, received_at)
        elif field == "user_id_update":
            yield from _unread(field, value, "user_id_update")
            yield from user_id_updates(value, _phone_number_id(value), received_at)
        elif field in TEMPLATE_FIELDS:
            yield _template_event(field, value, waba_id)
        elif field in ACCOUNT_FIELDS:
            yield _account_event(field, value, waba_id, as_time(entry.get("time"), received_at))
        else:
            yield Ignored(field, "not a field that wacrmd uses")


def _unread(field: str, container: JsonObject, *names: str) -> Iterator[Unreadable]:
    """What is in place of lists of objects, and is none."""
    for name in names:
        if (why := unread(container.get(name))) is not None:
            yield Unreadable(field, f"{name} {why}")


def _messages(field: str, value: JsonObject, received_at: Millis) -> Iterator[Update]:
    yield from _spoken(field, value, received_at)
    for inner in as_objects(value.get("standby")):
        yield from _spoken(field, {"metadata": value.get("metadata")} | inner, received_at)


def _spoken(field: str, value: JsonObject, received_at: Millis) -> Iterator[Update]:
    phone_number_id = _phone_number_id(value)
    contacts = Contacts(value)
    yield from _unread(field, value, "contacts", "statuses")
    for status in as_objects(value.get("statuses")):
        yield _status(status, contacts, phone_number_id, received_at)
    yield from _unread(field, value, "messages")
    yield from messages(value, phone_number_id, received_at)
    yield from _unread(field, value, "errors")
    for error in as_objects(value.get("errors")):
        if found := meta_error(error):
            yield NumberSignal(phone_number_id, found)


def _status(
    status: JsonObject, contacts: Contacts, phone_number_id: str | None, received_at: Millis
) -> Update:
    wamid, word = as_id(status.get("id")), status.get("status")
    known = STATUSES.get(word) if isinstance(word, str) else None
    if wamid is None or known is None:
        word = as_word(word)
        if wamid is None or word is None:
            return Unreadable("messages", f"status {shown(word)} without {'id' if word else 'a word'}")
        known = STATUSES.get(word)
        if known is None:
            return Ignored("messages", f"status {shown(word)} is not used")
    wa_id, user_id = as_id(status.get("recipient_id")), as_id(status.get("recipient_user_id"))
    parent_user_id = as_id(status.get("recipient_parent_user_id"))
    kind = status.get("recipient_type")
    if kind is not None and as_word(kind) == "group":  # then this is the id of the group
        wa_id = user_id = parent_user_id = None
    else:
        contact = contacts.of(wa_id, user_id)
        wa_id, user_id = wa_id or contact.wa_id, user_id or contact.user_id
        parent_user_id = parent_user_id or contact.parent_user_id
    return StatusUpdate(
        phone_number_id,
        wamid,
        known,
        as_time(status.get("timestamp"), received_at),
        wa_id,
        user_id,
        parent_user_id,
        as_text(status.get("biz_opaque_callback_data"), MAX_NAME),
        _error(status.get("errors")),
        billing_of(status),
    )


def _error(errors: Any) -> MetaError | None:
    """Of several errors the one with the most consequences; of those that are equal, the first."""
    if errors is None:
        return None
    found = [error for each in as_objects(errors) if (error := meta_error(each))]
    return min(found, key=_weight, default=None) if len(found) > 1 else next(iter(found), None)


def _weight(error: MetaError) -> int:
    action = rule_for(error.code, error.subcode, from_webhook=True).action
    return _BY_WEIGHT.index(action) if action in _BY_WEIGHT else len(_BY_WEIGHT)


def _template_event(field: str, value: JsonObject, waba_id: str | None) -> TemplateEvent:
    language = as_text(value.get("message_template_language"), MAX_NAME)
    return TemplateEvent(
        waba_id,
        field,
        as_text(value.get("message_template_name"), MAX_NAME),
        language.replace("-", "_") if language else None,  # Meta's sample says en-US, everything else en_US
        (as_text(value.get(TEMPLATE_FIELDS[field]), MAX_NAME) or "UNKNOWN").upper(),
        _reason(value),
        value,
    )


def _reason(value: JsonObject) -> str | None:
    """Why a template changed; Meta writes NONE when there is no reason."""
    other = one_object(value.get("other_info"))
    rejection = one_object(value.get("rejection_info"))
    for text in (rejection.get("reason"), other.get("description"), other.get("title"), value.get("reason")):
        if isinstance(text, str) and text and text != "NONE":
            return text[:MAX_TEXT]
    return None


def _account_event(field: str, value: JsonObject, waba_id: str | None, at: Millis) -> AccountEvent:
    """An event of the account that `waba_info` names, if it does: then the webhook may be that of a partner's account."""
    concerned = as_id(one_object(value.get("waba_info")).get("waba_id")) or waba_id
    event = (
        value.get("event") or value.get("decision") or one_object(value.get("alert_info")).get("alert_type")
    )
    return AccountEvent(concerned, field, as_text(event, MAX_NAME), at, value)


def _phone_number_id(value: JsonObject) -> str | None:
    return as_id(one_object(value.get("metadata")).get("phone_number_id"))
