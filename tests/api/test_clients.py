"""Requests as clients write them: every form of a path, a body and an id; over real sockets on both event loops."""

import gzip
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.clock import later
from tests.support.event_loops import both_event_loops
from tests.support.patience import PATIENCE_S
from tests.support.site import NOBODY, Site, people, phones, site

pytestmark = [pytest.mark.anyio, both_event_loops]

BROADCASTS = "/api/v1/broadcasts"
BODY = {"template_name": "hello", "recipients": people(2)}
HUGE = 12345678901234567890123
Check = Callable[[Site], Awaitable[None]]


async def raw(here: Site, text: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to exactly these bytes, on a connection of their own."""
    host, _, port = here.running.api_address.rpartition(":")
    received = b""
    async with await anyio.connect_tcp(host, int(port)) as stream:
        head = text.strip().replace("\n", "\r\n")
        await stream.send(f"{head}\r\nConnection: close\r\n\r\n".encode() + body)
        with anyio.fail_after(PATIENCE_S):
            try:
                while True:
                    received += await stream.receive()
            except anyio.EndOfStream:
                pass
    head_bytes, _, content = received.partition(b"\r\n\r\n")
    status, *lines = head_bytes.decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), content


def dry(**fields: Any) -> dict[str, Any]:
    return {"url": f"{BROADCASTS}?dry_run=true", "json": BODY | fields}


async def paths_with_a_slash(here: Site) -> None:
    broadcast_id = await here.send(people(1), scheduled_at=later())
    one = f"{BROADCASTS}/{broadcast_id}"
    for method, path, status in (
        ("GET", "/api/v1/me/", 200),
        ("HEAD", "/api/v1/me/", 200),
        ("GET", "/api/v1/me/?", 200),
        ("GET", f"{BROADCASTS}/?limit=1", 200),
        ("GET", f"{one}/", 200),
        ("GET", f"{one}/recipients/", 200),
        ("POST", f"{one}/pause/", 200),
        ("POST", f"{one}/cancel/", 200),
        ("GET", "/livez/", 200),
        ("GET", "/metrics/", 200),
        ("GET", "/api/v1/openapi.json/", 200),
        ("GET", "/api/v1/me//", 404),
        ("GET", "//api/v1/me", 404),
        ("GET", "/api/v1//me", 404),
        ("GET", f"{BROADCASTS}//recipients", 404),
        ("GET", "/api/v1/me%2F", 404),
        ("GET", "/api%2Fv1%2Fme", 404),
        ("GET", f"{one}%2frecipients", 404),
        ("POST", f"{one}%2F/pause", 404),
        ("GET", "/", 404),
    ):
        sent = f"{method} {path} HTTP/1.1\nHost: a\nAuthorization: {here.key}\nContent-Length: 0"
        found, headers, _ = await raw(here, sent)
        assert found == status, (method, path)
        assert "location" not in headers


async def an_encoded_slash_is_part_of_a_parameter(here: Site) -> None:
    for written in ("+49%20151%2F23456789", "%2B49%20151%2f23456789/", "+49 151 23456789"):
        answer = await here.api.post("/api/v1/optouts", json={"phone": "+49 151/23456789"})
        assert answer.status_code == 201
        answer = await here.api.delete(f"/api/v1/optouts/{written}")
        assert (answer.status_code, answer.json()["data"]["phone"]) == (200, "+4915123456789"), written


async def nothing_is_told_without_a_key(here: Site) -> None:
    texts = set()
    for method, path in (
        ("GET", "/api/v1/me"),
        ("GET", "/api/v1/me/"),
        ("GET", "/api/v1/nothing"),
        ("GET", "/api/v1/nothing/"),
        ("GET", "//"),
        ("POST", "/api/v1/me"),
        ("DELETE", "/api/v1/me/"),
        ("FOO", "/api/v1/me"),
        ("OPTIONS", "/api/v1/nothing"),
        ("GET", "*"),
        ("GET", "http://a.example/api/v1/nothing/"),
    ):
        status, headers, content = await raw(here, f"{method} {path} HTTP/1.1\nHost: a\nContent-Length: 0")
        assert status == 401, (method, path)
        assert "location" not in headers
        assert "allow" not in headers
        texts.add(content)
    assert len(texts) == 1


async def other_methods_and_options(here: Site) -> None:
    broadcast_id = await here.send(people(1), scheduled_at=later())
    for path, allow in (
        ("/api/v1/me", "GET, HEAD, OPTIONS"),
        ("/api/v1/me/", "GET, HEAD, OPTIONS"),
        (BROADCASTS, "GET, HEAD, OPTIONS, POST"),
        (f"{BROADCASTS}/{broadcast_id}", "DELETE, GET, HEAD, OPTIONS"),
        (f"{BROADCASTS}/{broadcast_id}/pause", "OPTIONS, POST"),
        ("/api/v1/optouts/1", "DELETE, OPTIONS"),
        ("/api/v1/webhooks/1", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/api/v1/openapi.json", "GET, HEAD, OPTIONS"),
        ("/livez", "GET, HEAD, OPTIONS"),
    ):
        for method in ("PUT", "FOO", "TRACE"):
            answer = await here.api.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, allow), path
            error = answer.json()["error"]
            assert error["code"] == "method_not_allowed"
            assert allow in error["message"]
            assert answer.headers["x-request-id"]
        for headers in ({}, {"Authorization": "none"}):
            answer = await here.api.options(path, headers=headers)
            assert (answer.status_code, answer.content) == (204, b"")
            assert answer.headers["allow"] == allow
            assert "content-length" not in answer.headers
            assert answer.headers["x-request-id"]
        for method in allow.split(", "):
            assert (await here.api.request(method, path)).status_code != 405, (method, path)
    for method in ("get", "head", "Options"):  # methods have a case (RFC 9110, section 9.1)
        sent = f"{method} /api/v1/me HTTP/1.1\nHost: a\nAuthorization: {here.key}"
        status, headers, content = await raw(here, sent)
        assert (status, headers["allow"]) == (405, "get, head, options")
        assert len(content) == int(headers["content-length"])
    status, headers, content = await raw(here, "OPTIONS * HTTP/1.1\nHost: a")
    assert (status, content) == (204, b"")
    assert headers["allow"] == "delete, get, head, options, patch, post"


async def whole_urls(here: Site) -> None:
    for target in (
        "http://a.example/api/v1/me",
        "HTTP://user:secret@a.example:80/api/v1/me/",
        f"http://{here.running.api_address}/api/v1/me",
    ):
        sent = f"GET {target} HTTP/1.1\nHost: b.example\nAuthorization: {here.key}"
        status, _, content = await raw(here, sent)
        assert (status, json.loads(content)["data"]["account"]["name"]) == (200, "shop")
    status, _, content = await raw(
        here, f"GET http://user:secret@a.example/nothing HTTP/1.1\nHost: a\nAuthorization: {here.key}"
    )
    assert status == 404
    assert b"secret" not in content


async def the_description_needs_no_key(here: Site) -> None:
    status, headers, content = await raw(here, "GET /api/v1/openapi.json HTTP/1.1\nHost: a")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(content)["openapi"].startswith("3.1")
    assert "x-ratelimit-limit" not in headers


async def null_is_left_out(here: Site) -> None:
    nothing = {
        **dict.fromkeys(
            ("name", "template_language", "from", "scheduled_at", "header", "buttons", "components")
        ),
        "recipients": [{"to": phones(1)[0], "params": None, "header": None, "buttons": None, "x": None}],
        "unknown": None,
    }
    answer = await here.api.post(BROADCASTS, json=BODY | nothing)
    assert answer.status_code == 202, answer.text
    shown = await here.show(answer.json()["data"]["broadcast_id"])
    assert (shown["template_language"], shown["name"]) == ("en_US", "API broadcast (hello)")
    for header, buttons in (
        ({"document": {"link": "https://a.example/a.pdf", "id": None, "filename": None}}, None),
        ({"text": "Hi", "image": None, "parameter_name": None}, []),
        ({"location": {"latitude": 1, "longitude": 2, "name": None, "address": None}}, None),
        (None, [{"index": 0, "type": "url", "text": "x", "payload": None}]),
        (None, [{"index": 0, "type": "flow", "flow_token": None, "flow_action_data": {"a": None}}]),
    ):
        answer = await here.api.post(**dry(header=header, buttons=buttons))
        assert answer.status_code == 200, answer.text
    for wrong, where in (
        ({"template_name": None}, "template_name"),
        ({"recipients": None}, "recipients"),
        ({"recipients": [None]}, "recipients[0]"),
        ({"recipients": [{"to": phones(1)[0], "params": [None]}]}, "recipients[0].params[0]"),
        ({"recipients": [{"to": phones(1)[0], "params": {"a": None}}]}, "recipients[0].params.a"),
    ):
        answer = await here.api.post(**dry(**wrong))
        assert (answer.status_code, answer.json()["error"]["details"][0]["path"]) == (400, where)
    answer = await here.api.post("/api/v1/optouts", json={"phone": "+14155550199", "detail": None})
    assert (answer.status_code, answer.json()["data"]["detail"]) == (201, None)


async def a_query_is_read_whole_or_refused(here: Site) -> None:
    broadcast_id = await here.send(people(1), scheduled_at=later())
    one = f"{BROADCASTS}/{broadcast_id}"
    before = await here.show(broadcast_id)
    for method, path, body, name in (
        ("POST", f"{one}/retry?dry_run=true", {"statuses": ["failed"]}, "dry_run"),
        ("POST", f"{one}/cancel?dry_run=true", None, "dry_run"),
        ("POST", "/api/v1/optouts?dry_run=true", {"phone": phones(1)[0]}, "dry_run"),
        ("DELETE", "/api/v1/optouts/+14155550123?dry_run=true", None, "dry_run"),
        ("GET", f"{one}?fields=id", None, "fields"),
        ("GET", f"{one}?id={broadcast_id}", None, "id"),
        ("GET", "/api/v1/me/?x=1", None, "x"),
        ("POST", f"{BROADCASTS}?dry_run=true&dry_run=false", BODY, "dry_run"),
        ("GET", f"{BROADCASTS}?status=sent&status=paused", None, "status"),
        ("GET", f"{BROADCASTS}?limit=1&limit=1", None, "limit"),
        ("GET", "/api/v1/numbers?limit=0", None, "limit"),
    ):
        answer = await here.api.request(method, path, json=body)
        error = answer.json()["error"]
        assert (answer.status_code, [each["path"] for each in error["details"]]) == (400, [name]), path
    document = (await here.api.get("/api/v1/openapi.json")).json()
    for item in document["paths"].values():
        for operation in item.values():
            assert (
                not operation["security"] or "`bad_request`" in operation["responses"]["400"]["description"]
            )
    assert await here.show(broadcast_id) == before
    assert (await here.api.get("/api/v1/optouts")).json()["data"] == []
    assert len((await here.api.get(BROADCASTS)).json()["data"]) == 1


async def deep_objects_are_refused(here: Site) -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = {"document": deep}
    for fields in ({"header": deep}, {"buttons": [deep]}, {"components": [deep]}):
        answer = await here.api.post(**dry(**fields))
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


async def integers_are_their_digits(here: Site) -> None:
    given = [0, -1, 1 << 63, 1 << 64, HUGE]
    key = {"Idempotency-Key": "integers"}
    body = BODY | {"recipients": [{"to": phones(1)[0], "params": given}], "x": HUGE}
    first = await here.api.post(BROADCASTS, json=body, headers=key)
    assert first.status_code == 202, first.text
    await here.until_status(first.json()["data"]["broadcast_id"], "sent")
    sent = here.sim.ledger.last_to(phones(1)[0].lstrip("+"))
    assert sent is not None
    assert [each["text"] for each in json.loads(sent.body)["template"]["components"][0]["parameters"]] == [
        str(number) for number in given
    ]
    again = await here.api.post(BROADCASTS, json=body, headers=key)
    assert again.headers["idempotent-replayed"] == "true"
    other = await here.api.post(BROADCASTS, json=body | {"x": HUGE + 1}, headers=key)
    assert other.status_code == 422
    for number in ("1e3", "1.0", "0.1", "-0.0", "true"):
        text = json.dumps(BODY | {"recipients": [{"to": phones(1)[0], "params": ["NUMBER"]}]})
        answer = await here.api.post(BROADCASTS, content=text.replace('"NUMBER"', number))
        error = answer.json()["error"]
        assert (answer.status_code, error["details"][0]["path"]) == (400, "recipients[0].params[0]")
    taken: list[tuple[Any, Any]] = [
        ({"image": {"id": HUGE}}, None),
        ({"text": 17}, None),
        (None, [{"index": 0, "type": "url", "text": 10045}, {"index": 1, "type": "copy_code", "code": 5}]),
    ]
    for header, buttons in taken:
        answer = await here.api.post(**dry(header=header, buttons=buttons))
        assert answer.status_code == 200, answer.text
    refused: list[tuple[Any, Any]] = [
        ({"text": True}, None),
        ({"text": 1.5}, None),
        (None, [{"index": "0", "type": "url", "text": "x"}]),
        (None, [{"index": HUGE, "type": "url", "text": "x"}]),
    ]
    for header, buttons in refused:
        answer = await here.api.post(**dry(header=header, buttons=buttons))
        assert answer.status_code == 400, answer.text
    raw_components = [{"type": "body", "parameters": [{"type": "text", "text": HUGE}]}]
    answer = await here.api.post(**dry(components=raw_components))
    assert (answer.status_code, answer.json()["error"]["details"][0]["path"]) == (400, "components")


async def ids_in_any_case(here: Site) -> None:
    broadcast_id = await here.send(people(1), scheduled_at=later())
    made = await here.api.post("/api/v1/webhooks", json={"url": NOBODY, "events": ["broadcast.cancelled"]})
    hook = f"/api/v1/webhooks/{made.json()['data']['id'].upper()}"
    mixed = f"{BROADCASTS}/{broadcast_id[:18].upper()}{broadcast_id[18:]}"
    for path in ("", "/recipients", "/pause", "/resume", "/cancel", "/events"):
        method = "POST" if path[1:] in ("pause", "resume", "cancel") else "GET"
        answer = await here.api.request(method, mixed + path)
        assert answer.status_code == 200, path
    answer = await here.api.post(f"{BROADCASTS}/{broadcast_id.upper()}/retry", json={"statuses": ["failed"]})
    assert answer.status_code in (202, 409)
    assert (await here.api.get(hook)).status_code == 200
    assert (await here.api.patch(hook, json={"is_active": True})).status_code == 200
    deliveries = (await here.api.get(f"{hook}/deliveries")).json()["data"]
    assert deliveries
    answer = await here.api.post(f"{hook}/deliveries/{deliveries[0]['id'].upper()}/resend")
    assert answer.status_code == 202
    assert (await here.api.delete(hook)).status_code == 200
    for sender in (here.number["id"].upper(), here.number["id"], here.number["phone_number_id"]):
        answer = await here.api.post(**dry(**{"from": sender}))
        assert (answer.status_code, answer.json()["data"]["from"]) == (200, here.number["id"])
    answer = await here.api.get(f"{BROADCASTS}/{broadcast_id.replace('-', '')}")
    assert answer.status_code == 404, "without its dashes it is no id of ours"


async def encodings_of_a_body(here: Site) -> None:
    text = json.dumps(BODY | {"name": "ä"}, ensure_ascii=False)
    for body, headers, status in (
        (b"\xef\xbb\xbf" + text.encode(), {}, 202),
        (gzip.compress(b"\xef\xbb\xbf" + text.encode()), {"Content-Encoding": "gzip"}, 202),
        (text.encode(), {"Content-Encoding": "identity"}, 202),
        (text.encode(), {"Content-Type": "application/json; charset=UTF-8"}, 202),
        (text.encode("utf-16"), {}, 415),
        (text.encode("utf-16-be"), {}, 415),
        (text.encode("latin-1"), {}, 415),
        (text.encode(), {"Content-Type": "application/json; charset=utf-16"}, 415),
        (text.encode(), {"Content-Encoding": "br"}, 415),
        (gzip.compress(gzip.compress(text.encode())), {"Content-Encoding": "gzip, gzip"}, 415),
        (gzip.compress(text.encode())[:-4], {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(text.encode()) + b"x", {"Content-Encoding": "gzip"}, 400),
        (text.encode(), {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(text.encode()), {}, 400),
    ):
        answer = await here.api.post(BROADCASTS, content=body, headers=headers)
        assert answer.status_code == status, (body[:20], headers, answer.text)
        if status == 415:
            assert answer.json()["error"]["code"] == "unsupported_media_type"
            assert "x-ratelimit-remaining" in answer.headers
            assert ("accept-encoding" in answer.headers) == ("Content-Encoding" in headers)
    phone = b"\xef\xbb\xbf" + json.dumps({"phone": "+14155550198"}).encode()
    assert (await here.api.post("/api/v1/optouts", content=phone)).status_code == 201


async def the_decoded_body_is_what_counts(here: Site) -> None:
    key = {"Idempotency-Key": "gzip"}
    plain = json.dumps(BODY).encode()
    first = await here.api.post(BROADCASTS, content=plain, headers=key)
    members = gzip.compress(b"\xef\xbb\xbf" + plain[:50]) + gzip.compress(plain[50:] + b" " * 9000)
    answer = await here.api.post(BROADCASTS, content=members, headers=key | {"Content-Encoding": "gzip"})
    assert answer.headers["idempotent-replayed"] == "true"
    assert answer.json() == first.json()
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 60_000
    for body in (bomb, gzip.compress(plain + b" " * 60_001)):
        answer = await here.api.post(BROADCASTS, content=body, headers={"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "payload_too_large")


@pytest.mark.exhaustive(enough=3)
@pytest.mark.parametrize(
    "check",
    [
        paths_with_a_slash,
        an_encoded_slash_is_part_of_a_parameter,
        nothing_is_told_without_a_key,
        other_methods_and_options,
        whole_urls,
        the_description_needs_no_key,
        null_is_left_out,
        a_query_is_read_whole_or_refused,
        deep_objects_are_refused,
        integers_are_their_digits,
        ids_in_any_case,
        encodings_of_a_body,
        the_decoded_body_is_what_counts,
    ],
    ids=lambda check: check.__name__,
)
async def test_requests_as_clients_write_them(tmp_path: Path, check: Check) -> None:
    extra = "[api]\nmax_body_bytes = 60000\n[outbound_webhooks]\nallow_private = ['127.0.0.0/8']"
    async with site(tmp_path, extra=extra) as here:
        await check(here)


async def test_gzip_that_comes_too_slowly_is_refused(tmp_path: Path) -> None:
    async with site(tmp_path, extra="[api]\nbody_timeout_s = 0.2") as here:
        body = gzip.compress(json.dumps(BODY).encode())
        head = f"POST {BROADCASTS} HTTP/1.1\nHost: a\nAuthorization: {here.key}\nContent-Encoding: gzip"
        status, _, content = await raw(here, f"{head}\nContent-Length: {len(body)}", body[:30])
        assert status == 400
        assert b"did not arrive within 0.2 s: 30 bytes came" in content


async def test_paths_that_do_not_exist_count_for_the_rate_limit(tmp_path: Path) -> None:
    async with site(tmp_path, extra="[limits]\nrequests_per_minute = 2") as here:
        codes = [(await here.api.put(path)).status_code for path in ("/nothing", "/api/v1/me", "/nothing")]
        assert codes == [404, 405, 429]
        assert (await here.api.options("/api/v1/me")).status_code == 204
