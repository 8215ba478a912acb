"""What Meta's events about accounts and numbers mean, in the shapes of its pages and of older samples."""

from typing import Any

import pytest

from wacrmd.clock import SECOND
from wacrmd.meta import webhook
from wacrmd.meta.account_events import LIFTS, MEANINGS, QUIET, AccountChange, read
from wacrmd.meta.webhook import AccountEvent

NOW = 1_795_000_000_000
END_S = 1_795_713_353
RESTRICTIONS = (
    "RESTRICTED_ADD_PHONE_NUMBER_ACTION",
    "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING",
    "RESTRICTED_BUSINESS_INITIATED_CALLING",
    "RESTRICTED_CUSTOMER_INITIATED_MESSAGING",
    "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES",
    "RESTRICTED_USER_INITIATED_CALLING",
    "RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN",
    "RESTRICTED_UTILITY_TEMPLATES",
)


def event(field: str = "account_update", time: Any = 1_795_000_000, **value: Any) -> AccountEvent:
    entry = {"id": "1", "time": time, "changes": [{"field": field, "value": value}]}
    (update,) = webhook.parse({"object": "whatsapp_business_account", "entry": [entry]}, NOW)
    assert isinstance(update, AccountEvent)
    return update


def change(field: str = "account_update", **value: Any) -> AccountChange:
    return read(event(field, **value), NOW)


def kinds(found: AccountChange) -> dict[str, bool]:
    """The kinds of the notices, each with whether it stops templates."""
    return {notice.kind: notice.stops_sending for notice in found.notices}


def restriction(kind: str, **more: Any) -> AccountChange:
    return change(event="ACCOUNT_RESTRICTION", restriction_info=[{"restriction_type": kind} | more])


@pytest.mark.parametrize("kind", [*RESTRICTIONS, "RESTRICTED_BREATHING"])
def test_no_other_restriction_stops_templates(kind: str) -> None:
    found = restriction(kind, expiration=END_S)
    assert kinds(found) == {kind: False}
    assert found.notices[0].until == END_S * SECOND
    assert "2026-11-26T" in found.notices[0].detail


def test_the_restriction_of_business_initiated_messages_stops_templates() -> None:
    assert kinds(restriction("RESTRICTED_BIZ_INITIATED_MESSAGING")) == {
        "RESTRICTED_BIZ_INITIATED_MESSAGING": True
    }


@pytest.mark.parametrize(
    ("given", "until"),
    [
        (END_S, END_S * SECOND),
        (str(END_S), END_S * SECOND),
        (END_S * 1000, END_S * SECOND),
        ("2026-11-26T17:15:53.000Z", 1_795_713_353_000),
        ("2026-11-26T17:15:53", 1_795_713_353_000),
        (None, None),
        (0, None),
        ("soon", None),
        ([], None),
        (True, None),
        (10**20, None),
        ("0001-01-01T00:00:00+14:00", None),
        ("1969-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59-14:00", None),
    ],
)
def test_the_end_of_a_restriction_is_read_in_each_form(given: Any, until: int | None) -> None:
    assert restriction("X", expiration=given).notices[0].until == until


