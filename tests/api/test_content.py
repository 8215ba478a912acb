"""Templates with more than text: content reaches Meta in the format of docs/meta.md, Template components."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.site import phones, site

pytestmark = pytest.mark.anyio

A, B = phones(2)
BY_HAND = "[templates]\nsync_interval_minutes = 0"
TEMPLATES: tuple[dict[str, Any], ...] = (
    {
        "name": "sale",
        "language": "en_US",
        "parameter_format": "NAMED",
        "components": [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Hi {{first_name}}, {{percent}} off"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "Stop"},
                    {"type": "URL", "text": "Shop", "url": "https://shop.example/{{1}}"},
                    {"type": "COPY_CODE", "text": "Copy"},
                    {"type": "FLOW", "text": "Survey"},
                ],
            },
        ],
    },
    {
        "name": "order_update",
        "language": "en_US",
        "components": [{"type": "BODY", "text": "Hi {{1}}, order {{2}}"}],
    },
    {"name": "plain", "language": "en_US", "components": [{"type": "BODY", "text": "Hello"}]},
    {
        "name": "order_update",
        "language": "de",
        "status": "PAUSED",
        "components": [{"type": "BODY", "text": "Hallo {{1}}"}],
    },
)


async def sent(tmp_path: Path, body: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The components that arrived, by recipient; the simulated Meta checks them against its templates."""
    async with site(tmp_path, extra=BY_HAND, templates=TEMPLATES) as here:
        answer = await here.api.post("/api/v1/templates/sync")
        assert answer.status_code == 200, answer.text
        answer = await here.api.post("/api/v1/broadcasts", json=body)
        assert answer.status_code == 202, answer.text
        broadcast_id = answer.json()["data"]["broadcast_id"]
        shown = await here.until_status(broadcast_id, "sent")
        assert shown["failed_count"] == 0, (
            await here.api.get(f"/api/v1/broadcasts/{broadcast_id}/recipients")
        ).text
        messages = [json.loads(entry.body or b"") for entry in here.sim.ledger.entries]
        return {message["to"]: message["template"].get("components", []) for message in messages}


async def test_named_parameters_header_and_buttons_with_defaults_and_overrides(tmp_path: Path) -> None:
    found = await sent(
        tmp_path,
        {
            "template_name": "sale",
            "header": {"image": {"link": "https://shop.example/sale.jpg"}},
            "buttons": [
                {"index": 0, "type": "quick_reply", "payload": "STOP"},
                {"index": 1, "type": "url", "text": "spring"},
                {"index": 2, "type": "copy_code", "code": "SPRING25"},
                {"index": 3, "type": "flow", "flow_token": "t-1", "flow_action_data": {"step": 2}},
            ],
            "recipients": [
                {"to": A, "params": {"first_name": "Jane", "percent": 25}},
                {
                    "to": B,
                    "params": {"first_name": "John", "percent": "30"},
                    "header": {"image": {"id": "1558081531584829"}},
                    "buttons": [
                        {"index": 1, "type": "url", "text": "john"},
                        {"index": 2, "type": "copy_code", "code": "JOHN30"},
                        {"index": 3, "type": "flow"},
                    ],
                },
            ],
        },
    )
    assert found[A] == [
        {
            "type": "header",
            "parameters": [{"type": "image", "image": {"link": "https://shop.example/sale.jpg"}}],
        },
        {
            "type": "body",
            "parameters": [
                {"type": "text", "parameter_name": "first_name", "text": "Jane"},
                {"type": "text", "parameter_name": "percent", "text": "25"},
            ],
        },
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": "0",
            "parameters": [{"type": "payload", "payload": "STOP"}],
        },
        {
            "type": "button",
            "sub_type": "url",
            "index": "1",
            "parameters": [{"type": "text", "text": "spring"}],
        },
        {
            "type": "button",
            "sub_type": "copy_code",
            "index": "2",
            "parameters": [{"type": "coupon_code", "coupon_code": "SPRING25"}],
        },
        {
            "type": "button",
            "sub_type": "flow",
            "index": "3",
            "parameters": [
                {"type": "action", "action": {"flow_token": "t-1", "flow_action_data": {"step": 2}}}
            ],
        },
    ]
    assert found[B][0]["parameters"] == [{"type": "image", "image": {"id": "1558081531584829"}}]
    assert [part.get("index") for part in found[B]] == [None, None, "1", "2", "3"]
    assert found[B][3]["parameters"] == [{"type": "coupon_code", "coupon_code": "JOHN30"}]


