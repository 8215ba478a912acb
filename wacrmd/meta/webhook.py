"""Meta's webhooks: verifying the signature and parsing the payload; pure.

Plain dictionaries and no validation library, for speed: one request may carry 1,000 updates. Shapes:
docs/meta.md, Webhooks and the sections after it. Parts of another shape become `Ignored`, so that they are counted.
"""

import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from wacrmd.clock import Millis
from wacrmd.domain.billing import Billing
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.fields import JsonObject
from wacrmd.meta.answer import meta_error
from wacrmd.meta.billing import billing_of
from wacrmd.meta.inbound import (
    AddressChange,
    Contacts,
    Ignored,
    InboundMessage,
    Preference,
    messages,
    preferences,
)
from wacrmd.meta.outcome import MetaError
from wacrmd.meta.untrusted import as_id, as_object, as_objects, as_text, as_time

STATUSES: dict[str, RecipientStatus] = {
    "sent": RecipientStatus.SENT,
    "delivered": RecipientStatus.DELIVERED,
    "read": RecipientStatus.READ,
    "played": RecipientStatus.READ,
    "failed": RecipientStatus.FAILED,
}
"""Meta's statuses that change a recipient; `played` is a voice message that was listened to."""

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


Update = (
    StatusUpdate
    | InboundMessage
    | AddressChange
    | NumberSignal
    | Preference
    | TemplateEvent
    | AccountEvent
    | Ignored
)


def verify(secrets: Iterable[bytes], body: bytes, header: str | None) -> int | None:
    """The index of the app secret that signed `body`; None if none did. Compares in constant time.

    `header` is `X-Hub-Signature-256`; `body` are the raw bytes as received. An empty secret never verifies.
    """
    if header is None or not header.startswith("sha256="):
        return None
    given = header.removeprefix("sha256=").strip().lower().encode(errors="replace")
    for index, secret in enumerate(secrets):
        if not secret:
            continue
        # Unlike hmac.digest, this keeps the interpreter's lock for a small body; to take it again costs more.
        signature = _keyed(secret).copy()
        signature.update(body)
        if hmac.compare_digest(signature.hexdigest().encode(), given):
            return index
    return None


@lru_cache(maxsize=64)
def _keyed(secret: bytes) -> hmac.HMAC:
    """The HMAC of nothing yet under this secret, to be copied."""
    return hmac.new(secret, digestmod="sha256")


def decode(body: bytes) -> Any:
    """The JSON of a webhook's body; raises ValueError if it is none.

    A lone surrogate in one person's text becomes a question mark, so that the other 999 updates are not lost.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            readable = json.dumps(json.loads(body), ensure_ascii=False).encode(errors="replace")
        except RecursionError as error:
            raise ValueError("the JSON is nested too deeply") from error
        return orjson.loads(readable)


def parse(payload: Any, received_at: Millis) -> list[Update]:
    """The updates in a webhook payload, in order. Never raises: parts of another shape become `Ignored`.

    `received_at` is used where Meta gave no time.
    """
    updates: list[Update] = []
    if not isinstance(payload, dict):
        return [Ignored("", "the payload is not a JSON object")]
    if payload.get("object") != "whatsapp_business_account":
        return [Ignored("", "the payload is not about a WhatsApp business account")]
    for entry in as_objects(payload.get("entry")):
        waba_id = as_id(entry.get("id"))
        for change in as_objects(entry.get("changes")):
            field, value = change.get("field"), change.get("value")
            if not isinstance(field, str) or not isinstance(value, dict):
                updates.append(Ignored(str(field), "a change without field or value"))
            elif field == "messages":
                updates.extend(_messages(value, received_at))
            elif field == "user_preferences":
                updates.extend(preferences(value, _phone_number_id(value), waba_id, received_at))
            elif field in TEMPLATE_FIELDS:
                updates.append(_template_event(field, value, waba_id))
            elif field in ACCOUNT_FIELDS:
                updates.append(_account_event(field, value, waba_id, as_time(entry.get("time"), received_at)))
            else:
                updates.append(Ignored(field, "not a field that wacrmd uses"))
    return updates


def _messages(value: JsonObject, received_at: Millis) -> Iterator[Update]:
    phone_number_id = _phone_number_id(value)
    statuses = as_objects(value.get("statuses"))
    contacts = Contacts(value)
    for status in statuses:
        yield _status(status, contacts, phone_number_id, received_at)
    yield from messages(value, phone_number_id, received_at)
    for error in as_objects(value.get("errors")):
        if found := meta_error(error):
            yield NumberSignal(phone_number_id, found)


def _status(
    status: JsonObject, contacts: Contacts, phone_number_id: str | None, received_at: Millis
) -> Update:
    wamid, word = as_id(status.get("id")), status.get("status")
    known = STATUSES.get(word) if isinstance(word, str) else None
    if wamid is None or known is None:
        return Ignored("messages", f"status {word!r} {'without id' if known else 'is not used'}")
    errors = status.get("errors")
    error = errors[0] if isinstance(errors, list) and errors else None
    wa_id, user_id = as_id(status.get("recipient_id")), as_id(status.get("recipient_user_id"))
    parent_user_id = as_id(status.get("recipient_parent_user_id"))
    if status.get("recipient_type") == "group":  # then this is the id of the group
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
        as_text(status.get("biz_opaque_callback_data")),
        meta_error(error) if error is not None else None,
        billing_of(status),
    )


def _template_event(field: str, value: JsonObject, waba_id: str | None) -> TemplateEvent:
    language = as_text(value.get("message_template_language"))
    return TemplateEvent(
        waba_id,
        field,
        as_text(value.get("message_template_name")),
        language.replace("-", "_") if language else None,  # Meta's sample says en-US, everything else en_US
        (as_text(value.get(TEMPLATE_FIELDS[field])) or "UNKNOWN").upper(),
        _reason(value),
        value,
    )


def _reason(value: JsonObject) -> str | None:
    """Why a template changed; Meta writes NONE when there is no reason."""
    other = as_object(value.get("other_info"))
    rejection = as_object(value.get("rejection_info"))
    for text in (rejection.get("reason"), other.get("description"), other.get("title"), value.get("reason")):
        if isinstance(text, str) and text and text != "NONE":
            return text
    return None


def _account_event(field: str, value: JsonObject, waba_id: str | None, at: Millis) -> AccountEvent:
    """An event of the account that `waba_info` names, if it does: then the webhook may be that of a partner's account."""
    concerned = as_id(as_object(value.get("waba_info")).get("waba_id")) or waba_id
    event = (
        value.get("event") or value.get("decision") or as_object(value.get("alert_info")).get("alert_type")
    )
    return AccountEvent(concerned, field, as_text(event), at, value)


def _phone_number_id(value: JsonObject) -> str | None:
    return as_id(as_object(value.get("metadata")).get("phone_number_id"))
