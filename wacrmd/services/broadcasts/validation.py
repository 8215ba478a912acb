"""Whether a broadcast fits its template as last synced from Meta; pure, apart from reading the template.

What is found here would fail at Meta for each person alone: 132000 (number of parameters), 132012 (kind of
header), 131008 (empty or missing value), 132018 (line breaks), 132001, 132015 and 132016 (no such template,
paused, disabled); see docs/meta.md, Template components and Errors. Where none was ever synced, Meta alone decides.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wacrmd.clock import Millis, iso
from wacrmd.domain.placeholders import names_in
from wacrmd.domain.template import Template, TemplateContent
from wacrmd.errors import Problem
from wacrmd.store import templates
from wacrmd.store.database import Tx

UNSENDABLE = {
    "PENDING": "is still being reviewed by Meta",
    "REJECTED": "was rejected by Meta",
    "IN_APPEAL": "was rejected by Meta and is being appealed",
    "PAUSED": "is paused by Meta because of its quality",
    "DISABLED": "is disabled by Meta",
    "ARCHIVED": "is archived",
    "DELETED": "was deleted",
    "LIMIT_EXCEEDED": "was refused by Meta: the account has too many templates",
}
"""Statuses with which Meta refuses every send; of others, known or not, Meta decides."""

_BAD_SPACE = re.compile(r"[\n\r\t]| {5}")
_MEDIA = ("image", "video", "document", "location", "product")
_BUTTONS = {
    "QUICK_REPLY": "quick_reply",
    "URL": "url",
    "OTP": "url",
    "COPY_CODE": "copy_code",
    "FLOW": "flow",
    "CATALOG": "catalog",
    "MPM": "mpm",
    "SPM": "spm",
    "PHONE_NUMBER": "phone_number",
    "VOICE_CALL": "voice_call",
}
_NEEDS_VALUE = frozenset({"OTP", "COPY_CODE", "MPM"})
_WHOLE = {"CAROUSEL": "carousel", "LIMITED_TIME_OFFER": "limited_time_offer"}
_VALUE_OF = {"url": "text", "copy_code": "code"}


@dataclass(frozen=True, slots=True)
class Known:
    """What the last sync says: the template, or None and the languages in which it exists."""

    template: Template | None
    languages: list[str]
    synced_at: Millis


@dataclass(frozen=True, slots=True)
class Button:
    """One button of a template: its kind for Meta's `sub_type`, and whether it takes or needs a value."""

    kind: str
    takes: bool
    needs: bool


@dataclass(frozen=True, slots=True)
class Demand:
    """What a template wants to be filled with; None where that cannot be told."""

    named: bool
    body: tuple[str, ...] | None
    header: str | None
    """`text`, a medium, `` for nothing."""
    header_name: str | None
    buttons: tuple[Button, ...]
    whole: tuple[str, ...]
    """Components that only `components` can give."""


def known(tx: Tx, waba_id: str, name: str, language: str) -> Known | None:
    """The template as last synced; None when none of this business account ever was.

    An empty list is no knowledge: a token that may not see templates gets one, and a rehearsal's Meta as well.
    """
    synced_at = templates.synced_at(tx, waba_id)
    if synced_at is None or not templates.has_any(tx, waba_id):
        return None
    found = templates.get(tx, waba_id, name, language)
    return Known(found, [] if found else templates.languages(tx, waba_id, name), synced_at)


def problems(
    synced: Known,
    name: str,
    language: str,
    defaults: TemplateContent,
    people: Iterable[tuple[int, TemplateContent]],
) -> list[Problem]:
    """What is wrong with a broadcast: `people` are places in `recipients` and what was given there.

    What all who give nothing of their own have in common is told once, of the broadcast.
    """
    template = synced.template
    if template is None:
        if synced.languages:
            there = ", ".join(synced.languages)
            return [
                Problem("template_language", f"template {name!r} has no {language}: it exists in {there}")
            ]
        return [
            Problem(
                "template_name",
                f"there is no template {name!r} as of the last sync at {iso(synced.synced_at)}: mend the name, or"
                " sync the templates if it is new",
            )
        ]
    if (why := UNSENDABLE.get(template.status.upper())) is not None:
        reason = f" ({template.reason})" if template.reason and template.reason != "NONE" else ""
        return [Problem("template_name", f"template {name!r} in {language} {why}{reason}")]
    return _content_problems(demand_of(template), defaults, people)


