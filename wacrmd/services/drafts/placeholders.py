"""What of a template a draft fills from a file, what it fills by itself, and what it cannot fill. Pure."""

from wacrmd.domain.bubble import BUTTON_TEXTS
from wacrmd.domain.draft import BODY, BUTTON, HEADER
from wacrmd.domain.template import Template
from wacrmd.fields import JsonObject
from wacrmd.services.broadcasts.template_requirements import TemplateRequirements, requirements_of
from wacrmd.views.drafts import PlaceholderView

VALUE_OF = {"url": "text", "copy_code": "code", "quick_reply": "payload"}
"""Buttons with a value that a column can fill, and the field that has it."""

_FLOW = "flow"
_CANNOT_FILL = {
    "carousel": "a carousel",
    "limited_time_offer": "an offer that ends at a time",
    "mpm": "a button that shows products",
    "spm": "a button that shows a product",
    "product": "a product above its text",
}


def placeholders(template: Template) -> list[PlaceholderView]:
    """What takes a value for each person, in the order of the template."""
    required = requirements_of(template)
    found = [
        PlaceholderView(key=BODY + name, label=f"{{{{{name}}}}}", text=required.body_text)
        for name in required.body or ()
    ]
    if required.header == "text":
        label = f"{{{{{required.header_name or 1}}}}}"
        found.insert(0, PlaceholderView(key=HEADER, label=f"Header {label}", text=required.header_text))
    shown = _buttons_of(template)
    found += [
        PlaceholderView(key=f"{BUTTON}{at}", label=f"Button {at + 1}", text=shown[at])
        for at, button in enumerate(required.buttons)
        if button.needs_value and button.kind in VALUE_OF
    ]
    return found


def flow_buttons(required: TemplateRequirements) -> list[JsonObject]:
    """The buttons that must be given and need no value, in the form of the API."""
    return [
        {"index": at, "type": _FLOW} for at, button in enumerate(required.buttons) if button.kind == _FLOW
    ]


def not_fillable(template: Template) -> list[str]:
    """What of the template only a program can fill, as people know it; empty if there is no such part."""
    required = requirements_of(template)
    needed = [
        button.kind
        for button in required.buttons
        if button.needs_value and button.kind != _FLOW and button.kind not in VALUE_OF
    ]
    return [
        words
        for kind, words in _CANNOT_FILL.items()
        if kind in required.raw_only or kind in needed or kind == required.header
    ]


def _buttons_of(template: Template) -> list[str]:
    """What stands on each button of the template, and where it leads."""
    for part in template.components:
        if str(part.get("type", "")).upper() == "BUTTONS":
            return [_shown(button) for button in part.get("buttons") or ()]
    return []


def _shown(button: JsonObject) -> str:
    text = button.get("text") or BUTTON_TEXTS.get(str(button.get("type", "")).upper())
    return ": ".join(str(each) for each in (text, button.get("url")) if each)
