"""What a message shows of values in each form, of the examples of a template, and of what is too long."""

from dataclasses import replace
from typing import Any

import pytest

from tests.domain.test_bubble import text_of
from tests.support.templates import approved
from wacrmd.domain.bubble import MAX_BUTTONS, MAX_CARDS, Bubble, Button, Header, bubble_of, example_of
from wacrmd.domain.formatted_text import Run
from wacrmd.domain.template import TemplateContent

LONG = "x" * 9999


def button_of(button: dict[str, Any], value: dict[str, Any] | None = None) -> Button:
    """A button that is the second one of its message, with the value that is given for it."""
    parts = [{"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "No"}, button]}]
    given = [{"index": 0, "text": "no", "code": "NO"}, *([value | {"index": 1}] if value else [])]
    return bubble_of(parts, TemplateContent(buttons=given)).buttons[1]


@pytest.mark.parametrize(
    ("button", "value", "shown"),
    [
        ({"type": "COPY_CODE"}, {"code": "A"}, Button("copy_code", "Copy code", "A")),
        ({"type": "copy_code", "text": "Copy"}, {"text": "B"}, Button("copy_code", "Copy", "B")),
        ({"type": "OTP", "text": ""}, {"code": "A", "text": "B"}, Button("otp", "Copy code", "A")),
        ({"type": "CATALOG"}, None, Button("catalog", "View catalog")),
        ({"type": "MPM"}, {"text": "x"}, Button("mpm", "View items")),
        ({"type": "VOICE_CALL"}, None, Button("voice_call", "voice call")),
        ({"type": "URL", "text": "Open"}, {"text": "x"}, Button("url", "Open")),
        ({"type": "URL", "url": "https://a.example/{{1}}"}, {"text": 5}, Button("url", "url", "https://a.example/{{1}}")),
        ({"type": "PHONE_NUMBER", "text": "Call", "phone_number": 5}, None, Button("phone_number", "Call")),
        ({"type": "QUICK_REPLY", "text": LONG}, None, Button("quick_reply", "x" * 200)),
        ({"type": LONG}, None, Button("x" * 200, "x" * 200)),
        ({"type": "PHONE_NUMBER", "text": "C", "phone_number": LONG}, None, Button("phone_number", "C", "x" * 200)),
        ({"type": "COPY_CODE"}, {"code": LONG}, Button("copy_code", "Copy code", "x" * 200)),
        ({"type": "URL", "text": "O", "url": "{{1}}"}, {"text": LONG}, Button("url", "O", "x" * 1024)),
        ({"type": "URL", "text": "O", "url": LONG}, None, Button("url", "O", "x" * 2048)),
    ],
)  # fmt: skip
def test_a_button_says_what_it_does(
    button: dict[str, Any], value: dict[str, Any] | None, shown: Button
) -> None:
    assert button_of(button, value) == shown


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ({"type": "footer", "text": "Bye"}, Bubble(footer="Bye")),
        ({"type": "footer", "text": "Bye", "code_expiration_minutes": 5}, Bubble(footer="Bye")),
        ({"type": "FOOTER", "code_expiration_minutes": "5"}, Bubble()),
        ({"type": "body", "text": "Hi"}, Bubble(body=(Run("Hi"),))),
        ({"type": "body", "text": "{{1}}"}, Bubble(body=(Run("{{1}}", (), "1", is_filled=False),))),
        ({"type": "header", "text": "Hi"}, Bubble(header=Header("text", (Run("Hi"),)))),
        ({"type": "header", "format": LONG}, Bubble(header=Header("x" * 200))),
        ({"type": "limited_time_offer", "limited_time_offer": {"text": LONG}}, Bubble(offer="x" * 200)),
        ({"type": "LIMITED_TIME_OFFER"}, Bubble(offer="Limited offer")),
        ({"type": LONG}, Bubble(others=("X" * 200,))),
        ({"type": "buttons"}, Bubble()),
    ],
)
def test_a_part_is_shown_alone(part: dict[str, Any], shown: Bubble) -> None:
    assert bubble_of([part]) == shown
    assert bubble_of([{"type": "else"}, part]) == replace(shown, others=("ELSE", *shown.others))


def test_the_texts_of_the_whole_message_that_are_missing_are_named_once() -> None:
    card = {"components": [{"type": "BODY", "text": "{{1}} {{3}} {{3}}"}]}
    parts = [
        {"type": "HEADER", "text": "{{1}} {{2}}"},
        {"type": "BODY", "text": "{{2}}"},
        {"type": "CAROUSEL", "cards": [card, card]},
    ]
    assert bubble_of(parts).missing == ("1", "2", "3")
    assert bubble_of(parts, TemplateContent(header={"text": "A"})).missing == ("2", "1", "3")


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        (["a" * 2000, "b"], "a" * 1024 + "b"),
        ({"1": "a" * 2000, "2": "b"}, "a" * 1024 + "b"),
        ([1, None], "1None"),
        (None, "{{1}}{{2}}"),
    ],
)
def test_values_of_any_kind_fill_a_body(params: Any, shown: str) -> None:
    assert (
        text_of(bubble_of([{"type": "BODY", "text": "{{1}}{{2}}"}], TemplateContent(params=params))) == shown
    )


