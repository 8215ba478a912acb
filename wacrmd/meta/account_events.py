"""What Meta's events about business accounts and numbers mean: notices, what they lift, and messaging limits; pure.

The shapes are in docs/meta.md, Account and template events. What is unknown becomes a notice that stops nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from wacrmd.clock import SECOND, Millis, iso, millis
from wacrmd.domain.account_notice import AccountNotice
from wacrmd.domain.marketing_route import ONBOARDED
from wacrmd.domain.messaging_limit import limit_text
from wacrmd.fields import JsonObject
from wacrmd.meta.untrusted import as_objects, as_text, as_word
from wacrmd.meta.webhook import AccountEvent

MAX_KIND = 100
MAX_TEXT = 500
MAX_NOTICES = 20
"""Of one event so many are read."""
MAX_TIME_DIGITS = 14
"""Milliseconds of the next three thousand years have no more."""

STOPS_SENDING = frozenset(
    {
        "RESTRICTED_BIZ_INITIATED_MESSAGING",
        "ACCOUNT_RESTRICTION",  # without a word about what is restricted
        "DISABLE",
        "ACCOUNT_DELETED",
        "ACCOUNT_OFFBOARDED",
    }
)
"""Kinds after which no template of the business account can be sent."""

MEANINGS = {
    "RESTRICTED_BIZ_INITIATED_MESSAGING": "the account may not begin conversations, so no template can be sent",
    "RESTRICTED_CUSTOMER_INITIATED_MESSAGING": "the account may not answer people; templates are not concerned",
    "RESTRICTED_ADD_PHONE_NUMBER_ACTION": "no phone number can be added to the account",
    "RESTRICTED_UTILITY_TEMPLATES": "no utility template can be created",
    "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES": "no utility text can be sent by Direct Send",
    "RESTRICTED_BUSINESS_INITIATED_CALLING": "the account may not call people",
    "RESTRICTED_USER_INITIATED_CALLING": "people cannot call the account",
    "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING": "the account can neither call nor be called",
    "RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN": "people do not see the call button",
    "ACCOUNT_RESTRICTION": "the account is restricted, and Meta does not say how",
    "ACCOUNT_VIOLATION": "the account violated a policy; restrictions may follow",
    "ACCOUNT_DELETED": "the account was deleted",
    "ACCOUNT_OFFBOARDED": "the account was disconnected, because its phone changed or was registered again",
    "DISABLE": "the account is disabled",
    "SCHEDULE_FOR_DISABLE": "the account will be disabled; an appeal is possible until then",
    "PARTNER_REMOVED": "the account is no longer shared with the partner, so its token may stop working",
    "PARTNER_APP_UNINSTALLED": "the app was removed from the account, so its token may stop working",
    "FLAGGED": "the number's quality is low: its messaging limit is lowered if that stays so",
    "DOWNGRADE": "the messaging limit was lowered",
    "REVIEW_REJECTED": "the review of the account ended with a rejection",
}
"""What each kind says to people."""
_UNKNOWN = "Meta has sent a notice that wacrmd does not know"

LIFTS: dict[str, frozenset[str]] = {
    # A ban and a restriction are two things: a restriction has its own end, unless Meta says nothing about it.
    "REINSTATE": frozenset({"DISABLE", "SCHEDULE_FOR_DISABLE", "ACCOUNT_DELETED", "ACCOUNT_RESTRICTION"}),
    "ACCOUNT_RECONNECTED": frozenset({"ACCOUNT_OFFBOARDED", "ACCOUNT_DELETED", "ACCOUNT_RESTRICTION"}),
    "PARTNER_ADDED": frozenset({"PARTNER_REMOVED"}),
    "PARTNER_APP_INSTALLED": frozenset({"PARTNER_APP_UNINSTALLED"}),
    "UNFLAGGED": frozenset({"FLAGGED"}),
    "UPGRADE": frozenset({"FLAGGED", "DOWNGRADE"}),
}
"""Events that end others, and the kinds that they end."""

_ALERT_OVER = frozenset({"resolved", "closed", "dismissed", "expired", "inactive"})
"""Values of `alert_status` that end an alert."""

QUIET = frozenset(
    {
        "AD_ACCOUNT_LINKED",
        "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE",
        "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE",
        "MM_LITE_TERMS_SIGNED",
        "ONBOARDING",
        "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE",
        "THROUGHPUT_UPGRADE",
        "VERIFIED_ACCOUNT",
        "VOLUME_BASED_PRICING_TIER_UPDATE",
    }
)
"""Events that need nobody's attention: they are logged and stored."""


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What an event says about an account, or about the number with `display_phone`."""

    notices: tuple[AccountNotice, ...] = ()
    lifts: frozenset[str] = frozenset()
    resumes: bool = False
    """Whether the account can send again."""
    limit: str | None = None
    display_phone: str | None = None
    onboarding: str | None = None
    """What it says about `/marketing_messages`, in Meta's word (`domain/marketing_route.py`)."""


