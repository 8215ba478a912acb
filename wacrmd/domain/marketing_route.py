"""Through which of Meta's endpoints a template is sent, and why; pure.

The facts are in docs/meta.md, Marketing messages.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from wacrmd.fields import Doc

MARKETING = "MARKETING"
"""The category, in Meta's words, of the only templates that `/marketing_messages` takes."""

ONBOARDED = frozenset({"ONBOARDED", "MM_LITE_TERMS_SIGNED"})
"""What Meta says of a business account that may use `/marketing_messages`: of its field, and of its webhook."""


class MarketingRoute(StrEnum):
    """Which endpoint an account wants for its marketing templates."""

    AUTO = "auto"
    """`/marketing_messages` where Meta says that the business account is onboarded."""
    MESSAGES = "messages"
    MARKETING_MESSAGES = "marketing_messages"


class ProductPolicy(StrEnum):
    """What Meta is to do with a marketing message that it cannot optimise."""

    CLOUD_API_FALLBACK = "CLOUD_API_FALLBACK"
    STRICT = "STRICT"


class Endpoint(StrEnum):
    """The last part of the path to which a message is posted."""

    MESSAGES = "messages"
    MARKETING_MESSAGES = "marketing_messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFacts:
    """What the route of a template depends on: the settings of the account, and what Meta has said last."""

    marketing_route: MarketingRoute = MarketingRoute.AUTO
    product_policy: ProductPolicy | None = None
    message_activity_sharing: bool | None = None
    category: str | None = None
    """Of the template, now; None: it is not known. One that Meta has announced does not count before it is in force."""
    onboarding: str | None = None
    """Of the business account; None: Meta has not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where the messages of a template go."""

    endpoint: Annotated[Endpoint, Doc("the endpoint of Meta's")]
    why: Annotated[str, Doc("why that one, in a sentence for people")]
    product_policy: Annotated[
        ProductPolicy | None, Doc("`product_policy` of the messages; null: it is left out")
    ] = None
    message_activity_sharing: Annotated[
        bool | None, Doc("`message_activity_sharing` of the messages; null: it is left out")
    ] = None


def route_of(facts: RouteFacts) -> Route:
    """The route of a template's messages now. What is not known for sure goes to `/messages`."""
    is_marketing = facts.category is not None and facts.category.upper() == MARKETING
    if not is_marketing:
        known = f"its category is {facts.category}" if facts.category else "its category is not known"
        return Route(endpoint=Endpoint.MESSAGES, why=f"{known}, and only marketing templates go another way")
    match facts.marketing_route:
        case MarketingRoute.MESSAGES:
            return Route(endpoint=Endpoint.MESSAGES, why="it is chosen for the account (marketing_route)")
        case MarketingRoute.MARKETING_MESSAGES:
            return _marketing(facts, "it is chosen for the account (marketing_route)")
        case MarketingRoute.AUTO if facts.onboarding in ONBOARDED:
            return _marketing(facts, "Meta says that the business account is onboarded")
        case MarketingRoute.AUTO:
            said = "Meta has not said yet whether the business account is onboarded"
            if facts.onboarding:
                said = f"Meta says {facts.onboarding} of the business account, and not ONBOARDED"
            return Route(endpoint=Endpoint.MESSAGES, why=said)


def _marketing(facts: RouteFacts, why: str) -> Route:
    return Route(
        endpoint=Endpoint.MARKETING_MESSAGES,
        why=why,
        product_policy=facts.product_policy,
        message_activity_sharing=facts.message_activity_sharing,
    )
