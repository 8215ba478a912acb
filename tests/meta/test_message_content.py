"""What a person wrote is passed on whole, whatever kind of message it is, and bounded."""

from typing import Any

import pytest

from tests.support.received import NO_CONTENT
from wacrmd.meta.inbound import InboundMessage, messages
from wacrmd.meta.message_content import MAX_BYTES, MAX_DEPTH, content_of
from wacrmd.views.json import as_object
from wacrmd.views.received import ParsedContent

HEAD = {"from": "14155550123", "id": "wamid.in", "timestamp": "1750000000"}
NO_MEDIA = {"id": None, "mime_type": None, "sha256": None, "filename": None, "voice": None}
ORDER = {
    "catalog_id": "367025965434465",
    "text": "Before noon",
    "product_items": [{"product_retailer_id": "di9", "quantity": 2, "item_price": 30, "currency": "INR"}],
}
CARD = {"name": {"formatted_name": "Ann"}, "phones": [{"phone": "+1 650 555 1234", "wa_id": "16505551234"}]}
AD = {
    "source_url": "https://fb.me/3cr4Wqqkv",
    "source_id": "1205",
    "source_type": "ad",
    "ctwa_clid": "Aff-n8",
}


def read(message: dict[str, Any]) -> InboundMessage:
    (found,) = messages({"messages": [HEAD | message]}, "1", 0)
    assert isinstance(found, InboundMessage)
    return found


def shown(found: ParsedContent) -> dict[str, Any]:
    """What differs from nothing."""
    view = as_object(found)
    del view["message"]
    assert view.keys() == NO_CONTENT.keys()
    return {name: value for name, value in view.items() if value != NO_CONTENT[name]}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "text", "text": {"body": "Hi"}}, {}),
        ({"type": "text"}, {}),
        (
            {"type": "revoke", "revoke": {"original_message_id": "wamid.old"}},
            {"original_message_id": "wamid.old"},
        ),
        (
            {
                "type": "edit",
                "edit": {
                    "original_message_id": "wamid.old",
                    "message": {"type": "image", "image": {"id": "7", "caption": "New"}},
                },
            },
            {"original_message_id": "wamid.old", "media": NO_MEDIA | {"id": "7"}},
        ),
        (
            {"type": "reaction", "reaction": {"message_id": "wamid.1", "emoji": "👍"}},
            {"reaction": {"message_id": "wamid.1", "emoji": "👍"}},
        ),
        (
            {"type": "reaction", "reaction": {"message_id": "wamid.1"}},
            {"reaction": {"message_id": "wamid.1", "emoji": None}},
        ),
        (
            {
                "type": "interactive",
                "interactive": {
                    "type": "list_reply",
                    "list_reply": {"id": "a", "title": "Small", "description": "One box"},
                },
            },
            {"description": "One box"},
        ),
        (
            {
                "type": "audio",
                "audio": {"id": 9, "mime_type": "audio/ogg; codecs=opus", "sha256": "h", "voice": True},
            },
            {
                "media": NO_MEDIA
                | {"id": "9", "mime_type": "audio/ogg; codecs=opus", "sha256": "h", "voice": True}
            },
        ),
        (
            {
                "type": "document",
                "document": {"id": "9", "filename": "a.pdf", "caption": "See", "voice": "no"},
            },
            {"media": NO_MEDIA | {"id": "9", "filename": "a.pdf"}},
        ),
        ({"type": "sticker", "sticker": "strange"}, {"media": NO_MEDIA}),
        (
            {
                "type": "location",
                "location": {
                    "latitude": 37.44,
                    "longitude": "-122.16",
                    "name": "HQ",
                    "address": "1 Way",
                    "url": "u",
                },
            },
            {
                "location": {
                    "latitude": 37.44,
                    "longitude": -122.16,
                    "name": "HQ",
                    "address": "1 Way",
                    "url": "u",
                }
            },
        ),
        (
            {"type": "location", "location": {"latitude": "nan", "longitude": True, "name": 1}},
            {"location": {"latitude": None, "longitude": None, "name": None, "address": None, "url": None}},
        ),
        ({"type": "contacts", "contacts": [CARD, "strange"]}, {"contacts": [CARD]}),
        ({"type": "order", "order": ORDER}, {"order": ORDER}),
        ({"type": "text", "text": {"body": "Hi"}, "referral": AD}, {"referral": AD}),
        (
            {
                "type": "unsupported",
                "errors": [
                    {
                        "code": 131051,
                        "title": "Message type unknown",
                        "error_data": {"details": "Not supported"},
                    },
                    {"code": 131060, "title": "Unavailable", "details": "At the top"},
                    {"title": "no code"},
                ],
            },
            {
                "errors": [
                    {"code": 131051, "title": "Message type unknown", "details": "Not supported"},
                    {"code": 131060, "title": "Unavailable", "details": "At the top"},
                ]
            },
        ),
    ],
)
def test_every_kind_of_message_is_passed_on(message: dict[str, Any], expected: dict[str, Any]) -> None:
    found = content_of(read(message))
    assert shown(found) == expected
    assert found.message == HEAD | message


@pytest.mark.parametrize(
    ("response_json", "response"),
    [
        ('{"flow_token":"t1","rating":"4"}', {"flow_token": "t1", "rating": "4"}),
        ("[1, 2]", [1, 2]),
        ("not JSON", "not JSON"),
        ("[" * 99 + "]" * 99, "[" * 99 + "]" * 99),
        ({"already": "decoded"}, {"already": "decoded"}),
        (None, None),
    ],
)
def test_the_answers_in_a_flow_are_decoded(response_json: object, response: object) -> None:
    reply = {"response_json": response_json, "body": "Sent", "name": "flow"}
    found = content_of(
        read({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": reply}})
    )
    assert shown(found) == {"flow": {"name": "flow", "response": response}}


def nested(levels: int) -> Any:
    return {"a": nested(levels - 1)} if levels else "end"


@pytest.mark.parametrize(
    ("order", "is_passed_on"),
    [
        ({"text": "x" * (MAX_BYTES - 200)}, True),
        ({"text": "x" * MAX_BYTES}, False),
        (nested(MAX_DEPTH - 1), True),
        (nested(500), False),
    ],
    ids=["large", "too large", "deep", "too deep"],
)
def test_what_is_too_large_or_too_deep_is_not_passed_on(order: Any, is_passed_on: bool) -> None:
    found = content_of(read({"type": "order", "order": order}))
    assert (found.order is not None, found.message is not None) == (is_passed_on, is_passed_on)
    assert as_object(found)["order"] == (order if is_passed_on else None)
