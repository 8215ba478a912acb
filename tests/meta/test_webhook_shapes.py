"""Parts of a webhook in another shape than Meta's pages show are read if they can be, else named; none vanishes."""

from typing import Any

import pytest

from wacrmd.domain.recipient import RecipientStatus
from wacrmd.meta import webhook
from wacrmd.meta.inbound import AddressChange, Ignored, InboundMessage, Preference, Unreadable
from wacrmd.meta.webhook import AccountEvent, NumberSignal, StatusUpdate, Update

RECEIVED_AT = 1767225600000
STOP = {
    "id": "wamid.1",
    "from": "14155550101",
    "timestamp": "1750000000",
    "type": "text",
    "text": {"body": "STOP"},
}
SENT = {"id": "wamid.2", "status": "sent", "timestamp": "1750000000", "recipient_id": "14155550101"}
FAULT = {"code": 130429, "title": "too fast"}
PREFERENCE = {"wa_id": "14155550101", "value": "stop", "category": "marketing_messages"}
SYSTEM = {"type": "user_changed_number", "wa_id": "14155550102"}


def parsed(value: Any, field: Any = "messages", **entry: Any) -> list[Update]:
    change = {"field": field, "value": value}
    return webhook.parse(
        {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change], **entry}]},
        RECEIVED_AT,
    )


def written(**message: Any) -> InboundMessage:
    """The only message of a webhook."""
    (update,) = parsed({"metadata": {"phone_number_id": "7"}, "messages": [message]})
    assert isinstance(update, InboundMessage)
    return update


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("messages", {"messages": STOP}, InboundMessage),
        ("messages", {"statuses": SENT}, StatusUpdate),
        ("messages", {"errors": FAULT}, NumberSignal),
        ("messages", [{"messages": [STOP]}], InboundMessage),
        ("MESSAGES", {"messages": [STOP]}, InboundMessage),
        (None, {"messages": [STOP]}, InboundMessage),
        ("standby", {"messages": [STOP]}, InboundMessage),
        ("standby", {"standby": {"messages": [STOP]}}, InboundMessage),
        ("user_preferences", {"user_preferences": PREFERENCE}, Preference),
        ("user_preferences", [{"user_preferences": [PREFERENCE]}], Preference),
        ("account_update", [{"event": "DISABLED_UPDATE"}], AccountEvent),
    ],
)
def test_an_object_in_place_of_a_list_is_a_list_of_one(field: Any, value: Any, kind: type) -> None:
    """And a list of one in place of an object is that object; Meta's words are read in any case."""
    assert [type(update) for update in parsed(value, field)] == [kind]


def test_the_envelope_may_have_objects_in_place_of_lists() -> None:
    change = {"field": "messages", "value": {"messages": [STOP]}}
    for entry in ({"changes": change}, [{"changes": change}], {"changes": [change]}):
        for payload in ({"object": "WhatsApp_Business_Account", "entry": entry}, {"entry": entry}):
            for whole in (payload, [payload]):
                (update,) = webhook.parse(whole, RECEIVED_AT)
                assert isinstance(update, InboundMessage)
                assert update.text == "STOP"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("messages", {"messages": "STOP"}),
        ("messages", {"messages": [None]}),
        ("messages", {"messages": [[STOP]]}),
        ("messages", {"statuses": 7}),
        ("messages", {"statuses": [None, 7]}),
        ("messages", {"statuses": [{"status": "sent"}]}),
        ("messages", {"errors": "too fast"}),
        ("messages", {"contacts": "Jane"}),
        ("messages", "STOP"),
        ("messages", None),
        ("messages", {"messages": [{"id": "x", "from": "14155550101"}]}),
        ("user_preferences", {"user_preferences": "stop"}),
        ("user_preferences", {"user_preferences": [{"value": "stop"}]}),
        ("user_preferences", {"user_preferences": [{"value": "later", "wa_id": "14155550101"}]}),
        ("account_update", 7),
        (["messages"], {}),
    ],
)
def test_what_cannot_be_read_is_named(field: Any, value: Any) -> None:
    assert [type(update) for update in parsed(value, field)] == [Unreadable]


@pytest.mark.parametrize(
    "payload",
    [
        7,
        None,
        {"object": "whatsapp_business_account", "entry": "x"},
        {"object": "whatsapp_business_account", "entry": [None]},
        {"object": "whatsapp_business_account", "entry": [{"id": "1"}]},
        {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [7]}]},
    ],
)
def test_an_envelope_that_cannot_be_read_is_named(payload: Any) -> None:
    assert [type(update) for update in webhook.parse(payload, RECEIVED_AT)] == [Unreadable]


def test_the_other_parts_are_read_beside_one_that_cannot_be() -> None:
    value = {"messages": [None, STOP, "x"], "statuses": [7, SENT], "errors": "x"}
    assert [type(update) for update in parsed(value)] == [
        Unreadable, StatusUpdate, Unreadable, InboundMessage, Unreadable,
    ]  # fmt: skip


