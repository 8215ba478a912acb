"""The HTTP API: whatever a caller with a valid key sends, it gets one of the declared answers and never a 500."""

import contextlib
import copy
import json
import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.fuzz.effort import examples
from tests.fuzz.fuzzed_site import FuzzedSite
from tests.fuzz.mutations import (
    STRANGE_VALUES,
    TEXTS,
    VALUES,
    Seeds,
    dumped,
    mutated_bytes,
    mutated_json,
    places,
)
from tests.support.exhaustive import spread
from wacrmd.api.app import ENDPOINTS
from wacrmd.api.form import Form
from wacrmd.domain.phone_guess import Home
from wacrmd.errors import ErrorCode, Refusal
from wacrmd.operations.broadcast_inputs import NewBroadcast
from wacrmd.operations.operation import Http, Operation
from wacrmd.services.broadcasts.prepare import check_content, validate

CARD = [
    {"type": "header", "parameters": [{"type": "image", "image": {"id": "1"}}]},
    {"type": "body", "parameters": [{"type": "text", "parameter_name": "a", "text": "x"}]},
    {
        "type": "button",
        "sub_type": "quick_reply",
        "index": 0,
        "parameters": [{"type": "payload", "payload": "x"}],
    },
]
BROADCASTS: list[dict[str, Any]] = [
    {
        "name": "a",
        "template_name": "hello",
        "template_language": "en_US",
        "header": {"text": "x", "parameter_name": "a"},
        "recipients": [
            {"to": "+14155550123", "params": ["Jane", 1]},
            {
                "to": "0049 151 12345678",
                "params": {"name": "Jo"},
                "header": {"image": {"link": "https://a.example"}},
            },
            {
                "to": "US.13491208655302741918",
                "header": {"location": {"latitude": "1.5", "longitude": -1, "name": "x"}},
            },
            {"to": "no number", "header": {"document": {"id": "1", "filename": "a.pdf"}}, "crm": {"a": 1}},
        ],
        "buttons": [
            {"index": 0, "type": "url", "text": "x"},
            {"index": 1, "type": "quick_reply", "payload": "x"},
            {"index": 2, "type": "copy_code", "code": "x"},
            {"index": 3, "type": "flow", "flow_token": "x", "flow_action_data": {"a": [1]}},
        ],
        "metadata": {"a": 1},
    },
    {"template_name": "hello", "draft": True},
    {
        "template_name": "hello",
        "recipients": [{"to": "+4915112345678"}, {"to": "+77011234567"}],
        "send_between": {"from": "09:00", "to": "20:00", "days": ["mon", "sun"], "zone": "Europe/Berlin"},
        "messages_per_second": 2.5,
        "canary": {"count": 1, "wait_minutes": 15, "min_delivered": 0.8, "max_failed": 0.1},
        "retry_rules": [{"codes": [131049, 131026], "after_hours": 24, "times": 2}],
    },
    {
        "template_name": "hello",
        "draft": True,
        "send_between": {"from": "9:00", "to": "24:00", "zone": "recipient"},
        "spread_over_minutes": 60,
        "canary": {"count": 1000},
        "retry_rules": [],
    },
    {
        "template_name": "hello",
        "components": [
            {
                "type": "button",
                "sub_type": "url",
                "index": "0",
                "parameters": [{"type": "text", "text": "x"}],
            },
            {"type": "button", "sub_type": "copy_code", "index": 1, "parameters": [{"coupon_code": "x"}]},
            {
                "type": "limited_time_offer",
                "parameters": [{"limited_time_offer": {"expiration_time_ms": 1_800_000_000_000}}],
            },
        ],
        "recipients": [
            {"to": "+14155550124"},
            {
                "to": "+14155550125",
                "components": [
                    {
                        "type": "carousel",
                        "cards": [
                            {"card_index": 0, "components": CARD},
                            {"card_index": "1", "components": CARD},
                        ],
                    }
                ],
            },
        ],
    },
]
BODIES: dict[str, list[dict[str, Any]]] = {
    "broadcast.create": BROADCASTS,
    "message.send": [
        {
            "to": "+14155550177",
            "type": "template",
            "template": {"name": "hello", "language": "en_US", "params": ["Jane"], "header": {"text": "Hi"}},
        }
    ],
    "draft.add-recipients": [
        {"recipients": each["recipients"]} for each in BROADCASTS if "recipients" in each
    ],
    "draft.send": [{"scheduled_at": "2026-12-24T18:00:00Z"}, {}],
    "broadcast.retry": [
        {"statuses": ["failed", "uncertain"]},
        {"statuses": ["pending"], "at": None},
        {"codes": [131049, 0], "not_delivered_after_hours": 48, "at": None},
    ],
    "optout.add": [{"phone": "+14155550177", "detail": "by phone"}],
    "webhook.add": [{"url": "http://127.0.0.1:9/x", "events": ["broadcast.sent"]}],
    "webhook.set": [{"url": "http://127.0.0.1:9/x", "events": ["message.received"]}],
}
"""Right ones: a body that is refused as a whole, whatever is changed in it, would show nothing."""
CALLED = [(each, http) for each, http in ENDPOINTS if not http.open and each.name != "broadcast.watch"]
"""All but a stream, which lasts for seconds."""
WITH_BODY = [(each, http) for each, http in CALLED if Form.of(each).body is not None]
LARGEST = [(each, http) for each, http in WITH_BODY if each.name == "broadcast.create"]
"""What has by far the most fields."""
JSON = {"Content-Type": "application/json"}
TOKENS = (
    b"null",
    b"NaN",
    b"[" * 100,
    b"\\ud800",
    b"9" * 400,
    b"1e999",
    b"{}",
    b'"a":1,"a":2',
    b"\xff",
    b"\0",
)


