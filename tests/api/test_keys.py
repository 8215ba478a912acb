"""Keys of apps: from where they are accepted, how they are replaced, and what ends with them."""

import re
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from structlog.testing import capture_logs

from tests.support.clock import ShiftClock
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import Site, people, site
from wacrmd.admin.protocol import RpcError
from wacrmd.api.pipeline import RECHECK_INTERVAL, while_valid
from wacrmd.clock import DAY, HOUR, MINUTE, iso, parse_iso
from wacrmd.domain.account import ApiKey
from wacrmd.domain.network import address_of
from wacrmd.http.middleware import AnswerCutError
from wacrmd.operations import broadcast_events
from wacrmd.operations.operation import Stream
from wacrmd.services.broadcasts.follow import follow
from wacrmd.store import keys

pytestmark = pytest.mark.anyio

ME = "/api/v1/me"


async def made(here: Site, **more: Any) -> dict[str, Any]:
    key: dict[str, Any] = await here.admin(
        "key.create", **{"account": "shop", "name": "crm", "scopes": ["broadcasts:send"], **more}
    )
    return key


async def shown(here: Site, key: dict[str, Any]) -> dict[str, Any]:
    """A key as operators see it."""
    (found,) = [each for each in await here.admin("key.list") if each["id"] == key["id"]]
    assert isinstance(found, dict)
    return found


async def status(here: Site, key: dict[str, Any], **headers: str) -> int:
    answer = await here.api.get(ME, headers={"Authorization": f"Bearer {key['key']}", **headers})
    return answer.status_code


def stored(folder: Path, key: dict[str, Any]) -> tuple[int | None, str | None]:
    """The last use of a key in the file."""
    with sqlite3.connect(folder / "wacrmd.db") as database:
        row = database.execute(
            "SELECT last_used_at, last_used_from FROM api_key WHERE id = ?", (key["id"],)
        ).fetchone()
    database.close()
    return row[0], row[1]


# --- addresses ------------------------------------------------------------------------------------------------


