"""A message as WhatsApp shows it to a person: a template, filled with the values of one recipient. Pure.

The template is as Meta gives it, so nothing about its shape is certain: what has another form is left out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wacrmd.domain.formatted_text import Run, runs_of
from wacrmd.domain.placeholders import Params, fill, names_in, pieces
from wacrmd.domain.template import Template, TemplateContent
from wacrmd.errors import counted
from wacrmd.fields import JsonObject

MAX_VALUE = 1024
"""Characters of a value that are shown: a text may have the same placeholder many times."""
MAX_BUTTONS, MAX_CARDS = 10, 10
_MAX_SHORT = 200
"""Characters of a footer, of a name or of a button that are shown; Meta takes 60 or fewer."""

BUTTON_TEXTS = {"COPY_CODE": "Copy code", "OTP": "Copy code", "CATALOG": "View catalog", "MPM": "View items"}
"""What a button says to which Meta gives no text."""

_DIGITS = re.compile(r"[0-9]{1,2}")

_NOTHING = TemplateContent()


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above the text."""

    kind: str
    """`text`, `image`, `video`, `document`, `location` or another kind of Meta's."""
    text: tuple[Run, ...] = ()
    name: str | None = None
    """Of a document or a place the name, of an image or a video the link, where one is given."""


@dataclass(frozen=True, slots=True)
class Button:
    """A button below the message."""

    kind: str
    """Meta's type in lower case: `quick_reply`, `url`, `phone_number`, `copy_code` …"""
    text: str
    detail: str | None = None
    """Where it leads: the address, the phone number, the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """A message, or one card of it."""

    header: Header | None = None
    offer: str | None = None
    """The text of a limited-time offer."""
    body: tuple[Run, ...] = ()
    footer: str | None = None
    buttons: tuple[Button, ...] = ()
    cards: tuple["Bubble", ...] = ()
    """The cards of a carousel."""
    others: tuple[str, ...] = ()
    """Parts of the template that are not shown, in Meta's words."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The placeholders of its texts that have no value, each once."""
        own = (*(self.header.text if self.header else ()), *self.body)
        names = [run.placeholder for run in own if run.placeholder and not run.is_filled]
        return tuple(dict.fromkeys([*names, *(name for card in self.cards for name in card.missing)]))


def bubble_of(components: Iterable[object], content: TemplateContent = _NOTHING) -> Bubble:
    """The message of a template's components; a placeholder without a value stays as it is."""
    given = _of_raw(content.components) if content.components is not None else content
    raw_cards = _cards_of_raw(content.components or ())
    shown, others = Bubble(), []
    for part in _objects(components):
        kind = _text(part.get("type"), _MAX_SHORT).upper()
        if kind == "HEADER":
            shown = replace(shown, header=_header(part, given.header or {}))
        elif kind == "BODY":
            shown = replace(shown, body=_runs(_text(part.get("text")), given.params or ()))
        elif kind == "FOOTER":
            shown = replace(shown, footer=_footer(part))
        elif kind == "BUTTONS":
            shown = replace(shown, buttons=_buttons(part, given.buttons or ()))
        elif kind == "LIMITED_TIME_OFFER":
            offer = part.get("limited_time_offer")
            shown = replace(shown, offer=_text(_object(offer).get("text"), _MAX_SHORT) or "Limited offer")
        elif kind == "CAROUSEL":
            cards = [_objects(card.get("components")) for card in _objects(part.get("cards"))[:MAX_CARDS]]
            shown = replace(
                shown,
                cards=tuple(
                    bubble_of(card, TemplateContent(components=raw_cards.get(at)))
                    for at, card in enumerate(cards)
                ),
            )
        elif kind:
            others.append(kind)
    return replace(shown, others=tuple(dict.fromkeys(others)))


def example_of(template: Template) -> TemplateContent | None:
    """The values that Meta was shown when the template was submitted; None if it has none."""
    params: list[str] | dict[str, str] | None = None
    header: JsonObject | None = None
    buttons: list[JsonObject] = []
    for part in _objects(template.components):
        example = _object(part.get("example"))
        match _text(part.get("type"), _MAX_SHORT).upper():
            case "BODY":
                params = _named(example.get("body_text_named_params")) or _first_row(example.get("body_text"))
            case "HEADER":
                named = list(_named(example.get("header_text_named_params")).values())
                if texts := named or _texts(example.get("header_text")):
                    header = {"text": texts[0]}
            case "BUTTONS":
                buttons = [*_button_examples(part)]
    if not (params or header or buttons):
        return None
    return TemplateContent(params=params or None, header=header, buttons=buttons or None)


