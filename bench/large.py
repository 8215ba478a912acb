"""Files that have grown: start with a million recipients; reading, accepting and sending with ten million.

The files are made with SQL, once, and kept in a folder of the temporary directory for the next run.
"""

import json
import random
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.accept import accept_times
from bench.client import Client, percentile
from bench.scale import Numbers, Scale
from bench.site import Site, accepted, daemon, free_port, site, standin, until

CACHE = Path(tempfile.gettempdir()) / "wacrmd-bench"
START_TIMES = 5
PEOPLE = 7_999_999
"""A prime: so many different numbers there are, and some get a second message."""
UNFINISHED = 10


async def start(scale: Scale, folder: Path) -> Numbers:
    """From the start of the process until it says that it is ready."""
    await fill(folder, scale.start_recipients)
    times = []
    with standin() as (_, address):
        for _ in range(START_TIMES):
            with daemon(folder, address, (free_port(), free_port())) as running:
                times.append(running.ready_s)
    empty = folder / "empty"
    empty.mkdir()
    with standin() as (_, address), daemon(empty, address, (free_port(), free_port())):
        pass
    with standin() as (_, address), daemon(empty, address, (free_port(), free_port())) as running:
        return {
            "start_s": percentile(times, 0.5),
            "start_empty_s": running.ready_s,
            "start_recipients": scale.start_recipients,
        }


async def year(scale: Scale, folder: Path) -> Numbers:
    """A year of data in the file: reads, and how fast accepting and sending are then."""
    uuids = await fill(folder, scale.year_recipients)
    generator = random.Random(7)
    async with site(folder, rate=1000) as place:
        await _counted(folder)
        client = Client(place.daemon.api_address)
        gets = []
        for _ in range(500):
            answer = await client.send(place.get(f"/api/v1/broadcasts/{generator.choice(uuids)}"))
            assert answer.status == 200, answer
            gets.append(answer.ms)
        pages = await _pages(place, 200)
        bodies = [place.broadcast(1000, index * 1000) for index in range(10)]
        ids = accepted([await client.send(body) for body in bodies])
        busy_pages = await _pages(place, 100)
        stats = await place.received(1000 * len(ids))
        await place.recorded(ids)
        rate = (stats["received"] - 1001) / (stats["last"] - stats["first"] - stats["seconds"][1])
        accepts = await accept_times(place, 40)
        return {
            "year_get_p50_ms": percentile(gets, 0.5),
            "year_get_p99_ms": percentile(gets, 0.99),
            "year_page_p50_ms": percentile(pages, 0.5),
            "year_page_p99_ms": percentile(pages, 0.99),
            "year_busy_page_p50_ms": percentile(busy_pages, 0.5),
            "year_busy_page_p99_ms": percentile(busy_pages, 0.99),
            "year_accept_p50_ms": percentile(accepts, 0.5),
            "year_accept_p99_ms": percentile(accepts, 0.99),
            "year_rate": rate,
            "year_recipients": scale.year_recipients,
            "year_memory_mb": place.daemon.process.memory_mb,
            "year_file_gb": (folder / "wacrmd.db").stat().st_size / 1e9,
        }


async def _counted(folder: Path) -> None:
    """Return when the counts of old broadcasts are kept, as they are in a file that has grown in use."""
    left = "SELECT count(*) FROM broadcast WHERE counts_revision IS NOT revision"
    with closing(sqlite3.connect(folder / "wacrmd.db")) as connection:

        async def are_kept() -> bool:
            return not connection.execute(left).fetchone()[0]

        await until(are_kept, 0.2)


async def _pages(place: Site, count: int) -> list[float]:
    """Milliseconds of so many pages of 50 broadcasts, from the newest ones on, one after the other."""
    client, cursor, times = Client(place.daemon.api_address), "", []
    for _ in range(count):
        answer = await client.send(place.get(f"/api/v1/broadcasts?limit=50{cursor}"))
        assert answer.status == 200, answer
        times.append(answer.ms)
        after = json.loads(answer.body)["meta"]["next_cursor"]
        cursor = f"&cursor={after}" if after else ""
    client.close()
    return times