def read(event: AccountEvent, now: Millis) -> AccountChange:
    """What an event means that came `now`."""
    match event.field:
        case "account_update":
            return _account_update(event, now)
        case "phone_number_quality_update":
            return _quality_update(event, now)
        case "business_capability_update":
            raw = event.raw
            limit = _limit(raw, "max_daily_conversations_per_business", "max_daily_conversation_per_phone")
            return AccountChange(limit=limit)
        case "account_alerts":
            return _alert(event, now)
        case "account_review_update" if _word(event.event) == "REJECTED":
            return AccountChange((notice("REVIEW_REJECTED", now),))
        case _:
            return AccountChange()


def notice(kind: str, since: Millis, *more: str | None, until: Millis | None = None) -> AccountNotice:
    """A notice of this kind; `more` is added to its sentence."""
    added = [f" ({text[:MAX_TEXT].strip().rstrip('.')})" for text in more if text]
    return AccountNotice(
        kind=kind,
        detail="".join([MEANINGS.get(kind, _UNKNOWN), *added, f", until {iso(until)}" if until else ""]),
        stops_sending=kind in STOPS_SENDING,
        since=since,
        until=until,
    )


def _account_update(event: AccountEvent, now: Millis) -> AccountChange:
    raw, kind = event.raw, _word(event.event)
    restrictions = _restrictions(event, now)
    if restrictions:
        return AccountChange(restrictions)
    ban = next(reversed(as_objects(raw.get("ban_info"))), {})  # of several the newest, as with their states
    if (state := _ban_state(ban)) is not None:
        kind = state
    if kind in LIFTS:
        return AccountChange(lifts=LIFTS[kind], resumes=not STOPS_SENDING.isdisjoint(LIFTS[kind]))
    if kind in QUIET:
        return AccountChange(onboarding=kind if kind in ONBOARDED else None)
    more = (
        as_text(ban.get("waba_ban_date")),
        *(as_text(each.get("violation_type")) for each in _few(raw.get("violation_info"))),
        *(as_text(each.get("reason")) for each in _few(raw.get("disconnection_info"))),
    )
    return AccountChange((notice(kind, now, *more),))


def _restrictions(event: AccountEvent, now: Millis) -> tuple[AccountNotice, ...]:
    """A notice for each restriction: a list, in some samples a single object; a text is its kind."""
    given = event.raw.get("restriction_info") or event.raw.get("restrictions")
    words = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    listed = as_objects(given) + [{"restriction_type": word} for word in words if as_text(word)]
    return tuple(
        notice(
            _word(as_text(each.get("restriction_type")), "ACCOUNT_RESTRICTION"),
            now,
            as_text(each.get("remediation")),
            until=_time(each.get("expiration")),
        )
        for each in listed[:MAX_NOTICES]
    )


def _ban_state(ban: JsonObject) -> str | None:
    """The state of a ban. Older samples have a list; the last one in it is the newest."""
    state = ban.get("waba_ban_state")
    if isinstance(state, list):
        state = state[-1] if state else None
    return _word(state) if isinstance(state, str) and state else None


def _quality_update(event: AccountEvent, now: Millis) -> AccountChange:
    raw, kind = event.raw, _word(event.event)
    limit = _limit(raw, "max_daily_conversations_per_business", "current_limit")
    phone = as_text(raw.get("display_phone_number"), MAX_KIND)
    if kind in LIFTS:
        return AccountChange(lifts=LIFTS[kind], limit=limit, display_phone=phone)
    if kind in QUIET:
        return AccountChange(limit=limit, display_phone=phone)
    old = limit_text(raw.get("old_limit"))
    was = f"from {old} to {limit}" if old and limit else f"now {limit}" if limit else None
    return AccountChange((notice(kind, now, was),), limit=limit, display_phone=phone)


def _alert(event: AccountEvent, now: Millis) -> AccountChange:
    """Alerts that are more than information, and those that are over."""
    notices: list[AccountNotice] = []
    over: set[str] = set()
    for alert in _few(event.raw.get("alert_info")) or [event.raw]:
        severity = as_text(alert.get("alert_severity"), MAX_KIND)
        kind = _word(as_text(alert.get("alert_type")) or event.event, "ACCOUNT_ALERT")
        if as_word(alert.get("alert_status")) in _ALERT_OVER:
            over.add(kind)
        elif severity is None or not severity.upper().startswith("INFO"):
            notices.append(notice(kind, now, severity, as_text(alert.get("alert_description"))))
    return AccountChange(tuple(notices), frozenset(over))


def _few(value: object) -> list[JsonObject]:
    return as_objects(value)[:MAX_NOTICES]


def _limit(raw: JsonObject, *names: str) -> str | None:
    limits = (limit_text(raw.get(name)) for name in names)
    return next((limit for limit in limits if limit is not None), None)


def _word(text: str | None, default: str = "UNKNOWN") -> str:
    return (text or default).strip().upper()[:MAX_KIND] or default


def _time(value: object) -> Millis | None:
    """A time as Unix seconds or milliseconds, number or text, or as an ISO date; None for anything else."""
    if isinstance(value, bool):
        return None
    text = str(value).strip() if isinstance(value, int | str) else ""
    if text.isdecimal() and text.isascii() and len(text) <= MAX_TIME_DIGITS:
        number = int(text)
        return (number if number >= 10**11 else number * SECOND) or None
    try:
        time = datetime.fromisoformat(text)
        at = millis(time if time.tzinfo else time.replace(tzinfo=UTC))
    except ValueError:
        return None
    return at if 0 < at < 10**MAX_TIME_DIGITS else None
