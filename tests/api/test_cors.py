"""What pages of other origins may do, over real sockets: nothing, unless the configuration lists their origin."""

import sqlite3
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest

from tests.support.clock import later
from tests.support.event_loops import both_event_loops
from tests.support.patience import PATIENCE_S
from tests.support.site import Site, people, site

pytestmark = [pytest.mark.anyio, both_event_loops]

PAGE = "https://crm.example"
EXTRA = f'[api]\nallowed_origins = ["{PAGE}", "http://localhost:5173"]'
FOREIGN = ("https://evil.example", "http://crm.example", "https://crm.example:8443", "null", "*", "")
EXPOSED = {
    *("etag", "retry-after", "x-request-id", "allow", "content-disposition", "idempotent-replayed"),
    *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
}


def cors_headers(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def assert_readable(answer: httpx.Response, origin: str = PAGE) -> None:
    """The page may read the answer and its headers, and a cache keeps it for that origin."""
    found = cors_headers(answer)
    assert found["access-control-allow-origin"] == origin
    assert set(found["access-control-expose-headers"].lower().split(", ")) == EXPOSED
    assert found.keys() == {"access-control-allow-origin", "access-control-expose-headers"}
    assert "origin" in answer.headers["vary"].lower().split(", ")


async def preflight(here: Site, path: str, origin: str, method: str, headers: str = "") -> httpx.Response:
    """As a browser asks: without a key."""
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = headers
    async with httpx.AsyncClient(base_url=here.api.base_url, timeout=PATIENCE_S) as browser:
        return await browser.options(path, headers=asked)


async def test_by_default_no_page_may_read_anything(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for headers in ({}, {"Origin": PAGE}, {"Origin": "null"}):
            answer = await here.api.get("/api/v1/me", headers=headers)
            assert answer.status_code == 200
            assert cors_headers(answer) == {}
            assert "vary" not in answer.headers
        answer = await preflight(here, "/api/v1/me", PAGE, "GET", "authorization")
        assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
        assert cors_headers(answer) == {}


async def test_every_answer_to_a_listed_origin_can_be_read(tmp_path: Path) -> None:
    async with site(tmp_path, extra=EXTRA + "\n[limits]\nrequests_per_minute = 12") as here:
        broadcast_id = await here.send(people(1), scheduled_at=later())
        one = f"/api/v1/broadcasts/{broadcast_id}"
        etag = (await here.api.get(one)).headers["etag"]
        page = {"Origin": PAGE}
        for status, method, path, headers in (
            (200, "GET", one, {}),
            (304, "GET", one, {"If-None-Match": etag}),
            (200, "GET", f"{one}/", {}),
            (200, "GET", f"{one}/recipients", {"Accept": "text/csv"}),
            (401, "GET", one, {"Authorization": "none"}),
            (400, "POST", "/api/v1/broadcasts", {}),
            (415, "POST", "/api/v1/broadcasts", {"Content-Encoding": "br"}),
            (404, "GET", "/api/v1/nothing", {}),
            (405, "PUT", one, {}),
            (204, "OPTIONS", one, {}),
            (200, "GET", "/api/v1/openapi.json", {}),
            (409, "POST", f"{one}/retry", {}),
            (429, "GET", one, {}),
        ):
            json = {"statuses": ["failed"]} if path.endswith("retry") else None
            if status == 429:
                while (await here.api.get("/api/v1/me")).status_code != 429:
                    pass
            answer = await here.api.request(method, path, headers=page | headers, json=json)
            if path.endswith("retry"):
                assert answer.status_code in (202, 409)
            else:
                assert answer.status_code == status, (method, path, answer.text)
            assert_readable(answer)
        answer = await here.api.get("/livez", headers={"Origin": "http://localhost:5173"})
        assert_readable(answer, "http://localhost:5173")


async def test_a_crash_can_be_read(tmp_path: Path) -> None:
    """The crash: a table is missing."""
    async with site(tmp_path, extra=EXTRA) as here:
        await here.running.ctx.db.write(partial(_rename, old="broadcast", new="gone"))
        answer = await here.api.get("/api/v1/broadcasts", headers={"Origin": PAGE})
        assert answer.status_code == 500
        assert_readable(answer)
        await here.running.ctx.db.write(partial(_rename, old="gone", new="broadcast"))


def _rename(tx: sqlite3.Connection, old: str, new: str) -> None:
    tx.execute(f"ALTER TABLE {old} RENAME TO {new}")


async def test_the_answer_to_a_request_that_outlasts_the_drain_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.daemon.DRAIN_S", 0.1)
    monkeypatch.setattr("wacrmd.http.request_tracker.LINGER_S", 0.1)
    async with site(tmp_path, extra=EXTRA) as here:
        host, _, port = here.running.api_address.rpartition(":")
        stream = await anyio.connect_tcp(host, int(port))
        head = f"POST /api/v1/optouts HTTP/1.1\r\nHost: a\r\nAuthorization: {here.key}\r\nOrigin: {PAGE}\r\n"
        await stream.send(f"{head}Content-Length: 10\r\n\r\n{{".encode())
        assert (await here.api.get("/api/v1/me")).status_code == 200
    answer = await stream.receive()
    await stream.aclose()
    assert answer.startswith(b"HTTP/1.1 503")
    assert f"access-control-allow-origin: {PAGE}\r\n".encode() in answer


async def test_other_origins_get_no_headers(tmp_path: Path) -> None:
    async with site(tmp_path, extra=EXTRA) as here:
        for origin in FOREIGN:
            for answer in (
                await here.api.get("/api/v1/me", headers={"Origin": origin}),
                await preflight(here, "/api/v1/me", origin, "GET", "authorization"),
            ):
                assert answer.status_code in (200, 204)
                assert cors_headers(answer) == {}
                assert "Origin" in answer.headers["vary"]
        answer = await here.api.get("/api/v1/me")
        assert cors_headers(answer) == {}
        assert "Origin" in answer.headers["vary"]


@pytest.mark.exhaustive(enough=1)
async def test_a_preflight_is_answered_without_a_key_and_tells_no_path(tmp_path: Path) -> None:
    async with site(tmp_path, extra=EXTRA) as here:
        asked = "authorization,content-type,idempotency-key,if-none-match,last-event-id,x-anything"
        for path in ("/api/v1/broadcasts", "/api/v1/webhooks/1/", "/api/v1/nothing"):
            for method in ("GET", "POST", "PATCH", "DELETE"):
                answer = await preflight(here, path, PAGE, method, asked)
                assert (answer.status_code, answer.content) == (204, b"")
                found = cors_headers(answer)
                assert found["access-control-allow-origin"] == PAGE
                assert found["access-control-allow-headers"] == asked
                assert method in found["access-control-allow-methods"].split(", ")
                assert int(found["access-control-max-age"]) > 0
                assert "access-control-allow-credentials" not in found
                assert "Origin" in answer.headers["vary"]
                assert len(answer.headers["x-request-id"]) == 32
        for method in ("PUT", "patch"):  # fetch sends `patch` as it stands
            answer = await preflight(here, "/api/v1/me", PAGE, method)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (400, "bad_request")
            assert error["message"].endswith(f"DELETE, GET, HEAD, OPTIONS, PATCH, POST, found {method!r}")
            assert answer.headers["x-request-id"]


async def test_a_page_can_follow_a_broadcast_with_fetch(tmp_path: Path) -> None:
    async with site(tmp_path, extra=EXTRA) as here:
        broadcast_id = await here.send(people(1), scheduled_at=later())
        path = f"/api/v1/broadcasts/{broadcast_id}/events"
        with anyio.fail_after(PATIENCE_S):
            async with here.api.stream("GET", path, headers={"Origin": PAGE}) as answer:
                assert_readable(answer)
                async for line in answer.aiter_lines():
                    if line == "event: progress":
                        break


async def test_the_list_of_origins_can_be_reloaded(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        ctx = here.running.ctx
        api = ctx.config.api.model_copy(update={"allowed_origins": (PAGE,)})
        ctx.config = ctx.config.model_copy(update={"api": api})
        assert_readable(await here.api.get("/api/v1/me", headers={"Origin": PAGE}))
