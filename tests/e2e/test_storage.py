"""Full and read-only disks, locked and damaged files: clear errors, nothing lost, no restart needed."""

import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest
from structlog.testing import capture_logs

from tests.support.clock import ShiftClock
from tests.support.disk import fill
from tests.support.event_loops import both_event_loops
from tests.support.patience import PATIENCE_S, eventually
from tests.support.receiver import receiver
from tests.support.site import NOBODY, Site, configuration, people, site
from wacrmd import daemon
from wacrmd.clock import SECOND, SystemClock, iso
from wacrmd.errors import DatabaseContentError, DatabaseInUseError
from wacrmd.store import database as store
from wacrmd.store.connection import open_writer
from wacrmd.store.database import Database, Tx
from wacrmd.store.migrate import migrate
from wacrmd.store.outage import StorageError
from wacrmd.store.pending_write import waiting_at_most

pytestmark = pytest.mark.anyio


async def set_pages(here: Site, pages: int) -> None:
    """Limit the file to that many pages; 0 is its present size."""

    def work(tx: Tx) -> None:
        (now,) = tx.execute("PRAGMA page_count").fetchone()
        tx.execute(f"PRAGMA max_page_count = {pages or now}")

    await here.running.ctx.db.outside_transaction(work)


async def refused_while_full(here: Site, broadcast_id: str) -> None:
    """New broadcasts get 503 with a time and a reason, reads work, and Meta's webhooks are not accepted."""
    answer = await here.post(people(1000, 5000))
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["error"]["code"] == "unavailable"
    assert "disk is full" in answer.json()["error"]["message"]
    shown = await here.show(broadcast_id)
    assert shown["status"] != "sending" or shown["hold"]["reason"] == "storage"
    status = await here.admin("status")
    assert not status["healthy"]
    assert "disk is full" in status["database"]["outage"]["detail"]


async def test_a_full_file_system_loses_nothing_and_sending_continues_when_there_is_space(
    small_disk: Path,
) -> None:
    async with site(small_disk, messages_per_second=100, latency_ms=150) as here:
        broadcast_id = await here.send(people(300))
        await here.until(broadcast_id, lambda b: b["sent_count"] > 10)
        ballast = fill(small_disk)
        await eventually(lambda: here.running.ctx.db.outage is not None)
        await refused_while_full(here, broadcast_id)
        ballast.unlink()
        await here.until_status(broadcast_id, "sent")
        await here.sim.idle()
        shown = await here.show(broadcast_id)
        assert (shown["sent_count"], shown["uncertain_count"]) == (300, 0)
        assert shown["delivered_count"] == 300
        assert here.sim.ledger.counts()["distinct_to"] == len(here.sim.ledger) == 300
        assert here.running.ctx.db.outage is None


@pytest.mark.exhaustive(only=True)
async def test_the_log_says_once_that_the_disk_is_full_and_once_that_it_is_back(
    small_disk: Path,
) -> None:
    """Also with messages in flight, webhooks of Meta and to an app, and a broadcast whose time comes meanwhile."""
    extra = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]'
    async with (
        receiver() as app,
        site(small_disk, messages_per_second=50, latency_ms=150, extra=extra) as here,
    ):
        url = {"url": app.url, "events": ["message.status_updated"]}
        assert (await here.api.post("/api/v1/webhooks", json=url)).status_code == 201
        later = await here.send(people(3, 1000), scheduled_at=iso(here.clock.now() + 2 * SECOND))
        broadcast_id = await here.send(people(200))
        await here.until(broadcast_id, lambda b: b["sent_count"] > 10)
        with capture_logs() as events:
            ballast = fill(small_disk)
            await eventually(lambda: here.running.ctx.db.outage is not None)
            for _ in range(5):
                assert (await here.post(people(1000, 5000))).status_code == 503
                await anyio.sleep(1)
            assert here.running.ctx.db.outage is not None, "a small write that works does not end it"
            ballast.unlink()
            await here.until_status(broadcast_id, "sent")
            await here.until_status(later, "sent")
        loud = [each["event"] for each in events if each["log_level"] != "debug"]
        assert loud.count("database_outage_started") == loud.count("database_outage_ended") == 1
        assert [each for each in set(loud) if loud.count(each) > 1] == []


