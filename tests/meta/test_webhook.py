"""Signatures verify over raw bytes, and the payload of each file in webhooks/ gives the updates in that file."""

import hmac
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wacrmd.meta import contacts, inbound, webhook

WEBHOOKS = sorted((Path(__file__).parent / "webhooks").glob("*.json"))
RECEIVED_AT = 1767225600000

COMPACT = b'{"object":"whatsapp_business_account","entry":[]}'
SPACED = b'{"object": "whatsapp_business_account", "entry": []}'
VECTORS = [
    (b"test_app_secret", COMPACT, "dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"),
    (b"test_app_secret", SPACED, "56cbbaf4961c6cfdae48b7f116c047e5eb513d2c931baae63a2bc1afd26f803a"),
    (b"otro_secreto", COMPACT, "769b03d8c2ae6498f2d1e1f7299c0ba55448c69d741e7b0bb243d852d8a8d8c7"),
]


@pytest.mark.parametrize(("secret", "body", "digest"), VECTORS)
def test_a_valid_signature_gives_the_index_of_its_secret(secret: bytes, body: bytes, digest: str) -> None:
    for written in (digest, digest.upper()):
        signature = webhook.read_signature([f"sha256={written}".encode()])
        assert signature is not None
        assert webhook.verify([b"another", secret], body, signature) == 1
        assert webhook.verify([b"", secret], body, signature) == 1
        assert webhook.verify([b"another"], body, signature) is None
        assert webhook.verify([secret], body + b" ", signature) is None


DIGEST = VECTORS[0][2].encode()


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [b""],
        [b"sha256="],
        [b"sha256=" + DIGEST[1:]],
        [b"sha256=" + DIGEST + b"0"],
        [b"sha256=" + DIGEST[:-1] + b"g"],
        [b"sha256= " + DIGEST],
        [b"sha256=" + DIGEST + b"\n"],
        [b"sha256=" + b" ".join([DIGEST[:32], DIGEST[32:]])],
        [b"SHA256=" + DIGEST],
        [b"sha1=" + DIGEST],
        [DIGEST],
        [b"sha256=" + "é".encode() * 32],
        [b"sha256=" + DIGEST, b"sha256=" + DIGEST],
        [b"sha256=" + DIGEST + b", sha256=" + DIGEST],
    ],
)
def test_a_missing_malformed_or_repeated_signature_is_none(headers: list[bytes]) -> None:
    assert webhook.read_signature(headers) is None


def test_an_empty_secret_never_verifies() -> None:
    assert webhook.verify([b""], COMPACT, hmac.digest(b"", COMPACT, "sha256")) is None


EMPTY_CONTACT = asdict(contacts.NOBODY)


def seen(update: webhook.Update) -> dict[str, Any]:
    shown = {"kind": type(update).__name__, **asdict(update)}
    for left_out in ("raw", "part", "display_phone"):
        shown.pop(left_out, None)
    return {name: value for name, value in shown.items() if value not in (None, {}, (), EMPTY_CONTACT)}


@pytest.mark.parametrize("file", WEBHOOKS, ids=lambda file: file.stem)
def test_each_sample_webhook_is_read_as_its_file_says(file: Path) -> None:
    case = json.loads(file.read_text())
    updates = webhook.parse(case["payload"], RECEIVED_AT)
    assert json.loads(json.dumps([seen(update) for update in updates])) == case["updates"]


def user_ids(value: dict[str, Any]) -> list[str | None]:
    """The user id of each update of a webhook whose only contact is the user id US.1."""
    change = {"field": "messages", "value": {**value, "contacts": [{"user_id": "US.1"}]}}
    payload = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
    return [asdict(update)["user_id"] for update in webhook.parse(payload, RECEIVED_AT)]


def test_the_only_contact_is_taken_where_the_webhook_is_about_one_person() -> None:
    hi = {"type": "text", "text": {"body": "hi"}}
    hidden = [{"id": "a", **hi}, {"id": "b", **hi}]
    jane, jim = ({"id": phone, "from": phone, **hi} for phone in ("14155550101", "14155550102"))
    statuses = [{"id": "w", "status": word, "recipient_id": "14155550101"} for word in ("sent", "delivered")]
    assert user_ids({"messages": hidden}) == ["US.1", "US.1"]
    assert user_ids({"messages": [jane, {**jane, "id": "again"}]}) == ["US.1", "US.1"]
    assert user_ids({"messages": [jane, jim]}) == [None, None]
    assert user_ids({"statuses": statuses}) == ["US.1", "US.1"]
    assert user_ids({"statuses": [statuses[0], {**statuses[1], "id": "v"}]}) == [None, None]
    assert user_ids({"statuses": statuses[:1], "messages": hidden[:1]}) == [None, None], "of whom is it?"


