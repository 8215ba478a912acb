"""Posts signed webhooks of Meta, with any secret and for any number."""

import hmac
import json
import time
from itertools import count
from typing import Any

import httpx

from tests.support.site import APP_SECRET, PHONE_NUMBER_ID, WABA_ID, Site

_ids = count(1)


def seconds_now() -> int:
    return int(time.time())


async def post_change(
    hook: httpx.AsyncClient,
    field: str,
    value: dict[str, Any],
    *,
    secret: str = APP_SECRET,
    waba_id: str = WABA_ID,
) -> httpx.Response:
    """Post one change, signed."""
    payload = {
        "object": "whatsapp_business_account",
        "entry": [{"id": waba_id, "changes": [{"field": field, "value": value}]}],
    }
    return await post(hook, payload, secret=secret)


async def post(hook: httpx.AsyncClient, payload: object, *, secret: str = APP_SECRET) -> httpx.Response:
    """Post a whole webhook, signed."""
    return await post_body(hook, json.dumps(payload).encode(), secret=secret)


async def post_body(hook: httpx.AsyncClient, body: bytes, *, secret: str = APP_SECRET) -> httpx.Response:
    """Post the body of a webhook, signed."""
    signature = hmac.new(secret.encode(), body, "sha256").hexdigest()
    return await hook.post(
        "/webhooks/meta", content=body, headers={"X-Hub-Signature-256": f"sha256={signature}"}
    )


def metadata(phone_number_id: str = PHONE_NUMBER_ID) -> dict[str, Any]:
    return {"display_phone_number": "15550783881", "phone_number_id": phone_number_id}


async def inbound_message(
    here: Site,
    text: str | None = None,
    *,
    wa_id: str | None = None,
    user_id: str | None = None,
    button: dict[str, str] | None = None,
    context: str | None = None,
    at: int | None = None,
    message_id: str | None = None,
    phone_number_id: str = PHONE_NUMBER_ID,
    secret: str = APP_SECRET,
    waba_id: str = WABA_ID,
) -> None:
    """Post a message of a person: a text, or a tap on a quick reply button."""
    message: dict[str, Any] = {
        "id": message_id or f"wamid.in{next(_ids)}",
        "timestamp": str(at or seconds_now()),
        **({"from": wa_id} if wa_id else {}),
        **({"from_user_id": user_id} if user_id else {}),
        **({"context": {"id": context}} if context else {}),
        **({"type": "button", "button": button} if button else {"type": "text", "text": {"body": text}}),
    }
    value = {"messaging_product": "whatsapp", "metadata": metadata(phone_number_id), "messages": [message]}
    answer = await post_change(here.hook, "messages", value, secret=secret, waba_id=waba_id)
    assert answer.status_code == 200, answer.text


async def preference_change(
    here: Site, value: str, *, wa_id: str | None = None, user_id: str | None = None, at: int | None = None
) -> None:
    """Post a preference: a person stops or resumes marketing messages in WhatsApp."""
    preference = {
        "category": "marketing_messages",
        "value": value,
        "timestamp": at or seconds_now(),
        **({"wa_id": wa_id} if wa_id else {}),
        **({"user_id": user_id} if user_id else {}),
    }
    body = {"messaging_product": "whatsapp", "metadata": metadata(), "user_preferences": [preference]}
    answer = await post_change(here.hook, "user_preferences", body)
    assert answer.status_code == 200, answer.text


async def status(
    here: Site,
    wamid: str,
    word: str,
    *,
    phone_number_id: str = PHONE_NUMBER_ID,
    secret: str = APP_SECRET,
    waba_id: str = WABA_ID,
    **more: Any,
) -> None:
    """Post a status of a message; `more` are further fields of the status."""
    one = {"id": wamid, "status": word, "timestamp": str(seconds_now()), **more}
    value = {"messaging_product": "whatsapp", "metadata": metadata(phone_number_id), "statuses": [one]}
    answer = await post_change(here.hook, "messages", value, secret=secret, waba_id=waba_id)
    assert answer.status_code == 200, answer.text


async def template_event(
    here: Site, event: str, *, name: str = "hello", language: str = "en-US", reason: str | None = None
) -> None:
    """Post a change of a template's state."""
    value = {
        "message_template_id": 1,
        "message_template_name": name,
        "message_template_language": language,
        "event": event,
        "reason": reason,
    }
    answer = await post_change(here.hook, "message_template_status_update", value)
    assert answer.status_code == 200, answer.text


async def account_event(here: Site, event: str, *, waba_id: str = WABA_ID) -> None:
    """Post a change of a business account's state."""
    answer = await post_change(here.hook, "account_update", {"event": event}, waba_id=waba_id)
    assert answer.status_code == 200, answer.text