async def fill(folder: Path, count: int) -> list[str]:
    """A file with `count` recipients in broadcasts of 1,000, in `folder`; the broadcasts' ids."""
    kept = CACHE / f"{count}"
    if not (kept / "done").exists() or not await _opens(kept):
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        async with site(kept):
            pass
        began = time.monotonic()
        _insert(kept / "wacrmd.db", count)
        (kept / "done").touch()
        print(f"  made a file with {count:,} recipients in {time.monotonic() - began:.0f} s", flush=True)
    for file in kept.glob("wacrmd.*"):
        shutil.copy(file, folder / file.name)
    with sqlite3.connect(folder / "wacrmd.db") as connection:
        return [uuid for (uuid,) in connection.execute("SELECT uuid FROM broadcast ORDER BY id")]


async def _opens(kept: Path) -> bool:
    """Whether the kept file has the schema of today's daemon."""
    fresh = Path(tempfile.mkdtemp())
    try:
        async with site(fresh):
            pass
        schema = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        with sqlite3.connect(kept / "wacrmd.db") as old, sqlite3.connect(fresh / "wacrmd.db") as new:
            return old.execute(schema).fetchall() == new.execute(schema).fetchall()
    finally:
        shutil.rmtree(fresh)


def _insert(path: Path, count: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -1000000")
    account, number = connection.execute("SELECT account_id, id FROM number LIMIT 1").fetchone()
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        " AND tbl_name IN ('recipient', 'person_address')"
    ).fetchall()
    now = time.time_ns() // 1_000_000
    broadcasts = count // 1000
    connection.execute("BEGIN")
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    connection.executemany(
        "INSERT INTO broadcast (uuid, account_id, number_id, name, template_name, template_language, status,"
        " hold_reason, hold_since, created_at, updated_at, started_at, completed_at)"
        " VALUES (?, ?, ?, 'A broadcast', 'hello', 'en_US', ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                f"00000000-0000-4000-8000-{index:012x}",
                account,
                number,
                "paused" if (unfinished := index >= broadcasts - UNFINISHED) else "sent",
                "paused_by_operator" if unfinished else None,
                now if unfinished else None,
                at := now - (broadcasts - index) * 3_000_000,
                at,
                at,
                None if unfinished else at,
            )
            for index in range(broadcasts)
        ],
    )
    first = connection.execute("SELECT min(id) FROM broadcast").fetchone()[0]
    up_to = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)"
    people = (min(count, PEOPLE), account, now)
    connection.execute(
        f"{up_to} INSERT INTO person (id, account_id, created_at) SELECT i + 1, ?2, ?3 FROM n", people
    )
    connection.execute(
        f"{up_to} INSERT INTO person_address (account_id, address, kind, person_id, since)"
        f" SELECT ?2, printf('+1415%07d', 2000000 + i * 7919 % {PEOPLE}), 'phone', i + 1, ?3 FROM n",
        people,
    )
    connection.execute(
        f"{up_to}"
        ' INSERT INTO recipient (broadcast_id, person_id, "to", params, status, attempt, claimed_at, first_attempt_at,'
        " wamid, wa_id, sent_at, delivered_at, read_at, failed_at, error_code, error_title)"
        f" SELECT ?2 + i / 1000, i % {PEOPLE} + 1, printf('+1415%07d', 2000000 + i * 7919 % {PEOPLE}),"
        " '[\"Person\"]', s, 1, ?3, ?3,"
        " CASE WHEN s NOT IN ('failed', 'pending') THEN printf('wamid.HBgLMTQxNTU1NTAxMDAVAgARGBI%016X', i) END,"
        f" CASE WHEN s NOT IN ('failed', 'pending') THEN printf('1415%07d', 2000000 + i * 7919 % {PEOPLE}) END, ?3,"
        " CASE WHEN s IN ('delivered', 'read') THEN ?3 END, CASE WHEN s = 'read' THEN ?3 END,"
        " CASE WHEN s = 'failed' THEN ?3 END, CASE WHEN s = 'failed' THEN 131026 END,"
        " CASE WHEN s = 'failed' THEN 'Message undeliverable' END"
        " FROM (SELECT i, CASE WHEN i / 1000 >= ?4 THEN 'pending' WHEN i % 20 = 0 THEN 'failed'"
        " WHEN i % 20 < 3 THEN 'sent' WHEN i % 20 < 8 THEN 'delivered' ELSE 'read' END AS s FROM n)",
        (count, first, now, broadcasts - UNFINISHED),
    )
    for _, sql in indexes:
        connection.execute(sql)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
