"""Server-sent events: live, limited in rate, resumable, with keepalives, and ended by a shutdown."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from tests.support.clock import ShiftClock
from tests.support.patience import PATIENCE_S
from tests.support.site import Site, people, site
from wacrmd.clock import HOUR, MINUTE, iso
from wacrmd.domain.actor import Actor
from wacrmd.domain.drain import Drain
from wacrmd.operations.broadcast_events import stream
from wacrmd.services.broadcasts.follow import follow
from wacrmd.services.broadcasts.read import broadcast_of

pytestmark = pytest.mark.anyio

DOCS = Path(__file__).parents[2] / "docs" / "api.md"


@dataclass
class Event:
    """One event as a browser reads it."""

    name: str
    id: str
    data: dict[str, Any]


def path(broadcast_id: str) -> str:
    return f"/api/v1/broadcasts/{broadcast_id}/events"


async def events(answer: httpx.Response) -> AsyncGenerator[Event, None]:
    """Read a stream by the rules of the HTML standard that wacrmd uses."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
        elif "data" in fields:
            yield Event(fields["event"], fields["id"], json.loads(fields["data"]))
            fields = {}


async def all_events(here: Site, broadcast_id: str, **headers: str) -> list[Event]:
    """All events until the stream ends."""
    async with here.api.stream("GET", path(broadcast_id), headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["cache-control"] == "no-store"
        return [event async for event in events(answer)]


async def test_progress_events_are_sent_until_the_end_event(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, messages_per_second=100, read_share=0.0) as here:
        broadcast_id = await here.send(people(120))
        # the burst of the rate limiter
        await here.until(broadcast_id, lambda shown: shown["sent_count"] == 10)
        began = time.monotonic()
        got = []
        with anyio.fail_after(PATIENCE_S):
            async with (
                here.api.stream("GET", path(broadcast_id)) as answer,
                aclosing(events(answer)) as received,
            ):
                async for event in received:
                    got.append(event)
                    clock.go()  # the first event has been received
        took = time.monotonic() - began
        assert [event.name for event in got[:-1]] == ["progress"] * (len(got) - 1)
        assert got[-1].name == "end"
        assert got[0].data["sent_count"] == 10
        assert len(got) - 1 <= took / 0.5 + 2  # at most twice a second
        counts = [event.data["sent_count"] for event in got]
        assert counts == sorted(counts)
        assert got[-1].data == await here.show(broadcast_id)
        assert (got[-1].data["status"], got[-1].data["delivered_count"]) == ("sent", 120)
        assert len({event.id for event in got}) == len(got)


async def test_a_reconnect_with_the_last_id_repeats_nothing(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        broadcast_id = await here.send(people(2), scheduled_at=iso(clock.now() + HOUR))
        async with here.api.stream("GET", path(broadcast_id)) as answer, aclosing(events(answer)) as received:
            first = await anext(received)
        assert first.data["status"] == "scheduled"
        headers = {"Last-Event-ID": first.id}
        async with (
            here.api.stream("GET", path(broadcast_id), headers=headers) as answer,
            aclosing(events(answer)) as received,
        ):
            await here.api.post(f"/api/v1/broadcasts/{broadcast_id}/pause")
            with anyio.fail_after(PATIENCE_S):
                second = await anext(received)
        assert second.data["status"] == "paused"
        headers = {"Last-Event-ID": "unknown"}
        async with (
            here.api.stream("GET", path(broadcast_id), headers=headers) as answer,
            aclosing(events(answer)) as received,
        ):
            assert (await anext(received)).id == second.id


async def test_a_reconnect_after_the_end_event_gets_204(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, read_share=0.0) as here:
        broadcast_id = await here.send(people(1), scheduled_at=iso(clock.now() + HOUR))
        await here.api.post(f"/api/v1/broadcasts/{broadcast_id}/cancel")
        clock.advance(MINUTE)
        with anyio.fail_after(PATIENCE_S):
            got = await all_events(here, broadcast_id)
        assert [event.name for event in got] == ["progress", "end"]
        answer = await here.api.get(path(broadcast_id), headers={"Last-Event-ID": got[-1].id})
        assert (answer.status_code, answer.content) == (204, b"")
        with anyio.fail_after(PATIENCE_S):  # a client that received all but the end event
            got = await all_events(here, broadcast_id, **{"Last-Event-ID": got[0].id})
        assert [event.name for event in got] == ["end"]


async def test_a_hold_is_sent_although_no_recipient_changed(tmp_path: Path) -> None:
    async with site(tmp_path, messages_per_second=1) as here:
        broadcast_id = await here.send(people(30))
        async with here.api.stream("GET", path(broadcast_id)) as answer, aclosing(events(answer)) as received:
            await anext(received)
            await here.admin("number.pause", id=here.number["id"], reason="stop")
            with anyio.fail_after(PATIENCE_S):
                async for event in received:
                    if event.data["hold"] is not None and event.data["hold"]["reason"] == "number_paused":
                        break


async def test_an_idle_stream_gets_keepalive_comments(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        ctx = here.running.ctx
        broadcast_id = await here.send(people(1), scheduled_at=iso(clock.now() + HOUR))
        broadcast = await broadcast_of(ctx, Actor.operator("anna"), broadcast_id)
        with anyio.fail_after(PATIENCE_S):
            async with aclosing(follow(ctx, broadcast.id, heartbeat_s=0.05)) as snapshots:
                assert (await anext(snapshots)) is not None
                assert await anext(snapshots) is None
                assert await anext(snapshots) is None
        async with aclosing(stream(ctx, broadcast.id, None)) as raw:
            assert await anext(raw) == b"retry: 2000\n\n"
            assert (await anext(raw)).startswith(b"id: ")


async def test_open_streams_do_not_delay_a_shutdown(tmp_path: Path) -> None:
    """Twenty watchers get the event that asks them to reconnect, and the daemon stops at once."""
    clock = ShiftClock()
    lines: list[str] = []

    async def watch(client: httpx.AsyncClient, url: str, started: anyio.Event) -> None:
        async with client.stream("GET", url) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("event"):
                    started.set()
                lines.append(line)

    async with httpx.AsyncClient() as client:
        async with site(tmp_path, clock=clock) as here:
            broadcast_id = await here.send(people(1), scheduled_at=iso(clock.now() + HOUR))
            client.headers["Authorization"] = here.key
            url = f"{here.api.base_url}{path(broadcast_id)}"
            watchers = []
            for _ in range(20):
                started = anyio.Event()
                # Not in a task group: the task ends after the site has stopped.
                watchers.append(asyncio.create_task(watch(client, url, started)))
                await started.wait()
        with anyio.fail_after(PATIENCE_S):
            await asyncio.gather(*watchers)
    assert sum(line == ": the daemon is restarting" for line in lines) == 20
    assert "event: end" not in lines


async def test_while_draining_a_stream_ends_after_one_event(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        broadcast_id = await here.send(people(1), scheduled_at=iso(clock.now() + HOUR))
        here.running.ctx.drain = Drain(0)
        with anyio.fail_after(PATIENCE_S):
            got = await all_events(here, broadcast_id)
        assert [(event.name, event.data["status"]) for event in got] == [("progress", "scheduled")]


async def test_a_watcher_that_disconnects_is_unregistered(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        broadcast_id = await here.send(people(1), scheduled_at=iso(clock.now() + HOUR))
        watched = here.running.ctx.changes._watchers
        async with here.api.stream("GET", path(broadcast_id)) as answer, aclosing(events(answer)) as received:
            await anext(received)
            assert len(watched) == 1
        with anyio.fail_after(PATIENCE_S):
            while watched:
                await here.api.get("/api/v1/me")  # the disconnect is processed before one of these responses


@pytest.mark.exhaustive(only=True)
@pytest.mark.skipif(
    shutil.which("node") is None, reason="the code in docs/api.md is for a browser: node runs it"
)
async def test_the_code_for_pages_in_the_docs_follows_a_broadcast_to_its_end(tmp_path: Path) -> None:
    code = DOCS.read_text(encoding="utf-8").partition("```js\n")[2].partition("```")[0]
    async with site(tmp_path, extra='[api]\nallowed_origins = ["https://crm.example"]') as here:
        broadcast_id = await here.send(people(2))
        arguments = json.dumps([f"http://{here.running.api_address}/api/v1", here.key, broadcast_id])
        call = f"follow(...{arguments}, shown => console.log(shown.status)).then(console.log)"
        with anyio.fail_after(PATIENCE_S):
            run = await anyio.run_process(["node", "-e", f"{code}\n{call}"])
        *statuses, answer = run.stdout.decode().split()
        assert (statuses[-1], answer) == ("sent", "204")
