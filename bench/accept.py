"""Accepting broadcasts of 1,000 recipients: the time until the 202, durable, alone and while others go out."""

from pathlib import Path

from bench.client import Client, percentile
from bench.scale import Numbers, Scale
from bench.site import Site, accepted, site


async def idle(scale: Scale, folder: Path) -> Numbers:
    """On a daemon that sends nothing: its number sends a message in 1,000 seconds."""
    async with site(folder, rate=0.001) as place:
        before = place.daemon.process.cpu_s
        times = await accept_times(place, scale.accepts)
        cpu = place.daemon.process.cpu_s - before
        return {
            "accept_p50_ms": percentile(times, 0.5),
            "accept_p99_ms": percentile(times, 0.99),
            "accept_cpu_ms": cpu / scale.accepts * 1000,
        }


async def busy(scale: Scale, folder: Path) -> Numbers:
    """While 80 messages a second go out and 240 statuses a second come in."""
    async with site(folder, rate=80, batch=1) as place:
        client = Client(place.daemon.api_address)
        accepted([await client.send(place.broadcast(1000)) for _ in range(2)])
        await place.received(300)
        times = await accept_times(place, scale.accepts)
        return {"busy_accept_p50_ms": percentile(times, 0.5), "busy_accept_p99_ms": percentile(times, 0.99)}


async def accept_times(place: Site, count: int) -> list[float]:
    """Milliseconds that each of `count` broadcasts of 1,000 took, one after the other."""
    client = Client(place.daemon.api_address)
    bodies = [place.broadcast(1000, index * 1000) for index in range(20)]
    accepted([await client.send(bodies[0])])
    answers = [await client.send(bodies[index % len(bodies)]) for index in range(count)]
    accepted(answers)
    client.close()
    return [answer.ms for answer in answers]
