"""A machine's clock that is wrong stops nothing, hastens nothing and deletes nothing; seen from outside the daemon."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from tests.support.certificates import certificate, server_tls
from tests.support.clock import ShiftClock
from tests.support.patience import PATIENCE_S
from tests.support.receiver import receiver
from tests.support.site import (
    ACCESS_TOKEN,
    NUMBER,
    Site,
    configuration,
    people,
    site,
)
from wacrmd import daemon, periodic_jobs
from wacrmd.admin.client import AdminClient
from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, Millis, iso, parse_iso
from wacrmd.services.maintenance.backups import FILE_NAME, DailyBackup
from wacrmd.simulator import Options, Simulator
from wacrmd.store.database import Tx

pytestmark = pytest.mark.anyio

LEAPS = [
    pytest.param(sign * size, id=f"{'+' if sign > 0 else '-'}{name}")
    for name, size in (("hour", HOUR), ("day", DAY), ("two-years", 730 * DAY))
    for sign in (1, -1)
]
TEMPLATE = {
    "id": "1",
    "name": "hello",
    "language": "en_US",
    "status": "APPROVED",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Hello {{1}}, welcome."}],
}
NOBODY = "http://127.0.0.1:9"
"""A Meta that cannot be reached."""
LOCAL = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\n[templates]\nsync_interval_minutes = 30\n'
LOCAL += "[meta]\ncheck_interval_minutes = 30\n"


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait until that is so, asked again and again."""
    with anyio.fail_after(PATIENCE_S):
        while not await true():  # noqa: ASYNC110 - it is asked over a socket
            await anyio.sleep(0.02)


def value_of(metrics: str, name: str) -> float:
    (line,) = [line for line in metrics.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])


async def is_held(here: Site) -> bool:
    """Whether status, doctor, metric and command agree that the clock is not trusted; the answer."""
    status, doctor = await here.admin("status"), await here.admin("doctor")
    shown, metrics = await here.admin("clock.show"), (await here.api.get("/metrics")).text
    told = {
        any(each["reason"] == "clock" for each in status["held"]),
        any(each["check"] == "clock" and each["state"] == "fail" for each in doctor["checks"]),
        value_of(metrics, "wacrmd_clock_distrusted") == 1,
        not shown["trusted"],
    }
    assert len(told) == 1, (status["held"], doctor["checks"], shown)
    if told == {True}:
        assert not status["healthy"]
    return told.pop()


def waits_for_retry(shown: dict[str, Any]) -> bool:
    return (shown["hold"] or {}).get("reason") == "waiting_for_retry"


