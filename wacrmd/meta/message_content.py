"""What a person wrote, beside the text, for those who want every message; pure. Shapes: docs/meta.md, Messages."""

from math import isfinite
from typing import Any

import orjson

from wacrmd.fields import JsonObject
from wacrmd.meta.answer import meta_error
from wacrmd.meta.inbound import InboundMessage
from wacrmd.meta.untrusted import as_id, as_json, as_objects, as_text, as_word, one_object
from wacrmd.views.received import FlowAnswer, Location, Media, ParsedContent, Reaction
from wacrmd.views.recipients import MetaErrorView

MEDIA = frozenset({"image", "audio", "video", "document", "sticker"})
MAX_BYTES = 64 * 1024
"""Objects of Meta that are passed on as they are; a real one has some kilobytes at most."""
MAX_FIELD = 4096
"""Characters kept of names, descriptions and addresses."""
MAX_DEPTH = 32
"""Levels of such an object. Deeper JSON could be read, and not be written again."""


def content_of(message: InboundMessage) -> ParsedContent:
    """The content of a message; of an edited one, what it says now."""
    raw, part = message.raw, message.part
    written = one_object(part.get("message")) if message.type == "edit" else raw
    kind = as_word(written.get("type")) if message.type == "edit" else message.type
    own = one_object(written.get(kind)) if message.type == "edit" and kind else part
    return ParsedContent(
        description=as_text(one_object(own.get("list_reply")).get("description"), MAX_FIELD),
        original_message_id=as_id(part.get("original_message_id")),
        reaction=_reaction(own) if kind == "reaction" else None,
        media=_media(own) if kind in MEDIA else None,
        location=_location(own) if kind == "location" else None,
        contacts=_contacts(written) if kind == "contacts" else [],
        order=_passed_on(own) if kind == "order" else None,
        flow=_flow(one_object(own.get("nfm_reply"))) if kind == "interactive" else None,
        referral=_passed_on(one_object(raw.get("referral"))),
        errors=[
            MetaErrorView(code=error.code, title=error.title, details=error.details)
            for error in map(meta_error, as_objects(raw.get("errors")))
            if error is not None
        ],
        message=_passed_on(raw),
    )


def _reaction(own: JsonObject) -> Reaction:
    return Reaction(message_id=as_id(own.get("message_id")), emoji=as_text(own.get("emoji"), MAX_FIELD))


def _media(own: JsonObject) -> Media:
    voice = own.get("voice")
    return Media(
        id=as_id(own.get("id")),
        mime_type=as_text(own.get("mime_type"), MAX_FIELD),
        sha256=as_text(own.get("sha256"), MAX_FIELD),
        filename=as_text(own.get("filename"), MAX_FIELD),
        voice=voice if isinstance(voice, bool) else None,
    )


def _location(own: JsonObject) -> Location:
    return Location(
        latitude=_degrees(own.get("latitude")),
        longitude=_degrees(own.get("longitude")),
        name=as_text(own.get("name"), MAX_FIELD),
        address=as_text(own.get("address"), MAX_FIELD),
        url=as_text(own.get("url"), MAX_FIELD),
    )


def _degrees(value: Any) -> float | None:
    """A number, also one that is written as text."""
    try:
        degrees = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return degrees if isfinite(degrees) and not isinstance(value, bool) else None


def _contacts(written: JsonObject) -> list[JsonObject]:
    found = as_objects(written.get("contacts"))
    return found if _can_be_passed_on(found) else []


def _flow(reply: JsonObject) -> FlowAnswer | None:
    if not reply:
        return None
    text = reply.get("response_json")
    response = as_json(text.encode(errors="replace")) if isinstance(text, str) else text
    if response is None or not _can_be_passed_on(response):
        response = as_text(text, MAX_BYTES)
    return FlowAnswer(name=as_text(reply.get("name"), MAX_FIELD), response=response)


def _passed_on(value: JsonObject) -> JsonObject | None:
    return value if value and _can_be_passed_on(value) else None


def _can_be_passed_on(value: Any) -> bool:
    try:
        return len(orjson.dumps(value)) <= MAX_BYTES and _is_shallow(value, MAX_DEPTH)
    except (TypeError, RecursionError):  # deeper than can be written
        return False


def _is_shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    parts = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(part, levels - 1) for part in parts)
