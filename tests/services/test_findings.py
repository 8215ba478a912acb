"""Findings about a number from Meta's data."""

from typing import Any

import pytest

from wacrmd.domain.attempt import MetaError
from wacrmd.domain.marketing_route import MarketingRoute, RouteFacts
from wacrmd.meta.management import Health, NumberInfo
from wacrmd.services.numbers.findings import (
    assess_health,
    assess_marketing,
    assess_number,
    assess_subscription,
    refuses_token,
    worst,
)
from wacrmd.views.checks import Check, CheckState


@pytest.mark.parametrize(
    ("code", "refused"),
    [(0, True), (190, True), (10, True), (200, True), (299, True), (100, False), (33, False), (4, False)],
)
def test_only_errors_about_the_token_or_its_permissions_reject_a_number(code: int, refused: bool) -> None:
    assert refuses_token(MetaError(code, "x")) is refused


@pytest.mark.parametrize(
    ("setting", "onboarding", "unread", "state", "words"),
    [
        (MarketingRoute.AUTO, "ONBOARDED", None, "ok", "to /marketing_messages: Meta says that"),
        (
            MarketingRoute.AUTO,
            "ELIGIBLE",
            None,
            "ok",
            "to /messages: Meta says ELIGIBLE of",
        ),
        (MarketingRoute.AUTO, None, "no such field.", "ok", "has not said"),
        (MarketingRoute.MESSAGES, "ONBOARDED", None, "ok", "to /messages: it is chosen"),
        (
            MarketingRoute.MARKETING_MESSAGES,
            "ONBOARDED",
            None,
            "ok",
            "to /marketing_messages: it is chosen",
        ),
        (MarketingRoute.MARKETING_MESSAGES, "ELIGIBLE", None, "warn", "but Meta says ELIGIBLE"),
        (MarketingRoute.MARKETING_MESSAGES, None, "no such field.", "warn", "but Meta has not said"),
    ],
)
def test_the_way_of_marketing_templates_warns_only_where_meta_contradicts_the_setting(
    setting: MarketingRoute, onboarding: str | None, unread: str | None, state: str, words: str
) -> None:
    found = assess_marketing(RouteFacts(marketing_route=setting, onboarding=onboarding), unread)
    assert (found.name, found.state.value) == ("marketing", state)
    assert words in found.detail
    assert ("(no such field)" in found.detail) == (unread is not None)
    assert (found.advice is not None) == (state == "warn")


def test_a_call_without_an_error_of_meta_does_not_reject_a_number() -> None:
    assert refuses_token(None) is False


@pytest.mark.parametrize(
    ("seen", "rate", "not_good"),
    [
        ({"status": "CONNECTED", "quality_rating": "GREEN"}, 80, set()),
        ({"quality_rating": "UNKNOWN", "whatsapp_business_manager_messaging_limit": "TIER_2K"}, 80, set()),
        ({"quality_rating": "YELLOW"}, 80, {("quality", "warn")}),
        ({"status": "BANNED"}, 80, {("connection", "fail")}),
        ({"whatsapp_business_manager_messaging_limit": "TIER_250"}, 80, {("limit", "warn")}),
        ({"throughput": {"level": "STANDARD"}}, 81, {("rate", "warn")}),
        ({"throughput": {"level": "HIGH"}}, 81, set()),
        ({"throughput": {"level": "HIGH"}, "is_on_biz_app": True}, 21, {("rate", "warn")}),
        ({"throughput": "odd"}, 500, set()),
    ],
)
def test_each_problem_with_a_number_is_one_finding_with_advice(
    seen: dict[str, Any], rate: float, not_good: set[tuple[str, str]]
) -> None:
    found = assess_number(NumberInfo.of(seen), rate=rate)
    assert {(one.name, one.state.value) for one in found if one.state is not CheckState.OK} == not_good
    assert all(one.advice for one in found if one.state is not CheckState.OK)


def test_the_finding_about_health_contains_reasons_and_solutions() -> None:
    assert assess_health(Health.of({"can_send_message": "AVAILABLE"})).state is CheckState.OK
    error = {"error_code": 1, "error_description": "No money.", "possible_solution": "Pay."}
    limited = assess_health(
        Health.of({"can_send_message": "LIMITED", "entities": [{"entity_type": "WABA", "errors": [error]}]})
    )
    assert (limited.state, limited.advice) == (CheckState.WARN, "Pay.")
    assert limited.detail == "Meta says that sending is LIMITED (WABA: No money)"
    assert assess_health(Health.of({"can_send_message": "BLOCKED"})).state is CheckState.FAIL


def test_a_business_account_without_a_subscribed_app_is_a_failure() -> None:
    assert assess_subscription([]).state is CheckState.FAIL
    assert "CRM" in assess_subscription(["CRM"]).detail


def test_the_state_of_several_findings_is_the_worst_one() -> None:
    ok, warn, fail = (Check("x", state, "") for state in CheckState)
    assert worst([]) is worst([ok]) is CheckState.OK
    assert worst([ok, warn]) is CheckState.WARN
    assert worst([warn, fail, ok]) is CheckState.FAIL