def _content_problems(
    demand: Demand, defaults: TemplateContent, people: Iterable[tuple[int, TemplateContent]]
) -> list[Problem]:
    shared: list[Problem] = []
    own: list[Problem] = []
    shared_header = shared_buttons = shared_whole = shared_raw = False
    for place, given in people:
        path = f"recipients[{place}]."
        if given.components is not None:
            own += _raw_problems(demand, given.components, path)
            continue
        has_own = given.params is not None or given.header is not None or given.buttons is not None
        if defaults.components is not None and not has_own:
            if not shared_raw:
                shared_raw = True
                shared += _raw_problems(demand, defaults.components, "")
            continue
        own += _params_problems(demand, given.params, f"{path}params")
        if given.header is not None:
            own += _header_problems(demand, given.header, f"{path}header")
        elif not shared_header:
            shared_header = True
            shared += _header_problems(demand, defaults.header, "header")
        if given.buttons is not None:
            own += _button_problems(demand, given.buttons, f"{path}buttons")
        elif not shared_buttons:
            shared_buttons = True
            shared += _button_problems(demand, defaults.buttons or [], "buttons")
        if not shared_whole:
            shared_whole = True
            shared += [_missing_whole(kind, "components") for kind in demand.whole]
    return shared + own


def demand_of(template: Template) -> Demand:
    """What the template wants, read from its components as Meta lists them."""
    named = template.parameter_format.upper() == "NAMED"
    body: tuple[str, ...] | None = ()
    header: str | None = ""
    header_name: str | None = None
    buttons: tuple[Button, ...] = ()
    whole: list[str] = []
    for part in template.components:
        kind = str(part.get("type", "")).upper()
        if kind == "BODY":
            body = names_in(part["text"]) if isinstance(part.get("text"), str) else None
        elif kind == "HEADER":
            form = str(part.get("format", "TEXT")).lower()
            if form == "text":
                names = names_in(str(part.get("text", "")))
                header, header_name = ("text", names[0]) if names else ("", None)
            else:
                header = form if form in _MEDIA else None
        elif kind == "BUTTONS":
            buttons = tuple(_button(button) for button in part.get("buttons") or ())
        elif kind == "CAROUSEL" or (kind == "LIMITED_TIME_OFFER" and _expires(part)):
            whole.append(_WHOLE[kind])
    return Demand(named, body, header, header_name if named else None, buttons, tuple(whole))


def _button(button: Mapping[str, Any]) -> Button:
    kind = str(button.get("type", "")).upper()
    if kind == "URL":
        variable = bool(names_in(str(button.get("url", ""))))
        return Button("url", takes=variable, needs=variable)
    return Button(_BUTTONS.get(kind, ""), takes=True, needs=kind in _NEEDS_VALUE)


def _expires(part: Mapping[str, Any]) -> bool:
    offer = part.get("limited_time_offer")
    return isinstance(offer, Mapping) and bool(offer.get("has_expiration"))


def _params_problems(demand: Demand, params: list[str] | dict[str, str] | None, path: str) -> list[Problem]:
    wanted = demand.body
    if wanted is None:
        return []
    if demand.named:
        if isinstance(params, list) and params:
            return [
                Problem(
                    path, f"the template's parameters have names: expected an object with {_listed(wanted)}"
                )
            ]
        given = params if isinstance(params, dict) else {}
        found = [Problem(path, f"{_listed([name])} is missing") for name in wanted if name not in given]
        found += [
            Problem(
                f"{path}.{name}", f"the template has no such parameter, it has {_listed(wanted) or 'none'}"
            )
            for name in given
            if name not in wanted
        ]
        return found + [
            problem for name, text in given.items() for problem in _text_problems(text, f"{path}.{name}")
        ]
    if isinstance(params, dict):
        return [Problem(path, f"the template's parameters are numbered: expected a list of {len(wanted)}")]
    texts = params or []
    if len(texts) != len(wanted):
        count = f"{len(wanted)} parameter{'' if len(wanted) == 1 else 's'}"
        return [Problem(path, f"the template's body takes {count}, found {len(texts)}")]
    return [
        problem for place, text in enumerate(texts) for problem in _text_problems(text, f"{path}[{place}]")
    ]


