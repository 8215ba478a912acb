"""Meta's own component objects as callers give them: what Meta refuses whatever the template; pure.

Source: docs/meta.md, Template components. Whether they fit a template is in `services/broadcasts/component_checks.py`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from wacrmd.errors import Problem
from wacrmd.fields import JsonObject

MAX_CARDS = 10
"""How many cards a carousel can have."""

MAX_COUPON_CODE = 20
"""Characters of a copy-code button's code."""

_MEDIA = ("image", "video", "document")
_NEVER_SENT = frozenset({"footer", "buttons"})
"""Parts of a template that a send has no component for; its buttons are one component each."""
_ONE_PARAMETER = frozenset({"url", "quick_reply", "copy_code"})


def component_problems(component: JsonObject, path: str) -> list[Problem]:
    """What Meta refuses in one component, which has a `type`."""
    kind = component["type"].lower()
    if kind in _NEVER_SENT:
        return [Problem(f"{path}.type", f"Meta takes no component {kind!r}: leave it out")]
    match kind:
        case "header":
            return _header_problems(component, path)
        case "button":
            return _button_problems(component, path)
        case "carousel":
            return _carousel_problems(component, path)
        case "limited_time_offer":
            return _offer_problems(component, path)
    return []


def _header_problems(component: JsonObject, path: str) -> list[Problem]:
    found: list[Problem] = []
    for position, parameter in enumerate(_objects(component.get("parameters"))):
        kind = str(parameter.get("type", "")).lower()
        value = parameter.get(kind)
        at = f"{path}.parameters[{position}].{kind}"
        if kind in _MEDIA and not any(_is_text(value, key) for key in ("id", "link")):
            found.append(Problem(at, 'expected an object with "id" (of an uploaded file) or "link"'))
        if kind == "location" and not all(_has(value, key) for key in ("latitude", "longitude")):
            found.append(Problem(at, 'expected an object with "latitude" and "longitude"'))
    return found


def _button_problems(component: JsonObject, path: str) -> list[Problem]:
    kind = str(component.get("sub_type", "")).lower()
    if kind == "phone_number":
        return [Problem(f"{path}.sub_type", "a phone number button takes no component: leave it out")]
    parameters = _objects(component.get("parameters"))
    if kind in _ONE_PARAMETER and len(parameters) > 1:
        return [Problem(f"{path}.parameters", f"a {kind} button takes one, found {len(parameters)}")]
    for parameter in parameters[:1]:
        if kind == "copy_code" and _length(parameter.get("coupon_code")) > MAX_COUPON_CODE:
            return [Problem(f"{path}.parameters[0]", f"expected at most {MAX_COUPON_CODE} characters")]
        if kind == "mpm" and not _objects(_value(parameter.get("action"), "sections")):
            return [Problem(f"{path}.parameters[0].action", "expected at least one section with products")]
    return []


def _carousel_problems(component: JsonObject, path: str) -> list[Problem]:
    cards = component.get("cards")
    if not isinstance(cards, list) or not cards:
        return [Problem(f"{path}.cards", f"expected an array of 1 to {MAX_CARDS} cards")]
    if len(cards) > MAX_CARDS:
        return [Problem(f"{path}.cards", f"expected at most {MAX_CARDS} cards, found {len(cards)}")]
    found: list[Problem] = []
    seen: set[int] = set()
    for position, card in enumerate(cards):
        at = f"{path}.cards[{position}]"
        index = card_index(card)
        if index is None or not 0 <= index < MAX_CARDS:
            found.append(Problem(f"{at}.card_index", f"expected the card's position, 0 to {MAX_CARDS - 1}"))
        elif index in seen:
            found.append(Problem(f"{at}.card_index", f"card {index} is given twice"))
        else:
            seen.add(index)
        parts = _objects(_value(card, "components"))
        if not parts:
            found.append(Problem(f"{at}.components", "expected the components of the card: it has a header"))
        for place, part in enumerate(parts):
            if isinstance(part.get("type"), str):
                found += component_problems(dict(part), f"{at}.components[{place}]")
    return found


def card_index(card: object) -> int | None:
    """The position that a card of a carousel names: a number, or its digits."""
    index = _value(card, "card_index")
    if isinstance(index, str) and index.isascii() and index.isdecimal() and len(index) < MAX_CARDS:
        return int(index)
    return index if isinstance(index, int) and not isinstance(index, bool) else None


def _offer_problems(component: JsonObject, path: str) -> list[Problem]:
    offers = [_value(each, "limited_time_offer") for each in _objects(component.get("parameters"))]
    if len(offers) == 1 and _is_time(_value(offers[0], "expiration_time_ms")):
        return []
    return [Problem(f"{path}.parameters", 'expected one "limited_time_offer" with its "expiration_time_ms"')]


def _is_time(value: object) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.isdecimal() and value.strip("0") != ""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _objects(given: object) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, Iterable) else []


def _value(given: object, key: str) -> Any:
    return given.get(key) if isinstance(given, Mapping) else None


def _is_text(given: object, key: str) -> bool:
    value = _value(given, key)
    return (isinstance(value, str) and bool(value.strip())) or (
        isinstance(value, int) and not isinstance(value, bool)
    )


def _has(given: object, key: str) -> bool:
    return _value(given, key) not in (None, "")


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else 0
