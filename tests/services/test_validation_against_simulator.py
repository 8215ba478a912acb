"""The simulated Meta accepts content that passes validation: two independent readings of Meta's rules agree."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.support.exhaustive import IS_EXHAUSTIVE
from tests.support.templates import approved
from wacrmd.domain.template import SyncedTemplate, TemplateContent
from wacrmd.meta.payloads import content_problems, message
from wacrmd.services.broadcasts.validation import problems
from wacrmd.simulator.templates import refusal_of

NAMES = ("first_name", "code", "city")
TEXTS = st.sampled_from(
    ["Jane", "7", "", "two\nlines", "five     spaces", "ä🙂", " ", "\u00a0", "nul\x00", "x" * 1020]
)
GOOD = st.sampled_from(["Jane", "7", "ä🙂"])


@st.composite
def listed(draw: st.DrawFn) -> dict[str, Any]:
    """A template as Meta lists it."""
    named = draw(st.booleans())
    variables = NAMES if named else ("1", "2", "3")
    count = draw(st.integers(0, 3))
    body = "Hello " + " ".join(f"{{{{{name}}}}}" for name in variables[:count])
    components: list[dict[str, Any]] = []
    header = draw(st.sampled_from([None, "TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION"]))
    if header == "TEXT":
        text = draw(st.sampled_from(["News", f"News for {{{{{variables[0]}}}}}"]))
        components.append({"type": "HEADER", "format": "TEXT", "text": text})
    elif header is not None:
        components.append({"type": "HEADER", "format": header})
    components.append({"type": "BODY", "text": body})
    buttons = draw(
        st.lists(
            st.sampled_from(
                [
                    {"type": "QUICK_REPLY", "text": "Stop"},
                    {"type": "URL", "text": "Shop", "url": "https://shop.example/"},
                    {"type": "URL", "text": "Shop", "url": "https://shop.example/{{1}}"},
                    {"type": "FLOW", "text": "Survey"},
                ]
            ),
            max_size=3,
        )
    )
    if buttons:
        components.append({"type": "BUTTONS", "buttons": buttons})
    form = "NAMED" if named else "POSITIONAL"
    return {
        "name": "sale",
        "language": "de",
        "status": "APPROVED",
        "parameter_format": form,
        "components": components,
    }


@st.composite
def contents(draw: st.DrawFn) -> TemplateContent:
    """Content of a caller, often valid by chance."""
    texts = draw(st.lists(st.one_of(GOOD, TEXTS), max_size=3))
    params = draw(st.sampled_from([None, texts, dict(zip(NAMES, texts, strict=False))]))
    header = draw(
        st.sampled_from(
            [
                None,
                {"text": "x"},
                {"text": "x", "parameter_name": "first_name"},
                {"image": {"id": "1"}},
                {"video": {"id": "1"}},
                {"document": {"id": "1"}},
                {"location": {"latitude": 1, "longitude": 2}},
            ]
        )
    )
    values = [
        {"index": 0, "type": "url", "text": "x"},
        {"index": 1, "type": "url", "text": "x"},
        {"index": 2, "type": "url", "text": "x"},
        {"index": 0, "type": "quick_reply", "payload": "p"},
    ]
    buttons = draw(st.lists(st.sampled_from(values), max_size=2, unique_by=lambda value: value["index"]))
    return TemplateContent(params, header, buttons or None)


def fitting(of: dict[str, Any]) -> TemplateContent:
    """Content that fits the template."""
    params: list[str] = []
    header: dict[str, Any] | None = None
    buttons: list[dict[str, Any]] = []
    named = of["parameter_format"] == "NAMED"
    for part in of["components"]:
        if part["type"] == "BODY":
            params = ["x"] * part["text"].count("{{")
        elif part["type"] == "BUTTONS":
            buttons = [
                {"index": index, "type": "url", "text": "x"}
                for index, button in enumerate(part["buttons"])
                if "{{" in button.get("url", "")
            ] + [
                {"index": index, "type": "flow"}
                for index, button in enumerate(part["buttons"])
                if button["type"] == "FLOW"
            ]
        elif part["format"] != "TEXT":
            location = {"latitude": "1", "longitude": "2"}
            header = {part["format"].lower(): location if part["format"] == "LOCATION" else {"id": "1"}}
        elif "{{" in part["text"]:
            header = {"text": "x"} | ({"parameter_name": "first_name"} if named else {})
    filled = dict(zip(NAMES, params, strict=False)) if named else params
    return TemplateContent(filled, header, buttons or None)


EXAMPLES = settings(
    max_examples=400 if IS_EXHAUSTIVE else 120,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def synced(of: dict[str, Any]) -> SyncedTemplate:
    """The template as it was synced."""
    template = approved(*of["components"], language="de", parameter_format=of["parameter_format"])
    return SyncedTemplate(template, [], 0)


@pytest.mark.exhaustive
@EXAMPLES
@given(
    of=listed(), other=contents(), kept=st.sets(st.sampled_from(["params", "header", "buttons"]), min_size=1)
)
def test_content_that_passes_validation_is_accepted_by_the_simulator(
    of: dict[str, Any], other: TemplateContent, kept: set[str]
) -> None:
    """Fitting content with some parts exchanged; the header is on the broadcast, the rest on the recipient."""
    fits = fitting(of)
    parts = {name: getattr(fits if name in kept else other, name) for name in ("params", "header", "buttons")}
    defaults = TemplateContent(header=parts.pop("header"))
    own = TemplateContent(**parts)
    found = problems(synced(of), "sale", "de", defaults, [(0, own)])
    sent = message("+14155550123", "sale", "de", own.over(defaults), "token")["template"]
    refusal = refusal_of([of], "sale", "de", sent.get("components", []))
    event("refused here" if found else "passes")
    if not found:
        assert refusal is None, (refusal, sent)
    if len(kept) == 3:
        assert not found


def of_parts(*parts: dict[str, Any]) -> dict[str, Any]:
    """A template of these parts."""
    return {
        "name": "sale",
        "language": "de",
        "status": "APPROVED",
        "parameter_format": "POSITIONAL",
        "components": [{"type": "BODY", "text": "Hello"}, *parts],
    }


def buttons(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(listed)}


SHOP = {"type": "URL", "text": "Shop", "url": "https://shop.example/{{1}}"}
CARD_PARTS = [
    {"type": "HEADER", "format": "IMAGE"},
    {"type": "BODY", "text": "For {{1}}"},
    buttons({"type": "QUICK_REPLY", "text": "More"}, SHOP),
]
PLAIN = of_parts()
CARDS = of_parts({"type": "CAROUSEL", "cards": [{"components": CARD_PARTS}] * 2})
OFFER = of_parts(
    {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Soon", "has_expiration": True}},
    buttons({"type": "COPY_CODE", "text": "Copy"}, SHOP),
)
PRODUCTS = of_parts(buttons({"type": "MPM", "text": "View"}))
PICTURE = of_parts({"type": "HEADER", "format": "IMAGE"})
LINK = of_parts(buttons(SHOP))


def button(kind: str, index: int, *parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "button", "sub_type": kind, "index": str(index), "parameters": list(parameters)}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def code(value: str) -> dict[str, Any]:
    return button("copy_code", 0, {"type": "coupon_code", "coupon_code": value})


IMAGE = {"type": "header", "parameters": [{"type": "image", "image": {"id": "1"}}]}
BODY = {"type": "body", "parameters": [text("Jane")]}
SLUG = button("url", 1, text("spring"))


def card(index: int, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"card_index": index, "components": list(parts or (IMAGE, BODY, SLUG))}


def carousel(*cards: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "carousel", "cards": list(cards)}]


def ends(**offer: Any) -> dict[str, Any]:
    return {
        "type": "limited_time_offer",
        "parameters": [{"type": "limited_time_offer", "limited_time_offer": offer}],
    }


def sections(*listed: dict[str, Any]) -> dict[str, Any]:
    return button("mpm", 0, {"type": "action", "action": {"sections": list(listed)}})


END = ends(expiration_time_ms=1_900_000_000_000)
SECTION = {"title": "New", "product_items": [{"product_retailer_id": "1"}]}
TAKEN: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    (CARDS, carousel(card(0), card(1))),
    (CARDS, carousel(card(1), card(0))),
    (OFFER, [END, code("X" * 15), SLUG]),
    (PRODUCTS, [sections(SECTION)]),
    (PICTURE, [IMAGE]),
    (LINK, [button("url", 0, text("a"))]),
    (PLAIN, []),
]
REFUSED: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    (CARDS, carousel(card(0))),
    (CARDS, carousel(card(0), card(0))),
    (CARDS, carousel(card(0), card(2))),
    (CARDS, carousel(card(0), {"card_index": 1, "components": []})),
    (CARDS, carousel(card(0), card(1, BODY, SLUG))),
    (CARDS, carousel(card(0), card(1, IMAGE, SLUG))),
    (CARDS, carousel(card(0), card(1, IMAGE, BODY))),
    (CARDS, carousel(card(0), card(1, IMAGE, BODY, button("url", 1)))),
    (CARDS, carousel(card(0), card(1, IMAGE, BODY, button("url", 1, text("a"), text("b"))))),
    (CARDS, carousel(card(0), {"components": [IMAGE, BODY, SLUG]})),
    (CARDS, carousel(card(0), card(1, IMAGE, {"type": "body", "parameters": [text("x" * 157)]}, SLUG))),
    (PLAIN, carousel(card(0))),
    (PLAIN, [END]),
    (OFFER, [code("X"), SLUG]),
    (OFFER, [ends(), code("X"), SLUG]),
    (OFFER, [{"type": "limited_time_offer", "parameters": []}, code("X"), SLUG]),
    (OFFER, [END, code("X" * 16), SLUG]),
    (PRODUCTS, [sections()]),
    (PRODUCTS, [button("mpm", 0)]),
    (PICTURE, [{"type": "header", "parameters": [{"type": "image", "image": {}}]}]),
    (PICTURE, [{"type": "header", "parameters": [{"type": "image"}]}]),
    (LINK, [button("url", 0, text("a"), text("b"))]),
    (LINK, [button("url", 0)]),
    (PLAIN, [{"type": "footer", "parameters": []}]),
]


def both(of: dict[str, Any], components: list[dict[str, Any]]) -> tuple[bool, bool]:
    """Whether the validation and the simulated Meta take these component objects."""
    content = TemplateContent(components=components)
    found = content_problems({"components": components})
    found += problems(synced(of), "sale", "de", TemplateContent(), [(0, content)])
    return not found, refusal_of([of], "sale", "de", components) is None


@pytest.mark.parametrize(("of", "components"), TAKEN)
def test_component_objects_that_fit_are_taken_by_both(
    of: dict[str, Any], components: list[dict[str, Any]]
) -> None:
    assert both(of, components) == (True, True)


@pytest.mark.parametrize(("of", "components"), REFUSED)
def test_component_objects_that_do_not_fit_are_refused_by_both(
    of: dict[str, Any], components: list[dict[str, Any]]
) -> None:
    assert both(of, components) == (False, False)


def changed(value: Any, draw: st.DrawFn) -> Any:
    """JSON with one of its parts left out, doubled or emptied."""
    value = copy.deepcopy(value)
    places: list[tuple[Any, Any]] = []

    def collect(inner: Any) -> None:
        keys = inner.keys() if isinstance(inner, dict) else range(len(inner))
        for key in keys if isinstance(inner, dict | list) else ():
            places.append((inner, key))
            if isinstance(inner[key], dict | list):
                collect(inner[key])

    collect(value)
    if not places:
        return value
    inner, key = draw(st.sampled_from(places))
    match draw(st.sampled_from(["leave out", "empty", "double"])):
        case "leave out" if key != "type":
            del inner[key]
        case "double" if isinstance(inner, list):
            inner.insert(key, copy.deepcopy(inner[key]))
        case _ if isinstance(inner[key], dict | list):
            inner[key] = type(inner[key])()
    return value


@pytest.mark.exhaustive
@EXAMPLES
@given(data=st.data(), case=st.sampled_from(TAKEN))
def test_component_objects_that_pass_validation_are_accepted_by_the_simulator(
    data: st.DataObject, case: tuple[dict[str, Any], list[dict[str, Any]]]
) -> None:
    """Component objects that fit, with one part of them changed."""
    of, components = case
    other = data.draw(st.composite(lambda draw: changed(components, draw))())
    if any(not isinstance(each, dict) or not isinstance(each.get("type"), str) for each in other):
        return
    taken, accepted = both(of, other)
    event(f"taken {taken}, accepted {accepted}")
    assert accepted or not taken, other
