"""Outcomes of responses: Meta's error object decides, and an unclear response is never a rejection."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.meta.answer import MAX_TEXT, date_of, outcome_of, retry_after_s
from wacrmd.meta.errors import NO_META_ERROR
from wacrmd.meta.outcome import Accepted, MetaError, Outcome, Phase, Refused, Unknown

ACCEPTED = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "+16505551234", "wa_id": "16505551234"}],
    "messages": [{"id": "wamid.HBgL"}],
}
THROTTLED = {
    "error": {
        "message": "(#130429) Rate limit hit",
        "type": "OAuthException",
        "code": 130429,
        "error_data": {
            "messaging_product": "whatsapp",
            "details": "Throughput has been reached.",
        },
        "error_subcode": 2494055,
        "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam",
    }
}
RATE_LIMIT = MetaError(
    130429, "Rate limit hit", "Throughput has been reached.", "Az8or2yhqkZfEZ-_4Qn_Bam", 2494055
)
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


def unknown(status: int) -> Unknown:
    return Unknown(Phase.ANSWER, f"HTTP {status} without Meta's error object", status)


def refused(status: int, code: int) -> Refused:
    return Refused(MetaError(code, f"HTTP {status} without Meta's error object"), status)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, ACCEPTED, Accepted("wamid.HBgL", "16505551234")),
        (
            200,
            {
                "contacts": [{"user_id": "US.1"}],
                "messages": [{"id": "w", "message_status": "held_for_quality_assessment"}],
            },
            Accepted("w", None, "US.1", "held_for_quality_assessment"),
        ),
        (200, {"messages": [{"id": "w"}]}, Accepted("w")),
        (200, {"messages": [{"id": ""}]}, unknown(200)),
        (200, {"messages": [{"id": 7}]}, unknown(200)),
        (200, {"messages": []}, unknown(200)),
        (200, {"success": True}, unknown(200)),
        (200, b"", unknown(200)),
        (200, b"OK", unknown(200)),
        (200, json.dumps(ACCEPTED).encode()[:-3], unknown(200)),
        (204, b"", unknown(204)),
        (200, THROTTLED, Refused(RATE_LIMIT, 200)),
        (400, THROTTLED, Refused(RATE_LIMIT, 400)),
        (500, THROTTLED, Refused(RATE_LIMIT, 500)),
        (502, HTML, unknown(502)),
        (503, {"error": {"message": "no code"}}, unknown(503)),
        (500, {"error": "overloaded"}, unknown(500)),
        (408, HTML, unknown(408)),
        (401, HTML, refused(401, 0)),
        (403, b"", refused(403, 0)),
        (429, HTML, refused(429, 130429)),
        (404, HTML, refused(404, NO_META_ERROR)),
        (302, b"", refused(302, NO_META_ERROR)),
        (300, ACCEPTED, refused(300, NO_META_ERROR)),
        (499, b"", refused(499, NO_META_ERROR)),
        (600, b"", unknown(600)),
        (400, ACCEPTED, refused(400, NO_META_ERROR)),
        (400, {"error": {"code": "190", "message": "m"}}, Refused(MetaError(190, "m"), 400)),
        (400, {"error": {"code": 1, "error_user_msg": "why"}}, Refused(MetaError(1, "no title", "why"), 400)),
        (
            400,
            {"error": {"code": 1, "title": "m", "details": "d", "error_user_msg": "u"}},
            Refused(MetaError(1, "m", "d"), 400),
        ),
        (
            400,
            {"error": {"code": 1, "title": "m", "details": "top", "error_data": {"details": "d"}}},
            Refused(MetaError(1, "m", "d"), 400),
        ),
        (
            400,
            {"error": {"code": 1, "title": "m", "error_data": "d"}},
            Refused(MetaError(1, "m", "d"), 400),
        ),
        (
            400,
            {"error": {"code": 100, "error_subcode": "33", "message": "m"}},
            Refused(MetaError(100, "m", subcode=33), 400),
        ),
        (
            400,
            {"error": {"code": 100, "error_subcode": {}, "message": "m"}},
            Refused(MetaError(100, "m"), 400),
        ),
        (
            500,
            {"error": {"code": -1, "message": "An unknown error occurred"}},
            Refused(MetaError(-1, "An unknown error occurred"), 500),
        ),
        (500, {"error": {"code": 10**30, "message": "m"}}, unknown(500)),
    ],
)
def test_each_answer_becomes_its_outcome(status: int, body: Any, outcome: Outcome) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert outcome_of(status, {}, raw) == outcome


def usage(*minutes: Any) -> dict[str, str]:
    cases = [{"type": "whatsapp", "call_count": 100, "estimated_time_to_regain_access": m} for m in minutes]
    return {"x-business-use-case-usage": json.dumps({"102290129340398": cases})}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "9" * 400}, 999_999_999.0),
        ({"retry-after": "Mon, 23 Nov 2026 12:01:00 GMT", "date": "Mon, 23 Nov 2026 12:00:00 GMT"}, 60.0),
        ({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT", "date": "Mon, 23 Nov 2026 12:00:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 12:01:00 GMT"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 12:01:00 GMT", "date": "Mon, 23 Nov 2026 12:00:00"}, None),
        (usage(0), None),
        (usage(1), 60.0),
        (usage(2, 5), 300.0),
        ({"x-business-use-case-usage": "\udcff"}, None),
        (usage("5", None), None),
        (usage(1) | {"retry-after": "90"}, 90.0),
        ({"x-business-use-case-usage": "{"}, None),
        ({"x-business-use-case-usage": "[1]"}, None),
        ({"x-business-use-case-usage": '{"1": 2}'}, None),
    ],
)
def test_the_wait_that_meta_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds
    if seconds is not None:
        assert outcome_of(429, headers, b"") == Refused(
            MetaError(130429, "HTTP 429 without Meta's error object"), 429, seconds
        )
        assert outcome_of(400, headers, json.dumps(THROTTLED).encode()) == Refused(RATE_LIMIT, 400, seconds)


def test_long_texts_of_an_error_are_cut() -> None:
    body = json.dumps({"error": {"code": 1, "message": "m" * 9999, "error_data": {"details": "d" * 9999}}})
    outcome = outcome_of(400, {}, body.encode())
    assert isinstance(outcome, Refused)
    assert outcome.error == MetaError(1, "m" * MAX_TEXT, "d" * MAX_TEXT)
    error = {"code": 2**31, "title": "t" * 9999, "error_user_msg": "u" * 9999, "fbtrace_id": "f" * 9999}
    outcome = outcome_of(400, {}, json.dumps({"error": error}).encode())
    assert isinstance(outcome, Refused)
    assert outcome.error == MetaError(2**31, "t" * MAX_TEXT, "u" * MAX_TEXT, "f" * MAX_TEXT)
    accepted = {
        "contacts": [{"wa_id": "1" * 9999, "user_id": "u" * 9999}],
        "messages": [{"id": "w", "message_status": "s" * 9999}],
    }
    assert outcome_of(200, {}, json.dumps(accepted).encode()) == Accepted(
        "w", "1" * MAX_TEXT, "u" * MAX_TEXT, "s" * MAX_TEXT
    )


@given(st.integers(200, 599), st.binary(max_size=40))
def test_only_an_answer_with_a_message_id_is_accepted_and_no_bytes_raise(status: int, body: bytes) -> None:
    outcome = outcome_of(status, {}, body)
    assert not isinstance(outcome, Accepted)
    if status < 300 or status >= 500:
        assert isinstance(outcome, Unknown)


@pytest.mark.parametrize(
    ("header", "at"),
    [
        ("Mon, 30 Nov 2026 00:00:00 GMT", 1_795_996_800_000),
        ("Mon, 30 Nov 2026 00:00:00 -0000", None),
        ("Mon, 30 Nov 2026 01:00:00 +0100", 1_795_996_800_000),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_time_of_an_answer_is_read(header: str, at: int | None) -> None:
    assert date_of(header) == at