@pytest.mark.exhaustive(only=True)
async def test_a_file_that_cannot_grow_loses_nothing_and_sending_continues_when_it_can(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, messages_per_second=100, latency_ms=100) as here:
        broadcast_id = await here.send(people(150))
        await here.until(broadcast_id, lambda b: b["sent_count"] > 5)
        await set_pages(here, 0)
        await eventually(lambda: here.running.ctx.db.outage is not None)
        await refused_while_full(here, broadcast_id)
        await set_pages(here, 1_000_000)
        await here.until_status(broadcast_id, "sent")
        await here.sim.idle()
        shown = await here.show(broadcast_id)
        assert (shown["sent_count"], shown["delivered_count"], shown["uncertain_count"]) == (150, 150, 0)
        assert here.sim.ledger.counts()["distinct_to"] == len(here.sim.ledger) == 150


async def test_an_outage_ends_without_a_write_of_a_caller(tmp_path: Path) -> None:
    """Otherwise a client that waits for the end of the outage would wait without end."""
    async with site(tmp_path) as here:
        await set_pages(here, 0)
        assert (await here.post(people(1000))).status_code == 503
        assert here.running.ctx.db.outage is not None
        await set_pages(here, 1_000_000)
        await eventually(lambda: here.running.ctx.db.outage is None)


async def test_while_another_program_locks_the_database_writes_get_503_and_reads_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.store.connection.BUSY_TIMEOUT_MS", 200)
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(5))
        await here.until_status(broadcast_id, "sent")
        with closing(sqlite3.connect(tmp_path / "wacrmd.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = await here.post(people(5))
            assert answer.status_code == 503
            assert "another program has locked the database" in answer.json()["error"]["message"]
            assert (await here.show(broadcast_id))["sent_count"] == 5
            report = await here.admin("doctor")
            found = {(check["about"].split()[0], check["check"]): check for check in report["checks"]}
            assert "another program has locked" in found["database", "use"]["advice"]
            assert "another program has locked" in found["number", "storage"]["detail"]
            other.execute("ROLLBACK")
        await here.until_status(await here.send(people(5, 100)), "sent")


async def test_while_another_program_locks_the_database_the_daemon_stops_without_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.store.connection.BUSY_TIMEOUT_MS", 200)
    with closing(sqlite3.connect(tmp_path / "wacrmd.db", isolation_level=None)) as other:
        with capture_logs() as events:
            async with site(tmp_path) as here:
                await here.until_status(await here.send(people(5)), "sent")
                other.execute("BEGIN IMMEDIATE")
        assert events[-1]["event"] == "daemon_stopped"


@pytest.mark.exhaustive(only=True)
async def test_a_lock_of_another_program_that_ends_before_writes_fail_is_named_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "STALL_S", 0.3)
    async with site(tmp_path, messages_per_second=20) as here:
        broadcast_id = await here.send(people(60))
        with closing(sqlite3.connect(tmp_path / "wacrmd.db", isolation_level=None)) as other:
            other.execute("PRAGMA busy_timeout = 10000")
            other.execute("BEGIN IMMEDIATE")
            shown = await here.until(broadcast_id, lambda shown: shown["hold"] is not None)
            assert shown["hold"]["reason"] == "storage"
            assert "another program has locked the database" in shown["hold"]["detail"]
            status = await here.admin("status")
            assert not status["healthy"]
            assert "another program has locked" in status["database"]["outage"]["detail"]
            assert (await here.api.get("/readyz")).status_code == 503
            other.execute("ROLLBACK")
        shown = await here.until_status(broadcast_id, "sent")
        assert (shown["sent_count"], shown["hold"]) == (60, None)
        assert here.running.ctx.db.outage is None


async def test_a_write_that_takes_very_long_is_told_and_its_end_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "STALL_S", 0.1)
    monkeypatch.setattr(store, "PROBE_INTERVAL_S", 3600.0)  # the end of the write itself ends the outage
    ending = threading.Event()
    async with Database.open(tmp_path / "wacrmd.db", ShiftClock()) as db, anyio.create_task_group() as tasks:
        with capture_logs() as events:
            tasks.start_soon(db.write, lambda _: ending.wait(PATIENCE_S))
            await eventually(lambda: db.outage is not None)
            assert db.outage is not None
            assert "takes very long" in db.outage.advice
            ending.set()
            await eventually(lambda: db.outage is None)
        assert [event["event"] for event in events] == ["database_outage_started", "database_outage_ended"]


