"""Findings about a number, from what Meta says about it, each with advice; pure."""

from collections.abc import Iterable
from dataclasses import replace

from wacrmd.clock import Millis
from wacrmd.domain.account_notice import AccountNotice
from wacrmd.domain.attempt import MetaError
from wacrmd.domain.marketing_route import MARKETING, ONBOARDED, MarketingRoute, RouteFacts, route_of
from wacrmd.meta.management import Health, NumberInfo
from wacrmd.views.checks import Check, CheckState

SMALL_TIERS = {"TIER_50": 50, "TIER_250": 250}
"""Messaging limits too small for a usual broadcast: people a day, for all numbers of the business portfolio."""

THROUGHPUT = {"STANDARD": 80, "HIGH": 1000}
"""Messages per second that Meta allows at each throughput level (docs/meta.md, Throughput and limits)."""
BUSINESS_APP_RATE = 20
"""Messages per second that Meta allows a number that is also used in the WhatsApp Business app."""

LIMITED_STATUSES = {
    "FLAGGED": "Its quality is low. Write to people who asked for it, and less often, else its limit is lowered.",
    "RESTRICTED": "Its messaging limit is reached: it sends again when 24 hours have passed.",
    "RATE_LIMITED": "It sent too much: wait, and send more slowly.",
}
"""Statuses of a number that still sends, or will soon, each with advice."""

TOKEN_CODES = frozenset({0, 102, 104, 190})
PERMISSION_CODES = frozenset({3, 10, *range(200, 300), 131005})


_ACCEPT_TERMS = (
    "Accept the terms of the Marketing Messages API in WhatsApp Manager, Overview, or send them to /messages where it is not"
    " onboarded: wacrmd account set NAME --marketing-route auto"
)


def worst(checks: Iterable[Check]) -> CheckState:
    """The worst state among the checks."""
    states = {check.state for check in checks}
    return next((state for state in (CheckState.FAIL, CheckState.WARN) if state in states), CheckState.OK)


def refuses_token(error: MetaError | None) -> bool:
    """Whether the error says that the token is invalid or has no access to the number."""
    return error is not None and (error.code in TOKEN_CODES or error.code in PERMISSION_CODES)


def status_notice(info: NumberInfo, now: Millis) -> AccountNotice | None:
    """What the status of a number says; None if it can send as usual."""
    if info.status in (None, "CONNECTED"):
        return None
    return AccountNotice(
        kind=f"STATUS_{info.status}",
        detail=f"Meta says that the number is {info.status}",
        stops_sending=False,
        since=now,
        until=None,
    )


def assess_number(info: NumberInfo, *, rate: float) -> list[Check]:
    """Findings about a phone number as Meta describes it; `rate` is the one that is configured here."""
    name = info.verified_name or "no verified name"
    phone = info.display_phone_number or "no display number"
    found = [Check("token", CheckState.OK, f"Meta knows {phone}, {name}")]
    status = info.status or "CONNECTED"
    if (advice := LIMITED_STATUSES.get(status)) is not None:
        found.append(Check("connection", CheckState.WARN, f"Meta says that the number is {status}", advice))
    elif status != "CONNECTED":
        found.append(
            Check(
                "connection",
                CheckState.FAIL,
                f"Meta says that the number is {status}",
                "Register the number with its PIN in WhatsApp Manager, then resume the number.",
            )
        )
    quality = info.quality_rating or "UNKNOWN"
    if quality in ("YELLOW", "RED"):
        found.append(
            Check(
                "quality",
                CheckState.WARN,
                f"its quality rating is {quality}",
                "Write to people who asked for it, and less often; a red rating can cost the messaging limit.",
            )
        )
    else:
        found.append(Check("quality", CheckState.OK, f"quality rating {quality}"))
    found += _limits(info, rate)
    return found


def _limits(info: NumberInfo, rate: float) -> list[Check]:
    found: list[Check] = []
    tier = info.messaging_limit or "unknown"
    if tier in SMALL_TIERS:
        found.append(
            Check(
                "limit",
                CheckState.WARN,
                f"messaging limit {tier}: {SMALL_TIERS[tier]} people in 24 hours",
                "Verify the business in Meta Business Suite to raise it; until then send small broadcasts.",
            )
        )
    else:
        found.append(Check("limit", CheckState.OK, f"messaging limit {tier}"))
    most = BUSINESS_APP_RATE if info.is_on_business_app else THROUGHPUT.get(info.throughput_level or "")
    if most is not None and rate > most:
        found.append(
            Check(
                "rate",
                CheckState.WARN,
                f"configured for {rate:g} message{'' if rate == 1 else 's'} per second, and Meta takes {most}",
                f"Set it lower: wacrmd number set ID --messages-per-second {most}",
            )
        )
    return found


def assess_health(health: Health) -> Check:
    """The finding about Meta's `health_status`: whether messages can be sent."""
    said = health.can_send_message or "unknown"
    if said == "AVAILABLE":
        return Check("health", CheckState.OK, "Meta says that messages can be sent")
    reasons = "; ".join(f"{error.entity}: {error.reason.rstrip('.')}" for error in health.errors)
    solutions = " ".join(error.solution for error in health.errors if error.solution)
    return Check(
        "health",
        CheckState.FAIL if said == "BLOCKED" else CheckState.WARN,
        f"Meta says that sending is {said}" + (f" ({reasons})" if reasons else ""),
        solutions or "See the account's quality and payment settings in Meta Business Suite.",
    )


def assess_marketing(facts: RouteFacts, unread: str | None) -> Check:
    """The finding about marketing templates: where they go, and whether Meta takes them there.

    `unread` says why it is not known what Meta says now; what it said before counts on.
    """
    route = route_of(replace(facts, category=MARKETING))
    detail = f"marketing templates go to /{route.endpoint}: {route.why}"
    if unread is not None:
        detail += f" ({unread.rstrip('.')})"
    is_forced = facts.marketing_route is MarketingRoute.MARKETING_MESSAGES
    if is_forced and facts.onboarding not in ONBOARDED:
        said = (
            f"Meta says {facts.onboarding}" if facts.onboarding else "Meta has not said that it is onboarded"
        )
        return Check("marketing", CheckState.WARN, f"{detail}, but {said}", _ACCEPT_TERMS)
    return Check("marketing", CheckState.OK, detail)


def assess_subscription(apps: list[str]) -> Check:
    """The finding about the apps that receive the webhooks of the business account."""
    if apps:
        return Check("webhooks", CheckState.OK, f"webhooks go to the app {', '.join(apps)}")
    return Check(
        "webhooks",
        CheckState.FAIL,
        "no app is subscribed to the business account: no status will ever come",
        "Subscribe the token's app: wacrmd number check ID --subscribe",
    )
