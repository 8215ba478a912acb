"""Yardsticks: how long this machine takes for the bare work below some figures, so that another one can judge them.

The bare loop around the HTTP client (bench/bare.py) and the bare web server (bench/bare_webhooks.py) are measured
where they are compared, in turns with the daemon.
"""

import sqlite3
import sys
import time
from pathlib import Path

import anyio
import orjson

from bench.client import Client, percentile
from bench.client import request as http_request
from bench.scale import Numbers, Scale
from bench.site import people
from bench.webhooks import bare_server

LIBRARIES = "starlette.applications, hypercorn.config, httpx, pydantic, aiosqlite, huey, phonenumbers, structlog, orjson"
"""What the daemon cannot do without; the rest of its start is ours."""
STARTS = 5


async def insert(scale: Scale, folder: Path) -> Numbers:
    """Read the JSON of a broadcast and store its 1,000 recipients in one durable transaction; nothing else."""
    body = orjson.dumps({"template_name": "hello", "recipients": people(1000)})
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "CREATE TABLE recipient (id INTEGER PRIMARY KEY, broadcast_id INTEGER NOT NULL, phone TEXT NOT NULL,"
        " params TEXT, status TEXT NOT NULL)"
    )
    connection.execute("CREATE UNIQUE INDEX recipient_once ON recipient (broadcast_id, phone)")
    connection.execute("CREATE INDEX recipient_status ON recipient (broadcast_id, status)")
    times = []
    for broadcast_id in range(scale.accepts):
        began = time.perf_counter()
        rows = [
            (broadcast_id, each["to"], orjson.dumps(each["params"]).decode(), "pending")
            for each in orjson.loads(body)["recipients"]
        ]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO recipient (broadcast_id, phone, params, status) VALUES (?, ?, ?, ?)", rows
        )
        connection.execute("COMMIT")
        times.append((time.perf_counter() - began) * 1000)
    connection.close()
    return {"bare_insert_p50_ms": percentile(times, 0.5), "bare_insert_p99_ms": percentile(times, 0.99)}


async def request(scale: Scale, folder: Path) -> Numbers:
    """A request to the bare server, one at a time."""
    with bare_server() as (_, address):
        client = Client(address)
        times = [(await client.send(http_request("GET", "/"))).ms for _ in range(500)]
        client.close()
    return {"bare_get_p50_ms": percentile(times, 0.5), "bare_get_p99_ms": percentile(times, 0.99)}


async def start(scale: Scale, folder: Path) -> Numbers:
    """A Python process that imports the libraries and ends; and its memory."""
    code = f"import {LIBRARIES}; import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    times, memory = [], 0.0
    for _ in range(STARTS):
        began = time.perf_counter()
        done = await anyio.run_process([sys.executable, "-c", code])
        times.append(time.perf_counter() - began)
        memory = int(done.stdout) * 1024 / 1e6
    return {"bare_start_s": percentile(times, 0.5), "bare_memory_mb": memory}