async def test_a_write_whose_caller_waits_no_longer_is_withdrawn_unless_it_has_begun(tmp_path: Path) -> None:
    began, ending, ran = threading.Event(), threading.Event(), list[str]()

    async with Database.open(tmp_path / "wacrmd.db", ShiftClock()) as db, anyio.create_task_group() as tasks:

        def work(_: Tx) -> None:
            began.set()
            ending.wait(PATIENCE_S)
            ran.append("begun")

        async def slow() -> None:
            with waiting_at_most(0.05):
                await db.write(work)

        tasks.start_soon(slow)
        await eventually(began.is_set)
        with waiting_at_most(0.05), pytest.raises(StorageError, match="takes very long"):
            await db.write(lambda _: ran.append("withdrawn"))
        ending.set()
        await db.write(lambda _: ran.append("later"))

    assert ran == ["begun", "later"]


@pytest.mark.exhaustive(enough=1)
@both_event_loops
async def test_a_stall_of_the_process_is_not_told_as_one_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a SIGSTOP: the write has ended meanwhile, or it ends soon."""
    monkeypatch.setattr(store, "STALL_S", 0.5)
    async with Database.open(tmp_path / "wacrmd.db", ShiftClock()) as db, anyio.create_task_group() as tasks:
        with capture_logs() as events:
            for ends_meanwhile in (True, False):
                began, ending = threading.Event(), threading.Event()
                tasks.start_soon(db.write, lambda _, s=began, e=ending: (s.set(), e.wait(PATIENCE_S)))
                await eventually(began.is_set)
                if ends_meanwhile:
                    ending.set()
                time.sleep(1.5)  # noqa: ASYNC251 - stops the process as SIGSTOP does, for three times STALL_S
                await anyio.sleep(0.2)
                ending.set()
                await db.write(lambda _: None)
            assert db.outage is None
        assert events == []


async def test_with_a_read_only_file_requests_get_503_and_nothing_is_sent(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.running.ctx.db.outside_transaction(
            lambda tx: tx.execute("PRAGMA query_only = ON").fetchall()
        )
        answer = await here.post(people(5))
        assert answer.status_code == 503
        assert "read-only" in answer.json()["error"]["message"]
        assert len(here.sim.ledger) == 0
        await here.running.ctx.db.outside_transaction(
            lambda tx: tx.execute("PRAGMA query_only = OFF").fetchall()
        )
        await here.until_status(await here.send(people(5)), "sent")


async def start(folder: Path) -> None:
    async with daemon.run(configuration(folder, "http://127.0.0.1:9"), SystemClock()):
        pass


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("damage", ["no database", "a page of rubbish", "a text in the schema"])
async def test_the_error_of_a_damaged_file_at_the_start_says_what_to_do(tmp_path: Path, damage: str) -> None:
    async with site(tmp_path) as here:
        await here.until_status(await here.send(people(50)), "sent")
    path = tmp_path / "wacrmd.db"
    if damage == "a text in the schema":  # SQLite quotes it, in an error that is no UTF-8 then
        path.write_bytes(path.read_bytes().replace(b"is_stale INTEGER", b"is_stale INTEGE\xd2"))
    with path.open("r+b") as file:
        if damage == "no database":
            file.write(b"this is no database at all, it is a text")
        elif damage == "a page of rubbish":
            file.seek(100)
            file.write(os.urandom(4000))
    with pytest.raises(DatabaseContentError, match=r"is damaged .*: run wacrmd repair, or restore a backup"):
        await start(tmp_path)


async def test_a_newer_schema_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "wacrmd.db"
    with closing(open_writer(path)) as connection:
        migrate(connection, path)
        connection.execute("PRAGMA user_version = 9999")
    with pytest.raises(DatabaseContentError, match=r"has schema 9999, this wacrmd knows up to \d+: install"):
        await start(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (9999,)


async def test_a_file_of_another_program_is_an_error_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "wacrmd.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(DatabaseContentError, match="is not a database of wacrmd"):
        await start(tmp_path)
    shutil.copy(path, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    assert before[:16] == path.read_bytes()[:16]


async def test_a_second_daemon_on_one_database_does_not_start(tmp_path: Path) -> None:
    async with site(tmp_path):
        with pytest.raises(DatabaseInUseError, match="is in use by another wacrmd"):
            await start(tmp_path)


async def test_a_failed_write_rolls_back_only_its_own_changes(tmp_path: Path) -> None:
    """Writes share a commit, each in its own savepoint. Those that returned are on disk, the failed one is not."""
    async with Database.open(tmp_path / "wacrmd.db", ShiftClock()) as db:

        def put(tx: Tx, key: str) -> str:
            tx.execute("INSERT INTO setting (key, value) VALUES (?, 'x')", (key,))
            return key

        outcomes: list[str] = []

        async def write(key: str) -> None:
            try:
                outcomes.append(await db.write(partial(put, key=key)))
            except sqlite3.IntegrityError:
                outcomes.append(f"{key} refused")

        async with anyio.create_task_group() as tasks:
            for key in ("a", "b", "a", "c"):
                tasks.start_soon(write, key)
        assert sorted(outcomes) == ["a", "a refused", "b", "c"]
        rows = await db.read(
            lambda tx: tx.execute("SELECT key FROM setting WHERE key < 'd' ORDER BY key").fetchall()
        )
        assert rows == [("a",), ("b",), ("c",)]


async def test_a_transaction_left_open_by_a_failed_rollback_is_ended(tmp_path: Path) -> None:
    """Otherwise every later write would fail until a restart."""
    async with Database.open(tmp_path / "wacrmd.db", ShiftClock()) as db:
        await db.outside_transaction(lambda tx: tx.execute("BEGIN IMMEDIATE").fetchall())
        await db.write(lambda tx: tx.execute("INSERT INTO setting VALUES ('k', 'v')").rowcount)
        stored = "SELECT count(*) FROM setting WHERE key = 'k'"
        assert await db.read(lambda tx: tx.execute(stored).fetchone()) == (1,)


async def test_after_closing_writes_are_rejected(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "wacrmd.db", ShiftClock()) as db:
        pass
    with pytest.raises(StorageError, match="stopping"):
        await db.write(lambda tx: None)


async def test_a_webhook_that_cannot_be_stored_is_not_answered_200(tmp_path: Path) -> None:
    """Meta repeats the webhook, and then it counts."""
    async with site(tmp_path, read_share=0, webhook_url=NOBODY, webhook_backoff_s=0.1) as here:
        broadcast_id = await here.send(people(20))
        await here.until_status(broadcast_id, "sent")
        await here.running.ctx.db.outside_transaction(
            lambda tx: tx.execute("PRAGMA query_only = ON").fetchall()
        )
        here.sim.change(webhook_url=here.webhook_url)
        await eventually(lambda: here.running.ctx.db.outage is not None)
        assert (await here.show(broadcast_id))["delivered_count"] == 0
        await here.running.ctx.db.outside_transaction(
            lambda tx: tx.execute("PRAGMA query_only = OFF").fetchall()
        )
        await here.sim.idle()
        assert (await here.show(broadcast_id))["delivered_count"] == 20


async def test_the_api_answers_503_as_json_when_reads_fail(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.running.ctx.db.outside_transaction(
            lambda tx: tx.execute("ALTER TABLE api_key RENAME TO gone").fetchall()
        )
        answer: httpx.Response = await here.api.get("/api/v1/me")
        assert answer.status_code in (500, 503)
        assert answer.json()["error"]["code"] in ("internal", "unavailable")
        await here.running.ctx.db.outside_transaction(
            lambda tx: tx.execute("ALTER TABLE gone RENAME TO api_key").fetchall()
        )
        assert (await here.api.get("/api/v1/me")).status_code == 200
