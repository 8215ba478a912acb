"""Whether parameters, header and buttons fit a template; pure. Which of Meta's errors they avoid: validation.py."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wacrmd.domain.placeholders import fill, names_in
from wacrmd.errors import Problem, counted, quoted
from wacrmd.services.broadcasts.template_requirements import MEDIA, TemplateRequirements

MAX_LOOKED_AT = 4096
"""Characters of a text that are looked at: with more it is too long for every template, as `length_problems` says."""

MAX_HEADER = 60
MAX_URL = 2000
"""Characters of a header's text with its value, and of a URL's variable part (docs/meta.md, Template components)."""

_BAD_SPACE = re.compile(r"[\n\r\t\u2028\u2029]|[ \u00a0\u2000-\u200a\u202f\u3000]{5}")
_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""Categories of characters that show nothing: controls, invisible marks and spaces."""
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10)))
)
"""Letters and marks that show nothing either: fillers, the empty Braille cell, variation selectors."""
_VALUE_OF = {"url": "text", "copy_code": "code"}


def params_problems(
    required: TemplateRequirements, params: list[str] | dict[str, str] | None, path: str
) -> list[Problem]:
    """What is wrong with the parameters of the body."""
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
            problem for name, text in given.items() for problem in text_problems(text, f"{path}.{name}")
        ]
        return found or length_problems(required.body_text, given, required.max_body, path)
    if isinstance(params, dict):
        return [Problem(path, f"the template's parameters are numbered: expected an array of {len(wanted)}")]
    texts = params or []
    if len(texts) != len(wanted):
        count = f"{len(wanted)} parameter{'' if len(wanted) == 1 else 's'}"
        return [Problem(path, f"the template's body takes {count}, found {len(texts)}")]
    found = [
        problem for place, text in enumerate(texts) for problem in text_problems(text, f"{path}[{place}]")
    ]
    return found or length_problems(required.body_text, texts, required.max_body, path)


def text_problems(text: str, path: str) -> list[Problem]:
    """What Meta refuses in the text of a parameter."""
    if not text:
        return [Problem(path, "Meta takes no empty parameter")]
    text = text[:MAX_LOOKED_AT]
    if _BAD_SPACE.search(text):
        return [Problem(path, "Meta takes no line breaks, tabs or five spaces in a row in a parameter")]
    if not text.isprintable():  # a space is printable, other spaces and all that is unseen are not
        control = next((char for char in text if unicodedata.category(char) == "Cc"), None)
        if control is not None:
            return [
                Problem(path, f"Meta takes no control characters in a parameter, found U+{ord(control):04X}")
            ]
    if text.isspace() or all(char in _BLANK or unicodedata.category(char) in _UNSEEN for char in text):
        return [Problem(path, "Meta takes no parameter of spaces only: nobody would see anything")]
    return []


def length_problems(
    text: str, params: Sequence[str] | Mapping[str, str], longest: int, path: str
) -> list[Problem]:
    """The problem of a text that is too long with its parameters."""
    given = params.values() if isinstance(params, Mapping) else params
    length = max(map(len, given), default=0)
    if length <= longest:  # else a text with the same placeholder many times would become very long
        length = len(fill(text, params))
    if length <= longest:
        return []
    return [
        Problem(path, f"the text has {length} characters with its parameters, Meta takes at most {longest}")
    ]


def header_problems(
    required: TemplateRequirements, header: Mapping[str, Any] | None, path: str
) -> list[Problem]:
    """What is wrong with the header, in the form of the API."""
    wanted = required.header
    if wanted is None:
        return []
    kind = next((key for key in ("text", *MEDIA) if header and key in header), "")
    if kind == wanted:
        name = required.header_name
        if kind == "text" and header is not None:
            if name is not None and header.get("parameter_name") != name:
                return [Problem(f"{path}.parameter_name", f"the template's header takes {quoted([name])}")]
            text = str(header["text"])
            fields = dict.fromkeys(names_in(required.header_text), text)
            wrong = text_problems(text, f"{path}.text")
            return wrong or length_problems(required.header_text, fields, MAX_HEADER, f"{path}.text")
        return []
    if not wanted:
        return [Problem(path, "the template's header takes no value")] if header else []
    found = f", found {quoted([kind])}" if kind else ""
    return [Problem(path, f"the template's header needs {quoted([wanted])}{found}")]


def button_problems(
    required: TemplateRequirements, given: Iterable[Mapping[str, Any]], path: str
) -> list[Problem]:
    """What is wrong with the values of buttons, in the form of the API."""
    found: list[Problem] = []
    places: set[int] = set()
    for position, value in enumerate(given):
        at = f"{path}[{position}]"
        index, kind = int(value["index"]), value["type"]
        places.add(index)
        if index >= len(required.buttons):
            found.append(
                Problem(
                    f"{at}.index",
                    f"the template has {counted(len(required.buttons), 'button')}, counted from 0",
                )
            )
            continue
        button = required.buttons[index]
        if button.kind and kind != button.kind:
            found.append(Problem(f"{at}.type", f"button {index} of the template is {quoted([button.kind])}"))
        elif not button.takes_value:
            found.append(Problem(at, f"button {index} of the template takes no value: leave it out"))
        elif kind == "url" and "text" in value:
            text, where = str(value["text"]), f"{at}.text"
            found += text_problems(text, where) or length_problems("{{1}}", [text], MAX_URL, where)
        elif kind == "copy_code" and len(str(value.get("code", ""))) > required.max_code:
            found.append(
                Problem(
                    f"{at}.code",
                    f"expected at most {required.max_code} characters in this template",
                )
            )
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
