"""The pricing and the conversation of a status, as Meta's webhooks tell them; pure. Shapes: docs/meta.md, Statuses."""

from functools import lru_cache

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
    billable = words.get("billable")
    price = _pricing(
        as_text(words.get("category"), MAX_WORD),
        as_text(words.get("type"), MAX_WORD),
        as_text(words.get("pricing_model"), MAX_WORD),
        billable if isinstance(billable, bool) else None,
    )
    if conversation is None:
        return price
    found = _conversation(as_object(conversation))
    return Billing(price.pricing if price else None, found) if found else price


@lru_cache(maxsize=256)
def _pricing(
    category: str | None, kind: str | None, model: str | None, billable: bool | None
) -> Billing | None:
    """Statuses come by the hundred, and few of them differ in this."""
    if category is kind is model is None:
        return None
    return Billing(Pricing(category, kind, model, billable), None)


def _conversation(found: JsonObject) -> Conversation | None:
    conversation_id = as_id(found.get("id"))
    if conversation_id is None:
        return None
    origin = as_text(as_object(found.get("origin")).get("type"), MAX_WORD)
    return Conversation(
        conversation_id[:MAX_ID], origin, as_time(found.get("expiration_timestamp"), 0) or None
    )
