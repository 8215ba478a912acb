"""The Marketing Messages API: which endpoint takes which template, and how its messages are billed. Pure."""

from collections.abc import Mapping
from typing import Any

from wacrmd.simulator.graph_errors import GraphError
from wacrmd.simulator.options import Options

MARKETING_MESSAGES = "marketing_messages"
POLICIES = ("CLOUD_API_FALLBACK", "STRICT")
_FIELDS = ("product_policy", "message_activity_sharing")


def is_open(endpoint: str, options: Options) -> bool:
    """Whether the endpoint exists for the WABAs; what Meta answers before they are onboarded is not documented."""
    return endpoint != MARKETING_MESSAGES or options.marketing_onboarding == "ONBOARDED"


def refusal_at(endpoint: str, body: Mapping[str, Any], options: Options) -> GraphError | None:
    """The refusal of a body that belongs to the other endpoint (docs/meta.md, Marketing messages)."""
    template = body.get("template")
    known = template if isinstance(template, Mapping) else {}
    category = category_of(options, known.get("name"), _code(known))
    if endpoint != MARKETING_MESSAGES:
        if alien := [name for name in _FIELDS if name in body]:
            return GraphError(100, f"Unexpected key {alien[0]!r} on param")
        if options.disable_marketing_messages_on_cloud_api and category == "MARKETING":
            return GraphError(131063)
        return None
    if body.get("type") != "template":
        return GraphError(131055, "Message must be a template message.")
    if category not in (None, "MARKETING"):
        return GraphError(134100, f"The template's category is {category}")
    if body.get("product_policy", POLICIES[0]) not in POLICIES:
        return GraphError(100, f"Param product_policy must be one of {{{', '.join(POLICIES)}}}")
    if not isinstance(body.get("message_activity_sharing", True), bool):
        return GraphError(100, "Param message_activity_sharing must be a boolean")
    return None


def category_of(options: Options, template: object, language: object) -> str | None:
    """The category of a template, MARKETING for one that the options do not name; None without a template."""
    if not isinstance(template, str):
        return None
    for known in options.templates:
        if known.get("name") == template and known.get("language") == language:
            return str(known.get("category", "MARKETING")).upper()
    return "MARKETING"


def category_billed(options: Options, endpoint: str, template: str | None, language: str | None) -> str:
    """`pricing.category` of a message's statuses."""
    category = category_of(options, template, language)
    if category is None:
        return "service"
    return "marketing_lite" if endpoint == MARKETING_MESSAGES else category.lower()


def _code(template: Mapping[str, Any]) -> object:
    language = template.get("language")
    return language.get("code") if isinstance(language, Mapping) else None