def _text_problems(text: str, path: str) -> list[Problem]:
    if not text:
        return [Problem(path, "Meta takes no empty parameter")]
    if _BAD_SPACE.search(text):
        return [Problem(path, "Meta takes no line breaks, tabs or five spaces in a row in a parameter")]
    return []


def _header_problems(demand: Demand, header: Mapping[str, Any] | None, path: str) -> list[Problem]:
    wanted = demand.header
    if wanted is None:
        return []
    kind = next((key for key in ("text", *_MEDIA) if header and key in header), "")
    if kind == wanted:
        name = demand.header_name
        if kind == "text" and header is not None:
            if name is not None and header.get("parameter_name") != name:
                return [Problem(f"{path}.parameter_name", f"the template's header takes {_listed([name])}")]
            return _text_problems(str(header["text"]), f"{path}.text")
        return []
    if not wanted:
        return [Problem(path, "the template's header takes no value")] if header else []
    found = f", found {_listed([kind])}" if kind else ""
    return [Problem(path, f"the template's header needs {_listed([wanted])}{found}")]


def _button_problems(demand: Demand, given: Iterable[Mapping[str, Any]], path: str) -> list[Problem]:
    found: list[Problem] = []
    places: set[int] = set()
    for position, value in enumerate(given):
        at = f"{path}[{position}]"
        index, kind = int(value["index"]), value["type"]
        places.add(index)
        if index >= len(demand.buttons):
            found.append(
                Problem(f"{at}.index", f"the template has {len(demand.buttons)} buttons, counted from 0")
            )
            continue
        button = demand.buttons[index]
        if button.kind and kind != button.kind:
            found.append(Problem(f"{at}.type", f"button {index} of the template is {_listed([button.kind])}"))
        elif not button.takes:
            found.append(Problem(at, f"the address of button {index} of the template takes no value"))
    for index, button in enumerate(demand.buttons):
        if button.needs and index not in places:
            field = f' with its "{_VALUE_OF[button.kind]}"' if button.kind in _VALUE_OF else ""
            found.append(
                Problem(
                    path,
                    f"button {index} of the template needs a value: give index {index}, type {button.kind}{field}",
                )
            )
    return found


def _raw_problems(demand: Demand, components: Iterable[Mapping[str, Any]], path: str) -> list[Problem]:
    """The same checks for Meta's own component objects, which stand in for all the rest."""
    at = f"{path}components"
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for component in components:
        by_kind.setdefault(str(component.get("type", "")).lower(), []).append(component)
    found = [_missing_whole(kind, at) for kind in demand.whole if kind not in by_kind]
    body = [parameter for component in by_kind.get("body", ()) for parameter in _parameters(component)]
    named = {str(p["parameter_name"]): _raw_text(p) for p in body if "parameter_name" in p}
    params: list[str] | dict[str, str] = named if body and named else [_raw_text(p) for p in body]
    header: dict[str, Any] = {}
    for parameter in [p for component in by_kind.get("header", ()) for p in _parameters(component)][:1]:
        header = {str(parameter.get("type")): _raw_text(parameter)}
        if "parameter_name" in parameter:
            header["parameter_name"] = parameter["parameter_name"]
    buttons = [
        {"index": int(str(component["index"])), "type": str(component.get("sub_type", "")).lower()}
        for component in by_kind.get("button", ())
        if str(component.get("index", "")).isdecimal()
    ]
    checked = (
        _params_problems(demand, params, at)
        + _header_problems(demand, header or None, at)
        + _button_problems(demand, buttons, at)
    )
    return found + [Problem(at, problem.message) for problem in checked]


def _parameters(component: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = component.get("parameters")
    return (
        [parameter for parameter in given if isinstance(parameter, Mapping)]
        if isinstance(given, list)
        else []
    )


def _raw_text(parameter: Mapping[str, Any]) -> str:
    """The text of a parameter; of one that is no text something that passes."""
    return str(parameter.get("text", "")) if parameter.get("type", "text") == "text" else "…"


def _missing_whole(kind: str, path: str) -> Problem:
    return Problem(path, f"the template has a {kind}: give it as one of Meta's component objects")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
