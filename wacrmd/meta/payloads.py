"""The body of a message: building it, and validating what callers give for it; pure.

Source: docs/meta.md, Sending and Template components. `to` carries its `+`, because Meta
would put the business number's own country code in front of a number without it.
"""

import re
from collections.abc import Callable
from typing import Any

import orjson

from wacrmd.domain.marketing_route import Route
from wacrmd.domain.media import ID
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import Problem, json_kind, quoted
from wacrmd.fields import JsonObject
from wacrmd.meta.component_objects import MAX_COUPON_CODE, component_problems

MAX_BUTTONS = 10
"""How many buttons a template can have."""

MAX_JSON_BYTES = 65_536
"""Size of a header, of buttons or of raw components as JSON; ten carousel cards need about a tenth of it.

Each of them may be that of all recipients of a broadcast, and goes to Meta as many times.
"""

_MEDIA = ("image", "video", "document")
_LINK = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
"""What Meta fetches a file from; it takes http too."""
_META_ID = re.compile("[0-9]+")
_HEADERS = ("text", *_MEDIA, "location")

_BUTTON_FIELDS: dict[str, tuple[str, ...]] = {
    "url": ("text",),
    "quick_reply": ("payload",),
    "copy_code": ("code",),
    "flow": ("flow_token", "flow_action_data"),
}


def message(
    to: str,
    template_name: str,
    language: str,
    content: TemplateContent,
    callback: str,
    route: Route | None = None,
) -> JsonObject:
    """The body for one person; without a route, that for `/messages`.

    `to` is E.164 with `+`; anything else is a business-scoped user id.
    `callback` (at most 512 characters) comes back in statuses as `biz_opaque_callback_data`.
    """
    template: JsonObject = {"name": template_name, "language": {"code": language}}
    if components := _components(content):
        template["components"] = components
    body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to" if to.startswith("+") else "recipient": to,
        "type": "template",
        "template": template,
        "biz_opaque_callback_data": callback,
    }
    return body if route is None else body | _route_fields(route)


def _route_fields(route: Route) -> JsonObject:
    """What only `/marketing_messages` takes, as far as it is set (docs/meta.md, Marketing messages)."""
    fields = {
        "product_policy": route.product_policy,
        "message_activity_sharing": route.message_activity_sharing,
    }
    return {name: value for name, value in fields.items() if value is not None}


def body(
    to: str,
    template_name: str,
    language: str,
    content: TemplateContent,
    callback: str,
    route: Route | None = None,
) -> bytes:
    """`message(…)` as the JSON bytes to send."""
    return orjson.dumps(message(to, template_name, language, content, callback, route))


def _components(content: TemplateContent) -> list[JsonObject]:
    if content.components is not None:
        return content.components
    components = []
    if content.header is not None:
        components.append({"type": "header", "parameters": [_header_parameter(content.header)]})
    if content.params:
        components.append({"type": "body", "parameters": _body_parameters(content.params)})
    if content.buttons:
        components.extend(_button(button) for button in content.buttons)
    return components


def _body_parameters(params: list[str] | dict[str, str]) -> list[dict[str, str]]:
    if isinstance(params, dict):
        return [{"type": "text", "parameter_name": name, "text": text} for name, text in params.items()]
    return [{"type": "text", "text": text} for text in params]


def _header_parameter(header: JsonObject) -> JsonObject:
    if "text" in header:
        return {"type": "text", **header}
    ((kind, value),) = header.items()
    if kind == "location":
        value = {key: str(part) for key, part in value.items()}
    return {"type": kind, kind: value}


def _button(button: JsonObject) -> JsonObject:
    kind = button["type"]
    return {
        "type": "button",
        "sub_type": kind,
        "index": str(button["index"]),
        "parameters": [_BUTTON_PARAMETERS[kind](button)],
    }


def _flow_parameter(button: JsonObject) -> JsonObject:
    action = {field: button[field] for field in _BUTTON_FIELDS["flow"] if field in button}
    return {"type": "action", "action": action}


