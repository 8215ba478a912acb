"""Webhooks that come together are stored together, and those above the backlog are refused."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from structlog.testing import capture_logs

from tests.ops.test_metrics import values
from tests.support.clock import ShiftClock
from tests.support.meta import metadata, post_change, seconds_now
from tests.support.patience import eventually
from tests.support.site import Site, people, site
from wacrmd import periodic_jobs
from wacrmd.services.meta_webhook_backlog import EPISODE_GAP, STALL_S
from wacrmd.store.database import Tx

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def writer_held(here: Site) -> AsyncIterator[None]:
    """Inside the block nothing is written: the writer's thread works on something else."""
    entered, release = threading.Event(), threading.Event()

    def hold(tx: Tx) -> None:
        entered.set()
        release.wait()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(here.running.ctx.db.write, hold)
        await eventually(entered.is_set)
        try:
            yield
        finally:
            release.set()


async def post_message(here: Site, message_id: str, padding: int = 0) -> httpx.Response:
    """Post a person's message; `padding` makes the body larger."""
    message = {"id": message_id, "from": "14155550100", "type": "text", "timestamp": str(seconds_now())}
    value = {"metadata": metadata(), "messages": [message | {"text": {"body": "x" * padding}}]}
    return await post_change(here.hook, "messages", value)


async def post_status(here: Site, wamid: str, word: str) -> httpx.Response:
    one = {"id": wamid, "status": word, "timestamp": str(seconds_now())}
    return await post_change(here.hook, "messages", {"metadata": metadata(), "statuses": [one]})


async def stored_messages(here: Site) -> set[str]:
    def read(tx: Tx) -> set[str]:
        return {row[0] for row in tx.execute("SELECT id FROM inbound_message")}

    return await here.running.ctx.db.read(read)


def waiting(here: Site) -> int:
    return here.running.ctx.meta_webhook_backlog.webhooks


async def until_waiting(here: Site, count: int) -> None:
    await eventually(lambda: waiting(here) == count)


def started(here: Site, *ids: str, padding: int = 0) -> list[asyncio.Task[httpx.Response]]:
    return [asyncio.create_task(post_message(here, each, padding)) for each in ids]


async def test_webhooks_that_wait_share_a_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        periodic_jobs, "maintenance", lambda *_: []
    )  # at the start each of its steps is a transaction
    async with site(tmp_path) as here:
        async with writer_held(here):
            posts = started(here, "first")
            await until_waiting(here, 1)
            posts += started(here, *(f"m{index}" for index in range(10)))
            await until_waiting(here, 11)
            groups: list[int] = []
            here.running.ctx.db.on_commit = lambda _, writes: groups.append(writes)
        answers = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {200}
        assert len(await stored_messages(here)) == 11
        assert sum(groups) <= 4, (
            "the held write, the first webhook, the ten others, and perhaps a periodic job"
        )


async def test_statuses_are_applied_in_the_order_of_their_webhooks(tmp_path: Path) -> None:
    async with site(tmp_path, delivered_share=0, read_share=0, replied_share=0) as here:
        broadcast_id = await here.send(people(1))
        await here.until_status(broadcast_id, "sent")
        await here.sim.idle()
        wamid = here.sim.ledger.entries[0].wamid
        async with writer_held(here):
            posts = [asyncio.create_task(post_message(here, "first"))]
            for number, word in enumerate(("delivered", "failed", "read"), start=2):
                posts.append(asyncio.create_task(post_status(here, wamid, word)))
                await until_waiting(here, number)
        assert {answer.status_code for answer in await asyncio.gather(*posts)} == {200}
        shown = await here.show(broadcast_id)
        assert (shown["read_count"], shown["failed_count"]) == (1, 0)
        (row,) = (await here.api.get(f"/api/v1/broadcasts/{broadcast_id}/recipients")).json()["data"]
        path = f"/api/v1/broadcasts/{broadcast_id}/recipients/{row['id']}"
        history = (await here.api.get(path)).json()["data"]["history"]
        assert [each["event"] for each in history] == ["attempt", "delivered", "read"]