def test_several_restrictions_are_one_notice_each() -> None:
    infos = [{"restriction_type": "A"}, "odd", {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING"}]
    found = change(event="ACCOUNT_RESTRICTION", restriction_info=infos)
    assert kinds(found) == {"A": False, "ODD": False, "RESTRICTED_BIZ_INITIATED_MESSAGING": True}


def test_a_single_object_is_read_as_a_list_of_one() -> None:
    found = change(
        event="ACCOUNT_RESTRICTION", restrictions={"restriction_type": "B", "remediation": "Wait."}
    )
    assert kinds(found) == {"B": False}
    assert "(Wait)" in found.notices[0].detail


def test_a_restriction_without_a_word_stops_templates() -> None:
    assert kinds(change(event="ACCOUNT_RESTRICTION")) == {"ACCOUNT_RESTRICTION": True}


@pytest.mark.parametrize(
    ("state", "kind", "stops"),
    [
        ("DISABLE", "DISABLE", True),
        (["DISABLE"], "DISABLE", True),
        (["SCHEDULE_FOR_DISABLE", "DISABLE"], "DISABLE", True),
        ("SCHEDULE_FOR_DISABLE", "SCHEDULE_FOR_DISABLE", False),
        (["SCHEDULE_FOR_DISABLE"], "SCHEDULE_FOR_DISABLE", False),
        ("UNDER_APPEAL", "UNDER_APPEAL", False),
        ([], "DISABLED_UPDATE", False),
        ([{}], "DISABLED_UPDATE", False),
        (None, "DISABLED_UPDATE", False),
    ],
)
def test_the_state_of_a_ban_may_be_a_list(state: Any, kind: str, stops: bool) -> None:
    found = change(
        event="DISABLED_UPDATE", ban_info={"waba_ban_state": state, "waba_ban_date": "December 3, 2026"}
    )
    assert kinds(found) == {kind: stops}
    assert "December 3, 2026" in found.notices[0].detail


@pytest.mark.parametrize(
    ("value", "kind", "detail"),
    [
        ({"event": "DISABLED_UPDATE", "ban_info": [{"waba_ban_state": "DISABLE"}]}, "DISABLE", "disabled"),
        ({"event": "ACCOUNT_VIOLATION", "violation_info": [{"violation_type": "SCAM"}]}, "ACCOUNT_VIOLATION", "SCAM"),
        ({"event": "PARTNER_REMOVED", "disconnection_info": [{"reason": "LEFT"}]}, "PARTNER_REMOVED", "LEFT"),
        ({"event": "ACCOUNT_RESTRICTION", "restriction_info": ["RESTRICTED_ADD_PHONE_NUMBER_ACTION"]},
            "RESTRICTED_ADD_PHONE_NUMBER_ACTION", "no phone number"),
        ({"event": "ACCOUNT_RESTRICTION", "restriction_info": "restricted_utility_templates"},
            "RESTRICTED_UTILITY_TEMPLATES", "utility"),
    ],
)  # fmt: skip
def test_information_in_another_shape_is_read(value: dict[str, Any], kind: str, detail: str) -> None:
    found = change(**value)
    assert kinds(found) == {kind: kind == "DISABLE"}
    assert detail in found.notices[0].detail


def test_the_account_of_an_event_may_be_in_a_list() -> None:
    assert event(event="PARTNER_REMOVED", waba_info=[{"waba_id": "7"}]).waba_id == "7"


@pytest.mark.parametrize("status", ["RESOLVED", "resolved", "CLOSED"])
def test_an_alert_that_is_over_ends_the_one_before(status: str) -> None:
    alert = {"alert_severity": "WARNING", "alert_type": "LIMIT_DENIED", "alert_status": status}
    found = change("account_alerts", alert_info=[alert, {"alert_type": "OTHER", "alert_status": "ACTIVE"}])
    assert kinds(found) == {"OTHER": False}
    assert found.lifts == {"LIMIT_DENIED"}


def test_each_end_lifts_its_own_kinds_only() -> None:
    """A ban outlives a new connection, and a restriction the end of a ban."""
    assert "DISABLE" not in change(event="ACCOUNT_RECONNECTED").lifts
    ended = change(event="DISABLED_UPDATE", ban_info={"waba_ban_state": "REINSTATE"}).lifts
    assert not ended & {"RESTRICTED_BIZ_INITIATED_MESSAGING", "ACCOUNT_OFFBOARDED"}


@pytest.mark.parametrize("state", ["REINSTATE", ["REINSTATE"], ["DISABLE", "REINSTATE"]])
def test_a_reinstated_account_can_send_again(state: Any) -> None:
    found = change(event="DISABLED_UPDATE", ban_info={"waba_ban_state": state})
    assert (found.notices, found.resumes) == ((), True)
    assert {"DISABLE", "SCHEDULE_FOR_DISABLE"} <= found.lifts


def test_a_violation_is_a_notice_and_stops_nothing() -> None:
    found = change(event="ACCOUNT_VIOLATION", violation_info={"violation_type": "SCAM"})
    assert kinds(found) == {"ACCOUNT_VIOLATION": False}
    assert "SCAM" in found.notices[0].detail


def test_a_removed_partner_is_about_the_account_in_waba_info() -> None:
    raw: dict[str, Any] = {
        "waba_info": {"owner_business_id": "1", "waba_id": "102290129340398"},
        "disconnection_info": {"reason": "PRIMARY_INACTIVITY", "initiated_by": "SYSTEM"},
    }
    found = event(event="PARTNER_REMOVED", **raw)
    assert found.waba_id == "102290129340398"
    assert kinds(read(found, NOW)) == {"PARTNER_REMOVED": False}
    assert "PRIMARY_INACTIVITY" in read(found, NOW).notices[0].detail


def test_an_event_that_nobody_knows_is_shown_and_stops_nothing() -> None:
    assert kinds(change(event="ACCOUNT_TELEPORTED")) == {"ACCOUNT_TELEPORTED": False}
    assert kinds(change(odd=1)) == {"UNKNOWN": False}


@pytest.mark.parametrize("kind", sorted(QUIET))
@pytest.mark.parametrize("field", ["account_update", "phone_number_quality_update"])
def test_events_that_need_nobody_are_no_notices(kind: str, field: str) -> None:
    assert change(field, event=kind).notices == ()


@pytest.mark.parametrize(
    ("value", "kind", "limit"),
    [
        ({"event": "FLAGGED", "current_limit": "TIER_10K"}, "FLAGGED", "TIER_10K"),
        (
            {"event": "DOWNGRADE", "old_limit": "TIER_10K", "current_limit": "TIER_2K"},
            "DOWNGRADE",
            "TIER_2K",
        ),
        ({"event": "DOWNGRADE", "max_daily_conversations_per_business": "TIER_250"}, "DOWNGRADE", "TIER_250"),
        ({"event": "SOMETHING"}, "SOMETHING", None),
    ],
)
def test_the_quality_of_a_number(value: dict[str, str], kind: str, limit: str | None) -> None:
    found = change("phone_number_quality_update", display_phone_number="15550783881", **value)
    assert kinds(found) == {kind: False}
    assert (found.limit, found.display_phone) == (limit, "15550783881")


@pytest.mark.parametrize(
    ("kind", "lifted"), [("UNFLAGGED", {"FLAGGED"}), ("UPGRADE", {"FLAGGED", "DOWNGRADE"})]
)
def test_a_better_quality_ends_the_notice(kind: str, lifted: set[str]) -> None:
    assert change("phone_number_quality_update", event=kind).lifts == lifted


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        ({"max_daily_conversations_per_business": 2000}, "2000"),
        ({"max_daily_conversations_per_business": -1}, "TIER_UNLIMITED"),
        ({"max_daily_conversation_per_phone": -1}, "TIER_UNLIMITED"),
        ({"max_daily_conversations_per_business": "TIER_10K", "max_phone_numbers_per_waba": 25}, "TIER_10K"),
        ({"max_phone_numbers_per_waba": 25}, None),
        ({"max_daily_conversations_per_business": 0}, None),
    ],
)
def test_the_limit_of_a_business(value: dict[str, Any], limit: str | None) -> None:
    assert change("business_capability_update", **value) == AccountChange(limit=limit)


