"""Templates: whether a send fits one, and the list in pages."""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from wacrmd.simulator.components import lower, parameters_of, refused
from wacrmd.simulator.graph_errors import GraphError

T = TypeVar("T")

MAX_BODY = 1024
"""Characters of a body after substitution (docs/meta.md, Template components)."""
DEFAULT_FIELDS = ("id", "name", "parameter_format", "components", "language", "status", "category")
DEFAULT_LIMIT, MAX_LIMIT = 25, 1000

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_BAD_SPACE = re.compile(r"[\n\r\t]| {5}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
MAX_CARD_BODY = 160
MAX_OFFER_CODE = 15
_FILLED = ("OTP", "COPY_CODE", "MPM")
"""Buttons that need parameters."""
_MEDIA = ("IMAGE", "VIDEO", "DOCUMENT", "LOCATION", "PRODUCT")


def page_of(templates: Sequence[Mapping[str, Any]], query: Mapping[str, str], url: str) -> dict[str, Any]:
    """One page of the list, filtered by `name`, `status`, `language` and `category` (docs/meta.md, Management calls).

    `url` is the list's address without a query; `paging.next` leads to the next page, absent on the last.
    """
    wanted = list(templates)
    for key in ("name", "status", "language", "category"):
        if key in query:
            wanted = [t for t in wanted if t.get(key) == query[key]]
    limit = int(query["limit"]) if query.get("limit", "").isdecimal() else DEFAULT_LIMIT
    limit = max(1, min(limit, MAX_LIMIT))
    fields = [f.strip() for f in query["fields"].split(",")] if query.get("fields") else list(DEFAULT_FIELDS)
    if "id" not in fields:
        fields.append("id")
    page, paging = slice_of(wanted, query, url, limit)
    data = [{f: value for f in fields if (value := _field(t, f)) is not None} for t in page]
    return {"data": data, "paging": paging} if data else {"data": []}


def slice_of(
    items: Sequence[T], query: Mapping[str, str], url: str, limit: int
) -> tuple[Sequence[T], dict[str, Any]]:
    """The items of a page, and its `paging`: `next` leads to the next page, absent on the last. Both are empty after it."""
    start = _position(query.get("after"))
    page = items[start : start + limit]
    if not page:
        return page, {}
    end = start + len(page)
    paging: dict[str, Any] = {"cursors": {"before": _cursor(start), "after": _cursor(end)}}
    if end < len(items):
        kept = {k: v for k, v in query.items() if k != "access_token"}
        paging["next"] = f"{url}?{urlencode(kept | {'limit': limit, 'after': _cursor(end)})}"
    return page, paging


def id_of(template: Mapping[str, Any]) -> str:
    """Its id; one that the options do not name is made of name and language."""
    return str(template.get("id") or f"{template.get('name')}:{template.get('language')}")


def _field(template: Mapping[str, Any], name: str) -> Any:
    """A field of a template, or Meta's default for it if the templates of the options leave it out."""
    if name == "id":
        return id_of(template)
    fallback = {"status": "APPROVED", "category": "MARKETING", "parameter_format": "POSITIONAL"}
    return template.get(name, fallback.get(name))


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(b"p%d" % position).decode().rstrip("=")


def _position(cursor: str | None) -> int:
    try:
        return int(base64.urlsafe_b64decode((cursor or "") + "===")[1:])
    except ValueError:
        return 0


def refusal_of(
    templates: Sequence[Mapping[str, Any]],
    name: str,
    language: str,
    components: Sequence[Mapping[str, Any]],
    *,
    to_user_id: bool = False,
) -> GraphError | None:
    """Meta's refusal of this template send, or None; without `templates`, every name is accepted."""
    if (bad := _bad_text(components) or refused(components)) is not None:
        return bad
    if not templates:
        return None
    template = next((t for t in templates if t.get("name") == name and t.get("language") == language), None)
    status = None if template is None else _field(template, "status")
    if template is None or status not in ("APPROVED", "PAUSED", "DISABLED"):
        return GraphError(132001, f"template name ({name}) does not exist in {language}")
    if status != "APPROVED":
        return GraphError(132015 if status == "PAUSED" else 132016, f"template name ({name}) is {status}")
    if to_user_id and str(_field(template, "category")).upper() == "AUTHENTICATION":
        return GraphError(131062, "Authentication templates cannot be sent to a business-scoped user id")
    return _mismatch(template, components)


def _bad_text(components: Sequence[Mapping[str, Any]]) -> GraphError | None:
    for component in components:
        for parameter in component.get("parameters") or ():
            if parameter.get("type") != "text":
                continue
            text = parameter.get("text")
            if not isinstance(text, str) or not text.strip():
                return GraphError(131008, "Parameter of type text is missing text value")
            if _BAD_SPACE.search(text):
                details = "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
                return GraphError(132018, details)
            if _CONTROL.search(text):
                return GraphError(131009, "Parameter value is not valid: it has a control character")
    return None


def _mismatch(
    template: Mapping[str, Any], components: Sequence[Mapping[str, Any]], longest: int = MAX_BODY
) -> GraphError | None:
    named = _field(template, "parameter_format") == "NAMED"
    parts = {str(part.get("type", "")).lower(): part for part in template.get("components") or ()}
    for kind in ("carousel", "limited_time_offer"):
        if kind not in parts and any(lower(c, "type") == kind for c in components):
            return GraphError(132012, f"{kind}: the template has none")
    if "limited_time_offer" in parts and any(
        len(str(p.get("coupon_code", ""))) > MAX_OFFER_CODE for c in components for p in parameters_of(c)
    ):
        return GraphError(131009, f"coupon_code is longer than {MAX_OFFER_CODE} characters")
    for kind, part in parts.items():
        sent = [c for c in components if lower(c, "type") == kind]
        given = [p for c in sent for p in parameters_of(c)]
        bad: GraphError | None = None
        if kind == "buttons":
            bad = _button_missing(part, components)
        elif kind == "carousel" or (kind == "limited_time_offer" and _expires(part)):
            if not sent:
                return GraphError(131008, f"{kind}: the component of the template is required")
            bad = _card_mismatch(template, part, sent[0]) if kind == "carousel" else None
        elif kind == "header" and part.get("format") in _MEDIA:
            wanted = str(part["format"])
            found = str(given[0].get("type", "UNKNOWN")).upper() if given else "UNKNOWN"
            if found != wanted:
                details = f"header: Format mismatch, expected {wanted}, received {found}"
                return GraphError(132012, details)
        elif kind in ("header", "body"):
            bad = _text_mismatch(kind, str(part.get("text", "")), given, named=named, longest=longest)
        if bad is not None:
            return bad
    return None


def _card_mismatch(
    template: Mapping[str, Any], carousel: Mapping[str, Any], sent: Mapping[str, Any]
) -> GraphError | None:
    """Each card is sent, in the place that it names, and fits as a small template would."""
    wanted, cards = carousel.get("cards") or [], sent["cards"]
    if wanted and {str(card["card_index"]) for card in cards} != {str(place) for place in range(len(wanted))}:
        return GraphError(132012, f"carousel: expected {len(wanted)} cards, received {len(cards)}")
    for card in cards if wanted else ():
        parts: Mapping[str, Any] = wanted[int(card["card_index"])]
        like = {**parts, "parameter_format": _field(template, "parameter_format")}
        if (
            bad := _bad_text(card["components"]) or _mismatch(like, card["components"], MAX_CARD_BODY)
        ) is not None:
            return bad
    return None


def _text_mismatch(
    kind: str, text: str, given: Sequence[Mapping[str, Any]], *, named: bool, longest: int
) -> GraphError | None:
    wanted = list(dict.fromkeys(_VARIABLE.findall(text)))
    if len(given) != len(wanted):
        details = (
            f"{kind}: number of localizable_params ({len(given)}) does not match the expected number"
            f" of params ({len(wanted)})"
        )
        return GraphError(132000, details)
    values = {w: str(g.get("text", "")) for w, g in zip(wanted, given, strict=True)}
    if named:
        values = {str(g.get("parameter_name", "")): str(g.get("text", "")) for g in given}
        if set(values) != set(wanted):
            return GraphError(100, "Parameter name is missing or empty")
    filled = _VARIABLE.sub(lambda m: values[m[1]], text)
    if len(filled) > longest:
        return GraphError(132005, f"{kind}: text of {len(filled)} characters, at most {longest} are accepted")
    return None


def _expires(part: Mapping[str, Any]) -> bool:
    offer = part.get("limited_time_offer")
    return isinstance(offer, Mapping) and bool(offer.get("has_expiration"))


def _button_missing(buttons: Mapping[str, Any], components: Sequence[Mapping[str, Any]]) -> GraphError | None:
    sent = [c for c in components if lower(c, "type") == "button"]
    there = {str(c.get("index")) for c in sent}
    filled = {str(c.get("index")) for c in sent if c.get("parameters")}
    for index, button in enumerate(buttons.get("buttons") or ()):
        kind = str(button.get("type", "")).upper()
        needs = kind in _FILLED or (kind == "URL" and "{{" in str(button.get("url", "")))
        if (needs and str(index) not in filled) or (kind == "FLOW" and str(index) not in there):
            details = f"buttons: Button at index {index} of type {kind.title()} requires a parameter"
            return GraphError(131008, details)
    return None
