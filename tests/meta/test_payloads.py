"""The body of a send is Meta's documented JSON, and what callers give for it is checked with paths."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wacrmd.domain.template import TemplateContent
from wacrmd.errors import Problem
from wacrmd.meta import payloads

MEDIA = {"id": "1558081531584829"}


def components(content: TemplateContent) -> Any:
    template = payloads.message("+16505551234", "order_update", "en_US", content, "cb")["template"]
    return template.get("components")


def test_a_whole_message_is_metas_example() -> None:
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


def test_a_user_id_goes_out_as_recipient_and_never_as_to() -> None:
    sent = payloads.message("US.13491208655302741918", "t", "en", TemplateContent(), "cb")
    assert sent["recipient"] == "US.13491208655302741918"
    assert "to" not in sent


CAROUSEL = [{"type": "carousel", "cards": [{"card_index": 0, "components": []}]}]

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
def test_what_can_be_sent_has_no_problems(content: TemplateContent, expected: Any) -> None:
    given = {"header": content.header, "buttons": content.buttons, "components": content.components}
    assert payloads.content_problems(given) == []


PROBLEMS: list[tuple[dict[str, Any], list[str]]] = [
    ({"header": "Sale"}, ["header"]),
    ({"header": {}}, ["header"]),
    ({"header": {"gif": {}}}, ["header"]),
    ({"header": {"text": "a", "image": MEDIA}}, ["header"]),
    ({"header": {"text": ""}}, ["header.text"]),
    ({"header": {"text": "a", "parameter_name": 1}}, ["header.parameter_name"]),
    ({"header": {"image": "9"}}, ["header.image"]),
    ({"header": {"image": {}}}, ["header.image"]),
    ({"header": {"image": {"id": "9", "link": "https://e.example"}}}, ["header.image"]),
    ({"header": {"image": {"id": 9}}}, ["header.image.id"]),
    ({"header": {"image": {"link": "file:///etc/passwd"}}}, ["header.image.link"]),
    ({"header": {"image": {"id": "9", "filename": "a"}}}, ["header.image.filename"]),
    (
        {"header": {"location": {"latitude": 91, "longitude": "x"}}},
        ["location.latitude", "location.longitude"],
    ),
    ({"header": {"location": {"latitude": True, "longitude": None}}}, ["latitude", "longitude"]),
    ({"header": {"location": {"latitude": "nan", "longitude": 1}}}, ["latitude"]),
    ({"buttons": {}}, ["buttons"]),
    ({"buttons": [{"index": 0, "type": "url", "text": "a"}] * 11}, ["buttons"]),
    ({"buttons": ["url"]}, ["buttons[0]"]),
    ({"buttons": [{"type": "url", "text": "a"}]}, ["buttons[0].index"]),
    ({"buttons": [{"index": True, "type": "url", "text": "a"}]}, ["buttons[0].index"]),
    ({"buttons": [{"index": 0, "type": "url", "text": "a"}] * 2}, ["buttons[1].index"]),
    ({"buttons": [{"index": 0, "type": "voice"}]}, ["buttons[0].type"]),
    ({"buttons": [{"index": 0, "type": ["url"]}]}, ["buttons[0].type"]),
    ({"buttons": [{"index": 0, "type": "url"}]}, ["buttons[0].text"]),
    ({"buttons": [{"index": 0, "type": "url", "text": "a", "payload": "b"}]}, ["buttons[0].payload"]),
    ({"buttons": [{"index": 0, "type": "copy_code", "code": "x" * 21}]}, ["buttons[0].code"]),
    ({"buttons": [{"index": 0, "type": "flow", "flow_token": 1}]}, ["buttons[0].flow_token"]),
    ({"buttons": [{"index": 0, "type": "flow", "flow_action_data": []}]}, ["buttons[0].flow_action_data"]),
    ({"buttons": [{"index": 0, "type": "flow", "flow_action_data": {"a": 2**70}}]}, ["flow_action_data"]),
    ({"components": {}}, ["components"]),
    ({"components": [{"type": "body", "a": 2**70}]}, ["components"]),
    ({"components": [1, {}, {"type": "body"}]}, ["components[0]", "components[1].type"]),
    ({"components": [{"type": "body", "x": "y" * 70_000}]}, ["components"]),
    ({"components": [], "params": ["a"], "header": {"text": "b"}}, ["components"]),
]


@pytest.mark.parametrize(("given_content", "paths"), PROBLEMS)
def test_every_problem_names_its_place(given_content: dict[str, Any], paths: list[str]) -> None:
    problems = payloads.content_problems(given_content, "recipients[3]")
    assert [p.path.endswith(path) for p, path in zip(problems, paths, strict=True)] == [True] * len(paths)
    assert all(p.path.startswith("recipients[3].") and p.message for p in problems)


def test_a_problem_says_what_was_expected_and_found() -> None:
    assert payloads.content_problems({"header": {"image": []}}) == [
        Problem("header.image", "expected an object, found a list")
    ]


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


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # drawing JSON is slow on a busy core
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("header", "buttons", "components"), json_values)))
def test_what_passes_the_checks_can_always_be_built(content: dict[str, Any]) -> None:
    if payloads.content_problems(content) == []:
        built = TemplateContent(
            None, content.get("header"), content.get("buttons"), content.get("components")
        )
        payloads.body("+1", "t", "en", built, "cb")


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(words, st.lists(words) | st.dictionaries(words, words))
def test_body_parameters_arrive_as_they_were_given(to: str, params: list[str] | dict[str, str]) -> None:
    sent = orjson.loads(payloads.body(f"+{to}", "t", "en", TemplateContent(params=params), "cb"))
    parts = sent["template"].get("components", [{"parameters": []}])[0]["parameters"]
    if isinstance(params, dict):
        assert {part["parameter_name"]: part["text"] for part in parts} == params
    else:
        assert [part["text"] for part in parts] == params
    assert sent["to"] == f"+{to}"
