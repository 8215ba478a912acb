"""Whether Meta's own component objects fit a template; pure. What no template takes: meta/component_objects.py."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wacrmd.errors import Problem, counted
from wacrmd.fields import JsonObject
from wacrmd.meta.component_objects import card_index
from wacrmd.services.broadcasts.content_checks import button_problems, header_problems, params_problems
from wacrmd.services.broadcasts.template_requirements import TemplateRequirements

_NOTHING_WITHOUT = frozenset({"url", "copy_code", "mpm"})
"""Buttons whose component without parameters says nothing."""


def raw_problems(
    required: TemplateRequirements, components: Iterable[Mapping[str, Any]], path: str
) -> list[Problem]:
    """The checks of all content, for component objects, which replace it; `path` is that of the content's owner."""
    at = f"{path}components"
    return [Problem(at, message) for message in _messages(required, components)]


def missing_raw(kind: str, path: str) -> Problem:
    """The problem of a part that can only be given as a component object."""
    return Problem(path, _missing(kind))


def raw_texts(components: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The texts of all parameters in component objects."""
    for component in components:
        yield from map(_raw_text, _parameters(component))
        for card in _objects(component.get("cards")):
            yield from raw_texts(_objects(card.get("components")))


def _missing(kind: str) -> str:
    return f"the template has a {kind}: give it as one of Meta's component objects"


def _messages(required: TemplateRequirements, components: Iterable[Mapping[str, Any]]) -> list[str]:
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for component in components:
        by_kind.setdefault(str(component.get("type", "")).lower(), []).append(component)
    found = [_missing(kind) for kind in required.raw_only if kind not in by_kind]
    for kind, has in (("carousel", required.has_carousel), ("limited_time_offer", required.has_offer)):
        if kind in by_kind and not has:
            found.append(f"the template has no {kind}: leave it out")
    for carousel in by_kind.get("carousel", ()) if required.cards else ():
        found += _card_messages(required, carousel)
    checked = (
        params_problems(required, _params(by_kind.get("body", ())), "")
        + header_problems(required, _header(by_kind.get("header", ())) or None, "")
        + button_problems(required, _buttons(by_kind.get("button", ())), "")
    )
    return found + [problem.message for problem in checked]


def _card_messages(required: TemplateRequirements, carousel: Mapping[str, Any]) -> list[str]:
    """The same checks for each card, which is a small template of its own; all cards of the template are sent."""
    given = carousel.get("cards")
    cards = given if isinstance(given, list) else []
    found: list[str] = []
    if len(cards) != len(required.cards):
        found.append(
            f"the template's carousel has {counted(len(required.cards), 'card')}, found {len(cards)}"
        )
    for place, card in enumerate(cards):
        index = card_index(card)
        index = place if index is None else index
        if index < len(required.cards):
            parts = _objects(card.get("components") if isinstance(card, Mapping) else None)
            found += [f"card {index}: {message}" for message in _messages(required.cards[index], parts)]
        else:
            found.append(f"the template's carousel has no card {index}, counted from 0")
    return found


def _params(bodies: Iterable[Mapping[str, Any]]) -> list[str] | dict[str, str]:
    body = [parameter for component in bodies for parameter in _parameters(component)]
    named = {str(p["parameter_name"]): _raw_text(p) for p in body if "parameter_name" in p}
    return named if body and named else [_raw_text(p) for p in body]


def _header(headers: Iterable[Mapping[str, Any]]) -> JsonObject:
    header: JsonObject = {}
    for parameter in [p for component in headers for p in _parameters(component)][:1]:
        header = {str(parameter.get("type")).lower(): _raw_text(parameter)}
        if "parameter_name" in parameter:
            header["parameter_name"] = parameter["parameter_name"]
    return header


def _buttons(components: Iterable[Mapping[str, Any]]) -> list[JsonObject]:
    buttons: list[JsonObject] = []
    for component in components:
        kind, index = str(component.get("sub_type", "")).lower(), str(component.get("index", ""))
        parameters = _parameters(component)
        if (parameters or kind not in _NOTHING_WITHOUT) and index.isascii() and index.isdecimal():
            button = {"index": int(index[:9]), "type": kind}
            for parameter in parameters[:1]:
                button |= {"code": parameter.get("coupon_code", ""), "text": _raw_text(parameter)}
            buttons.append(button)
    return buttons


def _parameters(component: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return _objects(component.get("parameters"))


def _objects(given: object) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []


def _raw_text(parameter: Mapping[str, Any]) -> str:
    """The text of a parameter; for another kind of parameter, a text that passes the checks."""
    return str(parameter.get("text", "")) if parameter.get("type", "text") == "text" else "…"
