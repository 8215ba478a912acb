"""What `message.received` says about the content of a message."""

from typing import Any

NO_CONTENT: dict[str, Any] = {
    "description": None,
    "original_message_id": None,
    "reaction": None,
    "media": None,
    "location": None,
    "contacts": [],
    "order": None,
    "flow": None,
    "referral": None,
    "errors": [],
}
"""The content of a message that is a text alone, without Meta's own object."""