async def test_raw_components_are_passed_on_as_they_are(tmp_path: Path) -> None:
    default = [
        {"type": "body", "parameters": [{"type": "text", "text": "you"}, {"type": "text", "text": "7"}]}
    ]
    own = [{"type": "body", "parameters": [{"type": "text", "text": "Jane"}, {"type": "text", "text": "8"}]}]
    found = await sent(
        tmp_path,
        {
            "template_name": "order_update",
            "components": default,
            "recipients": [{"to": A}, {"to": B, "components": own}],
        },
    )
    assert found == {A: default, B: own}


KINDS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("text", {"format": "TEXT", "text": "Order {{1}}"}, {"text": "A-17"}, {"type": "text", "text": "A-17"}),
    (
        "image",
        {"format": "IMAGE"},
        {"image": {"link": "https://shop.example/a.jpg"}},
        {"type": "image", "image": {"link": "https://shop.example/a.jpg"}},
    ),
    ("video", {"format": "VIDEO"}, {"video": {"id": "17"}}, {"type": "video", "video": {"id": "17"}}),
    (
        "document",
        {"format": "DOCUMENT"},
        {"document": {"id": "17", "filename": "invoice.pdf"}},
        {"type": "document", "document": {"id": "17", "filename": "invoice.pdf"}},
    ),
    (
        "location",
        {"format": "LOCATION"},
        {"location": {"latitude": 37.44, "longitude": "-122.16", "name": "Shop", "address": "1 Main St"}},
        {
            "type": "location",
            "location": {"latitude": "37.44", "longitude": "-122.16", "name": "Shop", "address": "1 Main St"},
        },
    ),
]


async def test_every_kind_of_header_arrives_in_metas_format(tmp_path: Path) -> None:
    templates = tuple(
        {
            "name": name,
            "language": "en_US",
            "components": [{"type": "HEADER", **header}, {"type": "BODY", "text": "Hello"}],
        }
        for name, header, _, _ in KINDS
    )
    async with site(tmp_path, extra=BY_HAND, templates=templates) as here:
        await here.api.post("/api/v1/templates/sync")
        for name, _, given, parameter in KINDS:
            broadcast_id = await here.send([{"to": A}], template_name=name, header=given)
            shown = await here.until_status(broadcast_id, "sent")
            assert shown["sent_count"] == 1, name
            template = json.loads(here.sim.ledger.entries[-1].body or b"")["template"]
            assert template["components"] == [{"type": "header", "parameters": [parameter]}]


