"""The HTTP API: whatever a caller with a valid key sends, it gets one of the declared answers and never a 500."""

import json
import re
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.effort import examples
from tests.fuzz.fuzzed_site import FuzzedSite
from tests.fuzz.mutations import TEXTS, VALUES, Seeds, dumped, mutated_bytes, mutated_json
from wacrmd.api.app import ENDPOINTS
from wacrmd.errors import ErrorCode

BROADCAST = {
    "template_name": "hello",
    "template_language": "en_US",
    "dry_run": True,
    "recipients": [
        {"to": "+14155550123", "params": ["Jane"]},
        {
            "to": "+14155550124",
            "params": ["Jo"],
            "components": [{"type": "body", "parameters": [{"type": "text", "text": "x"}]}],
        },
    ],
    "components": [
        {"type": "button", "sub_type": "url", "index": 0, "parameters": [{"type": "text", "text": "x"}]}
    ],
    "metadata": {"a": 1},
}
BODIES: dict[str, dict[str, Any]] = {
    "broadcast.create": BROADCAST,
    "broadcast.retry": {"failed": True},
    "optout.add": {"phone": "+14155550177", "detail": "by phone"},
    "webhook.add": {"url": "http://127.0.0.1:9/x", "events": ["broadcast.sent"]},
    "webhook.set": {"active": True, "events": ["message.status"]},
}
CALLED = [(each, http) for each, http in ENDPOINTS if not http.open and each.name != "broadcast.watch"]
"""All but a stream, which lasts for seconds."""
WITH_BODY = [(each, http) for each, http in CALLED if http.takes_body]
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
    known = {
        "{phone}": here.phone(),
        "{rid}": "1",
        "{delivery_id}": "1",
        "{id}": here.webhook_id if "/webhooks/" in path else here.broadcast_id,
    }
    for name, value in known.items():
        path = path.replace(name, value)
    return path


def check(answer: httpx.Response) -> None:
    """One of the declared answers: an error has a known code, and names the fields that are wrong."""
    assert answer.status_code < 500, answer.text[:2000]
    if answer.status_code >= 400:
        error = answer.json()["error"]
        assert error["code"] in set(ErrorCode)
        assert error["message"]


@examples(70)
@given(st.sampled_from(Seeds(WITH_BODY)), st.data())
def test_a_body_of_any_shape_is_answered(here: FuzzedSite, endpoint: Any, data: st.DataObject) -> None:
    operation, http = endpoint
    body = data.draw(mutated_json([BODIES.get(operation.name, {})]) | VALUES)
    url = body.get("url") if isinstance(body, dict) else None
    if isinstance(url, str) and "127.0.0.1" not in url:
        return  # the name of a host would be looked up
    with here.api as api:
        check(api.request(http.method, path_of(here, http.path), content=dumped(body), headers=JSON))


@examples(60)
@given(
    st.sampled_from(Seeds(each for each in WITH_BODY if not each[0].name.startswith("webhook"))),
    mutated_bytes([json.dumps(body).encode() for body in BODIES.values()], TOKENS),
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
