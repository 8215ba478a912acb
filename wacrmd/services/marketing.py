"""Marketing messages: the routes of templates, and what Meta says about a business account."""

from dataclasses import replace

from wacrmd.domain.marketing_route import MARKETING, Route, RouteFacts, route_of
from wacrmd.domain.number import Number
from wacrmd.log import get_logger
from wacrmd.store import marketing, numbers
from wacrmd.store.database import Tx

log = get_logger(__name__)


def facts_by_business(tx: Tx, account_id: str | None) -> dict[str, RouteFacts]:
    """What routes depend on, by business account, for the numbers of one account or of all.

    Of several accounts that share a business account, the one whose number is the oldest counts.
    """
    found: dict[str, RouteFacts] = {}
    for number in numbers.all_of(tx, account_id=account_id):
        if number.waba_id not in found:
            found[number.waba_id] = marketing.facts_of_account(tx, number.account_id, number.waba_id)
    return found


def route_of_category(facts: RouteFacts, category: str | None) -> Route:
    """Where the messages of a template of this category go."""
    return route_of(replace(facts, category=category))


def of_number(tx: Tx, number: Number) -> tuple[str | None, Route]:
    """What Meta says about the number's business account, and where marketing templates go from this number."""
    facts = marketing.facts_of_account(tx, number.account_id, number.waba_id)
    return facts.onboarding, route_of_category(facts, MARKETING)


def log_onboarding(waba_id: str, before: str | None, onboarding: str) -> None:
    """Log that Meta says something else about `/marketing_messages` than before; call it after the commit."""
    log.info(
        "marketing_onboarding_changed",
        business_account=waba_id,
        before=before,
        onboarding=onboarding,
        summed=(waba_id, onboarding),
    )
