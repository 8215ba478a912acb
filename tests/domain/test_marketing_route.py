"""Which way a template goes, as a table."""

from dataclasses import replace

import pytest

from wacrmd.domain.marketing_route import (
    Endpoint,
    MarketingRoute,
    ProductPolicy,
    Route,
    RouteFacts,
    route_of,
)

AUTO, MESSAGES, MARKETING = MarketingRoute
OLD, NEW = Endpoint


@pytest.mark.parametrize(
    ("setting", "category", "onboarding", "endpoint", "why"),
    [
        (AUTO, "MARKETING", "ONBOARDED", NEW, "onboarded"),
        (AUTO, "marketing", "MM_LITE_TERMS_SIGNED", NEW, "onboarded"),
        (AUTO, "MARKETING", "ELIGIBLE", OLD, "Meta says ELIGIBLE"),
        (AUTO, "MARKETING", "INELIGIBLE_COUNTRY_NOT_SUPPORTED", OLD, "INELIGIBLE_COUNTRY"),
        (AUTO, "MARKETING", None, OLD, "has not said yet"),
        (MESSAGES, "MARKETING", "ONBOARDED", OLD, "it is chosen for the account (marketing_route)"),
        (MARKETING, "MARKETING", None, NEW, "it is chosen for the account (marketing_route)"),
        (MARKETING, "UTILITY", "ONBOARDED", OLD, "its category is UTILITY"),
        (MARKETING, None, "ONBOARDED", OLD, "its category is not known"),
        (AUTO, "AUTHENTICATION", "ONBOARDED", OLD, "AUTHENTICATION"),
    ],
)
def test_only_what_is_known_to_be_marketing_goes_another_way(
    setting: MarketingRoute, category: str | None, onboarding: str | None, endpoint: Endpoint, why: str
) -> None:
    facts = RouteFacts(
        marketing_route=setting,
        product_policy=ProductPolicy.STRICT,
        message_activity_sharing=False,
        category=category,
        onboarding=onboarding,
    )
    found = route_of(facts)
    assert found.endpoint is endpoint
    assert why in found.why
    fields = (found.product_policy, found.message_activity_sharing)
    assert fields == ((ProductPolicy.STRICT, False) if endpoint is NEW else (None, None))
    bare = route_of(replace(facts, product_policy=None, message_activity_sharing=None))
    assert bare == Route(endpoint=endpoint, why=found.why)