_BUTTON_PARAMETERS: dict[str, Callable[[JsonObject], JsonObject]] = {
    "url": lambda button: {"type": "text", "text": button["text"]},
    "quick_reply": lambda button: {"type": "payload", "payload": button["payload"]},
    "copy_code": lambda button: {"type": "coupon_code", "coupon_code": button["code"]},
    "flow": _flow_parameter,
}


def content_problems(given: JsonObject, path: str = "") -> list[Problem]:
    """What is wrong with `header`, `buttons` and `components` in a caller's JSON object at `path`.

    Absent keys and null are right. `params` is not checked here, except that raw components exclude it.
    """
    prefix = f"{path}." if path else ""
    problems: list[Problem] = []
    header, buttons, components = given.get("header"), given.get("buttons"), given.get("components")
    if components is not None:
        others = [key for key in ("params", "header", "buttons") if given.get(key)]
        if others:
            problems.append(
                Problem(
                    f"{prefix}components",
                    f"replaces the whole content: leave out {' and '.join(others)}, or leave out components",
                )
            )
        problems += _components_problems(components, f"{prefix}components")
    if header is not None:
        problems += _header_problems(header, f"{prefix}header") or _size_problems(header, f"{prefix}header")
    if buttons is not None:
        problems += _buttons_problems(buttons, f"{prefix}buttons") or _size_problems(
            buttons, f"{prefix}buttons"
        )
    return problems


def _header_problems(header: Any, path: str) -> list[Problem]:
    expected = 'expected an object with one of "text", "image", "video", "document" or "location"'
    if not isinstance(header, dict):
        return [Problem(path, f"{expected}, found {json_kind(header)}")]
    kinds = [key for key in header if key in _HEADERS]
    if len(kinds) != 1:
        return [Problem(path, f"{expected}, found {quoted(kinds) or quoted(header) or 'an empty object'}")]
    kind = kinds[0]
    value = header[kind]
    if kind == "text":
        problems = _unknown_keys(header, ("text", "parameter_name"), path) + _text_problems(
            value, f"{path}.text"
        )
        if "parameter_name" in header:
            problems += _text_problems(header["parameter_name"], f"{path}.parameter_name")
        return problems
    problems = _unknown_keys(header, (kind,), path)
    if not isinstance(value, dict):
        return [*problems, Problem(f"{path}.{kind}", f"expected an object, found {json_kind(value)}")]
    if kind == "location":
        return problems + _location_problems(value, f"{path}.location")
    return problems + _media_problems(value, f"{path}.{kind}", kind)


def _media_problems(media: JsonObject, path: str, kind: str) -> list[Problem]:
    allowed = ("id", "link", "filename") if kind == "document" else ("id", "link")
    problems = _unknown_keys(media, allowed, path)
    if ("id" in media) == ("link" in media):
        problems.append(Problem(path, 'expected either "id" (of an uploaded file) or "link"'))
    for key in allowed:
        if key in media:
            problems += _text_problems(media[key], f"{path}.{key}")
    uploaded = media.get("id")
    if (
        isinstance(uploaded, str)
        and uploaded
        and not (ID.fullmatch(uploaded) or _META_ID.fullmatch(uploaded))
    ):
        expected = "expected the id of a file as its upload has given it, or one of Meta's, of digits"
        problems.append(Problem(f"{path}.id", expected))
    link = media.get("link")
    if isinstance(link, str) and link and not _LINK.fullmatch(link):
        problems.append(Problem(f"{path}.link", "expected an address such as https://shop.example/a.png"))
    return problems


def _location_problems(location: JsonObject, path: str) -> list[Problem]:
    problems = _unknown_keys(location, ("latitude", "longitude", "name", "address"), path)
    for key, limit in (("latitude", 90), ("longitude", 180)):
        if not _is_degrees(location.get(key), limit):
            problems.append(Problem(f"{path}.{key}", f"expected degrees from -{limit} to {limit}"))
    for key in ("name", "address"):
        if key in location:
            problems += _text_problems(location[key], f"{path}.{key}")
    return problems


