"""Fairness: many slow numbers, small broadcasts beside large ones, and a number to which Meta does not answer."""

import asyncio
import json
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from bench.client import request
from bench.scale import Numbers, Scale
from bench.site import Site, accepted, once, site, until

SECONDS = 10
"""How long the rates are measured."""
SETTLE_S = 2.0
"""How long the numbers send before that."""


async def many(scale: Scale, folder: Path) -> Numbers:
    """Fifty numbers at 10/s, one broadcast each: the share of 500/s that goes out, and the CPU of it."""
    rates = [10.0] * 50
    async with site(folder, rates=rates) as place:
        await start(place, {index: [400] for index in range(len(rates))})
        before = place.daemon.process.cpu_s
        sent = sum((await measured(place, SECONDS)).values())
        return {
            "many_share": sent / (10 * len(rates)) * 100,
            "many_cpu_percent": (place.daemon.process.cpu_s - before) / (SECONDS + SETTLE_S) * 100,
        }


async def beside(scale: Scale, folder: Path) -> Numbers:
    """Twenty broadcasts on a number at 1/s beside one number at 80/s; then a new one of one message on each."""
    async with site(folder, rates=[1.0, 80.0]) as place:
        await start(place, {0: [100] * 20, 1: [1000, 1000]})
        sent = await measured(place, SECONDS)
        fast, slow = place.numbers[1], place.numbers[0]
        return {
            "beside_share": sent[fast["phone_number_id"]] / 80 * 100,
            "beside_first_ms": await first_ms(place, fast, 7_000_000),
            "beside_small_ms": await first_ms(place, slow, 7_100_000),
        }


async def hang(scale: Scale, folder: Path) -> Numbers:
    """Three numbers at 20/s, and Meta stops answering one of them: the worst second of the others, and the hold."""
    async with site(folder, rates=[20.0, 20.0, 20.0]) as place:
        ids = await start(place, {0: [1000], 1: [1000], 2: [1000]})
        await measured(place, 2)
        hung = place.numbers[0]["phone_number_id"]
        await once(place.standin_address, request("POST", f"/hang/{hung}"))
        began, held_after = time.monotonic(), 0.0
        await place.reset()
        while time.monotonic() - began < SECONDS:
            await asyncio.sleep(0.2)
            hold = (await shown(place, ids[0][0]))["hold"]
            if hold and hold["reason"] == "no_answer" and not held_after:
                held_after = time.monotonic() - began
        sent = await rates_of(place, SECONDS)
        at_risk = place.daemon.admin("number.show", id=hung)["in_flight"]
        await once(place.standin_address, request("POST", "/release"))
        return {
            "hang_others_share": min(rate for number, rate in sent.items() if number != hung) / 20 * 100,
            "hang_held_after_s": held_after or float("inf"),
            "hang_at_risk": at_risk,
        }


async def start(place: Site, sizes: dict[int, list[int]]) -> dict[int, list[str]]:
    """Create broadcasts of these sizes on each number: their ids by number."""
    begin, ids = 0, defaultdict[int, list[str]](list)
    for index, counts in sizes.items():
        for count in counts:
            body = place.broadcast(count, begin, **{"from": place.numbers[index]["id"]})
            begin += count
            ids[index] += accepted([await once(place.daemon.api_address, body)])
    return ids


async def measured(place: Site, seconds: float) -> dict[str, float]:
    """Messages a second by number, after a while."""
    await asyncio.sleep(SETTLE_S)
    await place.reset()
    await asyncio.sleep(seconds)
    return await rates_of(place, seconds)


async def rates_of(place: Site, seconds: float) -> dict[str, float]:
    """Messages a second by number since the last reset, which was so long ago."""
    answer = await once(place.standin_address, request("GET", "/messages"))
    counts = Counter(number for number, *_ in json.loads(answer.body))
    return {number: count / seconds for number, count in counts.items()}


async def shown(place: Site, broadcast_id: str) -> dict[str, Any]:
    """A broadcast as the API shows it."""
    answer = await once(place.daemon.api_address, place.get(f"/api/v1/broadcasts/{broadcast_id}"))
    found: dict[str, Any] = json.loads(answer.body)["data"]
    return found


async def first_ms(place: Site, number: dict[str, Any], begin: int) -> float:
    """From the 202 of a broadcast to one person until it is sent."""
    (broadcast_id,) = accepted(
        [await once(place.daemon.api_address, place.broadcast(1, begin, **{"from": number["id"]}))]
    )
    began = time.monotonic()

    async def is_sent() -> bool:
        return bool((await shown(place, broadcast_id))["sent_count"])

    await until(is_sent, 0.01)
    return (time.monotonic() - began) * 1000