def _header(part: Mapping[str, Any], given: Mapping[str, Any]) -> Header:
    kind = (_text(part.get("format"), _MAX_SHORT) or "text").lower()
    if kind == "text":
        text, value = _text(part.get("text")), given.get("text")
        values = dict.fromkeys(names_in(text), value) if isinstance(value, str) else {}
        return Header("text", _runs(text, values))
    media = _object(given.get(kind))
    names = (_text(media.get(key), _MAX_SHORT) for key in ("filename", "name", "address", "link"))
    return Header(kind, name=next(filter(None, names), None))


def _footer(part: Mapping[str, Any]) -> str | None:
    minutes = part.get("code_expiration_minutes")
    if isinstance(minutes, int) and not part.get("text"):
        return f"This code expires in {counted(minutes, 'minute')}."
    return _text(part.get("text"), _MAX_SHORT) or None


def _buttons(part: Mapping[str, Any], given: Sequence[Mapping[str, Any]]) -> tuple[Button, ...]:
    values = {each.get("index"): each for each in _objects(given)}
    return tuple(
        _button(button, _object(values.get(at)))
        for at, button in enumerate(_objects(part.get("buttons"))[:MAX_BUTTONS])
    )


def _button(button: Mapping[str, Any], value: Mapping[str, Any]) -> Button:
    kind = _text(button.get("type"), _MAX_SHORT).upper()
    text = _text(button.get("text"), _MAX_SHORT) or BUTTON_TEXTS.get(kind, kind.replace("_", " ").lower())
    match kind:
        case "URL":
            suffix, url = value.get("text"), _text(button.get("url"), 2048)
            detail = fill(url, [suffix[:MAX_VALUE]] if isinstance(suffix, str) else [])
        case "PHONE_NUMBER":
            detail = _text(button.get("phone_number"), _MAX_SHORT)
        case "COPY_CODE" | "OTP":
            detail = _text(value.get("code") or value.get("text"), _MAX_SHORT)
        case _:
            detail = ""
    return Button(kind.lower(), text, detail or None)


def _runs(text: str, params: Params) -> tuple[Run, ...]:
    short: Params = (
        {name: str(value)[:MAX_VALUE] for name, value in params.items()}
        if isinstance(params, Mapping)
        else [str(value)[:MAX_VALUE] for value in params]
    )
    return runs_of(pieces(text, short))


def _of_raw(components: Iterable[object]) -> TemplateContent:
    """What Meta's own component objects give, in the form of the others."""
    params: list[str] | dict[str, str] | None = None
    header: JsonObject | None = None
    buttons: list[JsonObject] = []
    for part in _objects(components):
        given = _objects(part.get("parameters"))
        first = given[0] if given else {}
        match _text(part.get("type"), _MAX_SHORT).lower():
            case "body":
                named = {_text(each.get("parameter_name")): _text(each.get("text")) for each in given}
                params = [_text(each.get("text")) for each in given] if "" in named else named
            case "header":
                kind = _text(first.get("type"), _MAX_SHORT).lower()
                header = {kind: first.get(kind)} if kind else None
            case "button":
                at, code = _index(part.get("index")), first.get("coupon_code")
                buttons.append({"index": at, "text": first.get("text"), "code": code})
    return TemplateContent(params=params, header=header, buttons=buttons)


def _cards_of_raw(components: Iterable[object]) -> dict[int, list[JsonObject]]:
    found = [part for part in _objects(components) if _text(part.get("type")).lower() == "carousel"]
    cards = _objects(found[0].get("cards")) if found else []
    return {
        _index(card.get("card_index")): [dict(each) for each in _objects(card.get("components"))]
        for card in cards
    }


def _index(given: object) -> int:
    """A position as a number or as its digits; -1 for what is none."""
    if isinstance(given, str) and _DIGITS.fullmatch(given):
        return int(given)
    return given if isinstance(given, int) else -1


def _button_examples(part: Mapping[str, Any]) -> Iterable[JsonObject]:
    for at, button in enumerate(_objects(part.get("buttons"))):
        example = button.get("example")
        text = example if isinstance(example, str) else next(iter(_texts(example)), "")
        before = _text(button.get("url")).partition("{{")[0]
        if text:
            yield {"index": at, "text": text.removeprefix(before), "code": text}


def _named(given: object) -> dict[str, str]:
    return {
        name: _text(each.get("example"))
        for each in _objects(given)
        if (name := _text(each.get("param_name"), _MAX_SHORT))
    }


def _first_row(given: object) -> list[str]:
    rows = given if isinstance(given, list) else []
    return _texts(rows[0]) if rows and isinstance(rows[0], list) else _texts(rows)


def _texts(given: object) -> list[str]:
    return [each for each in given if isinstance(each, str)] if isinstance(given, list) else []


def _objects(given: object) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, Iterable) else []


def _object(given: object) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}


def _text(given: object, most: int = 8192) -> str:
    return given[:most] if isinstance(given, str) else ""