async def test_a_webhook_that_cannot_be_applied_harms_no_other(tmp_path: Path) -> None:
    def refuse_one(tx: Tx) -> None:
        tx.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON inbound_message WHEN NEW.id = 'bad'"
            " BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )

    async with site(tmp_path) as here:
        await here.running.ctx.db.write(refuse_one)
        with capture_logs() as events:
            async with writer_held(here):
                posts = started(here, "first")
                await until_waiting(here, 1)
                posts += started(here, "a", "bad", "b")
                await until_waiting(here, 4)
            answers = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {200}
        assert await stored_messages(here) == {"first", "a", "b"}
        assert [e["event"] for e in events if e["log_level"] == "error"] == ["meta_webhook_update_crashed"]
        assert (await post_message(here, "c")).status_code == 200
        assert waiting(here) == 0


async def test_above_the_backlog_webhooks_are_refused_at_once_and_those_in_it_are_stored(
    tmp_path: Path,
) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        with capture_logs() as events:
            async with writer_held(here):
                taken = started(here, *(f"m{index}" for index in range(20)), padding=20_000)
                await until_waiting(here, 20)
                await anyio.sleep(STALL_S + 0.1)
                refused = [await post_message(here, f"late{index}") for index in range(3)]
                large = await post_message(here, "large", padding=100_000)
                unsigned = await here.hook.post("/webhooks/meta", content=b"{}")
            assert {(await post).status_code for post in taken} == {200}
            for answer in (*refused, large, unsigned):
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                assert answer.json()["error"]["code"] == "unavailable"
            assert await stored_messages(here) == {f"m{index}" for index in range(20)}
            assert (await post_message(here, "late0")).status_code == 200
        assert [(e["event"], e["waiting"]) for e in events if "overload" in e["event"]] == [
            ("meta_webhook_overload_started", 20)
        ]
        assert (await values(here))["wacrmd_meta_webhooks_refused_total"] == 5
        shown = await here.admin("status")
        assert (shown["webhooks"]["waiting"], shown["webhooks"]["refused"]) == (0, 5)
        assert [each for each in shown["warnings"] if "5 were refused" in each]
        checks = (await here.admin("doctor"))["checks"]
        assert [each["state"] for each in checks if each["check"] == "overload"] == ["warn"]
        clock.advance(EPISODE_GAP)
        with capture_logs() as events:
            await post_message(here, "later")
            await eventually(lambda: [e for e in events if e["event"] == "meta_webhook_overload_ended"])


async def test_webhooks_with_a_wrong_signature_take_no_place(tmp_path: Path) -> None:
    headers = {"X-Hub-Signature-256": f"sha256={'0' * 64}"}
    body = json.dumps({"text": "x" * 60_000}).encode()
    async with site(tmp_path) as here:
        async with writer_held(here):
            forged = [here.hook.post("/webhooks/meta", content=body, headers=headers) for _ in range(40)]
            answers: list[Any] = await asyncio.gather(*forged)
            assert {answer.status_code for answer in answers} == {401}
            assert waiting(here) == 0
            (taken,) = started(here, "real")
            await until_waiting(here, 1)
        assert (await taken).status_code == 200


async def test_a_connection_goes_on_after_an_early_refusal(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        host, port = here.running.meta_webhooks_address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))

        async def exchange(raw: bytes) -> tuple[int, dict[str, str], bytes]:
            writer.write(raw)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))

        post = (
            b"POST /webhooks/meta HTTP/1.1\r\nhost: a\r\nx-request-id: mine\r\ncontent-length: 2\r\n"
            b"x-hub-signature-256: sha256=%b\r\n\r\n{}" % (b"0" * 64)
        )
        async with writer_held(here):
            taken = started(here, *(f"m{index}" for index in range(20)), padding=20_000)
            await until_waiting(here, 20)
            await anyio.sleep(STALL_S + 0.1)
            status, headers, body = await exchange(post)
            assert (status, headers["retry-after"], headers["x-request-id"]) == (503, "1", "mine")
            assert headers["content-type"] == "application/json"
            assert json.loads(body)["error"]["code"] == "unavailable"
            writer.write(post[:50])  # the rest comes later: this one is parsed
            await anyio.sleep(0.05)
            status, headers, body = await exchange(post[50:])
            assert (status, headers["x-request-id"]) == (503, "mine")
            assert (await exchange(post.replace(b"POST", b"PUT")))[0] == 405
            assert (await exchange(post))[0] == 503
        assert {(await each).status_code for each in taken} == {200}
        assert (await exchange(post))[0] == 401
        writer.close()