def _is_degrees(value: Any, limit: int) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        return -limit <= float(value) <= limit
    except (ValueError, OverflowError):  # no number, and an integer that is too large for a float
        return False


def _buttons_problems(buttons: Any, path: str) -> list[Problem]:
    if not isinstance(buttons, list):
        return [Problem(path, f"expected an array of buttons, found {json_kind(buttons)}")]
    if len(buttons) > MAX_BUTTONS:
        return [Problem(path, f"expected at most {MAX_BUTTONS} buttons, found {len(buttons)}")]
    problems: list[Problem] = []
    seen: set[int] = set()
    for position, button in enumerate(buttons):
        problems += _button_problems(button, f"{path}[{position}]", seen)
    return problems


def _button_problems(button: Any, path: str, seen: set[int]) -> list[Problem]:
    if not isinstance(button, dict):
        return [Problem(path, f"expected an object, found {json_kind(button)}")]
    problems: list[Problem] = []
    index = button.get("index")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < MAX_BUTTONS:
        problems.append(
            Problem(
                f"{path}.index", f"expected the button's position in the template, 0 to {MAX_BUTTONS - 1}"
            )
        )
    elif index in seen:
        problems.append(Problem(f"{path}.index", f"index {index} is used twice"))
    else:
        seen.add(index)
    kind = button.get("type")
    if not isinstance(kind, str) or kind not in _BUTTON_FIELDS:
        return [*problems, Problem(f"{path}.type", f"expected one of {quoted(_BUTTON_FIELDS)}")]
    fields = _BUTTON_FIELDS[kind]
    problems += _unknown_keys(button, ("index", "type", *fields), path)
    if kind == "flow":
        if "flow_token" in button:
            problems += _text_problems(button["flow_token"], f"{path}.flow_token")
        data = button.get("flow_action_data", {})
        if not isinstance(data, dict):
            return [
                *problems,
                Problem(f"{path}.flow_action_data", f"expected an object, found {json_kind(data)}"),
            ]
        return problems
    problems += _text_problems(button.get(fields[0]), f"{path}.{fields[0]}")
    code = button.get("code")
    if isinstance(code, str) and len(code) > MAX_COUPON_CODE:
        problems.append(Problem(f"{path}.code", f"expected at most {MAX_COUPON_CODE} characters"))
    return problems


def _components_problems(components: Any, path: str) -> list[Problem]:
    if not isinstance(components, list):
        return [
            Problem(path, f"expected an array of Meta's component objects, found {json_kind(components)}")
        ]
    if problems := _size_problems(components, path):
        return problems
    for position, component in enumerate(components):
        if not isinstance(component, dict):
            problems.append(
                Problem(f"{path}[{position}]", f"expected an object, found {json_kind(component)}")
            )
        elif not isinstance(component.get("type"), str):
            problems.append(
                Problem(f"{path}[{position}].type", 'expected a component type such as "body" or "carousel"')
            )
        else:
            problems += component_problems(component, f"{path}[{position}]")
    return problems


def _size_problems(value: Any, path: str) -> list[Problem]:
    try:
        size = len(orjson.dumps(value))
    except TypeError:
        return [Problem(path, "expected JSON with numbers below 2^63, nested at most 254 deep")]
    if size > MAX_JSON_BYTES:
        return [Problem(path, f"expected at most {MAX_JSON_BYTES} bytes, found {size}")]
    return []


def _unknown_keys(given: JsonObject, allowed: tuple[str, ...], path: str) -> list[Problem]:
    return [
        Problem(f"{path}.{key}", f"unknown key; expected {quoted(allowed)}")
        for key in given
        if key not in allowed
    ]


def _text_problems(value: Any, path: str) -> list[Problem]:
    if isinstance(value, str) and value.strip():
        return []
    found = "an empty string" if isinstance(value, str) else json_kind(value)
    return [Problem(path, f"expected a string that is not empty, found {found}")]