def test_an_empty_part_says_nothing() -> None:
    assert parsed({"messages": None, "statuses": [], "errors": {}, "contacts": None}) == []


@pytest.mark.parametrize(
    ("left_out", "kind"), [({"id"}, "text"), ({"type"}, "text"), ({"id", "type"}, "text")]
)
def test_a_message_without_id_or_type_is_a_message(left_out: set[str], kind: str) -> None:
    message = {key: value for key, value in STOP.items() if key not in left_out}
    update = written(**message)
    assert (update.type, update.text, update.wa_id) == (kind, "STOP", "14155550101")
    assert update.id
    assert written(**message).id == update.id, "a repeat counts once"
    if "id" in left_out:
        assert written(**{**message, "text": {"body": "START"}}).id != update.id


def test_a_message_without_id_and_time_counts_each_time_it_comes() -> None:
    """Nothing tells a repeat from a second STOP, and a STOP must not be lost."""
    value = {"messages": [{"from": "14155550101", "text": {"body": "STOP"}}]}
    change = {"field": "messages", "value": value}
    payload = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
    first, later = (webhook.parse(payload, at)[0] for at in (RECEIVED_AT, RECEIVED_AT + 60_000))
    assert isinstance(first, InboundMessage)
    assert isinstance(later, InboundMessage)
    assert first.id != later.id


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"type": "TEXT", "text": {"body": "STOP"}}, "STOP"),
        ({"type": "text", "text": "STOP"}, "STOP"),
        ({"type": "text", "text": [{"body": "STOP"}]}, "STOP"),
        ({"type": "IMAGE", "image": {"caption": "STOP"}}, "STOP"),
        ({"type": "Edit", "edit": {"message": {"type": "TEXT", "text": {"body": "STOP"}}}}, "STOP"),
    ],
)
def test_the_text_of_a_message_in_other_forms(message: dict[str, Any], text: str) -> None:
    assert written(id="x", **{"from": "14155550101"}, **message).text == text


def test_a_button_without_the_word_button_is_a_tap() -> None:
    update = written(id="x", button={"payload": "p", "text": "Stop promotions"}, **{"from": "14155550101"})
    assert (update.type, update.button_payload, update.button_text) == ("button", "p", "Stop promotions")


@pytest.mark.parametrize(
    ("kind", "is_reply"), [("Revoke", False), ("EDIT", False), ("Text", True), ("REACTION", False)]
)
def test_kinds_of_messages_are_read_in_any_case(kind: str, is_reply: bool) -> None:
    assert written(id="x", type=kind, **{"from": "14155550101"}).is_reply is is_reply


@pytest.mark.parametrize(("kind", "is_reply"), [("edit", False), ("revoke", False), ("poll", True)])
def test_a_change_that_meta_does_not_support_is_no_reply(kind: str, is_reply: bool) -> None:
    message = written(
        id="x", type="unsupported", unsupported={"type": kind}, errors=[{"code": 131051}], **{"from": "1"}
    )
    assert message.is_reply is is_reply


def test_a_system_message_in_capitals_joins_the_person() -> None:
    message = {"id": "x", "from": "14155550101", "type": "SYSTEM"}
    for system in (SYSTEM, {**SYSTEM, "type": "USER_CHANGED_NUMBER"}):
        (update,) = parsed({"messages": [{**message, "system": system}]})
        assert isinstance(update, AddressChange)
        assert (update.wa_ids, update.previous) == (("14155550102",), ("14155550101",))


def test_a_changed_number_that_only_its_sentence_names() -> None:
    system = {"type": "user_changed_number", "body": "Jane changed from 14155550101 to 14155550102"}
    message = {"id": "x", "from": "14155550101", "type": "system", "system": system}
    (update,) = parsed({"messages": [message]})
    assert isinstance(update, AddressChange)
    assert update.wa_ids == ("14155550102",)
    for body in ("Jane changed", "Jane changed from 14155550109 to 14155550102", None):
        (update,) = parsed({"messages": [{**message, "system": {**system, "body": body}}]})
        assert isinstance(update, Unreadable)


@pytest.mark.parametrize(
    ("sender", "system", "now", "before"),
    [
        (None, {"user_id": "US.2", "body": "Jane changed from US.1 to US.2"}, {"US.2"}, {"US.1"}),
        (None, {"body": "Jane changed from US.1 to US.2."}, {"US.2"}, {"US.1"}),
        (
            "14155550101",
            {"wa_id": "14155550101", "user_id": "US.2", "body": "Jane changed from US.1 to US.2"},
            {"14155550101", "US.2"},
            {"US.1"},
        ),
        (
            "14155550102",
            {"wa_id": "14155550102", "body": "Jane changed from 14155550101 to 14155550102"},
            {"14155550102"},
            {"14155550101"},
        ),
        (
            "14155550101",
            {"wa_id": "14155550102", "body": "Jane changed from 16505550001 to 16505550002"},
            {"14155550102"},
            {"14155550101"},
        ),
        (
            None,
            {"user_id": "US.2", "body": "User changed from US.8 to US.2 changed from US.1 to US.2"},
            {"US.2"},
            {"US.1"},
        ),
        (None, {"user_id": "US.2", "body": "changed from US.8 to US.2 changed her mind"}, {"US.2"}, set()),
    ],
)
def test_an_old_address_that_only_the_sentence_names(
    sender: str | None, system: dict[str, Any], now: set[str], before: set[str]
) -> None:
    head = {"id": "x", "type": "system"} | ({"from": sender} if sender else {})
    (update,) = parsed({"messages": [{**head, "system": {"type": "user_changed_user_id", **system}}]})
    assert isinstance(update, AddressChange)
    assert ({*update.wa_ids, *update.user_ids}, set(update.previous)) == (now, before)


