"""A damaged file is told, and holds everything: no start on one is healthy, and nothing is accepted that is never sent."""

import re
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from tests.support.clock import ShiftClock
from tests.support.damage import KINDS, Sample, forget_pages, make_sample, pages_of
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import ACCESS_TOKEN, APP_SECRET, configuration, people, site
from wacrmd import daemon
from wacrmd.admin.client import AdminClient
from wacrmd.admin.protocol import RpcError
from wacrmd.clock import HOUR
from wacrmd.errors import DatabaseContentError
from wacrmd.simulator import Options, Simulator
from wacrmd.store.repair import repair

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def sample(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> Sample:
    return await make_sample(tmp_path_factory.mktemp("sample"))


@dataclass
class Running:
    """A daemon on a file that may be damaged."""

    running: daemon.Daemon
    api: httpx.AsyncClient
    hook: httpx.AsyncClient
    socket: Path
    clock: ShiftClock

    async def admin(self, method: str, **params: Any) -> Any:
        def call() -> Any:
            with AdminClient(self.socket, connect_timeout_s=PATIENCE_S) as client:
                return client.call(method, params)

        return await anyio.to_thread.run_sync(call)

    async def post(self) -> httpx.Response:
        body = {"template_name": "hello", "recipients": people(3, 5000)}
        return await self.api.post("/api/v1/broadcasts", json=body)


@asynccontextmanager
async def started(folder: Path, sample: Sample, sim: Simulator) -> AsyncIterator[Running]:
    clock = ShiftClock()
    key = {"Authorization": f"Bearer {sample.key}"}
    async with (
        daemon.run(configuration(folder, sim.url), clock) as running,
        httpx.AsyncClient(base_url=f"http://{running.api_address}", headers=key, timeout=PATIENCE_S) as api,
        httpx.AsyncClient(base_url=f"http://{running.meta_webhooks_address}", timeout=PATIENCE_S) as hook,
    ):
        sim.change(webhook_url=f"http://{running.meta_webhooks_address}/webhooks/meta")
        yield Running(running, api, hook, folder / "admin.sock", clock)


async def held(here: Running) -> str:
    """That everything is held, and everybody is told; what is told."""
    ready = await here.api.get("/readyz")
    assert ready.status_code == 503
    said: str = ready.json()["error"]["message"]
    assert "damaged" in said
    assert "wacrmd repair" in said
    answer = await here.post()
    assert answer.status_code == 503, answer.text
    try:
        status = await here.admin("status")
        assert not status["healthy"]
        assert "wacrmd repair" in status["database"]["outage"]["detail"]
        assert "wacrmd repair" in status["summary"]
    except RpcError as error:
        assert "wacrmd repair" in str(error)
    found = {(each["about"], each["check"]): each for each in (await here.admin("doctor"))["checks"]}
    assert "wacrmd repair" in found["database", "use"]["advice"]
    metrics = (await here.api.get("/metrics")).text
    assert "wacrmd_database_damaged 1.0" in metrics
    assert "wacrmd_database_unwritable 1.0" in metrics
    return said


async def test_no_start_on_a_file_with_a_broken_page_is_healthy(sample: Sample, tmp_path: Path) -> None:
    ends, names = Counter[str](), set[str]()
    async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)) as sim:
        for page, kind in product(range(1, sample.pages + 1), KINDS):
            folder = tmp_path / f"{page}-{kind.name}"
            kind.apply(sample.copy(folder), page)
            try:
                async with started(folder, sample, sim) as here:
                    names.add((await held(here)).partition("damaged (")[2].partition(")")[0])
                ends[f"{kind.name}: held"] += 1
            except DatabaseContentError as error:
                assert "is damaged" in str(error)
                assert "wacrmd re" in str(error), "repair or restore"
                ends[f"{kind.name}: refused"] += 1
        assert len(sim.ledger) == 0
    assert ends["truncated: held"] == 0
    schema = len(pages_of(sample.copy(tmp_path / "whole"), "sqlite_schema"))
    assert ends["zeros: refused"] + ends["random: refused"] <= 2 * (schema + 1), (
        "only without the schema, and without the file's identity, nothing can be told"
    )
    assert names >= {"table recipient", "table recipient_history", "the list of its pages"}
    assert any(name.startswith("index ") for name in names)


async def test_whoever_reads_what_is_broken_is_told_what_it_is(sample: Sample, tmp_path: Path) -> None:
    file = sample.copy(tmp_path)
    async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)) as sim:
        KINDS[0].apply(file, pages_of(file, "number")[0])
        async with started(tmp_path, sample, sim) as here:
            with pytest.raises(RpcError, match=r"damaged \(table number\)"):
                await here.admin("status")


