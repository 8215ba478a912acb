"""The JSON of answers and webhooks. Pure."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from wacrmd.simulator.graph_errors import title
from wacrmd.simulator.inbound import Sender, contact, message_of
from wacrmd.simulator.ledger import Entry
from wacrmd.simulator.marketing import category_billed
from wacrmd.simulator.options import Options
from wacrmd.simulator.updates import Update, UpdateKind

ERROR_HELP = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


def accepted_body(options: Options, entry: Entry, *, held: bool) -> bytes:
    """The answer to an accepted message (docs/meta.md, Answers)."""
    send = entry.send
    person = {"input": send.input}
    if options.user_ids or send.is_to_user_id:
        person["user_id"] = send.user_id
    if send.wa_id is not None and not (options.hide_phones and send.is_to_user_id):
        person["wa_id"] = send.wa_id
    status = "held_for_quality_assessment" if held else "accepted"
    return orjson.dumps(
        {
            "messaging_product": "whatsapp",
            "contacts": [person],
            "messages": [{"id": entry.wamid, "message_status": status}],
        }
    )


def envelope(waba_id: str, field: str, value: dict[str, Any], time_s: int | None = None) -> dict[str, Any]:
    """A whole webhook with one change (docs/meta.md, Webhooks); `time_s` only for account-level fields."""
    entry: dict[str, Any] = {"id": waba_id}
    if time_s is not None:
        entry["time"] = time_s
    entry["changes"] = [{"value": value, "field": field}]
    return {"object": "whatsapp_business_account", "entry": [entry]}


def encoded(webhook: dict[str, Any]) -> bytes:
    r"""The bytes that Meta would post: ASCII, with `\uXXXX` in lower case and `\/` (docs/meta.md, Webhooks)."""
    return json.dumps(webhook, separators=(",", ":")).replace("/", "\\/").encode()


def signature(app_secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256` for the raw bytes `body`."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def messages_value(
    options: Options, phone_number_id: str, updates: Iterable[tuple[Entry, Update]]
) -> dict[str, Any]:
    """The value of a `messages` webhook with `updates`, all of one number: statuses and replies."""
    statuses: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    contacts: list[dict[str, Any]] = []
    for entry, update in updates:
        if update.kind in (UpdateKind.REPLY, UpdateKind.TAP):
            messages.append(_reply(options, entry, update))
        else:
            statuses.append(_status(options, entry, update))
        if update.kind is not UpdateKind.FAILED or options.contacts_in_failed:
            contacts.append(contact(options, Sender(entry.send.wa_id, entry.send.user_id)))
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": options.display_phone_number,
            "phone_number_id": phone_number_id,
        },
    }
    lists = {"contacts": contacts, "messages": messages, "statuses": statuses}
    return value | {key: items for key, items in lists.items() if items}


def _status(options: Options, entry: Entry, update: Update) -> dict[str, Any]:
    """One object of `statuses[]` (docs/meta.md, Statuses)."""
    send = entry.send
    status: dict[str, Any] = {
        "id": entry.wamid,
        "status": update.kind.value,
        "timestamp": str((entry.at_ms + update.happens_after_ms) // 1000),
    }
    if send.wa_id is not None and not options.hide_phones:
        status["recipient_id"] = send.wa_id
    if send.is_to_user_id or (options.user_ids and update.kind is not UpdateKind.FAILED):
        status["recipient_user_id"] = send.user_id
    if send.callback_data is not None and (
        update.kind is not UpdateKind.FAILED or options.callback_in_failed
    ):
        status["biz_opaque_callback_data"] = send.callback_data
    if update.kind in (UpdateKind.SENT, UpdateKind.DELIVERED):
        status["pricing"] = {
            "billable": True,
            "pricing_model": "PMP",
            "type": "regular",
            "category": category_billed(options, entry.endpoint, send.template, send.language),
        }
    if update.code is not None:
        text = title(update.code)
        status["errors"] = [
            {
                "code": update.code,
                "title": text,
                "message": text,
                "error_data": {"details": f"{text} (simulated)"},
                "href": ERROR_HELP,
            }
        ]
    return status


def _reply(options: Options, entry: Entry, update: Update) -> dict[str, Any]:
    """One object of `messages[]`: a reply to the message `entry` (docs/meta.md, Messages)."""
    tap = {"kind": "button", "button_payload": entry.send.button_payload or update.text}
    return message_of(
        options,
        Sender(entry.send.wa_id, entry.send.user_id),
        f"{entry.wamid}.reply.{update.kind}",
        entry.at_ms + update.happens_after_ms,
        {"text": update.text or ""} | (tap if update.kind is UpdateKind.TAP else {}),
        entry.wamid,
    )


def number_of(options: Options, phone_number_id: str, fields: Sequence[str]) -> dict[str, Any]:
    """The fields of a phone number (docs/meta.md, Management calls); unknown ones are left out, `id` is always there."""
    known = {
        "display_phone_number": f"+{options.display_phone_number}",
        "verified_name": "Simulated Business",
        "quality_rating": options.quality_rating,
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "status": options.number_status,
        "throughput": {"level": options.throughput_level},
        "whatsapp_business_manager_messaging_limit": options.messaging_limit,
        "platform_type": "CLOUD_API",
        "account_mode": "LIVE",
        "is_on_biz_app": False,
        "webhook_configuration": {"application": options.webhook_url or ""},
        "health_status": health_of(options, "PHONE_NUMBER", phone_number_id),
    }
    wanted = fields or ("display_phone_number", "verified_name", "quality_rating")
    return {"id": phone_number_id} | {name: known[name] for name in wanted if name in known}


def health_of(options: Options, entity_type: str, entity_id: str) -> dict[str, Any]:
    """`health_status` of a number or a WABA; anything but AVAILABLE comes with an error and a solution."""
    entity: dict[str, Any] = {
        "entity_type": entity_type,
        "id": entity_id,
        "can_send_message": options.can_send_message,
    }
    if options.can_send_message != "AVAILABLE":
        entity["errors"] = [
            {
                "error_code": 141006,
                "error_description": "There is an error with the payment method (simulated).",
                "possible_solution": "Set can_send_message of the simulated Meta to AVAILABLE.",
            }
        ]
    return {"can_send_message": options.can_send_message, "entities": [entity]}