def path_of(here: FuzzedSite, path: str) -> str:
    """The path with ids of what exists."""
    broadcast = here.draft_id if path.endswith("/recipients") else here.broadcast_id
    known = {
        "{phone}": here.phone(),
        "{rid}": "1",
        "{delivery_id}": "1",
        "{id}": here.webhook_id if "/webhooks/" in path else broadcast,
    }
    for name, value in known.items():
        path = path.replace(name, value)
    return path


def check(answer: httpx.Response) -> None:
    """One of the declared answers: an error has a known code, and names the fields that are wrong."""
    error = answer.json()["error"] if answer.status_code >= 400 else {}
    assert answer.status_code < 500 or error["code"] == ErrorCode.META_ERROR, answer.text[:2000]
    if error:
        assert error["code"] in set(ErrorCode)
        assert error["message"]


@pytest.mark.parametrize(("operation", "http"), WITH_BODY, ids=lambda each: getattr(each, "name", None))
def test_what_the_changes_begin_with_is_right(here: FuzzedSite, operation: Operation, http: Http) -> None:
    with here.api as api:
        for body in BODIES[operation.name]:
            answer = api.request(http.method, path_of(here, http.path), json=body)
            assert answer.status_code in (http.status, 409), answer.text  # 409: there is nothing to retry


@pytest.mark.exhaustive
def test_a_strange_value_in_any_place_of_a_broadcast_is_read_or_refused() -> None:
    """All of them in the long run: by chance each place meets each value too seldom."""
    for body in BROADCASTS:
        for place in range(len(list(places(body)))):
            for value in spread(STRANGE_VALUES, 8):
                changed = copy.deepcopy(body)
                container, key = list(places(changed))[place]
                container[key] = value
                with contextlib.suppress(ValidationError, Refusal):
                    given_broadcast = NewBroadcast.model_validate(changed).to_input()
                    check_content(given_broadcast)
                    validate(given_broadcast, None, Home.of(None, "+14155550100"), {})


@examples(70)
@given(st.sampled_from(Seeds((*WITH_BODY, *LARGEST * 4))), st.data())
def test_a_body_of_any_shape_is_answered(here: FuzzedSite, endpoint: Any, data: st.DataObject) -> None:
    operation, http = endpoint
    body = data.draw(mutated_json(BODIES[operation.name]) | VALUES)
    url = body.get("url") if isinstance(body, dict) else None
    if isinstance(url, str) and "127.0.0.1" not in url:
        return  # the name of a host would be looked up
    with here.api as api:
        check(api.request(http.method, path_of(here, http.path), content=dumped(body), headers=JSON))


