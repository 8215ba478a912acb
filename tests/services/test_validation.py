"""Validation of content against templates before anything is stored: a table of templates and contents."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.templates import approved
from wacrmd.domain.template import SyncedTemplate, Template, TemplateContent
from wacrmd.services.broadcasts.validation import address_problems, parameter_problems, problems

BODY0: dict[str, Any] = {"type": "BODY", "text": "Hello"}
BODY2: dict[str, Any] = {"type": "BODY", "text": "Hi {{1}}, your order {{2}} is on its way, {{1}}"}
NAMED: dict[str, Any] = {"type": "BODY", "text": "Hi {{first_name}}, code {{code}}"}
IMAGE: dict[str, Any] = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["x"]}}
TEXT: dict[str, Any] = {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"}
PLAIN: dict[str, Any] = {"type": "HEADER", "format": "TEXT", "text": "News"}
NAMED_TEXT: dict[str, Any] = {"type": "HEADER", "format": "TEXT", "text": "Sale in {{city}}"}
BUTTONS: dict[str, Any] = {
    "type": "BUTTONS",
    "buttons": [
        {"type": "QUICK_REPLY", "text": "Stop"},
        {"type": "URL", "text": "Track", "url": "https://shop.example/{{1}}"},
        {"type": "URL", "text": "Shop", "url": "https://shop.example/"},
        {"type": "COPY_CODE", "text": "Copy"},
    ],
}
URL = {"index": 1, "type": "url", "text": "track/1"}
CODE = {"index": 3, "type": "copy_code", "code": "25OFF"}
CAROUSEL: dict[str, Any] = {"type": "CAROUSEL", "cards": []}
OFFER: dict[str, Any] = {
    "type": "LIMITED_TIME_OFFER",
    "limited_time_offer": {"text": "Soon", "has_expiration": True},
}


def template(*components: dict[str, Any], named: bool = False, status: str = "APPROVED") -> Template:
    form = "NAMED" if named else "POSITIONAL"
    return approved(*components, language="de", status=status, parameter_format=form, reason="NONE")


def text(value: str, **more: str) -> dict[str, str]:
    return {"type": "text", "text": value, **more}


def found(
    of: Template, defaults: TemplateContent | None = None, *people: TemplateContent
) -> list[tuple[str, str]]:
    given = list(enumerate(people or [TemplateContent()]))
    known = SyncedTemplate(of, [], 0)
    shown = problems(known, "sale", "de", defaults or TemplateContent(), given)
    return [(problem.path, problem.message) for problem in shown]


FITS: list[tuple[str, Template, TemplateContent, TemplateContent]] = [
    ("nothing", template(BODY0), TemplateContent(), TemplateContent()),
    ("empty list", template(BODY0), TemplateContent(), TemplateContent([])),
    ("positional", template(BODY2), TemplateContent(), TemplateContent(["a", "b"])),
    (
        "named",
        template(NAMED, named=True),
        TemplateContent(),
        TemplateContent({"code": "1", "first_name": "x"}),
    ),
    ("text header", template(TEXT, BODY0), TemplateContent(header={"text": "1"}), TemplateContent()),
    ("own header", template(IMAGE, BODY0), TemplateContent(), TemplateContent(header={"image": {"id": "1"}})),
    ("buttons", template(BODY0, BUTTONS), TemplateContent(buttons=[URL, CODE]), TemplateContent()),
    (
        "quick reply payload",
        template(BODY0, BUTTONS),
        TemplateContent(buttons=[URL, CODE, {"index": 0, "type": "quick_reply", "payload": "p"}]),
        TemplateContent(),
    ),
    (
        "named header",
        template(NAMED_TEXT, BODY0, named=True),
        TemplateContent(header={"text": "Rome", "parameter_name": "city"}),
        TemplateContent(),
    ),
    (
        "raw",
        template(IMAGE, BODY2, BUTTONS),
        TemplateContent(
            components=[
                {"type": "header", "parameters": [{"type": "image", "image": {"id": "1"}}]},
                {"type": "body", "parameters": [text("a"), {"type": "currency", "currency": {}}]},
                {"type": "button", "sub_type": "url", "index": "1", "parameters": [text("x")]},
                {
                    "type": "button",
                    "sub_type": "copy_code",
                    "index": 3,
                    "parameters": [{"type": "coupon_code"}],
                },
            ]
        ),
        TemplateContent(),
    ),
    (
        "raw named",
        template(NAMED, named=True),
        TemplateContent(),
        TemplateContent(
            components=[
                {
                    "type": "body",
                    "parameters": [text("a", parameter_name="code"), text("b", parameter_name="first_name")],
                }
            ]
        ),
    ),
    (
        "carousel",
        template(BODY0, CAROUSEL),
        TemplateContent(components=[{"type": "carousel"}]),
        TemplateContent(),
    ),
    (
        "authentication, its text untold",
        template({"type": "BODY", "add_security_recommendation": True}),
        TemplateContent(),
        TemplateContent(["123456"]),
    ),
    (
        "a header of a kind to come",
        template({"type": "HEADER", "format": "GIF"}),
        TemplateContent(),
        TemplateContent(),
    ),
]


@pytest.mark.parametrize(("of", "defaults", "own"), [row[1:] for row in FITS], ids=[row[0] for row in FITS])
def test_content_that_fits_the_template_has_no_problems(
    of: Template, defaults: TemplateContent, own: TemplateContent
) -> None:
    assert found(of, defaults, own) == []


AMISS: list[tuple[Template, TemplateContent, TemplateContent, str, str]] = [
    (
        template(BODY2),
        TemplateContent(),
        TemplateContent(),
        "recipients[0].params",
        "takes 2 parameters, found 0",
    ),
    (template(BODY2), TemplateContent(), TemplateContent(["a"]), "recipients[0].params", "found 1"),
    (template(BODY2), TemplateContent(), TemplateContent(["a", "b", "c"]), "recipients[0].params", "found 3"),
    (
        template(BODY0),
        TemplateContent(),
        TemplateContent(["a"]),
        "recipients[0].params",
        "takes 0 parameters",
    ),
    (template(BODY2), TemplateContent(), TemplateContent({"1": "a"}), "recipients[0].params", "are numbered"),
    (template(BODY2), TemplateContent(), TemplateContent(["a", ""]), "recipients[0].params[1]", "no empty"),
    (
        template(BODY2),
        TemplateContent(),
        TemplateContent(["a", "b\nc"]),
        "recipients[0].params[1]",
        "line breaks",
    ),
    (
        template(NAMED, named=True),
        TemplateContent(),
        TemplateContent(["a", "b"]),
        "recipients[0].params",
        "have names",
    ),
    (
        template(NAMED, named=True),
        TemplateContent(),
        TemplateContent({"code": "1"}),
        "recipients[0].params",
        '"first_name" is missing',
    ),
    (
        template(NAMED, named=True),
        TemplateContent(),
        TemplateContent({"code": "1", "first_name": "x", "last": "y"}),
        "recipients[0].params.last",
        "no such parameter",
    ),
    (template(IMAGE, BODY0), TemplateContent(), TemplateContent(), "header", 'needs "image"'),
    (
        template(IMAGE, BODY0),
        TemplateContent(header={"video": {"id": "1"}}),
        TemplateContent(),
        "header",
        'needs "image", found "video"',
    ),
    (
        template(IMAGE, BODY0),
        TemplateContent(header={"image": {"id": "1"}}),
        TemplateContent(header={"text": "x"}),
        "recipients[0].header",
        'needs "image", found "text"',
    ),
    (
        template(PLAIN, BODY0),
        TemplateContent(header={"text": "x"}),
        TemplateContent(),
        "header",
        "takes no value",
    ),
    (
        template(NAMED_TEXT, BODY0, named=True),
        TemplateContent(header={"text": "Rome"}),
        TemplateContent(),
        "header.parameter_name",
        '"city"',
    ),
    (
        template(BODY0, BUTTONS),
        TemplateContent(buttons=[CODE]),
        TemplateContent(),
        "buttons",
        'button 1 of the template needs a value: give index 1, type url with its "text"',
    ),
    (
        template(BODY0, BUTTONS),
        TemplateContent(buttons=[URL, CODE]),
        TemplateContent(buttons=[URL]),
        "recipients[0].buttons",
        "button 3 of the template needs",
    ),
    (
        template(BODY0, BUTTONS),
        TemplateContent(buttons=[URL, CODE, {"index": 2, "type": "url", "text": "x"}]),
        TemplateContent(),
        "buttons[2]",
        "takes no value",
    ),
    (
        template(BODY0, BUTTONS),
        TemplateContent(buttons=[URL, CODE, {"index": 0, "type": "url", "text": "x"}]),
        TemplateContent(),
        "buttons[2].type",
        '"quick_reply"',
    ),
    (
        template(BODY0, BUTTONS),
        TemplateContent(buttons=[URL, CODE, {"index": 4, "type": "url", "text": "x"}]),
        TemplateContent(),
        "buttons[2].index",
        "has 4 buttons",
    ),
    (template(BODY0, CAROUSEL), TemplateContent(), TemplateContent(), "components", "has a carousel"),
    (
        template(BODY0, OFFER),
        TemplateContent(components=[{"type": "body", "parameters": []}]),
        TemplateContent(),
        "components",
        "has a limited_time_offer",
    ),
    (
        template(BODY2),
        TemplateContent(components=[{"type": "body", "parameters": [text("a")]}]),
        TemplateContent(),
        "components",
        "found 1",
    ),
    (
        template(BODY0, BUTTONS),
        TemplateContent(),
        TemplateContent(components=[{"type": "button", "sub_type": "url", "index": "x", "parameters": "no"}]),
        "recipients[0].components",
        "button 1 of the template needs",
    ),
]


@pytest.mark.parametrize(("of", "defaults", "own", "path", "message"), AMISS)
def test_content_that_does_not_fit_is_listed_with_its_path(
    of: Template, defaults: TemplateContent, own: TemplateContent, path: str, message: str
) -> None:
    shown = found(of, defaults, own)
    assert shown
    assert shown[0][0] == path
    assert message in shown[0][1]


def test_a_problem_of_the_broadcast_is_listed_once_and_of_a_recipient_each_time() -> None:
    good, bad = TemplateContent(["a", "b"]), TemplateContent(["a"])
    shown = found(template(IMAGE, BODY2), None, good, bad, good, bad)
    assert [path for path, _ in shown] == ["header", "recipients[1].params", "recipients[3].params"]


@pytest.mark.parametrize("status", ["PENDING", "REJECTED", "PAUSED", "DISABLED"])
def test_a_template_that_meta_would_reject_is_a_problem(status: str) -> None:
    ((path, message),) = found(template(BODY0, status=status))
    assert path == "template_name"
    assert "'sale' in de" in message


@pytest.mark.parametrize("status", ["APPROVED", "FLAGGED", "A STATUS TO COME"])
def test_templates_with_other_statuses_are_accepted(status: str) -> None:
    assert found(template(BODY0, status=status)) == []


def test_an_unknown_template_and_an_unknown_language_have_different_problems() -> None:
    nobody = [(0, TemplateContent())]
    (unknown,) = problems(SyncedTemplate(None, [], 0), "sale", "de", TemplateContent(), nobody)
    assert unknown.path == "template_name"
    assert "1970-01-01" in unknown.message
    (language,) = problems(SyncedTemplate(None, ["en", "fr"], 0), "sale", "de", TemplateContent(), nobody)
    assert (language.path, language.message) == (
        "template_language",
        "template 'sale' has no de: it exists in en, fr",
    )


PHONE_AND_FLOW: dict[str, Any] = {
    "type": "BUTTONS",
    "buttons": [
        {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550000000"},
        {"type": "FLOW", "text": "Survey"},
    ],
}


def test_a_flow_button_needs_its_component_and_a_phone_number_button_takes_none() -> None:
    of = template(BODY0, PHONE_AND_FLOW)
    missing = [("buttons", "button 1 of the template needs a value: give index 1, type flow")]
    assert found(of) == missing
    assert found(of, TemplateContent(buttons=[{"index": 1, "type": "flow"}])) == []
    raw: list[dict[str, Any]] = [{"type": "button", "sub_type": "flow", "index": "1", "parameters": []}]
    assert found(of, TemplateContent(components=raw)) == []
    called: list[dict[str, Any]] = [*raw, {"type": "BUTTON", "sub_type": "phone_number", "index": 0}]
    assert found(of, TemplateContent(components=called)) == [
        ("components", "button 0 of the template takes no value: leave it out")
    ]


LONG: dict[str, Any] = {"type": "BODY", "text": "x" * 1000 + "{{1}} and {{1}}"}
CARDS: dict[str, Any] = {
    "type": "CAROUSEL",
    "cards": [
        {
            "components": [
                {"type": "HEADER", "format": "IMAGE"},
                {"type": "BODY", "text": "y" * 150 + "{{1}}"},
            ]
        },
        {"components": [{"type": "BODY", "text": "{{1}} {{2}}"}]},
    ],
}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (" ", "spaces only"),
        ("    ", "spaces only"),
        ("\u00a0\u2003", "spaces only"),
        ("\u3000", "spaces only"),
        ("\u3164", "spaces only"),
        ("\u2800\u115f\u1160\uffa0\u034f\ufe0f\u17b4", "spaces only"),
        ("a\u2028b", "line breaks"),
        ("a" + "\u00a0" * 5 + "b", "five spaces"),
        ("\u200b\u200d\ufeff", "spaces only"),
        ("Ja\x00ne", "U+0000"),
        ("\x00", "U+0000"),
        ("\x07", "U+0007"),
        ("Ja\x7fne", "U+007F"),
        ("Jane\x85", "U+0085"),
        ("", "empty"),
        ("a\nb", "line breaks"),
    ],
)
def test_a_parameter_that_shows_nothing_or_has_control_characters_is_named(value: str, reason: str) -> None:
    for of, given, path in (
        (template(BODY2), TemplateContent(["Jane", value]), "recipients[0].params[1]"),
        (
            template(NAMED, named=True),
            TemplateContent({"first_name": "Jane", "code": value}),
            "recipients[0].params.code",
        ),
        (template(TEXT, BODY0), TemplateContent(header={"text": value}), "recipients[0].header.text"),
    ):
        ((where, message),) = found(of, None, given)
        assert where == path
        assert reason in message


@pytest.mark.parametrize("value", ["Zoë 🙂", "👩‍👩‍👧", "می‌خواهم", "a\u00a0b", "\u202aAna\u202c", "x" * 10])
def test_characters_that_people_write_are_taken(value: str) -> None:
    assert found(template(BODY2), None, TemplateContent(["Jane", value])) == []


def test_a_body_that_is_too_long_with_its_parameters_is_named() -> None:
    """It has 1,005 characters without them, and the parameter comes twice."""
    assert found(template(LONG), None, TemplateContent(["z" * 9])) == []
    ((path, message),) = found(template(LONG), None, TemplateContent(["z" * 10]))
    assert (path, "1025 characters" in message, "1024" in message) == ("recipients[0].params", True, True)
    raw = [{"type": "body", "parameters": [text("z" * 10)]}]
    ((path, message),) = found(template(LONG), TemplateContent(components=raw))
    assert (path, "1025 characters" in message) == ("components", True)


def test_texts_in_the_cards_of_a_carousel_are_checked() -> None:
    image = {"type": "header", "parameters": [{"type": "image", "image": {"id": "1"}}]}

    def cards(first: str, second: str) -> TemplateContent:
        bodies = [[text(first)], [text("a"), text(second)]]
        return TemplateContent(
            components=[
                {
                    "type": "carousel",
                    "cards": [
                        {
                            "card_index": at,
                            "components": [image] * (at == 0) + [{"type": "body", "parameters": texts}],
                        }
                        for at, texts in enumerate(bodies)
                    ],
                }
            ]
        )

    of = template(BODY0, CARDS)
    assert found(of, None, cards("z" * 10, "z" * 158)) == []
    ((path, message),) = found(of, None, cards("z" * 11, "b"))
    assert (path, "card 0" in message, "161 characters" in message) == (
        "recipients[0].components",
        True,
        True,
    )
    assert [message for _, message in found(of, None, cards(" ", "z" * 159))] == [
        "card 0: Meta takes no parameter of spaces only: nobody would see anything",
        "card 1: the text has 161 characters with its parameters, Meta takes at most 160",
    ]


def test_what_no_template_takes_is_named_also_when_no_template_is_known() -> None:
    people = [
        TemplateContent(["Jane", "", "two words"]),
        TemplateContent([" ", "x" * 1025]),
        TemplateContent({"name": "a\x00"}),
        TemplateContent(),
    ]
    defaults = TemplateContent(
        header={"text": "\u3164"}, buttons=[{"index": 0, "type": "url", "text": "a\nb"}]
    )
    raw = [
        {"type": "body", "parameters": [{"type": "text", "text": "\x00"}, {"type": "currency"}]},
        {"type": "carousel", "cards": [{"card_index": 0, "components": [{"parameters": [{"text": " "}]}]}]},
    ]
    people += [TemplateContent(header={"text": "x" * 61}), TemplateContent(components=raw)]
    found = parameter_problems(defaults, enumerate(people, start=7))
    control, spaces = (
        "control characters in a parameter, found U+0000",
        "Meta takes no parameter of spaces only",
    )
    expected = [
        ("header.text", spaces),
        ("buttons[0].text", "Meta takes no line breaks"),
        ("recipients[8].params[0]", spaces),
        ("recipients[8].params[1]", "has 1025 characters with its parameters, Meta takes at most 1024"),
        ("recipients[9].params.name", control),
        ("recipients[11].header.text", "has 61 characters with its parameters, Meta takes at most 60"),
        ("recipients[12].components", control),
        ("recipients[12].components", spaces),
    ]
    assert [problem.path for problem in found] == [path for path, _ in expected]
    assert all(said in problem.message for problem, (_, said) in zip(found, expected, strict=True))


def test_an_authentication_template_goes_to_phone_numbers_only() -> None:
    of = template(BODY0)
    addresses = [(3, "+14155550123"), (4, "US.13491208655302741918"), (5, "US.ENT.11815799212886844830")]
    assert address_problems(SyncedTemplate(of, [], 0), addresses) == []
    of = replace(of, category="authentication")
    paths = [problem.path for problem in address_problems(SyncedTemplate(of, [], 0), addresses)]
    assert paths == ["recipients[4].to", "recipients[5].to"]
    assert address_problems(SyncedTemplate(None, [], 0), addresses) == []


def test_the_code_of_a_limited_time_offer_is_shorter() -> None:
    def given(code: str) -> TemplateContent:
        return TemplateContent(buttons=[URL, {"index": 3, "type": "copy_code", "code": code}])

    offer: dict[str, Any] = {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"has_expiration": False}}
    assert found(template(BODY0, BUTTONS), given("X" * 20)) == []
    assert found(template(offer, BODY0, BUTTONS), given("X" * 15)) == []
    assert found(template(offer, BODY0, BUTTONS), given("X" * 16)) == [
        ("buttons[1].code", "expected at most 15 characters in this template")
    ]


def test_the_text_of_a_url_button_is_checked() -> None:
    given = TemplateContent(buttons=[URL | {"text": "a\nb"}, CODE])
    assert found(template(BODY0, BUTTONS), given) == [
        ("buttons[0].text", "Meta takes no line breaks, tabs or five spaces in a row in a parameter")
    ]


def test_a_header_and_a_url_that_are_too_long_are_named() -> None:
    """The header has 6 characters besides its value."""
    assert found(template(TEXT, BODY0), TemplateContent(header={"text": "x" * 54})) == []
    ((path, message),) = found(template(TEXT, BODY0), TemplateContent(header={"text": "x" * 55}))
    assert (path, "61 characters" in message) == ("header.text", True)
    named = TemplateContent(header={"text": "x" * 53, "parameter_name": "city"})
    ((path, message),) = found(template(NAMED_TEXT, BODY0, named=True), named)
    assert (path, "61 characters" in message) == ("header.text", True)
    for text, reason in (("x" * 2001, "2001 characters"), ("a\x00b", "U+0000")):
        ((path, message),) = found(
            template(BODY0, BUTTONS), TemplateContent(buttons=[{**URL, "text": text}, CODE])
        )
        assert (path, reason in message) == ("buttons[0].text", True)
