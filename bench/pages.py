"""The dashboard: how long its pages take with a million recipients, and what pages cost that update by themselves."""

import asyncio
import random
import re
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path

import httpx

from bench.client import percentile
from bench.large import fill
from bench.scale import Numbers, Scale
from bench.site import Site, accepted, free_port, once, site

LARGE = "max_recipients = 10000\n"
"""In the section `[limits]`, which is the last one of the configuration."""
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
LIVE_PAGES = 50
PER_SESSION = 4
LARGEST = 100
"""So many broadcasts of the file are made one: as many people as an upload may have."""
OTHERS = ("templates", "numbers", "optouts", "webhooks", "keys", "users", "audit", "status", "account")
"""Pages beside those of broadcasts."""
PAIRS = 4
"""How often sending is measured without and with live pages, in turns: the machine may be busy for a while."""


async def pages(scale: Scale, folder: Path) -> Numbers:
    """Each page in a file with many recipients, one after the other; one of the broadcasts is large."""
    uuids = await fill(folder, scale.start_recipients)
    joined = min(LARGEST, len(uuids) // 2)
    largest = _join(folder, joined)
    generator, address = random.Random(7), f"127.0.0.1:{free_port()}"
    async with site(folder, dashboard=address) as place, browser(place, address) as client:

        def one() -> str:
            return f"/broadcasts/{generator.choice(uuids[joined:])}"

        def person() -> str:
            number = generator.randrange(joined * 1000, scale.start_recipients)
            return f"/broadcasts/{uuids[number // 1000]}/recipients/{number + 1}"

        kinds: dict[str, Callable[[], str]] = {
            "list": lambda: "/broadcasts",
            "search": lambda: f"/broadcasts?text={generator.choice(('broadcast', 'nothing'))}",
            "one": one,
            "largest": lambda: f"/broadcasts/{largest}",
            "largest_people": lambda: (
                f"/broadcasts/{largest}/recipients?status={generator.choice(('', 'read'))}"
            ),
            "people": lambda: f"{one()}/recipients?status={generator.choice(('', 'read', 'failed'))}",
            "person": person,
            **{name: partial(str, f"/{name}") for name in OTHERS},
        }
        measured: Numbers = {"pages_recipients": scale.start_recipients}
        for name, address_of in kinds.items():
            times = []
            for _ in range(200):
                began = time.monotonic()
                answer = await client.get(address_of())
                times.append((time.monotonic() - began) * 1000)
                assert answer.status_code == 200, answer.text
            measured |= {
                f"pages_{name}_p50_ms": percentile(times, 0.5),
                f"pages_{name}_p95_ms": percentile(times, 0.95),
            }
        worst = max(value for name, value in measured.items() if name.endswith("_p95_ms"))
        return measured | {"pages_worst_p95_ms": worst}


def _join(folder: Path, count: int) -> str:
    """Make one broadcast of the first `count`; its id. The others of them stay, without people."""
    with closing(sqlite3.connect(folder / "wacrmd.db")) as connection, connection:
        rows = connection.execute("SELECT id, uuid FROM broadcast ORDER BY id LIMIT ?", (count,)).fetchall()
        (first, uuid), others = rows[0], rows[1:]
        connection.executemany(
            "UPDATE recipient SET broadcast_id = ? WHERE broadcast_id = ?",
            [(first, each) for each, _ in others],
        )
    return str(uuid)


async def live(scale: Scale, folder: Path) -> Numbers:
    """What the daemon does more while browsers look at a broadcast that is sent, and at the list.

    It is sent slowly: pages are made once a second at most, and what they cost is clearer beside little else.
    """
    seconds, address = scale.idle_s / 6, f"127.0.0.1:{free_port()}"
    costs: dict[int, list[float]] = {0: [], 1: [], LIVE_PAGES: []}
    async with site(folder, rate=5, batch=1, extra=LARGE, dashboard=address) as place:
        (uuid,) = accepted([await once(place.daemon.api_address, place.broadcast(10_000))])
        for count in [*costs] * PAIRS:
            shown = [f"/broadcasts/{uuid}", "/broadcasts"] * LIVE_PAGES
            async with looking(place, address, shown[:count]):
                await asyncio.sleep(1)
                before = place.daemon.process.cpu_s
                await asyncio.sleep(seconds)
                costs[count].append((place.daemon.process.cpu_s - before) / seconds)
    without = statistics.median(costs.pop(0))
    found = {f"live_{count}_core": statistics.median(each) - without for count, each in costs.items()}
    return found | {"live_without_core": without}


async def crowd(scale: Scale, folder: Path) -> Numbers:
    """How much slower messages are sent, as fast as it goes, while fifty pages show it.

    The processor time of the daemon for a message says the same, and depends less on what else the machine does.
    """
    count, address = 500 * scale.broadcasts, f"127.0.0.1:{free_port()}"
    rates: dict[int, list[float]] = {0: [], LIVE_PAGES: []}
    costs: dict[int, list[float]] = {0: [], LIVE_PAGES: []}
    async with site(folder, rate=1000, batch=20, extra=LARGE, dashboard=address) as place:
        (number,) = [each["id"] for each in place.numbers]
        for turn in range(4 * PAIRS):
            watched = LIVE_PAGES if turn % 4 in (1, 2) else 0
            place.daemon.admin("number.pause", id=number)
            ids = accepted([await once(place.daemon.api_address, place.broadcast(count))])
            await place.reset()
            paths = ["/broadcasts", f"/broadcasts/{ids[0]}"] * (watched // 2)
            async with looking(place, address, paths):
                before = place.daemon.process.cpu_s
                place.daemon.admin("number.resume", id=number)
                stats = await place.received(count)
                await place.recorded(ids)
                costs[watched].append((place.daemon.process.cpu_s - before) / count)
            rates[watched].append(count / float(stats["last"] - stats["first"]))
    return {
        "crowd_rate": statistics.median(rates[LIVE_PAGES]),
        "crowd_without_rate": statistics.median(rates[0]),
        "crowd_slower": 1 - statistics.median(rates[LIVE_PAGES]) / statistics.median(rates[0]),
        "crowd_cpu_more": statistics.median(costs[LIVE_PAGES]) / statistics.median(costs[0]) - 1,
    }


@asynccontextmanager
async def browser(place: Site, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is logged in by a link."""
    async with httpx.AsyncClient(base_url=f"http://{address}", headers=SAME_ORIGIN, timeout=60) as client:
        found = re.search(r'name="login" value="([^"]+)"', (await client.get("/login")).text)
        assert found is not None
        token = str(place.daemon.admin("dashboard")["url"]).partition("#")[2]
        await client.post("/login/link", data={"login": found[1], "token": token})
        yield client


@asynccontextmanager
async def looking(place: Site, address: str, paths: Sequence[str]) -> AsyncIterator[None]:
    """Pages that are open in browsers, a few in each."""
    tasks: list[asyncio.Task[None]] = []
    async with AsyncExitStack() as stack:
        for number, path in enumerate(paths):
            if number % PER_SESSION == 0:
                client = await stack.enter_async_context(browser(place, address))
            found = re.search(r'sse-connect="([^"]+)"', (await client.get(path)).text)
            assert found is not None
            tasks.append(asyncio.create_task(_read(client, found[1].replace("&amp;", "&"))))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _read(client: httpx.AsyncClient, path: str) -> None:
    async with client.stream("GET", path, headers={"Accept": "text/event-stream"}) as answer:
        assert answer.status_code == 200
        async for _ in answer.aiter_raw():
            pass
