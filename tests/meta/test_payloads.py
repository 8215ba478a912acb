"""The body of a send is Meta's documented JSON; problems in a caller's content have paths."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.table import rows
from wacrmd.domain.marketing_route import Endpoint, ProductPolicy, Route
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import Problem
from wacrmd.fields import JsonObject
from wacrmd.meta import payloads

MEDIA = {"id": "1558081531584829"}


def components(content: TemplateContent) -> Any:
    template = payloads.message("+16505551234", "order_update", "en_US", content, "cb")["template"]
    return template.get("components")


def test_a_complete_message_equals_metas_example() -> None:
    content = TemplateContent(
        params=["Pablo"],
        header={"image": MEDIA},
        buttons=[
            {"index": 0, "type": "quick_reply", "payload": "STOP:bc_17"},
            {"index": 1, "type": "url", "text": "abc123"},
        ],
    )
    sent = orjson.loads(payloads.body("+16505551234", "order_update", "en_US", content, "bc_17:r_000042"))
    assert sent == json.loads("""
{
  "messaging_product": "whatsapp",
  "recipient_type": "individual",
  "to": "+16505551234",
  "type": "template",
  "template": {
    "name": "order_update",
    "language": { "code": "en_US" },
    "components": [
      { "type": "header", "parameters": [ { "type": "image", "image": { "id": "1558081531584829" } } ] },
      { "type": "body",   "parameters": [ { "type": "text", "text": "Pablo" } ] },
      { "type": "button", "sub_type": "quick_reply", "index": "0",
        "parameters": [ { "type": "payload", "payload": "STOP:bc_17" } ] },
      { "type": "button", "sub_type": "url", "index": "1",
        "parameters": [ { "type": "text", "text": "abc123" } ] }
    ]
  },
  "biz_opaque_callback_data": "bc_17:r_000042"
}""")


def test_a_user_id_is_sent_as_recipient_and_not_as_to() -> None:
    sent = payloads.message("US.13491208655302741918", "t", "en", TemplateContent(), "cb")
    assert sent["recipient"] == "US.13491208655302741918"
    assert "to" not in sent


def test_fields_of_marketing_messages_are_those_that_are_set() -> None:
    def fields(policy: ProductPolicy | None, sharing: bool | None) -> JsonObject:
        route = Route(
            endpoint=Endpoint.MARKETING_MESSAGES,
            why="",
            product_policy=policy,
            message_activity_sharing=sharing,
        )
        plain = payloads.message("+1", "t", "en", TemplateContent(), "cb")
        sent: JsonObject = orjson.loads(payloads.body("+1", "t", "en", TemplateContent(), "cb", route))
        return {name: value for name, value in sent.items() if name not in plain}

    assert fields(None, None) == {}
    assert fields(ProductPolicy.STRICT, False) == {
        "product_policy": "STRICT",
        "message_activity_sharing": False,
    }


CARD = {"type": "header", "parameters": [{"type": "image", "image": {"id": "1"}}]}
CAROUSEL = [{"type": "carousel", "cards": [{"card_index": 0, "components": [CARD]}]}]

CASES: list[tuple[TemplateContent, Any]] = [
    (TemplateContent(), None),
    (TemplateContent(params=[]), None),
    (
        TemplateContent(params=["a", "b"]),
        [{"type": "body", "parameters": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
    ),
    (
        TemplateContent(params={"first_name": "Pablo"}),
        [
            {
                "type": "body",
                "parameters": [{"type": "text", "parameter_name": "first_name", "text": "Pablo"}],
            }
        ],
    ),
    (
        TemplateContent(header={"text": "Sale"}),
        [{"type": "header", "parameters": [{"type": "text", "text": "Sale"}]}],
    ),
    (
        TemplateContent(header={"text": "Sale", "parameter_name": "what"}),
        [{"type": "header", "parameters": [{"type": "text", "parameter_name": "what", "text": "Sale"}]}],
    ),
    (
        TemplateContent(header={"video": {"link": "https://e.example/v.mp4"}}),
        [
            {
                "type": "header",
                "parameters": [{"type": "video", "video": {"link": "https://e.example/v.mp4"}}],
            }
        ],
    ),
    (
        TemplateContent(header={"document": {"id": "9", "filename": "a.pdf"}}),
        [
            {
                "type": "header",
                "parameters": [{"type": "document", "document": {"id": "9", "filename": "a.pdf"}}],
            }
        ],
    ),
    (
        TemplateContent(header={"location": {"latitude": 37.4, "longitude": "-122.1", "name": "n"}}),
        [
            {
                "type": "header",
                "parameters": [
                    {
                        "type": "location",
                        "location": {"latitude": "37.4", "longitude": "-122.1", "name": "n"},
                    }
                ],
            }
        ],
    ),
    (
        TemplateContent(buttons=[{"index": 2, "type": "copy_code", "code": "25OFF"}]),
        [
            {
                "type": "button",
                "sub_type": "copy_code",
                "index": "2",
                "parameters": [{"type": "coupon_code", "coupon_code": "25OFF"}],
            }
        ],
    ),
    (
        TemplateContent(
            buttons=[{"index": 0, "type": "flow", "flow_token": "t", "flow_action_data": {"a": 1}}]
        ),
        [
            {
                "type": "button",
                "sub_type": "flow",
                "index": "0",
                "parameters": [
                    {"type": "action", "action": {"flow_token": "t", "flow_action_data": {"a": 1}}}
                ],
            }
        ],
    ),
    (TemplateContent(components=CAROUSEL), CAROUSEL),
]


@pytest.mark.parametrize(("content", "expected"), CASES)
def test_every_kind_of_content_becomes_metas_components(content: TemplateContent, expected: Any) -> None:
    assert components(content) == expected


@pytest.mark.parametrize(("content", "expected"), CASES)
def test_valid_content_has_no_problems(content: TemplateContent, expected: Any) -> None:
    given = {"header": content.header, "buttons": content.buttons, "components": content.components}
    assert payloads.content_problems(given) == []


ONE_KIND = 'expected an object with one of "text", "image", "video", "document" or "location"'

PROBLEMS: list[tuple[dict[str, Any], dict[str, str]]] = [
    (
        {"header": {"text": " ", "parameter_name": "", "size": 1}},
        {
            "header.size": 'unknown key; expected "text", "parameter_name"',
            "header.text": "expected a string that is not empty, found an empty string",
            "header.parameter_name": "expected a string that is not empty, found an empty string",
        },
    ),
    (
        {"header": "Sale"},
        {"header": f"{ONE_KIND}, found a string"},
    ),
    (
        {"header": {}},
        {"header": f"{ONE_KIND}, found an empty object"},
    ),
    (
        {"header": {"gif": {}}},
        {"header": f'{ONE_KIND}, found "gif"'},
    ),
    (
        {"header": {"text": "a", "image": MEDIA}},
        {"header": f'{ONE_KIND}, found "text", "image"'},
    ),
    ({"header": {"text": ""}}, {"header.text": "expected a string that is not empty, found an empty string"}),
    (
        {"header": {"text": " ", "size": 1}},
        {
            "header.size": 'unknown key; expected "text", "parameter_name"',
            "header.text": "expected a string that is not empty, found an empty string",
        },
    ),
    (
        {"header": {"text": "a", "parameter_name": 1}},
        {"header.parameter_name": "expected a string that is not empty, found an integer"},
    ),
    ({"header": {"image": "9"}}, {"header.image": "expected an object, found a string"}),
    ({"header": {"image": {}}}, {"header.image": 'expected either "id" (of an uploaded file) or "link"'}),
    (
        {"header": {"image": {"id": "9", "link": "https://e.example"}}},
        {"header.image": 'expected either "id" (of an uploaded file) or "link"'},
    ),
    (
        {"header": {"image": {"id": 9}}},
        {"header.image.id": "expected a string that is not empty, found an integer"},
    ),
    (
        {"header": {"video": {"link": "file:///etc/passwd"}}},
        {"header.video.link": "expected an address such as https://shop.example/a.png"},
    ),
    (
        {"header": {"image": {"id": "9", "filename": "a"}}},
        {"header.image.filename": 'unknown key; expected "id", "link"'},
    ),
    (
        {"header": {"document": {"id": "9", "filename": "", "size": 1}}},
        {
            "header.document.size": 'unknown key; expected "id", "link", "filename"',
            "header.document.filename": "expected a string that is not empty, found an empty string",
        },
    ),
    ({"header": {"image": MEDIA, "size": 1}}, {"header.size": 'unknown key; expected "image"'}),
    (
        {"header": {"image": [], "size": 1}},
        {
            "header.size": 'unknown key; expected "image"',
            "header.image": "expected an object, found an array",
        },
    ),
    (
        {"header": {"location": {"latitude": 91, "longitude": "x"}}},
        {
            "header.location.latitude": "expected degrees from -90 to 90",
            "header.location.longitude": "expected degrees from -180 to 180",
        },
    ),
    (
        {"header": {"location": {"latitude": -90.5, "longitude": 180.5}}},
        {
            "header.location.latitude": "expected degrees from -90 to 90",
            "header.location.longitude": "expected degrees from -180 to 180",
        },
    ),
    (
        {"header": {"location": {"latitude": True, "longitude": None}}},
        {
            "header.location.latitude": "expected degrees from -90 to 90",
            "header.location.longitude": "expected degrees from -180 to 180",
        },
    ),
    (
        {"header": {"location": {"latitude": "nan", "longitude": 1}}},
        {"header.location.latitude": "expected degrees from -90 to 90"},
    ),
    (
        {"header": {"location": {"latitude": 1, "longitude": 1, "name": "", "address": 5, "city": "x"}}},
        {
            "header.location.city": 'unknown key; expected "latitude", "longitude", "name", "address"',
            "header.location.name": "expected a string that is not empty, found an empty string",
            "header.location.address": "expected a string that is not empty, found an integer",
        },
    ),
    (
        {"header": {"location": {"latitude": 91, "longitude": 1, "name": " ", "address": ""}}, "buttons": {}},
        {
            "header.location.latitude": "expected degrees from -90 to 90",
            "header.location.name": "expected a string that is not empty, found an empty string",
            "header.location.address": "expected a string that is not empty, found an empty string",
            "buttons": "expected an array of buttons, found an object",
        },
    ),
    (
        {"header": {"location": {"latitude": 1, "longitude": 1}, "size": 1}},
        {"header.size": 'unknown key; expected "location"'},
    ),
    ({"buttons": {}}, {"buttons": "expected an array of buttons, found an object"}),
    (
        {"buttons": [{"index": 0, "type": "url", "text": "a"}] * 11},
        {"buttons": "expected at most 10 buttons, found 11"},
    ),
    ({"buttons": ["url"]}, {"buttons[0]": "expected an object, found a string"}),
    (
        {"buttons": [{"type": "url", "text": "a"}]},
        {"buttons[0].index": "expected the button's position in the template, 0 to 9"},
    ),
    (
        {"buttons": [{"index": -1, "type": "url", "text": "a"}, {"index": 10, "type": "url", "text": "a"}]},
        {
            "buttons[0].index": "expected the button's position in the template, 0 to 9",
            "buttons[1].index": "expected the button's position in the template, 0 to 9",
        },
    ),
    (
        {"buttons": [{"index": True, "type": "url", "text": "a"}]},
        {"buttons[0].index": "expected the button's position in the template, 0 to 9"},
    ),
    (
        {"buttons": [{"index": 0, "type": "url", "text": "a"}] * 2},
        {"buttons[1].index": "index 0 is used twice"},
    ),
    (
        {"buttons": [{"index": "0", "type": "voice"}]},
        {
            "buttons[0].index": "expected the button's position in the template, 0 to 9",
            "buttons[0].type": 'expected one of "url", "quick_reply", "copy_code", "flow"',
        },
    ),
    (
        {"buttons": [{"index": 0, "type": ["url"]}]},
        {"buttons[0].type": 'expected one of "url", "quick_reply", "copy_code", "flow"'},
    ),
    (
        {"buttons": [{"index": 0, "type": "url"}]},
        {"buttons[0].text": "expected a string that is not empty, found null"},
    ),
    (
        {"buttons": [{"index": 0, "type": "url", "text": "a", "payload": "b"}]},
        {"buttons[0].payload": 'unknown key; expected "index", "type", "text"'},
    ),
    (
        {"buttons": [{"index": 12, "type": "quick_reply", "payload": True, "text": "b"}, 7]},
        {
            "buttons[0].index": "expected the button's position in the template, 0 to 9",
            "buttons[0].text": 'unknown key; expected "index", "type", "payload"',
            "buttons[0].payload": "expected a string that is not empty, found a boolean",
            "buttons[1]": "expected an object, found an integer",
        },
    ),
    (
        {"buttons": [{"index": 0, "type": "copy_code", "code": "x" * 21}]},
        {"buttons[0].code": "expected at most 20 characters"},
    ),
    (
        {"buttons": [{"index": 0, "type": "flow", "flow_token": 1, "text": "a"}]},
        {
            "buttons[0].text": 'unknown key; expected "index", "type", "flow_token", "flow_action_data"',
            "buttons[0].flow_token": "expected a string that is not empty, found an integer",
        },
    ),
    (
        {"buttons": [{"index": 0, "type": "flow", "flow_token": "", "flow_action_data": []}]},
        {
            "buttons[0].flow_token": "expected a string that is not empty, found an empty string",
            "buttons[0].flow_action_data": "expected an object, found an array",
        },
    ),
    (
        {"buttons": [{"index": 0, "type": "flow", "flow_action_data": {"a": 2**70}}]},
        {"buttons": "expected JSON with numbers below 2^63, nested at most 254 deep"},
    ),
    (
        {"buttons": [{"index": 0, "type": "flow", "flow_action_data": {"a": "x" * 65_482}}]},
        {"buttons": "expected at most 65536 bytes, found 65537"},
    ),
    (
        {"header": {"image": {"link": "https://" + "x" * 65_510}}},
        {"header": "expected at most 65536 bytes, found 65539"},
    ),
    (
        {"buttons": [{"index": 1, "type": "quick_reply", "payload": "é" * 32_768}]},
        {"buttons": "expected at most 65536 bytes, found 65583"},
    ),
    ({"components": {}}, {"components": "expected an array of Meta's component objects, found an object"}),
    (
        {"components": [{"type": "body", "a": 2**70}]},
        {"components": "expected JSON with numbers below 2^63, nested at most 254 deep"},
    ),
    (
        {"components": [1.5, {}, {"type": "body"}, {"type": 3}]},
        {
            "components[0]": "expected an object, found a number",
            "components[1].type": 'expected a component type such as "body" or "carousel"',
            "components[3].type": 'expected a component type such as "body" or "carousel"',
        },
    ),
    (
        {
            "components": [
                {"type": "Button", "sub_type": "PHONE_NUMBER", "index": 0},
                {"type": "carousel"},
                {"type": "CAROUSEL", "cards": []},
                {"type": "carousel", "cards": [{}] * 11},
                {"type": "carousel", "cards": [{}]},
                {"type": "button", "sub_type": 7},
                {"type": "footer"},
                {"type": "header", "parameters": [{"type": "image", "image": {}}]},
                {"type": "button", "sub_type": "url", "parameters": [{"type": "text", "text": "a"}] * 2},
                {"type": "button", "sub_type": "mpm", "parameters": [{"type": "action", "action": {}}]},
                {"type": "limited_time_offer", "parameters": []},
                {"type": "header", "parameters": [{"type": "location", "location": {"latitude": 1}}]},
                {"type": "carousel", "cards": [{"card_index": 1, "components": [CARD]}] * 2},
            ]
        },
        {
            "components[0].sub_type": "a phone number button takes no component: leave it out",
            "components[1].cards": "expected an array of 1 to 10 cards",
            "components[2].cards": "expected an array of 1 to 10 cards",
            "components[3].cards": "expected at most 10 cards, found 11",
            "components[4].cards[0].card_index": "expected the card's position, 0 to 9",
            "components[4].cards[0].components": "expected the components of the card: it has a header",
            "components[6].type": "Meta takes no component 'footer': leave it out",
            "components[7].parameters[0].image": 'expected an object with "id" (of an uploaded file) or "link"',
            "components[8].parameters": "a url button takes one, found 2",
            "components[9].parameters[0].action": "expected at least one section with products",
            "components[10].parameters": 'expected one "limited_time_offer" with its "expiration_time_ms"',
            "components[11].parameters[0].location": 'expected an object with "latitude" and "longitude"',
            "components[12].cards[1].card_index": "card 1 is given twice",
        },
    ),
    ({"components": [{"type": "x" * 65_524}]}, {"components": "expected at most 65536 bytes, found 65537"}),
    (
        {"components": [], "params": ["a"]},
        {"components": "replaces the whole content: leave out params, or leave out components"},
    ),
    (
        {"components": [], "params": ["a"], "header": {"text": "b"}, "buttons": 0.5},
        {
            "components": "replaces the whole content: leave out params and header and buttons, or leave out components",
            "buttons": "expected an array of buttons, found a number",
        },
    ),
    (
        {"header": None, "components": True},
        {"components": "expected an array of Meta's component objects, found a boolean"},
    ),
]


@rows(("given_content", "problems"), PROBLEMS)
def test_every_problem_names_its_path_and_what_was_expected(
    given_content: dict[str, Any], problems: dict[str, str]
) -> None:
    found = payloads.content_problems(given_content, "recipients[3]")
    assert found == [Problem(f"recipients[3].{path}", message) for path, message in problems.items()]
    assert payloads.content_problems(given_content) == [Problem(*problem) for problem in problems.items()]


@pytest.mark.parametrize(
    "given_content",
    [
        {"header": {"text": "a", "parameter_name": "what"}},
        {"header": {"image": {"link": "http://e.example/a.png"}}},
        {"header": {"location": {"latitude": -90, "longitude": "180.0", "name": "n", "address": "a"}}},
        {"header": {"location": {"latitude": 90.0, "longitude": -180}}},
        {"buttons": [{"index": index, "type": "url", "text": "a"} for index in range(10)]},
        {"buttons": [{"index": 0, "type": "copy_code", "code": "x" * 20}]},
        {"buttons": [{"index": 0, "type": "flow", "flow_action_data": {"a": "x" * 65_481}}]},
        {"components": [{"type": "x" * 65_523}], "params": [], "header": None, "buttons": []},
    ],
)
def test_content_at_the_limits_has_no_problems(given_content: dict[str, Any]) -> None:
    assert payloads.content_problems(given_content) == []


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "image", "id", "link", "index", "type", "location", "latitude", "code"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("header", "buttons", "components"), json_values)))
def test_content_without_problems_can_be_built(content: dict[str, Any]) -> None:
    if payloads.content_problems(content) == []:
        built = TemplateContent(
            None, content.get("header"), content.get("buttons"), content.get("components")
        )
        payloads.body("+1", "t", "en", built, "cb")


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(words, st.lists(words) | st.dictionaries(words, words))
def test_body_parameters_are_sent_unchanged(to: str, params: list[str] | dict[str, str]) -> None:
    sent = orjson.loads(payloads.body(f"+{to}", "t", "en", TemplateContent(params=params), "cb"))
    parts = sent["template"].get("components", [{"parameters": []}])[0]["parameters"]
    assert {part["type"] for part in parts} <= {"text"}
    if isinstance(params, dict):
        assert {part["parameter_name"]: part["text"] for part in parts} == params
    else:
        assert [part["text"] for part in parts] == params
    assert sent["to"] == f"+{to}"
