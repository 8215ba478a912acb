"""Reading the body of a send, or Meta's refusal of it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from wacrmd.simulator.graph_errors import GraphError
from wacrmd.simulator.marketing import refusal_at
from wacrmd.simulator.media import ids_in
from wacrmd.simulator.options import Options
from wacrmd.simulator.people import user_id_of, wa_id_of, wa_id_of_user
from wacrmd.simulator.templates import refusal_of

MAX_CALLBACK_DATA = 512
"""Characters of `biz_opaque_callback_data` (docs/meta.md, Sending)."""
MAX_TEMPLATE_NAME = 512

_SEPARATORS = str.maketrans("", "", "+-() ")
_NUMBER = re.compile(r"^\d{7,15}$")
_USER_ID = re.compile(r"^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$")
_TEMPLATE_NAME = re.compile(r"^[a-z0-9_]+$")
_KINDS = ("audio", "contacts", "document", "image", "interactive", "location", "reaction", "sticker", "video")


@dataclass(frozen=True, slots=True)
class Send:
    """A send that Meta accepts, to a phone number or a user id; `wa_id` is None for an unknown user id."""

    input: str
    wa_id: str | None
    user_id: str
    callback_data: str | None
    template: str | None
    language: str | None
    button_payload: str | None
    media_ids: tuple[str, ...] = ()
    """The files that its template names by id."""

    @property
    def is_to_user_id(self) -> bool:
        """Whether it is addressed by a user id."""
        return self.input == self.user_id


def digits(number: str) -> str:
    """The digits of a phone number as people write it."""
    return number.translate(_SEPARATORS)


def read_send(raw: bytes, options: Options, endpoint: str = "messages") -> Send | GraphError:
    """The send in the request body `raw` to `/messages` or `/marketing_messages`, or Meta's refusal of it."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return GraphError(100, "The request body is not JSON")
    if not isinstance(body, dict):
        return GraphError(100, "The request body must be a JSON object")
    if body.get("messaging_product") != "whatsapp":
        return GraphError(100, "Param messaging_product must be one of {whatsapp}")
    callback = body.get("biz_opaque_callback_data")
    if callback is not None and (not isinstance(callback, str) or len(callback) > MAX_CALLBACK_DATA):
        return GraphError(
            100, f"Param biz_opaque_callback_data must be at most {MAX_CALLBACK_DATA} characters"
        )
    recipient = _recipient(body, options)
    if isinstance(recipient, GraphError):
        return recipient
    written, wa_id, user_id = recipient
    if (refusal := refusal_at(endpoint, body, options)) is not None:
        return refusal
    kind = body.get("type", "text")
    if kind == "text":
        text = body.get("text")
        if not isinstance(text, dict) or not isinstance(text.get("body"), str) or not text["body"]:
            return GraphError(131008, "The parameter text['body'] is required.")
        return Send(written, wa_id, user_id, callback, None, None, None)
    if kind != "template":
        if kind in _KINDS:
            return GraphError(131051, "The simulated Meta supports the types template and text only")
        return GraphError(
            100, f"Param type must be one of {{{', '.join(sorted((*_KINDS, 'template', 'text')))}}}"
        )
    return _template_send(
        body.get("template"), Send(written, wa_id, user_id, callback, None, None, None), options
    )


def _recipient(body: Mapping[str, Any], options: Options) -> tuple[str, str | None, str] | GraphError:
    """(as written, wa_id, user id); `to` wins over `recipient` (docs/meta.md, Sending)."""
    if body.get("recipient_type", "individual") != "individual":
        return GraphError(100, "Param recipient_type must be one of {individual}")
    to, user_id = body.get("to"), body.get("recipient")
    if to is None and user_id is not None:
        if not isinstance(user_id, str) or not _USER_ID.match(user_id):
            return GraphError(131009, "Param recipient is not a valid business-scoped user id")
        return user_id, wa_id_of_user(user_id), user_id
    if not isinstance(to, str) or not to:
        return GraphError(100, "The parameter to is required.")
    number = digits(to)
    if not _NUMBER.match(number):
        return GraphError(131009, "Param to is not a valid phone number")
    if number == digits(options.display_phone_number):
        return GraphError(131021)
    if options.allowed_recipients and number not in map(digits, options.allowed_recipients):
        return GraphError(
            131030, "Recipient phone number not in allowed list: add it to the list and try again"
        )
    wa_id = wa_id_of(number) if options.rewrite_wa_id else number
    return to, wa_id, user_id_of(wa_id)


def _template_send(template: Any, send: Send, options: Options) -> Send | GraphError:
    if not isinstance(template, dict):
        return GraphError(131008, "The parameter template is required.")
    name, language = template.get("name"), template.get("language")
    if not isinstance(name, str) or not name:
        return GraphError(131008, "The parameter template['name'] is required.")
    if len(name) > MAX_TEMPLATE_NAME or not _TEMPLATE_NAME.match(name):
        return GraphError(100, "Param template['name'] must be lower case letters, digits and underscores")
    code = language.get("code") if isinstance(language, dict) else None
    if not isinstance(code, str) or not code:
        return GraphError(131008, "The parameter template['language']['code'] is required.")
    components = template.get("components", [])
    if not isinstance(components, list) or not all(_is_component(c) for c in components):
        return GraphError(
            100, "Param template['components'] must be an array of components with their parameters"
        )
    refusal = refusal_of(options.templates, name, code, components, to_user_id=send.is_to_user_id)
    if refusal is not None:
        return refusal
    return Send(
        send.input,
        send.wa_id,
        send.user_id,
        send.callback_data,
        name,
        code,
        _button_payload(components),
        ids_in(components),
    )


def _is_component(component: Any) -> bool:
    return (
        isinstance(component, dict)
        and isinstance(component.get("type"), str)
        and isinstance(component.get("parameters", []), list)
        and all(
            isinstance(p, dict) and isinstance(p.get("type"), str) for p in component.get("parameters", [])
        )
    )


def _button_payload(components: list[dict[str, Any]]) -> str | None:
    """The payload of the first quick reply of the message."""
    for component in components:
        kind, sub_type = (str(component.get(name, "")).lower() for name in ("type", "sub_type"))
        if (kind, sub_type) == ("button", "quick_reply"):
            for parameter in component.get("parameters", []):
                if isinstance(payload := parameter.get("payload"), str):
                    return payload
    return None