@pytest.mark.parametrize(
    "edited",
    [
        {"edit": {"message": {"type": "text", "text": {"body": "STOP"}}}},
        {"edit": {"message": {"text": {"body": "STOP"}}}},
        {"edit": {"original_message_id": "wamid.1", "text": {"body": "STOP"}}},
        {"edit": {"original_message_id": "wamid.1"}, "text": {"body": "STOP"}},
        {"edit": {"message": {"type": "image", "image": {"id": "1", "caption": "STOP"}}}},
    ],
)
def test_an_edited_message_has_its_new_text(edited: dict[str, Any]) -> None:
    value = {"messages": [{"id": "wamid.2", "from": "14155550101", "type": "edit", **edited}]}
    change = {"field": "messages", "value": value}
    payload = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
    (update,) = webhook.parse(payload, RECEIVED_AT)
    assert isinstance(update, inbound.InboundMessage)
    assert update.text == "STOP"


def test_events_keep_metas_own_object() -> None:
    payload = json.loads((Path(__file__).parent / "webhooks" / "account_update.json").read_text())["payload"]
    (update,) = webhook.parse(payload, RECEIVED_AT)
    assert isinstance(update, webhook.AccountEvent)
    assert update.raw["restriction_info"][0]["restriction_type"] == "RESTRICTED_BIZ_INITIATED_MESSAGING"


def event(field: str, **value: Any) -> Any:
    """The only update of a webhook with one change."""
    change = {"field": field, "value": value}
    envelope = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
    (update,) = webhook.parse(envelope, RECEIVED_AT)
    assert update.raw == value  # type: ignore[union-attr]
    return update


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, None),
        ({"reason": "NONE"}, None),
        ({"reason": ""}, None),
        ({"reason": 5}, None),
        ({"reason": "INVALID_FORMAT"}, "INVALID_FORMAT"),
        ({"reason": "ABUSIVE", "other_info": {"title": "FIRST_PAUSE"}}, "FIRST_PAUSE"),
        ({"other_info": {"title": "FIRST_PAUSE", "description": "For 3 hours"}}, "For 3 hours"),
        ({"other_info": {"title": "SECOND_PAUSE", "description": "NONE"}}, "SECOND_PAUSE"),
        ({"rejection_info": {"reason": "A link"}, "other_info": {"description": "b"}}, "A link"),
    ],
)
def test_the_reason_of_a_template_event(value: dict[str, Any], reason: str | None) -> None:
    assert event("message_template_status_update", **value).reason == reason


def test_a_template_event_without_a_status_is_unknown() -> None:
    assert event("message_template_status_update").event == "UNKNOWN"


KEYS = ["object", "entry", "id", "changes", "field", "value", "metadata", "phone_number_id", "statuses"]
KEYS += ["messages", "errors", "contacts", "status", "type", "text", "body", "timestamp", "code", "reaction"]
KEYS += ["error_data", "user_preferences", "wa_id", "user_id", "button", "interactive", "context", "event"]
WORDS = ["whatsapp_business_account", "messages", "user_preferences", "sent", "failed", "text", "stop"]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)


# generating JSON is slow on a busy core
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=anything, field=st.sampled_from([*webhook.TEMPLATE_FIELDS, *webhook.ACCOUNT_FIELDS, *WORDS]))
def test_no_webhook_of_any_shape_raises(value: Any, field: str) -> None:
    envelope = {"id": 1, "changes": [{"field": field, "value": value}]}
    webhook.parse({"object": "whatsapp_business_account", "entry": [envelope, value]}, RECEIVED_AT)
    webhook.parse(value, RECEIVED_AT)


def test_a_lone_surrogate_is_replaced_and_the_update_is_kept() -> None:
    assert webhook.decode(b'{"a":"x\\ud800y","b":"\\ud83d\\ude00"}') == {"a": "x?y", "b": "\N{GRINNING FACE}"}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'"\\ud800' * 3])
def test_bytes_that_are_not_json_are_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        webhook.decode(body)


def calls_to_read(updates: int) -> int:
    """The number of function calls for a request with `count` statuses; unlike a time it is the same on a busy machine."""
    payload = json.loads((Path(__file__).parent / "webhooks" / "status_failed.json").read_text())["payload"]
    payload["entry"][0]["changes"][0]["value"]["statuses"] *= updates
    body = orjson.dumps(payload)
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        read = webhook.parse(webhook.decode(body), RECEIVED_AT)
    finally:
        sys.setprofile(None)
    assert len(read) == updates
    return calls


def test_the_cost_of_parsing_is_linear_in_the_number_of_updates() -> None:
    one, ten, thousand = (calls_to_read(updates) for updates in (1, 10, 1000))
    assert (thousand - one) / 999 < 1.05 * (ten - one) / 9  # the garbage collector may also call functions


def test_each_person_of_a_webhook_is_found_among_many_contacts() -> None:
    count = 1000
    contacts = [{"wa_id": f"1415{each:07}", "user_id": f"US.{each}"} for each in range(count)]
    statuses = [
        {"id": f"w{each}", "status": "sent", **({"recipient_id": f"1415{each:07}"} if each % 2 else {})}
        | ({} if each % 2 else {"recipient_user_id": f"US.{each}"})
        for each in range(count)
    ]
    value = {"contacts": contacts, "statuses": statuses}
    payload = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}],
    }
    found = [asdict(update) for update in webhook.parse(payload, RECEIVED_AT)]
    assert [(each["recipient_id"], each["user_id"]) for each in found] == [
        (f"1415{each:07}", f"US.{each}") for each in range(count)
    ]