@pytest.mark.parametrize(
    ("severity", "is_shown"), [("INFORMATIONAL", False), ("WARNING", True), ("CRITICAL", True), (None, True)]
)
def test_an_alert_is_shown_unless_it_only_informs(severity: str | None, is_shown: bool) -> None:
    alert = {
        "alert_severity": severity,
        "alert_type": "LIMIT_DENIED",
        "alert_description": "Too many blocks.",
    }
    found = change("account_alerts", entity_type="BUSINESS", entity_id="1", alert_info=alert)
    assert kinds(found) == ({"LIMIT_DENIED": False} if is_shown else {})
    assert all("Too many blocks" in notice.detail for notice in found.notices)


@pytest.mark.parametrize(("decision", "found"), [("APPROVED", {}), ("REJECTED", {"REVIEW_REJECTED": False})])
def test_a_review_that_ends_with_a_rejection_is_shown(decision: str, found: dict[str, bool]) -> None:
    assert kinds(change("account_review_update", decision=decision)) == found


def test_events_have_metas_time() -> None:
    assert event(event="X", time=7).at == 7 * SECOND
    assert event(event="X", time=None).at == NOW


def test_each_kind_that_is_lifted_has_a_meaning() -> None:
    assert {kind for each in LIFTS.values() for kind in each} <= MEANINGS.keys()