@examples(60)
@given(
    st.sampled_from(Seeds(each for each in WITH_BODY if not each[0].name.startswith("webhook"))),
    mutated_bytes([json.dumps(body).encode() for bodies in BODIES.values() for body in bodies], TOKENS),
    st.sampled_from(
        (
            "application/json",
            "application/json; charset=utf-16",
            "text/plain",
            "application/x-www-form-urlencoded",
        )
    ),
    st.sampled_from(("identity", "gzip", "br", "gzip, gzip")),
)
def test_a_body_of_any_bytes_is_answered(
    here: FuzzedSite, endpoint: Any, body: bytes, media: str, coding: str
) -> None:
    _, http = endpoint
    headers = {"Content-Type": media, "Content-Encoding": coding}
    with here.api as api:
        check(api.request(http.method, path_of(here, http.path), content=body, headers=headers))


NOT_SENT = re.compile(rb"[\0-\x08\x0a-\x1f\x7f]")
"""What our client refuses to send in a header; tests/fuzz/test_http_requests.py sends it."""

PARTS = TEXTS.map(lambda text: text[:1000])


@examples(100)
@given(
    st.sampled_from(Seeds(CALLED)),
    PARTS,
    st.dictionaries(st.sampled_from(("limit", "cursor", "status", "phone", "since")), PARTS),
)
def test_any_path_and_query_is_answered(
    here: FuzzedSite, endpoint: Any, name: str, query: dict[str, str]
) -> None:
    _, http = endpoint
    path = http.path
    for parameter in http.path_names:
        path = path.replace(f"{{{parameter}}}", quote(name.encode(errors="surrogatepass"), safe=""))
    written = "&".join(f"{key}={quote(value.encode(errors='surrogatepass'))}" for key, value in query.items())
    with here.api as api:
        check(api.request(http.method, f"{path}?{written}"))


@examples(60)
@given(
    st.sampled_from(Seeds(CALLED)),
    st.dictionaries(
        st.sampled_from(
            (
                "Idempotency-Key",
                "If-None-Match",
                "Accept",
                "X-Request-Id",
                "Origin",
                "Last-Event-ID",
                "Accept-Encoding",
                "Range",
            )
        ),
        st.binary(max_size=20).map(lambda raw: NOT_SENT.sub(b"", raw).strip()),
    ),
)
def test_any_header_is_answered(here: FuzzedSite, endpoint: Any, headers: dict[str, bytes]) -> None:
    _, http = endpoint
    with here.api as api:
        given_headers = [(name.encode(), value) for name, value in headers.items()]
        check(api.request(http.method, path_of(here, http.path), headers=given_headers))


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="from"\r\n\r\n106540352242922\r\n'
    b'--b\r\nContent-Disposition: form-data; name="kind"\r\n\r\nimage\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    b"\x89PNG\r\n\x1a\n and more\r\n--b--\r\n"
)
BEGINNINGS = (
    b"\xff\xd8\xff",
    b"%PDF-",
    b"PK\x03\x04",
    b"\x00\x00\x00\x18ftyp3gp4",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
)


@examples(60)
@given(
    mutated_bytes(
        [FORM], (b"--b\r\n", b"--b--", b'filename="', b"; ", b"\r\n\r\n", b"text/plain", *BEGINNINGS)
    ),
    st.sampled_from(
        ("multipart/form-data; boundary=b", "multipart/form-data", "multipart/mixed; boundary=b")
    ),
)
def test_a_form_with_a_file_of_any_bytes_is_answered(here: FuzzedSite, body: bytes, kind: str) -> None:
    with here.api as api:
        check(api.post("/api/v1/media", content=body, headers={"Content-Type": kind}))
        assert api.get("/api/v1/me").status_code == 200
