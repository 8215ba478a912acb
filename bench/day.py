"""Long and quiet: a day at Meta's default rate, memory after many messages, and an idle daemon."""

import asyncio
import json
import time
from pathlib import Path

from bench.client import Client, flat_out, percentile
from bench.scale import Numbers, Scale
from bench.site import accepted, site

RATE = 80
POLL_EVERY_S = 0.25


async def default_rate(scale: Scale, folder: Path) -> Numbers:
    """80 messages and 240 statuses (one a request) a second, while a client reads the broadcast."""
    seconds = scale.day_minutes * 60
    async with site(folder, rate=RATE, batch=1) as place:
        client = Client(place.daemon.api_address)
        broadcasts = round(RATE * seconds / 1000) + 2
        ids = accepted(
            [await client.send(place.broadcast(1000, 1000 * index)) for index in range(broadcasts)]
        )
        await place.received(4 * RATE)
        process = place.daemon.process
        began, used, memory = time.monotonic(), process.cpu_s, 0.0
        gets: list[float] = []
        index = 0
        while (passed := time.monotonic() - began) < seconds:
            answer = await client.send(place.get(f"/api/v1/broadcasts/{ids[index]}"))
            gets.append(answer.ms)
            if not memory and passed > seconds / 2:  # by now the page caches are full
                memory = process.memory_mb
            if json.loads(answer.body)["data"]["pending_count"] == 0 and index + 1 < len(ids):
                index += 1
            await asyncio.sleep(POLL_EVERY_S)
        cpu = process.cpu_s - used
        grown = process.memory_mb - memory
        stats = await place.stats()
        if set(stats["webhook_answers"]) != {"200"}:
            raise AssertionError(f"not all webhooks were answered 200: {stats['webhook_answers']}")
        return {
            "day_cpu_percent": cpu / passed * 100,
            "day_minutes": scale.day_minutes,
            "day_rate": (stats["received"] - 1) / (stats["last"] - stats["first"]),
            "day_get_p99_ms": percentile(gets, 0.99),
            "day_webhook_p99_ms": stats["webhook_p99_ms"],
            "day_memory_mb": process.memory_mb,
            "day_grown_mb": grown,
        }


async def memory(scale: Scale, folder: Path) -> Numbers:
    """Memory while many messages are sent as fast as they go; growth in the second half shows leaks."""
    async with site(folder, rate=1000, numbers=4, latency_ms=20) as place:
        process = place.daemon.process
        client = Client(place.daemon.api_address, 4)
        sent, half = 0, 0.0
        start = process.memory_mb
        while sent < scale.memory_messages:
            requests = [
                place.broadcast(1000, sent + 1000 * index, **{"from": place.numbers[index % 4]["id"]})
                for index in range(10)
            ]
            _, answers = await flat_out(client, requests, 4)
            sent += 10_000
            await place.received(sent)
            await place.recorded(accepted(answers))
            if not half and sent >= scale.memory_messages / 2:
                half = process.memory_mb
        end = process.memory_mb
        return {
            "memory_start_mb": start,
            "memory_mb": end,
            "memory_messages": sent,
            "memory_grown_mb": end - half,
        }


async def nothing(scale: Scale, folder: Path) -> Numbers:
    """CPU of a daemon that has nothing to do."""
    async with site(folder) as place:
        await asyncio.sleep(3)
        before = place.daemon.process.cpu_s
        await asyncio.sleep(scale.idle_s)
        return {
            "idle_cpu_percent": (place.daemon.process.cpu_s - before) / scale.idle_s * 100,
            "idle_memory_mb": place.daemon.process.memory_mb,
        }
