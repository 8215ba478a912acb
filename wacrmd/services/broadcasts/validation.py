"""Whether the content of a broadcast fits its template as last synced from Meta; pure.

What is found here Meta would refuse for each recipient: 132000 (number of parameters), 132012 (kind of header), 131008
(empty or missing value), 132018 (line breaks), 132005 (too long), 132001, 132015 and 132016 (no such template, paused,
disabled); see docs/meta.md, Template components and Errors.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wacrmd.clock import iso
from wacrmd.domain.placeholders import fill
from wacrmd.domain.template import SyncedTemplate, TemplateContent
from wacrmd.errors import Problem, quoted
from wacrmd.fields import JsonObject
from wacrmd.services.broadcasts.template_requirements import MEDIA, TemplateRequirements, requirements_of

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
"""Statuses with which Meta refuses every send; with any other status wacrmd sends, and Meta decides."""

MAX_BODY, MAX_CARD_BODY = 1024, 160
"""Characters of a text after its parameters are filled in (docs/meta.md, Template components)."""

_BAD_SPACE = re.compile(r"[\n\r\t]| {5}")
_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""Categories of characters that show nothing: controls, invisible marks and spaces."""
_VALUE_OF = {"url": "text", "copy_code": "code"}


def problems(
    synced: SyncedTemplate,
    name: str,
    language: str,
    defaults: TemplateContent,
    contents: Iterable[tuple[int, TemplateContent]],
) -> list[Problem]:
    """What does not fit: `contents` has the content of each recipient with its index in `recipients`.

    A problem of the defaults is reported once, not for each recipient that uses them.
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
                f"there is no template {name!r} as of the last sync at {iso(synced.synced_at)}: correct the name, or"
                " sync the templates if it is new",
            )
        ]
    if (why := UNSENDABLE.get(template.status.upper())) is not None:
        reason = f" ({template.reason})" if template.reason and template.reason != "NONE" else ""
        return [Problem("template_name", f"template {name!r} in {language} {why}{reason}")]
    return _content_problems(requirements_of(template), defaults, contents)


def parameter_problems(contents: Iterable[tuple[int, TemplateContent]]) -> list[Problem]:
    """What no template takes as a parameter, for a template of which nothing is known."""
    found: list[Problem] = []
    for place, content in contents:
        params = content.params or ()
        named = isinstance(params, dict)
        for key, text in params.items() if isinstance(params, dict) else enumerate(params):
            path = f"recipients[{place}].params" + (f".{key}" if named else f"[{key}]")
            if text:  # whether an empty one is wrong depends on the template
                found += _text_problems(text, path) or _length_problems("{{1}}", [text], MAX_BODY, path)
    return found


def _content_problems(
    required: TemplateRequirements, defaults: TemplateContent, contents: Iterable[tuple[int, TemplateContent]]
) -> list[Problem]:
    shared: list[Problem] = []
    own: list[Problem] = []
    shared_header = shared_buttons = shared_raw_only = shared_raw = False
    for place, given in contents:
        path = f"recipients[{place}]."
        if given.components is not None:
            own += _raw_problems(required, given.components, path)
            continue
        has_own = given.params is not None or given.header is not None or given.buttons is not None
        if defaults.components is not None and not has_own:
            if not shared_raw:
                shared_raw = True
                shared += _raw_problems(required, defaults.components, "")
            continue
        own += _params_problems(required, given.params, f"{path}params")
        if given.header is not None:
            own += _header_problems(required, given.header, f"{path}header")
        elif not shared_header:
            shared_header = True
            shared += _header_problems(required, defaults.header, "header")
        if given.buttons is not None:
            own += _button_problems(required, given.buttons, f"{path}buttons")
        elif not shared_buttons:
            shared_buttons = True
            shared += _button_problems(required, defaults.buttons or [], "buttons")
        if not shared_raw_only:
            shared_raw_only = True
            shared += [_missing_raw(kind, "components") for kind in required.raw_only]
    return shared + own


def _params_problems(
    required: TemplateRequirements, params: list[str] | dict[str, str] | None, path: str
) -> list[Problem]:
    wanted = required.body
    if wanted is None:
        return []
    if required.named:
        if isinstance(params, list) and params:
            return [
                Problem(
                    path, f"the template's parameters have names: expected an object with {quoted(wanted)}"
                )
            ]
        given = params if isinstance(params, dict) else {}
        found = [Problem(path, f"{quoted([name])} is missing") for name in wanted if name not in given]
        found += [
            Problem(
                f"{path}.{name}", f"the template has no such parameter, it has {quoted(wanted) or 'none'}"
            )
            for name in given
            if name not in wanted
        ]
        found += [
            problem for name, text in given.items() for problem in _text_problems(text, f"{path}.{name}")
        ]
        return found or _length_problems(required.body_text, given, MAX_BODY, path)
    if isinstance(params, dict):
        return [Problem(path, f"the template's parameters are numbered: expected an array of {len(wanted)}")]
    texts = params or []
    if len(texts) != len(wanted):
        count = f"{len(wanted)} parameter{'' if len(wanted) == 1 else 's'}"
        return [Problem(path, f"the template's body takes {count}, found {len(texts)}")]
    found = [
        problem for place, text in enumerate(texts) for problem in _text_problems(text, f"{path}[{place}]")
    ]
    return found or _length_problems(required.body_text, texts, MAX_BODY, path)


def _text_problems(text: str, path: str) -> list[Problem]:
    if not text:
        return [Problem(path, "Meta takes no empty parameter")]
    if _BAD_SPACE.search(text):
        return [Problem(path, "Meta takes no line breaks, tabs or five spaces in a row in a parameter")]
    if not text.isprintable():  # a space is printable, other spaces and all that is unseen are not
        control = next((char for char in text if unicodedata.category(char) == "Cc"), None)
        if control is not None:
            return [
                Problem(path, f"Meta takes no control characters in a parameter, found U+{ord(control):04X}")
            ]
    if text.isspace() or all(unicodedata.category(char) in _UNSEEN for char in text):
        return [Problem(path, "Meta takes no parameter of spaces only: nobody would see anything")]
    return []


def _length_problems(
    text: str, params: Sequence[str] | Mapping[str, str], longest: int, path: str
) -> list[Problem]:
    """The problem of a text that is too long with its parameters."""
    length = len(fill(text, params))
    if length <= longest:
        return []
    return [
        Problem(path, f"the text has {length} characters with its parameters, Meta takes at most {longest}")
    ]


def _header_problems(
    required: TemplateRequirements, header: Mapping[str, Any] | None, path: str
) -> list[Problem]:
    wanted = required.header
    if wanted is None:
        return []
    kind = next((key for key in ("text", *MEDIA) if header and key in header), "")
    if kind == wanted:
        name = required.header_name
        if kind == "text" and header is not None:
            if name is not None and header.get("parameter_name") != name:
                return [Problem(f"{path}.parameter_name", f"the template's header takes {quoted([name])}")]
            return _text_problems(str(header["text"]), f"{path}.text")
        return []
    if not wanted:
        return [Problem(path, "the template's header takes no value")] if header else []
    found = f", found {quoted([kind])}" if kind else ""
    return [Problem(path, f"the template's header needs {quoted([wanted])}{found}")]


def _button_problems(
    required: TemplateRequirements, given: Iterable[Mapping[str, Any]], path: str
) -> list[Problem]:
    found: list[Problem] = []
    places: set[int] = set()
    for position, value in enumerate(given):
        at = f"{path}[{position}]"
        index, kind = int(value["index"]), value["type"]
        places.add(index)
        if index >= len(required.buttons):
            found.append(
                Problem(f"{at}.index", f"the template has {len(required.buttons)} buttons, counted from 0")
            )
            continue
        button = required.buttons[index]
        if button.kind and kind != button.kind:
            found.append(Problem(f"{at}.type", f"button {index} of the template is {quoted([button.kind])}"))
        elif not button.takes_value:
            found.append(Problem(at, f"button {index} of the template takes no value: leave it out"))
    for index, button in enumerate(required.buttons):
        if button.needs_value and index not in places:
            field = f' with its "{_VALUE_OF[button.kind]}"' if button.kind in _VALUE_OF else ""
            found.append(
                Problem(
                    path,
                    f"button {index} of the template needs a value: give index {index}, type {button.kind}{field}",
                )
            )
    return found


def _raw_problems(
    required: TemplateRequirements, components: Iterable[Mapping[str, Any]], path: str
) -> list[Problem]:
    """The same checks for Meta's own component objects, which replace all other content."""
    at = f"{path}components"
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for component in components:
        by_kind.setdefault(str(component.get("type", "")).lower(), []).append(component)
    found = [_missing_raw(kind, at) for kind in required.raw_only if kind not in by_kind]
    body = [parameter for component in by_kind.get("body", ()) for parameter in _parameters(component)]
    named = {str(p["parameter_name"]): _raw_text(p) for p in body if "parameter_name" in p}
    params: list[str] | dict[str, str] = named if body and named else [_raw_text(p) for p in body]
    header: JsonObject = {}
    for parameter in [p for component in by_kind.get("header", ()) for p in _parameters(component)][:1]:
        header = {str(parameter.get("type")): _raw_text(parameter)}
        if "parameter_name" in parameter:
            header["parameter_name"] = parameter["parameter_name"]
    buttons = [
        {"index": int(str(component["index"])), "type": str(component.get("sub_type", "")).lower()}
        for component in by_kind.get("button", ())
        if str(component.get("index", "")).isdecimal()
    ]
    for component in by_kind.get("carousel", ()):
        found += _card_problems(required, component, at)
    checked = (
        _params_problems(required, params, at)
        + _header_problems(required, header or None, at)
        + _button_problems(required, buttons, at)
    )
    return found + [Problem(at, problem.message) for problem in checked]


