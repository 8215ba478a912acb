"""What a template needs to be filled with, read from its components as Meta lists them; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wacrmd.domain.placeholders import names_in
from wacrmd.domain.template import Template

MAX_BODY, MAX_CARD_BODY = 1024, 160
"""Characters of a text after its parameters are filled in (docs/meta.md, Template components)."""
MAX_CODE, MAX_OFFER_CODE = 20, 15
"""Characters of a code to copy, and of that of a limited-time offer."""

MEDIA = ("image", "video", "document", "location", "product")
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
_NEEDS_VALUE = frozenset({"OTP", "COPY_CODE", "MPM", "FLOW"})
"""Buttons that Meta refuses without their component; a flow's component may be without parameters."""
_TAKES_NO_VALUE = frozenset({"PHONE_NUMBER"})
_RAW_ONLY = {"CAROUSEL": "carousel", "LIMITED_TIME_OFFER": "limited_time_offer"}


@dataclass(frozen=True, slots=True)
class ButtonRequirement:
    """One button: its kind as Meta's `sub_type`, and whether it takes or needs a value."""

    kind: str
    takes_value: bool
    needs_value: bool


@dataclass(frozen=True, slots=True)
class TemplateRequirements:
    """What the parts of a template need; None for a part that wacrmd does not understand."""

    named: bool
    body: tuple[str, ...] | None
    body_text: str
    max_body: int
    header: str | None
    """`text`, a kind of media, or empty if the header takes no value."""
    header_name: str | None
    header_text: str
    buttons: tuple[ButtonRequirement, ...]
    raw_only: tuple[str, ...]
    """Parts that a caller can only fill with raw components."""
    cards: tuple["TemplateRequirements", ...] = ()
    """What each card of a carousel needs."""
    has_carousel: bool = False
    has_offer: bool = False
    """Whether it is a limited-time offer."""

    @property
    def max_code(self) -> int:
        """Characters of a code to copy."""
        return MAX_OFFER_CODE if self.has_offer else MAX_CODE


def requirements_of(template: Template) -> TemplateRequirements:
    """The requirements of a template."""
    return _requirements(template.components, named=template.parameter_format.upper() == "NAMED")


def _requirements(
    parts: Iterable[Mapping[str, Any]], *, named: bool, max_body: int = MAX_BODY
) -> TemplateRequirements:
    body: tuple[str, ...] | None = ()
    body_text = header_text = ""
    header: str | None = ""
    header_name: str | None = None
    buttons: tuple[ButtonRequirement, ...] = ()
    raw_only: list[str] = []
    cards: tuple[TemplateRequirements, ...] = ()
    kinds: set[str] = set()
    for part in parts:
        kind = str(part.get("type", "")).upper()
        kinds.add(kind)
        if kind == "BODY":
            body_text = _text(part)
            body = names_in(body_text) if isinstance(part.get("text"), str) else None
        elif kind == "HEADER":
            form = str(part.get("format", "TEXT")).lower()
            if form == "text":
                header_text = _text(part)
                names = names_in(header_text)
                header, header_name = ("text", names[0]) if names else ("", None)
            else:
                header = form if form in MEDIA else None
        elif kind == "BUTTONS":
            buttons = tuple(_button(button) for button in part.get("buttons") or ())
        elif kind == "CAROUSEL" or (kind == "LIMITED_TIME_OFFER" and _expires(part)):
            raw_only.append(_RAW_ONLY[kind])
            cards = cards or tuple(
                _requirements(_parts_of(card), named=named, max_body=MAX_CARD_BODY)
                for card in part.get("cards") or ()
            )
    return TemplateRequirements(
        named=named,
        body=body,
        body_text=body_text,
        max_body=max_body,
        header=header,
        header_name=header_name if named else None,
        header_text=header_text,
        buttons=buttons,
        raw_only=tuple(raw_only),
        cards=cards,
        has_carousel="CAROUSEL" in kinds,
        has_offer="LIMITED_TIME_OFFER" in kinds,
    )


def _parts_of(card: object) -> list[Mapping[str, Any]]:
    parts = card.get("components") if isinstance(card, Mapping) else None
    return [part for part in parts or () if isinstance(part, Mapping)]


def _text(part: Mapping[str, Any]) -> str:
    text = part.get("text")
    return text if isinstance(text, str) else ""


def _button(button: Mapping[str, Any]) -> ButtonRequirement:
    kind = str(button.get("type", "")).upper()
    if kind == "URL":
        variable = bool(names_in(str(button.get("url", ""))))
        return ButtonRequirement("url", takes_value=variable, needs_value=variable)
    return ButtonRequirement(
        _BUTTONS.get(kind, ""), takes_value=kind not in _TAKES_NO_VALUE, needs_value=kind in _NEEDS_VALUE
    )


def _expires(part: Mapping[str, Any]) -> bool:
    offer = part.get("limited_time_offer")
    return isinstance(offer, Mapping) and bool(offer.get("has_expiration"))
