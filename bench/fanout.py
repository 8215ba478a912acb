"""Fan-out: messages a second to Meta, against the same transport without us, and against one at a time."""

import asyncio
import json
import sys
import time
from pathlib import Path

from bench.client import Client, flat_out
from bench.scale import Numbers, Scale
from bench.site import Site, accepted, site, standin

CONCURRENCY = 256
"""[sender] max_in_flight as it is by default."""


async def paced(scale: Scale, folder: Path) -> Numbers:
    """One number at 1,000 messages a second, the most that Meta allows, in broadcasts of 1,000."""
    async with site(folder, rate=1000) as place:
        before = place.daemon.process.cpu_s
        count, ids = await _submit(place, scale.broadcasts)
        stats = await place.received(count)
        await place.recorded(ids)
        cpu = place.daemon.process.cpu_s - before
        return {
            "paced_rate": (count - 1) / (stats["last"] - stats["first"]),
            "paced_sustained_rate": (count - 1001) / (stats["last"] - stats["first"] - stats["seconds"][1]),
            "paced_cpu_ms": cpu / count * 1000,
        }


async def top(scale: Scale, folder: Path) -> Numbers:
    """The most that Meta allows, with its statuses: 1,000 messages and 3,000 statuses a second, 20 in a webhook."""
    async with site(folder, rate=1000, batch=20) as place:
        before, began = place.daemon.process.cpu_s, time.monotonic()
        count, ids = await _submit(place, scale.broadcasts)
        stats = await place.received(count)
        await place.recorded(ids)
        cpu, seconds = place.daemon.process.cpu_s - before, time.monotonic() - began
        await asyncio.sleep(2)  # the last status goes out 1.2 s after its answer
        stats = await place.stats()
        if set(stats["webhook_answers"]) != {"200"}:
            raise AssertionError(f"not all webhooks were answered 200: {stats['webhook_answers']}")
        return {
            "top_rate": (count - 1001) / (stats["last"] - stats["first"] - stats["seconds"][1]),
            "top_cpu_percent": cpu / seconds * 100,
            "top_webhook_p99_ms": stats["webhook_p99_ms"],
        }


async def flood(scale: Scale, folder: Path) -> Numbers:
    """Four numbers that may send more than the machine can: what is the most; then the bare loops."""
    async with site(folder, rate=1000, numbers=4) as place:
        before = place.daemon.process.cpu_s
        count, ids = await _submit(place, scale.broadcasts)
        stats = await place.received(count)
        await place.recorded(ids)
        cpu = place.daemon.process.cpu_s - before
    rate = (count - 1) / (stats["last"] - stats["first"])
    bare = await _bare(count, CONCURRENCY)
    single = await _bare(50, 1)
    return {
        "flood_rate": rate,
        "flood_cpu_ms": cpu / count * 1000,
        "bare_rate": bare["rate"],
        "bare_cpu_ms": bare["cpu_ms"],
        "single_rate": single["rate"],
        "against_bare": rate / bare["rate"] * 100,
        "against_single": rate / single["rate"],
    }


async def first(scale: Scale, folder: Path) -> Numbers:
    """From the 202 to the first message at Meta, on an idle daemon."""
    waits = []
    async with site(folder, rate=1000) as place:
        client = Client(place.daemon.api_address)
        for index in range(max(10, scale.accepts // 5)):
            await place.reset()
            body = place.broadcast(20, index * 20)
            answer = await client.send(body)
            at = time.monotonic()
            ids = accepted([answer])
            stats = await place.received(20)
            await place.recorded(ids)
            waits.append((stats["first"] - at) * 1000)
            await asyncio.sleep(0.05)
    waits.sort()
    return {"first_p50_ms": waits[len(waits) // 2], "first_worst_ms": waits[-1]}


async def peers(scale: Scale, folder: Path) -> Numbers:
    """What a user would write instead: a loop around pywa, one at a time and async."""
    with standin() as (_, address):
        one = await _rate("bench.peer", address, "50", "sync")
        many = await _rate("bench.peer", address, str(max(1000, 1000 * scale.broadcasts // 10)), "async")
    return {"pywa_rate": one["rate"], "pywa_async_rate": many["rate"]}


async def _submit(place: Site, broadcasts: int) -> tuple[int, list[str]]:
    """Broadcasts of 1,000, spread over the numbers: how many messages, and the broadcasts' ids."""
    requests = [
        place.broadcast(1000, index * 1000, **{"from": place.numbers[index % len(place.numbers)]["id"]})
        for index in range(broadcasts)
    ]
    _, answers = await flat_out(Client(place.daemon.api_address, 4), requests, 4)
    return 1000 * broadcasts, accepted(answers)


async def _bare(count: int, concurrency: int) -> dict[str, float]:
    """The rate of a bare loop in a process of its own, against a stand-in of its own."""
    with standin() as (_, address):
        return await _rate("bench.bare", address, str(count), str(concurrency))


async def _rate(module: str, *arguments: str) -> dict[str, float]:
    """What such a loop in a process of its own measured."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    measured: dict[str, float] = json.loads(out)
    return measured