async def test_a_carousel_is_accepted_as_raw_components(tmp_path: Path) -> None:
    card = {"components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "{{1}}"}]}
    template = {
        "name": "shoes",
        "language": "en_US",
        "components": [{"type": "BODY", "text": "For {{1}}"}, {"type": "CAROUSEL", "cards": [card, card]}],
    }
    cards = [
        {
            "card_index": index,
            "components": [
                {"type": "header", "parameters": [{"type": "image", "image": {"id": "17"}}]},
                {"type": "body", "parameters": [{"type": "text", "text": "Boots"}]},
            ],
        }
        for index in range(2)
    ]
    components = [
        {"type": "body", "parameters": [{"type": "text", "text": "you"}]},
        {"type": "carousel", "cards": cards},
    ]
    async with site(tmp_path, extra=BY_HAND, templates=(template,)) as here:
        await here.api.post("/api/v1/templates/sync")
        answer = await here.post([{"to": A, "params": ["you"]}], template_name="shoes")
        assert answer.status_code == 400
        assert "has a carousel" in answer.text
        broadcast_id = await here.send([{"to": A}], template_name="shoes", components=components)
        await here.until_status(broadcast_id, "sent")
        (entry,) = here.sim.ledger.entries
        assert json.loads(entry.body or b"")["template"]["components"] == components


async def test_a_template_without_parameters_is_sent_without_components(tmp_path: Path) -> None:
    found = await sent(
        tmp_path, {"template_name": "plain", "recipients": [{"to": A}, {"to": B, "params": []}]}
    )
    assert found == {A: [], B: []}


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize(
    ("fields", "details"),
    [
        (
            {"recipients": [{"to": A, "params": ["a", "b"]}, {"to": "x"}, {"to": B, "params": ["a"]}]},
            [("recipients[2].params", "the template's body takes 2 parameters, found 1")],
        ),
        (
            {"template_language": "fr"},
            [("template_language", "template 'order_update' has no fr: it exists in de, en_US")],
        ),
        (
            {"template_language": "de"},
            [("template_name", "template 'order_update' in de is paused by Meta because of its quality")],
        ),
        (
            {"template_name": "sale", "recipients": [{"to": A, "params": {"first_name": "Jane"}}]},
            [
                ("header", 'the template\'s header needs "image"'),
                ("buttons", 'button 1 of the template needs a value: give index 1, type url with its "text"'),
                (
                    "buttons",
                    'button 2 of the template needs a value: give index 2, type copy_code with its "code"',
                ),
                ("buttons", "button 3 of the template needs a value: give index 3, type flow"),
                ("recipients[0].params", '"percent" is missing'),
            ],
        ),
    ],
)
async def test_content_that_does_not_fit_the_template_is_rejected_and_listed_by_a_dry_run(
    tmp_path: Path, fields: dict[str, Any], details: list[tuple[str, str]]
) -> None:
    async with site(tmp_path, extra=BY_HAND, templates=TEMPLATES) as here:
        body = {"template_name": "order_update", "recipients": [{"to": A, "params": ["a", "b"]}], **fields}
        unchecked = (await here.api.post("/api/v1/broadcasts?dry_run=true", json=body)).json()["data"]
        assert (unchecked["problems"], unchecked["template_synced_at"]) == ([], None)
        await here.api.post("/api/v1/templates/sync")
        answer = await here.api.post("/api/v1/broadcasts", json=body)
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert error["code"] == "bad_request"
        assert error["message"].startswith(f"{details[0][0]}: ")
        assert [(problem["path"], problem["message"]) for problem in error["details"]] == details
        previewed = await here.api.post("/api/v1/broadcasts?dry_run=true", json=body)
        assert previewed.status_code == 200
        assert previewed.json()["data"]["problems"] == error["details"]
        assert (await here.api.get("/api/v1/broadcasts")).json()["data"] == []
        assert here.sim.ledger.counts()["total"] == 0


async def test_an_unknown_template_is_rejected_once_templates_are_synced(tmp_path: Path) -> None:
    async with site(tmp_path, extra=BY_HAND, templates=TEMPLATES) as here:
        await here.api.post("/api/v1/templates/sync")
        answer = await here.post([{"to": A}], template_name="nonsense")
        assert answer.status_code == 400
        assert "there is no template 'nonsense' as of the last sync" in answer.json()["error"]["message"]
    folder = tmp_path / "another"
    folder.mkdir()
    async with site(folder, extra=BY_HAND, templates=TEMPLATES) as here:
        # templates are not synced: Meta decides
        broadcast_id = await here.send([{"to": A}], template_name="nonsense")
        shown = await here.until_status(broadcast_id, "paused")
        assert shown["hold"]["reason"] == "template"


async def test_with_an_empty_list_of_templates_any_template_is_accepted(tmp_path: Path) -> None:
    """A token without permission to list templates gets an empty list, but can send."""
    async with site(tmp_path) as here:
        answer = await here.api.post("/api/v1/templates/sync")
        assert answer.json()["data"]["templates"] == 0
        broadcast_id = await here.send([{"to": A}], template_name="hello")
        await here.until_status(broadcast_id, "sent")


async def test_an_authentication_template_to_a_user_id_is_refused_before_sending(tmp_path: Path) -> None:
    template = TEMPLATES[2] | {"category": "AUTHENTICATION"}
    async with site(tmp_path, extra=BY_HAND, templates=(template,)) as here:
        assert (await here.api.post("/api/v1/templates/sync")).status_code == 200
        body = {"template_name": "plain", "recipients": [{"to": A}, {"to": "US.13491208655302741918"}]}
        told = (await here.api.post("/api/v1/broadcasts?dry_run=true", json=body)).json()["data"]["problems"]
        assert [each["path"] for each in told] == ["recipients[1].to"]
        assert (await here.api.post("/api/v1/broadcasts", json=body)).status_code == 400
        assert here.sim.ledger.entries == []