def rows(tx: Tx) -> dict[str, int]:
    """How many rows there are in tables from which retention deletes."""
    tables = ("broadcast", "recipient", "recipient_history", "audit", "idempotency", "webhook_delivery")
    return {table: tx.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each periodic job has run."""
    count: Counter[str] = Counter()
    for name in ("vital", "maintenance"):
        made = getattr(periodic_jobs, name)

        def counted(*parts: Any, made: Callable[..., list[Any]] = made) -> list[Any]:
            jobs = made(*parts)
            for job in jobs:
                count[job.name] = 0
                job.run = partial(run, job.name, job.run)
            return jobs

        monkeypatch.setattr(periodic_jobs, name, counted)

    async def run(name: str, job: Callable[[], Awaitable[object]]) -> None:
        await job()
        count[name] += 1

    return count


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize("leap", LEAPS)
async def test_a_leap_stops_and_hastens_no_job_and_no_wait(
    tmp_path: Path, leap: Millis, runs: Counter[str]
) -> None:
    """Under every periodic job and every loop that waits, with Meta in reach: its clock says that nothing has changed."""
    clock = ShiftClock()
    extra = LOCAL + f'[backup]\ndirectory = "{tmp_path}/backups"\n'
    async with (
        receiver() as app,
        site(tmp_path, clock=clock, extra=extra, error_share=1.0, error_code=131016) as here,
    ):
        begin = clock.now()
        await here.admin("webhook.add", account="shop", url=f"{app.url}/hook", events=["contact.opted_out"])
        app.answers["/hook"] = 503
        await here.api.post("/api/v1/optouts", json={"phone": "+14155550199"})
        await app.until(lambda: len(app.requests) == 1)
        retried = await here.send(people(3))
        await here.until(retried, waits_for_retry)
        soon = await here.send(people(1, 10), scheduled_at=iso(begin + 20 * MINUTE))
        later = await here.send(people(1, 20), scheduled_at=iso(begin + 45 * DAY))
        request = {"template_name": "x", "recipients": people(1, 30), "scheduled_at": iso(begin + 45 * DAY)}
        first = await here.api.post("/api/v1/broadcasts", json=request, headers={"Idempotency-Key": "once"})
        key = await here.admin(
            "key.create", account="shop", name="k", scopes=["broadcasts:read"], expires_in_days=1
        )
        await here.admin("log-level", level="error", minutes=10)
        before = await here.running.ctx.db.read(rows)
        clock.leap(leap)

        await until(partial(is_held, here))
        assert abs(here.running.ctx.clock.now() - clock.now() + leap) < MINUTE
        here.sim.change(error_share=0, templates=(TEMPLATE,), quality_rating="YELLOW")
        app.answers["/hook"] = 200
        for name in runs:
            runs[name] = 0
        for _ in range(6):
            clock.advance(10 * MINUTE + SECOND)
            await here.running.scheduler.run_due()
        await app.until(lambda: len(app.requests) == 2)
        signed_at = int(app.requests[1].headers["webhook-timestamp"]) * SECOND
        assert abs(signed_at - clock.wall()) < HOUR, "an app on this machine compares it with its clock"
        assert (await here.until_status(retried, "sent"))["sent_count"] == 3
        assert (await here.until_status(soon, "sent"))["sent_count"] == 1

        async def all_have_run() -> bool:
            return all(runs.values())

        async def is_synced() -> bool:
            return [each["name"] for each in await here.admin("template.list")] == ["hello"]

        async def is_checked() -> bool:
            return bool((await here.admin("number.list"))[0]["quality"] == "YELLOW")

        await until(all_have_run)
        await until(is_synced)
        await until(is_checked)
        assert (await here.admin("log-level"))["level"] == "info"
        shown = await here.show(later)
        assert (shown["status"], shown["pending_count"]) == ("scheduled", 1)
        assert (shown["hold"] is None) is (leap < 45 * DAY), "it would have started: it says why it has not"
        again = await here.api.post("/api/v1/broadcasts", json=request, headers={"Idempotency-Key": "once"})
        assert again.json()["data"]["broadcast_id"] == first.json()["data"]["broadcast_id"]
        bearer = {"Authorization": f"Bearer {key['key']}"}
        assert (await here.api.get("/api/v1/broadcasts", headers=bearer)).status_code == 200
        after = await here.running.ctx.db.read(rows)
        assert all(after[table] >= count for table, count in before.items()), (before, after)
        assert await is_held(here)
        clock.leap(-leap)

        async def is_trusted() -> bool:
            return not await is_held(here)

        await until(is_trusted)
        await here.until_status(await here.send(people(2, 40)), "sent")


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize("leap", LEAPS)
async def test_a_leap_is_told_once_and_its_end_once(tmp_path: Path, leap: Millis) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        with capture_logs() as events:
            clock.leap(leap)
            await until(partial(is_held, here))
            for _ in range(5):
                clock.advance(MINUTE)
                await here.running.scheduler.run_due()
            clock.leap(-leap)

            async def has_ended() -> bool:
                return any(each["event"] == "clock_trusted" for each in events)

            await until(has_ended)
            for _ in range(5):
                clock.advance(MINUTE)
                await here.running.scheduler.run_due()
    told = [each["event"] for each in events if each["event"].startswith("clock_")]
    assert told == ["clock_distrusted", "clock_trusted"]
    assert "downtime_noticed" not in [each["event"] for each in events]


async def unfinished_work(here: Site, begin: Millis) -> tuple[str, str]:
    """A broadcast whose recipients wait for a retry, and one that is scheduled for next month."""
    retried = await here.send(people(3))
    await here.until(retried, waits_for_retry)
    return retried, await here.send(people(1, 10), scheduled_at=iso(begin + 30 * DAY))


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("leap", LEAPS)
async def test_a_start_after_a_leap_gives_up_and_deletes_nothing_and_starts_nothing(
    tmp_path: Path, leap: Millis
) -> None:
    clock = ShiftClock()
    extra = f'[backup]\ndirectory = "{tmp_path}/backups"\nkeep = 1\n[retention]\nhistory_days = 1\n'
    begin = clock.now()
    async with site(tmp_path, clock=clock, extra=extra, error_share=1.0, error_code=131016) as here:
        done = await here.send(people(2, 20))
        await here.admin("broadcast.cancel", id=done)
        retried, later = await unfinished_work(here, begin)
        before = await here.running.ctx.db.read(rows)
    clock.leap(leap)
    clock = clock.restarted_after(HOUR)
    async with site(tmp_path, clock=clock, extra=extra, error_share=1.0, error_code=131016) as here:
        assert await is_held(here)
        await DailyBackup(here.running.ctx).run()
        for _ in range(3):
            clock.advance(11 * MINUTE)
            await here.running.scheduler.run_due()
        after = await here.running.ctx.db.read(rows)
        assert all(after[table] >= count for table, count in before.items()), (before, after)
        shown = await here.show(retried)
        assert (shown["status"], shown["pending_count"], shown["failed_count"]) == ("sending", 3, 0)
        assert (await here.show(later))["status"] == "scheduled"
        here.sim.change(error_share=0)
        clock.advance(20 * MINUTE)
        assert (await here.until_status(retried, "sent"))["sent_count"] == 3
        copies = [each.name for each in (tmp_path / "backups").iterdir() if FILE_NAME.fullmatch(each.name)]
        assert max(copies) <= f"wacrmd-{iso(begin + 2 * DAY)[:10].replace('-', '')}", "none of another time"


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("down", [10 * MINUTE, 3 * DAY, 21 * DAY])
async def test_a_holiday_is_confirmed_by_meta_at_once_and_ages_do_not_count_it(
    tmp_path: Path, down: Millis
) -> None:
    clock, extra = ShiftClock(), LOCAL + "[sender]\nmax_age_hours = 24\n"
    async with receiver() as app:
        async with site(tmp_path, clock=clock, extra=extra, error_share=1.0, error_code=131016) as here:
            retried, later = await unfinished_work(here, clock.now())
            await here.admin(
                "webhook.add", account="shop", url=f"{app.url}/hook", events=["contact.opted_out"]
            )
            app.answers["/hook"] = 503
            await here.api.post("/api/v1/optouts", json={"phone": "+14155550199"})
            await app.until(lambda: len(app.requests) == 1)
        clock = clock.restarted_after(down)
        async with site(tmp_path, clock=clock, extra=extra, error_share=1.0, error_code=131016) as here:
            assert not await is_held(here)
            assert abs(here.running.ctx.clock.now() - clock.now()) < MINUTE
            await app.until(lambda: len(app.requests) == 2)
            await until_retries(here, 2)
            shown = await here.show(retried)
            assert (shown["pending_count"], shown["failed_count"]) == (3, 0), "they are a minute old"
            app.answers["/hook"] = 200
            here.sim.change(error_share=0)
            clock.advance(20 * MINUTE)
            # one of them may just have been refused once more
            await here.until(retried, lambda it: it["status"] == "sent" or it["hold"] is not None)
            clock.advance(20 * MINUTE)
            assert (await here.until_status(retried, "sent"))["sent_count"] == 3
            await app.until(lambda: len(app.requests) == 3)
            assert (await here.show(later))["status"] == "scheduled"
            assert (await here.admin("status"))["uptime_s"] < HOUR // SECOND


async def until_retries(here: Site, count: int) -> None:
    """Wait until each recipient that waits has used so many retries."""

    def least(tx: Tx) -> int:
        row = tx.execute("SELECT min(retries) FROM recipient WHERE status = 'pending' AND attempt > 0")
        return int(row.fetchone()[0])

    async def enough() -> bool:
        return await here.running.ctx.db.read(least) >= count

    await until(enough)


@asynccontextmanager
async def alone(
    folder: Path, clock: ShiftClock, extra: str = "", graph_url: str = NOBODY
) -> AsyncIterator[tuple[daemon.Daemon, Callable[..., Awaitable[Any]]]]:
    """A daemon that cannot reach Meta, or only there, and its admin socket."""

    async def admin(method: str, **params: Any) -> Any:
        def call() -> Any:
            with AdminClient(folder / "admin.sock", connect_timeout_s=PATIENCE_S) as client:
                return client.call(method, params)

        return await anyio.to_thread.run_sync(call)

    async with daemon.run(configuration(folder, graph_url, extra), clock) as running:
        yield running, admin


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("down", [DAY, 21 * DAY, 400 * DAY, 800 * DAY])
async def test_without_meta_an_operator_decides_and_that_is_audited(tmp_path: Path, down: Millis) -> None:
    """Nobody can tell a holiday from a leap then: nothing is lost, and one command goes on."""
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, error_share=1.0, error_code=131016) as here:
        retried, later = await unfinished_work(here, clock.now())
        before = await here.running.ctx.db.read(rows)
    clock = clock.restarted_after(down)
    async with alone(tmp_path, clock) as (running, admin):
        for _ in range(3):
            clock.advance(11 * MINUTE)
            await running.scheduler.run_due()
        status = await admin("status")
        assert [each["reason"] for each in status["held"] if each["what"] == "clock"] == ["clock"]
        shown = {each["id"]: each for each in status["broadcasts"]}
        assert (shown[retried]["pending_count"], shown[later]["status"]) == (3, "scheduled")
        assert (shown[later]["hold"] is not None) is (down > 30 * DAY)
        after = await running.ctx.db.read(rows)
        assert all(after[table] >= count for table, count in before.items()), (before, after)
        found = await admin("clock.accept")
        assert found["trusted"]
        assert abs(parse_iso(found["now"]) - clock.now()) < MINUTE
        audited = await admin("audit")
        assert audited[-1]["method"] == "clock.accept"

        async def is_started() -> bool:
            shown = {each["id"]: each for each in (await admin("status"))["broadcasts"]}
            assert shown[retried]["pending_count"] == 3, "a downtime is no age, whoever confirms it"
            return bool(shown[later]["status"] == ("sending" if down > 30 * DAY else "scheduled"))

        await until(is_started)
    async with alone(tmp_path, clock.restarted_after(MINUTE)) as (_, admin):
        assert (await admin("clock.show"))["trusted"]


@pytest.mark.exhaustive(only=True)
async def test_what_an_operator_accepted_against_meta_holds_after_a_restart_until_it_leaps_again(
    tmp_path: Path,
) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        clock.leap(2 * HOUR)
        await until(partial(is_held, here))
        accepted = await here.admin("clock.accept")
        assert (accepted["trusted"], round(accepted["accepted_s"], -2)) == (True, 7200)
        await here.until_status(await here.send(people(2)), "sent")
        assert not await is_held(here), "each answer of Meta's says another time"
    clock = clock.restarted_after(DAY)
    async with site(tmp_path, clock=clock) as here:
        assert not await is_held(here)
        clock.leap(HOUR)
        await until(partial(is_held, here))
        clock.leap(-3 * HOUR)

        async def is_right() -> bool:
            shown = await here.admin("clock.show")
            return bool(shown["trusted"]) and shown["accepted_s"] == 0

        await here.until_status(await here.send(people(2, 10)), "sent")
        await until(is_right)


async def test_a_new_machine_with_a_wrong_clock_learns_the_time_from_metas_first_answer(
    tmp_path: Path,
) -> None:
    """Nothing is known of the time before, so nothing looks like a leap, and nobody is asked."""
    clock = ShiftClock()
    clock.leap(400 * DAY)
    async with alone(tmp_path, clock) as (_, admin):
        assert (await admin("clock.show"))["trusted"]
    async with site(tmp_path, clock=clock) as here:
        await here.until_status(await here.send(people(1, 1)), "sent")
        assert await is_held(here)
        assert abs(here.running.ctx.clock.now() - clock.now() + 400 * DAY) < MINUTE
        later = await here.send(people(1), scheduled_at=iso(here.running.ctx.clock.now() + DAY))
        clock.advance(DAY)
        await here.until_status(later, "sent")


YEAR_1970 = 0
YEAR_2000 = parse_iso("2000-01-01T00:00:00Z")


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("year", [YEAR_1970, YEAR_2000])
async def test_a_machine_without_a_clock_goes_by_metas_until_it_has_the_time(
    tmp_path: Path, year: Millis
) -> None:
    """Its first start, and one after some days without power; then it synchronises."""
    clock = ShiftClock()
    clock.leap(year - clock.now())
    async with site(tmp_path, clock=clock) as here:
        await here.until_status(await here.send(people(2)), "sent")
        assert await is_held(here)
        assert abs(here.running.ctx.clock.now() - here.running.ctx.clock.machine) > 365 * DAY
        later = await here.send(people(1, 10), scheduled_at=iso(here.running.ctx.clock.now() + 3 * DAY))
    clock = clock.restarted_after(4 * DAY)
    async with site(tmp_path, clock=clock) as here:
        assert await is_held(here)
        assert (await here.until_status(later, "sent"))["sent_count"] == 1
        clock.leap(here.running.ctx.clock.now() - clock.now())

        async def is_trusted() -> bool:
            return not await is_held(here)

        await until(is_trusted)


@pytest.mark.parametrize("year", [YEAR_1970, YEAR_2000])
async def test_a_start_without_clock_and_without_meta_loses_nothing(tmp_path: Path, year: Millis) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, error_share=1.0, error_code=131016) as here:
        retried, later = await unfinished_work(here, clock.now())
        before, known = await here.running.ctx.db.read(rows), here.running.ctx.clock.now()
    clock = clock.restarted_after(HOUR)
    clock.leap(year - clock.now())
    async with alone(tmp_path, clock) as (running, admin):
        assert abs(running.ctx.clock.now() - known) < 10 * MINUTE
        status = await admin("status")
        assert status["held"][0]["what"] == "clock"
        assert await running.ctx.db.read(rows) == before
        assert {each["id"] for each in status["broadcasts"]} == {retried, later}


@asynccontextmanager
async def behind_tls(url: str, pem: Path) -> AsyncIterator[str]:
    """A simulated Meta under an https URL."""
    host, _, port = url.removeprefix("http://").partition(":")

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(65536):
                target.write(piece)
                await target.drain()
        target.close()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pass_on(reader, back), pass_on(there, writer))

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=server_tls(pem))
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"


async def test_a_clock_at_which_metas_certificate_is_not_valid_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL goes by the machine's clock, which is here two years behind."""
    years = 730
    pem = certificate(tmp_path, "localhost", days_ahead=years)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    clock = ShiftClock()
    clock.advance(years * DAY)
    async with alone(tmp_path, clock) as (running, _):
        known = running.ctx.clock.now()
    clock.leap(-years * DAY)
    clock = clock.restarted_after(MINUTE)
    options = Options(date_ahead_s=years * DAY / SECOND, access_token=ACCESS_TOKEN)
    async with (
        Simulator.running(options) as sim,
        behind_tls(sim.url, pem) as url,
        alone(tmp_path, clock, graph_url=url) as (running, admin),
    ):
        shown = await admin("clock.show")
        assert not shown["trusted"]
        assert abs(parse_iso(shown["meta"]) - known) < HOUR, "the start has asked Meta"
        await admin("account.add", name="shop")
        await admin("number.add", **NUMBER)
        made = await admin("broadcast.create", template_name="hello", recipients=people(2))

        async def is_sent() -> bool:
            return bool((await admin("broadcast.show", id=made["broadcast_id"]))["sent_count"] == 2)

        await until(is_sent)
        (reachable,) = [each for each in (await admin("doctor"))["checks"] if each["check"] == "reachable"]
        assert reachable["state"] == "ok"


async def test_when_the_daemon_was_wrong_and_goes_back_nothing_waits_for_the_old_time(tmp_path: Path) -> None:
    """An operator had accepted a clock of next year; now it is right, and Meta's agrees."""
    clock = ShiftClock()
    clock.leap(365 * DAY)
    extra = f'[backup]\ndirectory = "{tmp_path}/backups"\nkeep = 1\n' + LOCAL
    async with site(tmp_path, clock=clock, extra=extra, error_share=1.0, error_code=131016) as here:
        await here.admin("clock.accept")
        await here.admin("template.sync")
        retried = await here.send(people(3))
        await here.until(retried, waits_for_retry)
        body = {"template_name": "x", "recipients": people(1, 30)}
        first = await here.api.post("/api/v1/broadcasts", json=body, headers={"Idempotency-Key": "once"})
        await DailyBackup(here.running.ctx).run()
        with capture_logs() as events:
            clock.leap(-365 * DAY)

            async def is_back() -> bool:
                return any(each["event"] == "clock_set_back" for each in events)

            await until(is_back)
        (moved,) = [each for each in events if each["event"] == "clock_set_back"]
        assert moved["recipients"] >= 3
        assert not await is_held(here)
        here.sim.change(error_share=0, templates=(TEMPLATE,))
        again = await here.api.post("/api/v1/broadcasts", json=body, headers={"Idempotency-Key": "once"})
        assert again.json()["data"]["broadcast_id"] == first.json()["data"]["broadcast_id"]
        clock.advance(31 * MINUTE)
        assert (await here.until_status(retried, "sent"))["sent_count"] == 3
        await DailyBackup(here.running.ctx).run()
        (copy,) = [each.name for each in (tmp_path / "backups").iterdir()]
        assert copy.startswith(f"wacrmd-{iso(clock.now())[:4]}"), "that of next year went first"

        async def is_synced() -> bool:
            return [each["name"] for each in await here.admin("template.list")] == ["hello"]

        await until(is_synced)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("step", [-2 * MINUTE, 2 * MINUTE])
async def test_a_small_correction_is_followed_and_moves_what_waits(tmp_path: Path, step: Millis) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, error_share=1.0, error_code=131016) as here:
        retried = await here.send(people(3))
        await here.until(retried, waits_for_retry)
        here.sim.change(error_share=0)  # a leap may make them due, and a second retry waits for longer
        clock.leap(step)
        await here.running.scheduler.run_due()
        assert not await is_held(here)
        assert abs(here.running.ctx.clock.now() - clock.now()) < 10 * SECOND
        clock.advance(40 * SECOND)
        assert (await here.until_status(retried, "sent"))["sent_count"] == 3
