"""Sends that Meta rejects, as tables."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.table import rows
from wacrmd.simulator.graph_errors import ERRORS, GraphError
from wacrmd.simulator.marketing import category_billed
from wacrmd.simulator.options import Options
from wacrmd.simulator.people import user_id_of, wa_id_of, wa_id_of_user
from wacrmd.simulator.sends import Send, read_send
from wacrmd.simulator.templates import page_of

TEMPLATES = (
    {
        "name": "order_update",
        "language": "en_US",
        "components": [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Hi {{1}}, order {{2}} for {{1}}"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "Stop"},
                    {"type": "URL", "text": "See", "url": "https://example.com/{{1}}"},
                ],
            },
        ],
    },
    {
        "name": "named",
        "language": "en",
        "parameter_format": "NAMED",
        "components": [{"type": "BODY", "text": "Hi {{first_name}}"}],
    },
    {"name": "plain", "language": "en", "components": [{"type": "BODY", "text": "Hello"}]},
    {"name": "paused", "language": "en", "status": "PAUSED", "components": []},
    {"name": "disabled", "language": "en", "status": "DISABLED", "components": []},
    {"name": "pending", "language": "en", "status": "PENDING", "components": []},
)

IMAGE = {"type": "header", "parameters": [{"type": "image", "image": {"id": "1"}}]}
URL = {
    "type": "button",
    "sub_type": "url",
    "index": "1",
    "parameters": [{"type": "text", "text": "abc"}],
}
STOP = {
    "type": "button",
    "sub_type": "quick_reply",
    "index": 0,
    "parameters": [{"type": "payload", "payload": "STOP:bc"}],
}


def body_with(*texts: str, names: tuple[str, ...] = ()) -> dict[str, Any]:
    parameters: list[dict[str, str]] = [{"type": "text", "text": text} for text in texts]
    for parameter, name in zip(parameters, names, strict=False):
        parameter["parameter_name"] = name
    return {"type": "body", "parameters": parameters}


def read(body: Any, **options: Any) -> Send | GraphError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_send(raw, Options(**options))


BodyOf = Callable[..., dict[str, Any]]


def test_a_template_send_is_read(body_of: BodyOf) -> None:
    body = body_of(name="order_update", components=[IMAGE, body_with("A", "B"), STOP, URL])
    send = read(body, templates=TEMPLATES)
    assert send == Send(
        "+15551230001",
        "15551230001",
        "US.7715551230001",
        "bc_1:r_1",
        "order_update",
        "en_US",
        "STOP:bc",
        ("1",),
    )


@pytest.mark.parametrize(
    ("template", "code", "details"),
    [
        ({"name": "unknown"}, 132001, "does not exist in en_US"),
        ({"name": "plain"}, 132001, "template name (plain) does not exist in en_US"),
        ({"name": "pending", "language": {"code": "en"}}, 132001, "does not exist"),
        ({"name": "paused", "language": {"code": "en"}}, 132015, "PAUSED"),
        ({"name": "disabled", "language": {"code": "en"}}, 132016, "DISABLED"),
        ({"components": [body_with("A", "B"), URL]}, 132012, "expected IMAGE, received UNKNOWN"),
        (
            {"components": [IMAGE, body_with("A"), URL]},
            132000,
            "body: number of localizable_params (1) does not match the expected number of params (2)",
        ),
        ({"components": [IMAGE, body_with("A", "B")]}, 131008, "Button at index 1 of type Url"),
        ({"components": [IMAGE, body_with("A", "x" * 1024), URL]}, 132005, "at most 1024"),
        (
            {"name": "plain", "language": {"code": "en"}, "components": [body_with("A")]},
            132000,
            "(1) does not match the expected number of params (0)",
        ),
        (
            {"name": "named", "language": {"code": "en"}, "components": [body_with("A")]},
            100,
            "Parameter name is missing or empty",
        ),
    ],
)
def test_a_send_must_fit_its_template(
    body_of: BodyOf, template: dict[str, Any], code: int, details: str
) -> None:
    refusal = read(body_of(**template), templates=TEMPLATES)
    assert isinstance(refusal, GraphError)
    assert refusal.code == code
    assert details in str(refusal.details)


def test_named_parameters_are_matched_by_name(body_of: BodyOf) -> None:
    component = body_with("Ann", names=("first_name",))
    body = body_of(name="named", language={"code": "en"}, components=[component])
    assert isinstance(read(body, templates=TEMPLATES), Send)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"messaging_product": "sms"}, 100),
        ({"to": None}, 100),
        ({"to": "+12"}, 131009),
        ({"to": "hello"}, 131009),
        ({"to": "+1 555 078 3881"}, 131021),
        ({"to": None, "recipient": "nobody"}, 131009),
        ({"recipient_type": "group"}, 100),
        ({"type": "image"}, 131051),
        ({"type": "telegram"}, 100),
        ({"type": "text"}, 131008),
        ({"template": None}, 131008),
        ({"template": {"language": {"code": "en"}}}, 131008),
        ({"template": {"name": "x"}}, 131008),
        ({"template": {"name": "Not Lower", "language": {"code": "en"}}}, 100),
        ({"template": {"name": "x", "language": {"code": "en"}, "components": [1]}}, 100),
        ({"template": {"name": "x", "language": {"code": "en"}, "components": [body_with("")]}}, 131008),
        ({"template": {"name": "x", "language": {"code": "en"}, "components": [body_with("a\nb")]}}, 132018),
        (
            {"template": {"name": "x", "language": {"code": "en"}, "components": [body_with("a     b")]}},
            132018,
        ),
        ({"biz_opaque_callback_data": "x" * 513}, 100),
    ],
)
def test_a_malformed_send_is_refused(body_of: BodyOf, changes: dict[str, Any], code: int) -> None:
    refusal = read({k: v for k, v in (body_of() | changes).items() if v is not None})
    assert isinstance(refusal, GraphError)
    assert refusal.code == code


@pytest.mark.parametrize("raw", [b"", b"[]", b'"x"', b"{", b"\xff"])
def test_a_body_that_is_not_a_json_object_is_rejected(raw: bytes) -> None:
    refusal = read(raw)
    assert isinstance(refusal, GraphError)
    assert refusal.code == 100


def test_a_test_number_sends_to_its_own_recipients_only(body_of: BodyOf) -> None:
    assert isinstance(read(body_of(), allowed_recipients=("+1 555 123 0001",)), Send)
    refusal = read(body_of(), allowed_recipients=("+49",))
    assert isinstance(refusal, GraphError)
    assert refusal.code == 131030


def test_a_user_id_can_replace_a_number_and_with_both_the_number_is_used(body_of: BodyOf) -> None:
    body = body_of() | {"recipient": "US.13491208655302741918"}
    both = read(body)
    del body["to"]
    alone = read(body)
    assert isinstance(both, Send)
    assert isinstance(alone, Send)
    assert (both.wa_id, both.user_id) == ("15551230001", "US.7715551230001")
    assert (alone.wa_id, alone.user_id) == (None, "US.13491208655302741918")


@pytest.mark.parametrize(
    ("number", "wa_id"),
    [
        ("15551230001", "15551230001"),
        ("5511987654321", "5511987654321"),
        ("5531987654321", "553187654321"),
        ("553187654321", "553187654321"),
        ("525512345678", "5215512345678"),
        ("5215512345678", "5215512345678"),
    ],
)
def test_wa_ids_of_brazil_and_mexico_differ_from_the_number(number: str, wa_id: str) -> None:
    assert wa_id_of(number) == wa_id


def test_the_list_of_templates_comes_in_pages_that_lead_to_each_other() -> None:
    templates = [{"name": f"t{n}", "language": "en", "components": []} for n in range(7)]
    query, seen, pages = {"limit": "3", "fields": "name,status"}, [], 0
    while True:
        page = page_of(templates, query, "http://x/list")
        seen += page["data"]
        pages += 1
        if "next" not in page["paging"]:
            break
        assert page["paging"]["next"].endswith(f"after={page['paging']['cursors']['after']}")
        query["after"] = page["paging"]["cursors"]["after"]
    assert pages == 3
    assert [t["name"] for t in seen] == [t["name"] for t in templates]
    assert seen[0] == {"name": "t0", "status": "APPROVED", "id": "t0:en"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"status": "PAUSED"}, ["paused"]),
        ({"name": "named"}, ["named"]),
        ({"after": "junk", "name": "x"}, []),
    ],
)
def test_the_list_can_be_filtered(query: dict[str, str], names: list[str]) -> None:
    assert [t["name"] for t in page_of(TEMPLATES, query, "u")["data"]] == names


@rows("code", sorted(ERRORS))
def test_every_error_has_meta_s_shape(code: int) -> None:
    body = GraphError(code, "why").body("Atrace")["error"]
    assert (body["code"], body["type"], body["fbtrace_id"]) == (code, "OAuthException", "Atrace")
    assert body["error_data"] == {"messaging_product": "whatsapp", "details": "why"}
    assert body["message"].startswith(f"(#{code}) ")
    assert 400 <= GraphError(code).status <= 503


STRICT = (
    {
        "name": "order_update",
        "language": "en_US",
        "category": "AUTHENTICATION",
        "components": [{"type": "BODY", "text": "Hello"}],
    },
    {
        "name": "offer",
        "language": "en_US",
        "components": [
            {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Soon", "has_expiration": True}},
            {"type": "BODY", "text": "Hello"},
        ],
    },
    {
        "name": "buttons",
        "language": "en_US",
        "components": [
            {"type": "BODY", "text": "Hello"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "FLOW", "text": "Survey"},
                    {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550000000"},
                ],
            },
        ],
    },
    {"name": "cards", "language": "en_US", "components": [{"type": "CAROUSEL", "cards": [{}]}]},
)
FLOW = {"type": "BUTTON", "sub_type": "FLOW", "index": "0", "parameters": []}


@pytest.mark.parametrize(
    ("name", "components", "code"),
    [
        ("offer", [], 131008),
        ("offer", [{"type": "limited_time_offer", "parameters": []}], 131008),
        ("buttons", [], 131008),
        ("buttons", [FLOW], None),
        ("buttons", [FLOW, {"type": "button", "sub_type": "phone_number", "index": "1"}], 100),
        ("cards", [], 131008),
        ("cards", [{"type": "carousel", "cards": []}], 131009),
        ("cards", [{"type": "carousel", "cards": [{"card_index": 0, "components": []}]}], 131008),
        ("cards", [{"type": "carousel", "cards": [{}] * 11}], 131009),
    ],
)
def test_a_send_without_what_its_template_needs_is_refused(
    body_of: BodyOf, name: str, components: list[dict[str, Any]], code: int | None
) -> None:
    raw = json.dumps(body_of(name=name, components=components)).encode()
    read = read_send(raw, Options(templates=STRICT))
    assert (read.code if isinstance(read, GraphError) else None) == code


def test_an_authentication_template_cannot_be_sent_to_a_user_id(body_of: BodyOf) -> None:
    body = body_of()
    assert isinstance(read_send(json.dumps(body).encode(), Options(templates=STRICT)), Send)
    del body["to"]
    refused = read_send(json.dumps(body | {"recipient": "US.1"}).encode(), Options(templates=STRICT))
    assert isinstance(refused, GraphError)
    assert refused.code == 131062


@pytest.mark.parametrize(
    ("number", "wa_id"),
    [("541155551299", "5491155551299"), ("5491155551299", "5491155551299"), ("15551230001", "15551230001")],
)
def test_a_user_id_leads_back_to_its_number(number: str, wa_id: str) -> None:
    assert wa_id_of(number) == wa_id
    assert wa_id_of_user(user_id_of(wa_id)) == wa_id
    assert wa_id_of_user("US.13491208655302741918") is None


MARKETING = {**TEMPLATES[2], "name": "sale", "category": "MARKETING"}
UTILITY = {**TEMPLATES[2], "name": "parcel", "category": "UTILITY"}


@rows(
    ("endpoint", "name", "more", "closed", "code"),
    [
        ("messages", "sale", {}, False, None),
        ("messages", "sale", {}, True, 131063),
        ("messages", "parcel", {}, True, None),
        ("messages", "sale", {"product_policy": "STRICT"}, False, 100),
        ("messages", "sale", {"message_activity_sharing": True}, False, 100),
        ("marketing_messages", "sale", {}, True, None),
        ("marketing_messages", "sale", {"product_policy": "STRICT"}, True, None),
        ("marketing_messages", "sale", {"product_policy": "strict"}, True, 100),
        ("marketing_messages", "sale", {"message_activity_sharing": False}, True, None),
        ("marketing_messages", "sale", {"message_activity_sharing": "no"}, True, 100),
        ("marketing_messages", "parcel", {}, True, 134100),
        ("marketing_messages", "sale", {"type": "text", "text": {"body": "Hi"}}, True, 131055),
    ],
)
def test_each_endpoint_takes_what_is_its_own(
    endpoint: str, name: str, more: dict[str, Any], closed: bool, code: int | None, body_of: BodyOf
) -> None:
    body = body_of(name=name, language={"code": "en"}) | more
    options = Options(templates=(MARKETING, UTILITY), disable_marketing_messages_on_cloud_api=closed)
    found = read_send(json.dumps(body).encode(), options, endpoint)
    assert (found.code if isinstance(found, GraphError) else None) == code


def test_a_message_is_billed_as_its_endpoint_and_template_say() -> None:
    options = Options(templates=(MARKETING, UTILITY))

    def billed(endpoint: str, template: str | None) -> str:
        return category_billed(options, endpoint, template, "en")

    assert billed("marketing_messages", "sale") == "marketing_lite"
    assert billed("messages", "sale") == billed("messages", "unknown") == "marketing"
    assert billed("messages", "parcel") == "utility"
    assert billed("messages", None) == "service"
