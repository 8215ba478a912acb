"""The pricing and the conversation of a status, as Meta's webhooks tell them; pure. Shapes: docs/meta.md, Statuses."""

from functools import lru_cache
from typing import Any

from wacrmd.domain.billing import Billing, Conversation, Pricing
from wacrmd.fields import JsonObject
from wacrmd.meta.untrusted import as_id, as_object, as_text, as_time

MAX_WORD = 64
"""Characters kept of Meta's words: they are stored, and shown in tables."""

MAX_ID = 256


def billing_of(status: JsonObject) -> Billing | None:
    """What a status says about the price of its message; None if it says nothing."""
    pricing, conversation = status.get("pricing"), status.get("conversation")
    if pricing is None and conversation is None:
        return None
    words = as_object(pricing)
    told = (words.get("category"), words.get("type"), words.get("pricing_model"), words.get("billable"))
    try:
        price = _pricing(*told)
    except TypeError:  # a list or an object in the place of a word
        price = _pricing(*(each if isinstance(each, str | bool) else None for each in told))
    if conversation is None:
        return price
    found = _conversation(as_object(conversation))
    return Billing(price.pricing if price else None, found) if found else price


@lru_cache(maxsize=256, typed=True)
def _pricing(category: Any, kind: Any, model: Any, billable: Any) -> Billing | None:
    """Statuses come by the hundred, and few of them differ in this."""
    words = as_text(category, MAX_WORD), as_text(kind, MAX_WORD), as_text(model, MAX_WORD)
    if words == (None, None, None):
        return None
    return Billing(Pricing(*words, billable if isinstance(billable, bool) else None), None)


def _conversation(found: JsonObject) -> Conversation | None:
    conversation_id = as_id(found.get("id"))
    if conversation_id is None:
        return None
    origin = as_text(as_object(found.get("origin")).get("type"), MAX_WORD)
    return Conversation(
        conversation_id[:MAX_ID], origin, as_time(found.get("expiration_timestamp"), 0) or None
    )