async def test_with_a_page_that_breaks_while_the_daemon_runs_it_works_or_holds_everything(
    sample: Sample, tmp_path: Path
) -> None:
    ends = Counter[str]()
    for page in range(2, sample.pages + 1):
        async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)) as sim:
            folder = tmp_path / f"{page}"
            file = sample.copy(folder)
            async with started(folder, sample, sim) as here:
                ctx = here.running.ctx
                await forget_pages(ctx.db)
                KINDS[page % 2].apply(file, page)
                answers = [await here.post()]
                with suppress(RpcError):
                    await here.admin("broadcast.resume", id=sample.unfinished)
                here.clock.advance(HOUR)
                accepted = [each.json()["data"]["broadcast_id"] for each in answers if each.is_success]
                with anyio.fail_after(PATIENCE_S):
                    while not ctx.db.is_damaged:
                        shown = [
                            (await here.api.get(f"/api/v1/broadcasts/{each}")).json()
                            for each in (*accepted, sample.unfinished, sample.scheduled)
                        ]
                        if all(each.get("data", {}).get("status") == "sent" for each in shown):
                            break
                        await anyio.sleep(0.02)
                if not ctx.db.is_damaged:
                    assert accepted
                    ends["works"] += 1
                else:
                    await held(here)
                    ends["held"] += 1
                began = time.monotonic()
            assert time.monotonic() - began < daemon.DRAIN_S, (
                "a stop does not wait for what cannot be written"
            )
            got = [each.send.input for each in sim.ledger.entries]
            assert len(set(got)) == len(got), "nobody gets it twice"
            assert not sample.sent_to & set(got)
    assert ends["works"]
    assert ends["held"]


@pytest.mark.parametrize("how", ["moved", "deleted", "replaced", "log deleted"])
async def test_a_file_that_loses_its_name_under_the_daemon_is_noticed_and_nothing_more_is_sent(
    how: str, tmp_path: Path
) -> None:
    file, log = tmp_path / "wacrmd.db", tmp_path / "wacrmd.db-wal"
    async with site(tmp_path, messages_per_second=50, latency_ms=50) as here:
        broadcast_id = await here.send(people(120))
        await here.until(broadcast_id, lambda shown: shown["sent_count"] > 10)
        shutil.copy(file, tmp_path / "copy.db")
        match how:
            case "moved":
                file.rename(tmp_path / "away.db")
            case "deleted":
                file.unlink()
            case "replaced":
                (tmp_path / "away.db").hardlink_to(file)
                (tmp_path / "copy.db").rename(file)
            case _:
                log.unlink()
        claimed = here.sim.ledger.requests + here.running.sender.in_flight
        with anyio.fail_after(3):
            while (await here.api.get("/readyz")).status_code != 503:  # noqa: ASYNC110 - it is asked by others
                await anyio.sleep(0.01)
        assert here.sim.ledger.requests <= claimed
        said = (await here.api.get("/readyz")).json()["error"]["message"]
        assert "was replaced" in said if how == "replaced" else "was deleted or moved away" in said
        assert (await here.post(people(3, 1000))).status_code == 503
        shown = await here.show(broadcast_id)
        assert shown["hold"]["reason"] == "storage"
        assert not (await here.admin("status"))["healthy"]
        found = {(each["about"], each["check"]): each for each in (await here.admin("doctor"))["checks"]}
        assert found["database", "use"]["state"] == "fail"
        with pytest.raises(RpcError, match=re.escape(said.removeprefix("Not ready: "))):
            await here.admin("check-db")  # it would look at another file, and find damage in it or none
        quiet = here.sim.ledger.requests
        await anyio.sleep(1)
        assert here.sim.ledger.requests == quiet
        if how in {"moved", "replaced"}:
            (tmp_path / "away.db").rename(file)
            shown = await here.until_status(broadcast_id, "sent")
            assert (shown["sent_count"], shown["uncertain_count"]) == (120, 0)
            got = [each.send.input for each in here.sim.ledger.entries]
            assert len(set(got)) == len(got) == 120


async def test_in_a_damaged_file_nothing_is_claimed_and_the_results_of_attempts_are_recorded(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, messages_per_second=100, hold_answers=True) as here:
        broadcast_id = await here.send(people(100))
        await eventually(lambda: here.running.sender.in_flight > 3)
        here.running.ctx.db.damaged("a page is broken")
        here.sim.change(hold_answers=False)
        await eventually(lambda: not here.running.sender.in_flight)
        shown = await here.show(broadcast_id)
        assert shown["sent_count"] == len(here.sim.ledger) < 100
        assert shown["uncertain_count"] == 0
        assert shown["hold"]["detail"] == "a page is broken"


async def test_after_a_repair_everybody_who_waits_gets_the_message_and_nobody_twice(
    sample: Sample, tmp_path: Path
) -> None:
    file = sample.copy(tmp_path / "site")
    async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)) as sim:
        async with started(file.parent, sample, sim) as here:
            await forget_pages(here.running.ctx.db)
            KINDS[0].apply(file, pages_of(file, "recipient_due")[0])
            with suppress(RpcError):
                await here.admin("broadcast.resume", id=sample.unfinished)
            await eventually(lambda: here.running.ctx.db.is_damaged)
        done = repair(file, accept_loss=False, now=ShiftClock().wall())
        assert (done.broken, done.lost.rows) == ("index recipient_due", {})
        async with started(file.parent, sample, sim) as here:
            assert (await here.admin("status"))["database"]["outage"] is None
            with suppress(RpcError):  # it may have been resumed before
                await here.admin("broadcast.resume", id=sample.unfinished)
            with anyio.fail_after(PATIENCE_S):
                while (await here.admin("broadcast.show", id=sample.unfinished))["status"] != "sent":
                    await here.running.scheduler.passed.wait()
            shown = await here.admin("broadcast.show", id=sample.unfinished)
            assert shown["sent_count"] + shown["failed_count"] + shown["uncertain_count"] == 80
        got = [each.send.input for each in sim.ledger.entries]
        assert len(set(got)) == len(got) > 5
        assert not sample.sent_to & set(got)