def _card_problems(required: TemplateRequirements, carousel: Mapping[str, Any], path: str) -> list[Problem]:
    """The checks of the texts in the cards of a carousel."""
    cards = carousel.get("cards")
    found: list[Problem] = []
    for place, card in enumerate(cards if isinstance(cards, list) else ()):
        for component in _objects(card.get("components") if isinstance(card, Mapping) else None):
            if str(component.get("type", "")).lower() != "body":
                continue
            texts = [_raw_text(parameter) for parameter in _parameters(component)]
            wrong = [problem for text in texts for problem in _text_problems(text, path)]
            if not wrong and place < len(required.card_texts):
                wrong = _length_problems(required.card_texts[place], texts, MAX_CARD_BODY, path)
            found += [Problem(path, f"card {place}: {problem.message}") for problem in wrong]
    return found


def _parameters(component: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return _objects(component.get("parameters"))


def _objects(given: object) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []


def _raw_text(parameter: Mapping[str, Any]) -> str:
    """The text of a parameter; for another kind of parameter, a text that passes the checks."""
    return str(parameter.get("text", "")) if parameter.get("type", "text") == "text" else "…"


def _missing_raw(kind: str, path: str) -> Problem:
    return Problem(path, f"the template has a {kind}: give it as one of Meta's component objects")
