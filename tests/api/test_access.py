"""Keys, scopes, rate limits and errors, which are the same for every endpoint."""

import re
import socket
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from tests.support.clock import ShiftClock, later
from tests.support.patience import PATIENCE_S
from tests.support.site import ALL_SCOPES, Site, people, site
from wacrmd.api.app import ENDPOINTS
from wacrmd.clock import DAY, MINUTE
from wacrmd.domain.drain import Drain
from wacrmd.errors import ERRORS, ErrorCode

pytestmark = pytest.mark.anyio


def url(path: str) -> str:
    return re.sub(r"{\w+}", "1", path)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The error of a response, after a check of its format."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    body = answer.json()
    assert body.keys() == {"error"}
    error: dict[str, Any] = body["error"]
    assert {"code", "message"} <= error.keys() <= {"code", "message", "details"}
    assert answer.status_code == ERRORS[ErrorCode(error["code"])].status
    return error


async def new_key(here: Site, *scopes: str, **more: Any) -> dict[str, str]:
    """Headers with another key of the same account."""
    made = await here.admin("key.create", account="shop", name="another", scopes=list(scopes), **more)
    return {"Authorization": f"Bearer {made['key']}"}


async def test_every_bad_key_gets_the_same_401_at_every_endpoint(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        revoked = await here.admin("key.create", account="shop", name="old", scopes=[])
        await here.admin("key.revoke", id=revoked["id"])
        expired = await here.admin("key.create", account="shop", name="old", scopes=[], expires_in_days=1)
        clock.advance(2 * DAY)
        bad = [
            {"Authorization": ""},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer nonsense"},
            {"Authorization": "Basic d2FjcjptZA=="},
            {"Authorization": f"Bearer {here.key[:-1]}"},
            {"Authorization": f"Bearer {here.key}x"},
            {"Authorization": f"Bearer wacrm_live_{'A' * 43}"},
            {"Authorization": f"Bearer {revoked['key']}"},
            {"Authorization": f"Bearer {expired['key']}"},
        ]
        responses = set()
        for headers in bad:
            answer = await here.api.get("/api/v1/me", headers=headers)
            assert error_of(answer)["code"] == "unauthorized", headers
            responses.add(answer.text)
        assert len(responses) == 1
        for _, row in ENDPOINTS:
            if row.open:
                continue
            answer = await here.api.request(row.method, url(row.path), headers=bad[2])
            assert error_of(answer)["code"] == "unauthorized", row
        answer = await here.api.get("/api/v1/unknown", headers=bad[2])
        assert error_of(answer)["code"] == "unauthorized"
        async with httpx.AsyncClient(base_url=here.api.base_url) as without_key:
            assert error_of(await without_key.get("/api/v1/me"))["code"] == "unauthorized"


async def test_a_key_is_accepted_without_bearer_and_me_shows_its_account(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for header in (here.key, f"Bearer {here.key}", f"bearer  {here.key}"):
            answer = await here.api.get("/api/v1/me", headers={"Authorization": header})
            assert answer.status_code == 200
            data = answer.json()["data"]
            assert data["account"] == {"id": here.account["id"], "name": "shop"}
            assert sorted(data["key"]["scopes"]) == sorted(ALL_SCOPES)
            assert data["key"].keys() == {"id", "scopes"}


async def test_the_error_for_a_missing_scope_names_the_scope(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        none = await new_key(here)
        for _, row in ENDPOINTS:
            if not row.scopes:
                answer = await here.api.request(row.method, url(row.path), headers=none)
                assert answer.status_code == 200
                continue
            answer = await here.api.request(row.method, url(row.path), headers=none)
            error = error_of(answer)
            assert error["code"] == "forbidden", row
            assert all(scope in error["message"] for scope in row.scopes)
        for _, row in ENDPOINTS:
            for scope in row.scopes:
                one = await new_key(here, scope)
                answer = await here.api.request(row.method, url(row.path), headers=one)
                assert answer.status_code not in (401, 403), (row, scope)


async def test_revoking_takes_effect_on_the_next_request(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        made = await here.admin("key.create", account="shop", name="short", scopes=[])
        headers = {"Authorization": made["key"]}
        assert (await here.api.get("/api/v1/me", headers=headers)).status_code == 200
        await here.admin("key.revoke", id=made["id"])
        assert (await here.api.get("/api/v1/me", headers=headers)).status_code == 401


async def test_requests_above_the_rate_limit_of_a_key_get_429(tmp_path: Path) -> None:
    """The limit counts after the key check and before the scope check. Each key has its own."""
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, extra="[limits]\nrequests_per_minute = 3") as here:
        for left in (2, 1, 0):
            answer = await here.api.get("/api/v1/me")
            assert answer.status_code == 200
            assert answer.headers["x-ratelimit-limit"] == "3"
            assert answer.headers["x-ratelimit-remaining"] == str(left)
            assert clock.now() // 1000 < int(answer.headers["x-ratelimit-reset"]) <= clock.now() // 1000 + 61
        answer = await here.api.get("/api/v1/broadcasts")
        assert error_of(answer)["code"] == "rate_limited"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert answer.headers["x-ratelimit-remaining"] == "0"
        none = await new_key(here)
        answer = await here.api.get("/api/v1/broadcasts", headers=none)
        assert error_of(answer)["code"] == "forbidden"
        assert answer.headers["x-ratelimit-remaining"] == "2"
        clock.advance(MINUTE)
        assert (await here.api.get("/api/v1/me")).status_code == 200


async def test_a_valid_request_id_is_returned_and_any_other_is_replaced(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        answer = await here.api.get("/api/v1/me", headers={"X-Request-Id": "crm-2026.11_23"})
        assert answer.headers["x-request-id"] == "crm-2026.11_23"
        for invalid in ("a b", "x" * 129, "<script>"):
            answer = await here.api.get("/api/v1/me", headers={"X-Request-Id": invalid})
            assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_unknown_paths_are_not_found(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for method, path in (
            ("GET", "/"),
            ("GET", "/api/v1/nothing"),
            ("GET", "/api/v2/broadcasts"),
            ("PUT", "/api/v1/nothing"),
            ("OPTIONS", "/api/v1/nothing"),
        ):
            answer = await here.api.request(method, path)
            error = error_of(answer)
            assert error["code"] == "not_found"
            assert path in error["message"]
            assert "x-ratelimit-remaining" in answer.headers


async def test_resources_of_another_account_are_not_found(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(2))
        await here.until_status(broadcast_id, "sent")
        rows = (await here.api.get(f"/api/v1/broadcasts/{broadcast_id}/recipients")).json()["data"]
        await here.admin("account.add", name="rival")
        made = await here.admin("key.create", account="rival", name="rival", scopes=list(ALL_SCOPES))
        rival = {"Authorization": made["key"]}
        one = f"/api/v1/broadcasts/{broadcast_id}"
        for method, path in (
            ("GET", one),
            ("GET", f"{one}/recipients"),
            ("GET", f"{one}/recipients/{rows[0]['id']}"),
            ("GET", f"{one}/events"),
            ("POST", f"{one}/pause"),
            ("POST", f"{one}/resume"),
            ("POST", f"{one}/cancel"),
        ):
            answer = await here.api.request(method, path, headers=rival)
            assert error_of(answer)["code"] == "not_found", path
        answer = await here.api.post(f"{one}/retry", headers=rival, json={"statuses": ["failed"]})
        assert error_of(answer)["code"] == "not_found"
        assert (await here.api.get("/api/v1/broadcasts", headers=rival)).json()["data"] == []
        assert (await here.api.get("/api/v1/numbers", headers=rival)).json()["data"] == []
        body = {"template_name": "hello", "recipients": people(1)}
        answer = await here.api.post("/api/v1/broadcasts", headers=rival, json=body)
        assert error_of(answer)["code"] == "whatsapp_not_configured"
        other = await here.send(people(1))
        answer = await here.api.get(f"/api/v1/broadcasts/{other}/recipients/{rows[0]['id']}")
        assert error_of(answer)["code"] == "not_found"  # of another broadcast


async def test_a_body_that_is_too_large_or_too_slow_is_rejected(tmp_path: Path) -> None:
    extra = "[api]\nmax_body_bytes = 20000\nbody_timeout_s = 0.3"
    async with site(tmp_path, extra=extra) as here:
        answer = await here.post(people(1000))
        assert error_of(answer)["code"] == "payload_too_large"

        async def chunks() -> Any:
            for _ in range(30):
                yield b" " * 1000

        answer = await here.api.post("/api/v1/broadcasts", content=chunks())
        assert error_of(answer)["code"] == "payload_too_large"

        host, _, port = here.running.api_address.rpartition(":")

        def stall() -> bytes:
            with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as peer:
                head = f"POST /api/v1/broadcasts HTTP/1.1\r\nHost: x\r\nAuthorization: {here.key}\r\n"
                peer.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
                got = b""
                while not got.endswith(b"}}"):
                    got += peer.recv(65536)
                return got

        response = await anyio.to_thread.run_sync(stall)
        assert response.startswith(b"HTTP/1.1 400")
        assert b"did not arrive within 0.3 s: 1 bytes came" in response


async def test_a_body_that_is_not_a_json_object_is_a_bad_request(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for body, message in (
            (b"", "not valid JSON: it is empty"),
            (b"{", "not valid JSON"),
            (b"[]", "must be a JSON object, found an array"),
            (b'"{}"', "must be a JSON object, found a string"),
            (b'{"a":' * 3000, "nested too deep"),
        ):
            error = error_of(await here.api.post("/api/v1/broadcasts", content=body))
            assert error["code"] == "bad_request"
            assert message in error["message"]


async def test_an_unexpected_exception_is_a_500_with_the_request_id(tmp_path: Path) -> None:
    """The exception: a table is missing."""
    async with site(tmp_path) as here:
        await here.running.ctx.db.write(partial(_rename, old="broadcast", new="gone"))
        answer = await here.api.get("/api/v1/broadcasts", headers={"X-Request-Id": "find-me"})
        error = error_of(answer)
        assert error["code"] == "internal"
        assert "find-me" in error["message"]
        assert "no such table" not in answer.text
        assert (await here.api.get("/api/v1/me")).status_code == 200
        await here.running.ctx.db.write(partial(_rename, old="gone", new="broadcast"))


def _rename(tx: sqlite3.Connection, old: str, new: str) -> None:
    tx.execute(f"ALTER TABLE {old} RENAME TO {new}")


async def test_while_draining_new_broadcasts_get_503_and_reads_work(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.running.ctx.drain = Drain(0)
        answer = await here.post(people(1))
        assert error_of(answer)["code"] == "unavailable"
        assert int(answer.headers["retry-after"]) > 0
        assert (await here.api.get("/api/v1/broadcasts")).json()["data"] == []
        ready = await here.api.get("/readyz")
        assert error_of(ready)["code"] == "unavailable"
        assert (await here.api.get("/livez")).status_code == 200


async def test_a_head_request_to_a_stream_ends(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(2), scheduled_at=later())
        with anyio.fail_after(PATIENCE_S):
            answer = await here.api.head(f"/api/v1/broadcasts/{broadcast_id}/events")
            assert answer.status_code == 200
            answer = await here.api.head(f"/api/v1/broadcasts/{broadcast_id}")
            assert (answer.status_code, answer.content) == (200, b"")
            answer = await here.api.get("/api/v1/me")
            assert answer.status_code == 200


async def test_invalid_pipelined_requests_do_not_stop_the_listener(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        host, _, port = here.running.api_address.rpartition(":")

        def talk() -> bytes:
            with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as peer:
                peer.sendall(b"nonsense\r\n\r\n")
                return peer.recv(100)

        assert (await anyio.to_thread.run_sync(talk)).startswith(b"HTTP/1.1 400")
        assert (await here.api.get("/api/v1/me")).status_code == 200