@pytest.mark.parametrize(
    ("kind", "media", "name"),
    [
        ("document", {"link": "https://x.example/a", "filename": "a.pdf"}, "a.pdf"),
        ("location", {"address": "1 Road", "link": "x"}, "1 Road"),
        ("location", {"address": "1 Road", "name": "Shop"}, "Shop"),
        ("image", {"link": LONG}, "x" * 200),
        ("image", "x", None),
    ],
)
def test_media_is_called_by_the_best_of_its_names(kind: str, media: object, name: str | None) -> None:
    part = {"type": "HEADER", "format": kind.upper()}
    own = TemplateContent(header={kind: media})
    metas = TemplateContent(
        components=[{"type": "HEADER", "parameters": [{"type": kind.upper(), kind: media}]}]
    )
    assert bubble_of([part], own).header == bubble_of([part], metas).header == Header(kind, name=name)


def test_only_as_much_is_shown_as_a_message_has() -> None:
    card = {"components": [{"type": "BODY", "text": "A"}]}
    parts = [
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "x"}] * 11},
        {"type": "CAROUSEL", "cards": [card] * 11},
        {"type": "A"},
        {"type": "B"},
        {"type": "a"},
    ]
    shown = bubble_of(parts)
    assert (len(shown.buttons), len(shown.cards), shown.others) == (MAX_BUTTONS, MAX_CARDS, ("A", "B"))


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        ([{"text": "A"}, {"text": "B"}], "A {{two}}"),
        ([{"parameter_name": "two", "text": "B"}], "{{1}} B"),
        ([{"parameter_name": "two", "text": "B"}, {"text": "A"}], "B {{two}}"),
        ([{"text": None}], " {{two}}"),
        ("x", "{{1}} {{two}}"),
    ],
)
def test_metas_own_objects_fill_by_place_or_by_name(raw: object, body: str) -> None:
    content = TemplateContent(components=[{"type": "BODY", "parameters": raw}, {"type": "else"}])
    assert text_of(bubble_of([{"type": "BODY", "text": "{{1}} {{two}}"}], content)) == body


@pytest.mark.parametrize(
    ("index", "at"),
    [(0, 0), ("0", 0), (1, 1), ("01", 1), ("1", 1), ("x", None), ("001", None), (None, None), ([], None), (-1, None)],
)  # fmt: skip
def test_a_place_is_a_number_or_its_digits(index: object, at: int | None) -> None:
    buttons = {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE"}] * 2}
    cards = {"type": "CAROUSEL", "cards": [{"components": [{"type": "BODY", "text": "{{1}}"}]}] * 2}
    values = [{"type": "body", "parameters": [{"text": "A"}]}]
    content = TemplateContent(
        components=[
            {"type": "else"},
            {"type": "BUTTON", "index": index, "parameters": [{"coupon_code": "A"}, {"coupon_code": "B"}]},
            {"type": "Carousel", "cards": [{"card_index": index, "components": values}]},
        ]
    )
    shown = bubble_of([buttons, cards], content)
    assert [each.detail for each in shown.buttons] == ["A" if at == place else None for place in (0, 1)]
    assert [text_of(each) for each in shown.cards] == ["A" if at == place else "{{1}}" for place in (0, 1)]


def test_a_card_has_buttons_of_its_own() -> None:
    card = {
        "components": [
            {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "O", "url": "https://a.example/{{1}}"}]}
        ]
    }
    given = [{"type": "button", "sub_type": "url", "index": 0, "parameters": [{"type": "text", "text": "b"}]}]
    content = TemplateContent(
        components=[{"type": "carousel", "cards": [{"card_index": 0, "components": given}]}]
    )
    (shown,) = bubble_of([{"type": "carousel", "cards": [card]}], content).cards
    assert shown.buttons == (Button("url", "O", "https://a.example/b"),)


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ({"type": "body", "example": {"body_text": [["A", "B"], ["C"]]}}, TemplateContent(params=["A", "B"])),
        ({"type": "BODY", "example": {"body_text": ["A", 5]}}, TemplateContent(params=["A"])),
        ({"type": "BODY", "example": {"body_text": "A"}}, None),
        ({"type": "BODY", "example": {"body_text": []}}, None),
        (
            {
                "type": "BODY",
                "example": {
                    "body_text_named_params": [
                        {"param_name": "a", "example": "A"},
                        {"param_name": "b"},
                        {"example": "C"},
                    ]
                },
            },
            TemplateContent(params={"a": "A", "b": ""}),
        ),
        (
            {"type": "BODY", "example": {"body_text_named_params": [{"param_name": LONG, "example": LONG}]}},
            TemplateContent(params={"x" * 200: "x" * 8192}),
        ),
        ({"type": "HEADER", "example": {"header_text": ["A", "B"]}}, TemplateContent(header={"text": "A"})),
        (
            {"type": "header", "example": {"header_text_named_params": [{"param_name": "a", "example": "A"}]}},
            TemplateContent(header={"text": "A"}),
        ),
        ({"type": "HEADER", "example": {"header_handle": ["https://a.example"]}}, None),
        (
            {
                "type": "buttons",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "No"},
                    {"type": "COPY_CODE", "example": "A"},
                    {"type": "URL", "url": "https://a.example/{{1}}?{{2}}", "example": ["https://a.example/b", "c"]},
                    {"type": "URL", "url": "https://a.example/{{1}}", "example": ["b"]},
                ],
            },
            TemplateContent(
                buttons=[
                    {"index": 1, "text": "A", "code": "A"},
                    {"index": 2, "text": "b", "code": "https://a.example/b"},
                    {"index": 3, "text": "b", "code": "b"},
                ]
            ),
        ),
        ({"type": "FOOTER", "example": {"body_text": [["A"]]}}, None),
    ],
)  # fmt: skip
def test_examples_are_read_in_each_form_of_metas(
    part: dict[str, Any], content: TemplateContent | None
) -> None:
    assert example_of(approved(part)) == content
    assert example_of(approved({"type": "else"}, part)) == content