async def test_a_key_is_accepted_from_its_addresses_only(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        near = await made(here, allowed_from=["10.0.0.0/8", "127.0.0.1"])
        far = await made(here, allowed_from=["10.0.0.0/8", "::1"])
        assert near["allowed_from"] == ["10.0.0.0/8", "127.0.0.1/32"]
        assert await status(here, near) == 200
        unknown = await here.api.get(ME, headers={"Authorization": "Bearer wacrm_live_" + "A" * 43})
        with capture_logs() as events:
            for name in ("X-Forwarded-For", "X-Real-IP", "X-Nothing"):
                answer = await here.api.get(ME, headers={"Authorization": far["key"], name: "10.0.0.1"})
                assert (answer.status_code, answer.content) == (401, unknown.content)
                assert answer.headers.keys() == unknown.headers.keys()
    refused = [each for each in events if each["event"] == "api_key_refused"]
    assert len(refused) == 1, "the first at once, the others are summed up once a minute"
    assert (
        refused[0].items()
        >= {"key_prefix": far["prefix"], "reason": "address", "address": "127.0.0.1"}.items()
    )


async def test_a_peer_of_a_dual_stack_listener_has_its_ipv4_address(tmp_path: Path) -> None:
    async with site(tmp_path, extra='[api]\nbind = "[::]:0"') as here:
        key = await made(here, allowed_from=["127.0.0.0/8"])
        port = here.running.api_address.rsplit(":", 1)[1]
        async with httpx.AsyncClient(headers={"Authorization": key["key"]}) as ipv4:
            assert (await ipv4.get(f"http://127.0.0.1:{port}{ME}")).status_code == 200
        assert (await shown(here, key))["last_used_from"] == "127.0.0.1"


async def test_a_unix_socket_has_no_address(tmp_path: Path) -> None:
    """A key that is limited to addresses is not accepted there: nobody knows where such a caller is."""
    async with site(tmp_path, extra=f'[api]\nbind = "unix:{tmp_path}/api.sock"') as here:
        anywhere, limited = await made(here), await made(here, allowed_from=["0.0.0.0/0", "::/0"])
        transport = httpx.AsyncHTTPTransport(uds=f"{tmp_path}/api.sock")
        async with httpx.AsyncClient(transport=transport, base_url="http://wacrmd") as local:
            for key, expected in ((anywhere, 200), (limited, 401)):
                answer = await local.get(ME, headers={"Authorization": key["key"]})
                assert answer.status_code == expected
        found = await shown(here, anywhere)
        assert (found["last_used_from"], found["last_used_at"] is None) == (None, False)


async def test_a_network_that_is_none_is_refused(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        with pytest.raises(RpcError, match=re.escape("did you mean 10.0.0.0/8")):
            await made(here, allowed_from=["10.1.2.3/8"])
        with pytest.raises(RpcError, match="expected an address or a network"):
            await made(here, allowed_from=["crm.lan"])
        with pytest.raises(RpcError, match="allowed_from: expected at least 1"):
            await made(here, allowed_from=[])


# --- last use -------------------------------------------------------------------------------------------------


async def test_the_last_use_is_shown_at_once_and_written_once_a_minute(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        key = await made(here)
        assert (await shown(here, key))["last_used_at"] is None
        assert await status(here, key) == 200
        first = await shown(here, key)
        assert first["last_used_from"] == "127.0.0.1"
        clock.advance(MINUTE)
        await eventually(lambda: stored(tmp_path, key)[0] is not None)
        written = stored(tmp_path, key)
        assert written == (parse_iso(first["last_used_at"]), "127.0.0.1")
        for _ in range(20):
            clock.advance(100)
            assert await status(here, key) == 200
        last = await shown(here, key)
        assert last["last_used_at"] > first["last_used_at"]
        assert stored(tmp_path, key) == written, "no request writes"
    assert stored(tmp_path, key) == (parse_iso(last["last_used_at"]), "127.0.0.1"), "a stop loses nothing"


async def test_a_refused_call_is_no_use(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        key = await made(here, allowed_from=["10.0.0.0/8"])
        assert await status(here, key) == 401
        assert (await shown(here, key))["last_used_at"] is None


# --- rotation -------------------------------------------------------------------------------------------------


async def test_both_keys_work_until_the_overlap_ends(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, extra="[limits]\nrequests_per_minute = 10") as here:
        old = await made(here, allowed_from=["127.0.0.1"])
        new = await here.admin("key.rotate", id=old["id"], overlap_hours=24)
        same = ("account", "name", "scopes", "allowed_from", "expires_at")
        assert [new[each] for each in same] == [old[each] for each in same]
        assert new["key"] != old["key"]
        assert new["replaces"]["id"] == old["id"]
        assert new["replaces"]["replaced_by"] == new["id"]
        end = parse_iso(new["replaces"]["expires_at"])
        assert abs(end - clock.wall() - 24 * HOUR) < MINUTE

        (entry,) = [each for each in await here.admin("audit") if each["method"] == "key.rotate"]
        assert new["key"] not in str(entry)

        both = [await here.api.get(ME, headers={"Authorization": each["key"]}) for each in (old, new)]
        remaining = [int(each.headers["x-ratelimit-remaining"]) for each in both]
        assert remaining[1] == remaining[0] - 1, "both share one rate limit"

        first, again = [
            await here.api.post(
                "/api/v1/broadcasts",
                json={"template_name": "hello", "recipients": people(1)},
                headers={"Authorization": each["key"], "Idempotency-Key": "one"},
            )
            for each in (old, new)
        ]
        assert first.json() == again.json()
        assert again.headers["idempotent-replayed"] == "true"

        clock.advance(24 * HOUR)
        assert [await status(here, each) for each in (old, new)] == [401, 200]


async def test_the_new_key_lives_as_long_as_the_old_one_which_lives_no_longer_than_before(
    tmp_path: Path,
) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        old = await made(here, expires_in_days=30)
        clock.advance(29 * DAY + 12 * HOUR)
        new = await here.admin("key.rotate", id=old["id"], overlap_hours=24)
        assert new["replaces"]["expires_at"] == old["expires_at"], "twelve hours are left, not 24"
        assert abs(parse_iso(new["expires_at"]) - clock.wall() - 30 * DAY) < MINUTE
        short = await here.admin("key.rotate", id=new["id"], overlap_hours=0, expires_in_days=1)
        assert abs(parse_iso(short["expires_at"]) - clock.wall() - DAY) < MINUTE
        assert await status(here, new) == 401, "no overlap"
        assert await status(here, short) == 200


async def test_a_key_that_cannot_be_rotated_says_what_to_do(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        revoked, expired, old = await made(here), await made(here, expires_in_days=1), await made(here)
        await here.admin("key.revoke", id=revoked["id"])
        new = await here.admin("key.rotate", id=old["id"], overlap_hours=100)
        with pytest.raises(RpcError, match=f"has been replaced by {new['id'][:8]}: rotate that one"):
            await here.admin("key.rotate", id=old["id"])
        clock.advance(2 * DAY)
        for key, why in ((revoked, "is revoked"), (expired, "is expired")):
            with pytest.raises(RpcError, match=f"{why}, so no app uses it: create a new one"):
                await here.admin("key.rotate", id=key["id"])
        with pytest.raises(RpcError, match="not found"):
            await here.admin("key.rotate", id="nothing")
        # A new key that was lost can be replaced as long as the old one works.
        await here.admin("key.revoke", id=new["id"])
        another = await here.admin("key.rotate", id=old["id"])
        assert [await status(here, each) for each in (old, new, another)] == [200, 401, 200]


async def test_an_account_can_be_removed_when_its_keys_have_expired(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        await here.admin("account.add", name="other")
        old = await made(here, account="other")
        new = await here.admin("key.rotate", id=old["id"], overlap_hours=1)
        with pytest.raises(RpcError, match="still has"):
            await here.admin("account.remove", name="other")
        await here.admin("key.revoke", id=new["id"])
        clock.advance(HOUR)
        await here.admin("account.remove", name="other")
        assert await status(here, new) == 401


# --- long answers ---------------------------------------------------------------------------------------------


@pytest.fixture
def quick_heartbeats(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(broadcast_events, "follow", partial(follow, heartbeat_s=0.05))
    yield


@pytest.mark.usefixtures("quick_heartbeats")
@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_an_event_stream_ends_at_the_next_heartbeat_after_its_key(tmp_path: Path, end: str) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        key = await made(here, expires_in_days=30)
        broadcast_id = await here.send(people(1), scheduled_at=iso(clock.wall() + 90 * DAY))
        url = f"/api/v1/broadcasts/{broadcast_id}/events"
        text = ""
        with anyio.fail_after(PATIENCE_S):
            async with here.api.stream("GET", url, headers={"Authorization": key["key"]}) as answer:
                async for part in answer.aiter_text():
                    text += part
                    if text.count("heartbeat") == 2:
                        if end == "revoked":
                            await here.admin("key.revoke", id=key["id"])
                            clock.advance(RECHECK_INTERVAL)
                        else:
                            clock.advance(31 * DAY)
        assert "event: end" not in text
        again = await here.api.get(url, headers={"Authorization": key["key"]})
        assert again.status_code == 401, "a client that comes back learns it"


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("end", ["revoked", "removed", "moved"])
async def test_an_export_is_cut_off_when_its_key_ends(tmp_path: Path, end: str) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        await here.admin("account.add", name="other")
        new = await made(here, account="other", allowed_from=["127.0.0.1"])
        key = await here.running.ctx.db.read(partial(keys.get, key_id=new["id"]))
        assert isinstance(key, ApiKey)
        address = str(address_of("127.0.0.1"))

        async def rows() -> AsyncGenerator[bytes, None]:
            while True:
                clock.advance(RECHECK_INTERVAL)
                yield b"row\n"

        pieces = while_valid(here.running.ctx, Stream("text/csv", rows()), key, address)
        for _ in range(3):
            assert await anext(pieces) == b"row\n"
        if end == "moved":
            pieces = while_valid(here.running.ctx, Stream("text/csv", rows()), key, "192.0.2.1")
        else:
            await here.admin("key.revoke", id=new["id"])
            if end == "removed":
                await here.admin("account.remove", name="other")
        with pytest.raises(AnswerCutError):
            await anext(pieces)
