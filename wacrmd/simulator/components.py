"""The component objects of a send: what Meta refuses in them without looking at the template. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from wacrmd.simulator.graph_errors import GraphError

TYPES = ("body", "button", "call_permission_request", "carousel", "header", "limited_time_offer",
    "order_status", "tap_target_configuration")  # fmt: skip
BUTTONS = ("url", "quick_reply", "copy_code", "flow", "catalog", "mpm", "spm", "voice_call", "order_details")
"""The kinds of buttons that a send may fill; a phone number button takes nothing."""
MAX_CARDS = 10
MAX_CODE = 20
FILES = ("image", "video", "document")


def refused(components: Sequence[Mapping[str, Any]], where: str = "template") -> GraphError | None:
    """Meta's refusal of the first component that is wrong, or None."""
    for place, component in enumerate(components):
        path = f"{where}['components'][{place}]"
        kind = lower(component, "type")
        if kind not in TYPES:
            return GraphError(100, f"Param {path}['type'] must be one of {{{', '.join(TYPES)}}}")
        check = {"button": _button, "carousel": _carousel, "header": _header, "limited_time_offer": _offer}
        if kind in check and (error := check[kind](component, path)) is not None:
            return error
    return None


def lower(of: Mapping[str, Any], key: str) -> str:
    """A word in small letters; empty if it is missing."""
    return str(of.get(key) or "").lower()


def parameters_of(component: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The parameters of a component; each has a type."""
    return list(component.get("parameters") or ())


def _button(component: Mapping[str, Any], path: str) -> GraphError | None:
    kind, given = lower(component, "sub_type"), parameters_of(component)
    if kind not in BUTTONS:
        return GraphError(100, f"Param {path}['sub_type'] must be one of {{{', '.join(BUTTONS)}}}")
    if kind in ("url", "quick_reply", "copy_code") and len(given) > 1:
        return GraphError(132000, f"{path}: button of type {kind} takes 1 parameter, found {len(given)}")
    for parameter in given:
        if kind == "copy_code" and len(str(parameter.get("coupon_code") or "")) > MAX_CODE:
            return GraphError(131009, f"{path}: coupon_code is longer than {MAX_CODE} characters")
        action = parameter.get("action")
        if kind == "mpm" and not (isinstance(action, dict) and action.get("sections")):
            return GraphError(131008, f"{path}: action['sections'] is required")
    return None


def _header(component: Mapping[str, Any], path: str) -> GraphError | None:
    for parameter in parameters_of(component):
        kind = lower(parameter, "type")
        value = parameter.get(kind)
        value = value if isinstance(value, dict) else {}
        if kind in FILES and not (value.get("id") or value.get("link")):
            return GraphError(131008, f"{path}: {kind} needs an id or a link")
        if kind == "location" and (value.get("latitude") is None or value.get("longitude") is None):
            return GraphError(131008, f"{path}: location needs latitude and longitude")
    return None


def _carousel(component: Mapping[str, Any], path: str) -> GraphError | None:
    cards = component.get("cards")
    if not isinstance(cards, list) or not 1 <= len(cards) <= MAX_CARDS:
        return GraphError(131009, f"Param {path}['cards'] must have 1 to {MAX_CARDS} cards")
    places = []
    for place, card in enumerate(cards):
        where = f"{path}['cards'][{place}]"
        parts = card.get("components") if isinstance(card, dict) else None
        if not isinstance(parts, list) or not parts or not all(map(_is_part, parts)):
            return GraphError(131008, f"Param {where}['components'] is required")
        if (error := refused(parts, where)) is not None:
            return error
        places.append(str(card.get("card_index")))
    if len(set(places)) < len(places) or not all(each.isdecimal() for each in places):
        return GraphError(131009, f"Param {path}['cards'] must have one card for each card_index")
    return None


def _is_part(part: object) -> bool:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        return False
    given = part.get("parameters") or []
    return isinstance(given, list) and all(isinstance(each, dict) for each in given)


def _offer(component: Mapping[str, Any], path: str) -> GraphError | None:
    for parameter in parameters_of(component):
        offer = parameter.get("limited_time_offer")
        if isinstance(offer, dict) and offer.get("expiration_time_ms"):
            return None
    return GraphError(131008, f"{path}: limited_time_offer['expiration_time_ms'] is required")
