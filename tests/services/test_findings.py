"""Findings, speeds and times: the decisions behind doctor, watch and status, without a daemon."""

from typing import Any

import pytest

from wacrmd.cli.output import span
from wacrmd.clock import DAY, HOUR, MINUTE, SECOND
from wacrmd.domain.attempt import MetaError
from wacrmd.errors import Refusal
from wacrmd.meta.client import MetaCallError
from wacrmd.meta.management import Health, NumberInfo
from wacrmd.services.broadcasts.progress import Speed
from wacrmd.services.context import WebhookLiveness
from wacrmd.services.maintenance.audit import parse_since
from wacrmd.services.numbers.findings import (
    assess_health,
    assess_number,
    assess_subscription,
    refuses_token,
    worst,
)
from wacrmd.views.checks import Check, CheckState

NOW = 1_795_000_000_000


@pytest.mark.parametrize(
    ("code", "refused"),
    [(0, True), (190, True), (10, True), (200, True), (299, True), (100, False), (33, False), (4, False)],
)
def test_only_a_clear_word_about_the_token_refuses_a_number(code: int, refused: bool) -> None:
    assert refuses_token(MetaCallError("no", MetaError(code, "x"))) is refused


def test_no_word_of_meta_refuses_nothing() -> None:
    assert refuses_token(MetaCallError("could not be asked")) is False


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
def test_what_meta_says_of_a_number_is_judged(
    seen: dict[str, Any], rate: float, not_good: set[tuple[str, str]]
) -> None:
    found = assess_number(NumberInfo.of(seen), rate=rate)
    assert {(one.name, one.state.value) for one in found if one.state is not CheckState.OK} == not_good
    assert all(one.advice for one in found if one.state is not CheckState.OK)


def test_health_names_reasons_and_solutions() -> None:
    assert assess_health(Health.of({"can_send_message": "AVAILABLE"})).state is CheckState.OK
    error = {"error_code": 1, "error_description": "No money.", "possible_solution": "Pay."}
    limited = assess_health(
        Health.of({"can_send_message": "LIMITED", "entities": [{"entity_type": "WABA", "errors": [error]}]})
    )
    assert (limited.state, limited.advice) == (CheckState.WARN, "Pay.")
    assert limited.detail == "Meta says that sending is LIMITED (WABA: No money)"
    assert assess_health(Health.of({"can_send_message": "BLOCKED"})).state is CheckState.FAIL


def test_a_business_account_without_an_app_hears_nothing() -> None:
    assert assess_subscription([]).state is CheckState.FAIL
    assert "CRM" in assess_subscription(["CRM"]).detail


def test_the_worst_finding_decides() -> None:
    ok, warn, fail = (Check("x", state, "") for state in CheckState)
    assert worst([]) is worst([ok]) is CheckState.OK
    assert worst([ok, warn]) is CheckState.WARN
    assert worst([warn, fail, ok]) is CheckState.FAIL


def test_a_number_is_silent_from_its_first_unanswered_message_on() -> None:
    webhook_liveness = WebhookLiveness()
    assert webhook_liveness.silent_since("n") is None
    webhook_liveness.message_sent("n", NOW)
    webhook_liveness.message_sent("n", NOW + MINUTE)
    assert webhook_liveness.silent_since("n") == NOW
    webhook_liveness.status_received(["n"], NOW + 2 * MINUTE)
    assert webhook_liveness.silent_since("n") is None
    webhook_liveness.message_sent("n", NOW + 2 * MINUTE + SECOND)
    assert webhook_liveness.silent_since("n") is None, (
        "its status may have come before the answer to the send"
    )
    webhook_liveness.message_sent("n", NOW + 4 * MINUTE)
    assert webhook_liveness.silent_since("n") == NOW + 4 * MINUTE
    assert webhook_liveness.silent_since("other") is None


def test_the_speed_is_that_of_the_last_seconds() -> None:
    speed = Speed()
    assert speed.note(0, NOW) is None
    assert speed.note(50, NOW + SECOND) == 50
    for second in range(2, 20):
        rate = speed.note(50 + (second - 1) * 10, NOW + second * SECOND)
    assert rate == 10


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2h", NOW - 2 * HOUR),
        ("30min", NOW - 30 * MINUTE),
        ("3 d", NOW - 3 * DAY),
        ("1w", NOW - 7 * DAY),
        ("2026-11-23T12:00:00Z", 1_795_435_200_000),
        ("2026-11-23T13:00:00+01:00", 1_795_435_200_000),
        ("2026-11-23 12:00", 1_795_435_200_000),
        ("999999w", 0),
    ],
)
def test_a_time_is_read_as_people_write_it(text: str, at: int) -> None:
    assert parse_since(text, NOW) == at


@pytest.mark.parametrize("text", ["yesterday", "2 months", "-2h", "h"])
def test_another_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Refusal, match="2h or 3d"):
        parse_since(text, NOW)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "1 s"), (59, "59 s"), (90, "2 min"), (3599, "1 h"), (5400, "1 h 30 min"), (200_000, "2 days")],
)
def test_a_length_of_time_is_told_in_two_words_at_most(seconds: float, said: str) -> None:
    assert span(seconds) == said