def test_a_changed_user_id_in_its_own_field() -> None:
    told = {
        "wa_id": "14155550101",
        "user_id": {"previous": "US.1", "current": "US.2"},
        "parent_user_id": {"previous": "US.ENT.1", "current": "US.ENT.2"},
        "timestamp": "1750000001",
    }
    (update,) = parsed({"user_id_update": [told]}, "user_id_update")
    assert isinstance(update, AddressChange)
    assert (update.wa_ids, update.user_ids) == (("14155550101",), ("US.2", "US.ENT.2"))
    assert update.previous == ("US.1", "US.ENT.1")
    assert parsed({"user_id_update": [told]}, "user_id_update") == [update], "told again, it has the same id"
    (update,) = parsed({"user_id_update": [{"detail": "…"}]}, "user_id_update")
    assert isinstance(update, Unreadable)


@pytest.mark.parametrize("word", ["READ", "Delivered", "SENT", " failed "])
def test_statuses_are_read_in_any_case(word: str) -> None:
    (update,) = parsed({"statuses": [{**SENT, "status": word}]})
    assert isinstance(update, StatusUpdate)
    assert update.status is RecipientStatus(word.strip().lower())


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ({"code": 131050, "title": "t"}, 131050),
        ([None, {"code": 131050}], 131050),
        ([{"code": 131026}, {"code": 131050}], 131050),
        ([{"code": 131050}, {"code": 131053}], 131050),
        ([{"code": 131000}, {"code": 131053}], 131053),
        ([{"code": 131053}, {"code": 132015}], 132015),
        ([{"code": 132015}, {"code": 190}], 190),
        ([{"code": 131026}, {"code": 131000}], 131026),
        ([{"title": "no code"}, {"code": "131050"}], 131050),
        ([{"code": 131026}, {"code": 130472}], 131026),
        ([[{"code": 131050}]], None),
        ("x", None),
        (None, None),
    ],
)
def test_the_error_that_matters_most_is_that_of_a_failed_status(errors: Any, code: int | None) -> None:
    updates = parsed({"statuses": [{**SENT, "status": "failed", "errors": errors}]})
    (update,) = [each for each in updates if isinstance(each, StatusUpdate)]
    assert (update.error and update.error.code) == code


@pytest.mark.parametrize(
    ("wish", "category", "value"),
    [
        ("STOP", "marketing_messages", "stop"),
        ("Resume", "MARKETING_MESSAGES", "resume"),
        ("resume", "marketing", "resume"),
        ("stop", None, "stop"),
        ("stop", "utility_messages", "stop"),
        ("resume", "utility_messages", None),
        ("signup", "utility_messages", None),
    ],
)
def test_a_return_of_another_category_lifts_no_opt_out(wish: str, category: Any, value: str | None) -> None:
    """A stop of whatever category is one: wacrmd knows only people who get broadcasts and people who do not."""
    (update,) = parsed(
        {"user_preferences": [{**PREFERENCE, "value": wish, "category": category}]}, "user_preferences"
    )
    assert getattr(update, "value", None) == value
    assert value is not None or isinstance(update, Unreadable)


def test_a_contact_is_found_by_the_other_form_of_its_number() -> None:
    brazil = {**STOP, "from": "5511987650001"}
    contacts = [{"wa_id": "551187650001", "user_id": "BR.1"}, {"wa_id": "14155550101", "user_id": "US.1"}]
    first, second = parsed({"messages": [brazil, {**STOP, "id": "wamid.9"}], "contacts": contacts})
    assert isinstance(first, InboundMessage)
    assert isinstance(second, InboundMessage)
    assert (first.user_id, second.user_id) == ("BR.1", "US.1")


def test_a_field_that_wacrmd_does_not_use_is_ignored() -> None:
    assert [type(update) for update in parsed({"x": 1}, "calls")] == [Ignored]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"a": NaN, "b": [Infinity, -Infinity], "c": 1}', {"a": None, "b": [None, None], "c": 1}),
        ('{"a": "Jos\xe9", "b": "STOP"}'.encode("latin-1"), {"a": "Jos\ufffd", "b": "STOP"}),
    ],
)
def test_a_body_that_is_almost_json_is_read(body: bytes, found: Any) -> None:
    assert webhook.decode(body) == found
