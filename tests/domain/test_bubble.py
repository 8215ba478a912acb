"""A message as it is shown: its parts, filled by each way of giving values, and templates of any shape."""

from typing import Any

import pytest

from tests.support.templates import approved
from wacrmd.domain.bubble import Bubble, Button, Header, bubble_of, example_of
from wacrmd.domain.formatted_text import Run
from wacrmd.domain.template import TemplateContent

HEADER = {"type": "HEADER", "format": "TEXT", "text": "For {{1}}"}
BODY = {"type": "BODY", "text": "Hello {{1}}, your code is {{2}}."}
FOOTER = {"type": "FOOTER", "text": "Reply STOP to end"}
BUTTONS = {
    "type": "BUTTONS",
    "buttons": [
        {"type": "URL", "text": "Open", "url": "https://shop.example/{{1}}"},
        {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+14155550123"},
        {"type": "QUICK_REPLY", "text": "No more"},
        {"type": "COPY_CODE"},
    ],
}
ALL = [HEADER, BODY, FOOTER, BUTTONS]


def text_of(shown: Bubble) -> str:
    """The body without formats."""
    return "".join(run.text for run in shown.body)


def test_a_template_without_values_shows_its_placeholders() -> None:
    shown = bubble_of(ALL)
    assert shown.header == Header("text", (Run("For "), Run("{{1}}", (), "1", is_filled=False)))
    assert text_of(shown) == "Hello {{1}}, your code is {{2}}."
    assert shown.footer == "Reply STOP to end"
    assert shown.buttons == (
        Button("url", "Open", "https://shop.example/{{1}}"),
        Button("phone_number", "Call", "+14155550123"),
        Button("quick_reply", "No more"),
        Button("copy_code", "Copy code"),
    )
    assert shown.missing == ("1", "2")


def test_values_fill_header_body_and_buttons() -> None:
    content = TemplateContent(
        params=["Jane", "77"],
        header={"text": "you"},
        buttons=[{"index": 0, "type": "url", "text": "sale"}, {"index": 3, "code": "SPRING"}],
    )
    shown = bubble_of(ALL, content)
    assert shown.header == Header("text", (Run("For "), Run("you", (), "1")))
    assert text_of(shown) == "Hello Jane, your code is 77."
    assert (shown.buttons[0].detail, shown.buttons[3].detail) == ("https://shop.example/sale", "SPRING")
    assert shown.missing == ()


def test_named_values_fill_by_name() -> None:
    body = {"type": "BODY", "text": "{{first}} and {{second}}"}
    shown = bubble_of([body], TemplateContent(params={"second": "B"}))
    assert text_of(shown) == "{{first}} and B"
    assert shown.missing == ("first",)


def test_metas_own_objects_fill_it_too() -> None:
    raw: list[dict[str, Any]] = [
        {"type": "header", "parameters": [{"type": "text", "text": "you"}]},
        {"type": "body", "parameters": [{"type": "text", "text": "Jane"}, {"type": "text", "text": "77"}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "x"}]},
        {"type": "button", "index": 3, "parameters": [{"type": "coupon_code", "coupon_code": "C"}]},
    ]
    shown = bubble_of(ALL, TemplateContent(components=raw))
    assert text_of(shown) == "Hello Jane, your code is 77."
    assert (shown.buttons[0].detail, shown.buttons[3].detail) == ("https://shop.example/x", "C")


@pytest.mark.parametrize(
    ("kind", "media", "name"),
    [
        ("IMAGE", {"link": "https://x.example/a.png"}, "https://x.example/a.png"),
        ("DOCUMENT", {"id": "1", "filename": "offer.pdf"}, "offer.pdf"),
        ("LOCATION", {"name": "Shop", "latitude": 1}, "Shop"),
        ("VIDEO", {"id": "1"}, None),
    ],
)
def test_a_media_header_has_its_kind_and_a_name(kind: str, media: dict[str, Any], name: str | None) -> None:
    content = TemplateContent(header={kind.lower(): media})
    assert bubble_of([{"type": "HEADER", "format": kind}], content).header == Header(kind.lower(), name=name)


def test_a_carousel_has_its_cards_with_their_values() -> None:
    card = {"components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "No. {{1}}"}]}
    template = [BODY, {"type": "CAROUSEL", "cards": [card, card]}]
    raw = [
        {
            "type": "carousel",
            "cards": [
                {
                    "card_index": 1,
                    "components": [{"type": "body", "parameters": [{"type": "text", "text": "2"}]}],
                }
            ],
        }
    ]
    first, second = bubble_of(template, TemplateContent(components=raw)).cards
    assert (text_of(first), text_of(second)) == ("No. {{1}}", "No. 2")


def test_a_part_that_is_not_known_is_named_and_an_offer_has_its_text() -> None:
    shown = bubble_of(
        [
            {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Only today"}},
            {"type": "call_permission_request"},
            {"type": "FOOTER", "code_expiration_minutes": 5},
        ]
    )
    assert shown.offer == "Only today"
    assert shown.others == ("CALL_PERMISSION_REQUEST",)
    assert shown.footer == "This code expires in 5 minutes."


@pytest.mark.parametrize(
    "components",
    [
        [],
        [None, 1, "x", []],
        [{"type": None}, {"type": 5}],
        [{"type": "BODY"}, {"type": "BODY", "text": {"a": 1}}],
        [{"type": "BUTTONS", "buttons": "x"}, {"type": "BUTTONS", "buttons": [None, {"type": 1}]}],
        [{"type": "CAROUSEL", "cards": [None, {"components": 5}]}],
        [{"type": "HEADER", "format": None, "example": []}],
        [{"type": "LIMITED_TIME_OFFER", "limited_time_offer": []}],
    ],
)
def test_a_template_of_another_shape_is_shown_as_far_as_it_goes(components: list[Any]) -> None:
    shown = bubble_of(components, TemplateContent(params=["x"], header={}, buttons=[{"index": 0}]))
    assert text_of(shown) == ""
    example_of(approved(*components))


def test_what_is_longer_than_meta_allows_is_cut() -> None:
    parts = [{"type": "FOOTER", "text": "x" * 9999}, {"type": "BODY", "text": "{{1}}" * 999}]
    shown = bubble_of(parts, TemplateContent(params=["y" * 99_999]))
    assert len(shown.footer or "") == 200
    assert len(text_of(shown)) == 4097


def test_the_examples_of_a_template_fill_it() -> None:
    parts = [
        HEADER | {"example": {"header_text": ["you"]}},
        BODY | {"example": {"body_text": [["Jane", "77"]]}},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "URL", "text": "Open", "url": "https://a.example/{{1}}", "example": ["https://a.example/b"]},
            ],
        },
    ]  # fmt: skip
    content = example_of(approved(*parts))
    assert content is not None
    shown = bubble_of(parts, content)
    assert text_of(shown) == "Hello Jane, your code is 77."
    assert shown.buttons[0].detail == "https://a.example/b"
    assert shown.missing == ()


def test_named_examples_fill_it_and_a_template_without_any_has_none() -> None:
    examples = [{"param_name": "a", "example": "A"}]
    named = {"type": "BODY", "text": "{{a}}", "example": {"body_text_named_params": examples}}
    assert example_of(approved(named)) == TemplateContent(params={"a": "A"})
    assert example_of(approved(*ALL)) is None
