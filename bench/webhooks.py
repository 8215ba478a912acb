"""Status webhooks: how many a second are verified, applied and durable before their 200, and what overload does."""

import asyncio
import json
import statistics
import time
from contextlib import AbstractContextManager
from itertools import cycle, islice
from pathlib import Path

from bench.client import Answer, Client, at_rate, flat_out, percentile, request
from bench.scale import Numbers, Scale
from bench.site import APP_SECRET, PHONE_NUMBER_IDS, Process, Site, accepted, once, server, site
from bench.standin import STATUSES, webhook_request

RATE = 1500
CALLERS = 32
ROUNDS = 10
"""The bare server and the daemon are measured in turns, so that what else the machine does slows both."""
OFFERED = 2
"""In the overload, so many times the most that was taken."""
CONNECTIONS = 256
"""In the overload, as a reverse proxy would keep them. Times count from when a connection was free."""
SENDING_RATE = 100


async def single(scale: Scale, folder: Path) -> Numbers:
    """One status a request: the most with 32 callers, beside a bare server, then the times of answers at 1,500/s."""
    with bare_server() as (bare, bare_address):
        async with site(folder) as place:
            half = scale.webhooks
            requests = await _status_requests(place, 2 * half, 1)
            client, bare_client = Client(place.daemon.webhook_address, 64), Client(bare_address, 64)
            ours = _Measured(place.daemon.process, client)
            other = _Measured(bare, bare_client)
            size = half // ROUNDS
            for begin in range(0, size * ROUNDS, size):
                await other.take(requests[begin : begin + size])
                await ours.take(requests[begin : begin + size])
            _, answers = await at_rate(client, requests[half:], RATE)
            _check(answers)
            times = [answer.ms for answer in answers]
    ratios = [a / b for a, b in zip(ours.rates, other.rates, strict=True)]
    return {
        "single_statuses_rate": statistics.median(ours.rates),
        "single_cpu_ms": ours.cpu_ms,
        "single_bare_rate": statistics.median(other.rates),
        "single_bare_cpu_ms": other.cpu_ms,
        "single_against_bare": statistics.median(ratios) * 100,
        "single_p50_ms": percentile(times, 0.5),
        "single_p99_ms": percentile(times, 0.99),
    }


async def batched(scale: Scale, folder: Path) -> Numbers:
    """100 statuses a request."""
    async with site(folder) as place:
        requests = await _status_requests(place, 4 * scale.webhooks, 100)
        client = Client(place.daemon.webhook_address, 64)
        before = place.daemon.process.cpu_s
        seconds, answers = await flat_out(client, requests, 8)
        cpu = place.daemon.process.cpu_s - before
        _check(answers)
        count = 100 * len(requests)
        return {
            "batched_statuses_rate": count / seconds,
            "batched_cpu_us": cpu / count * 1e6,
            "batched_p50_ms": percentile([answer.ms for answer in answers], 0.5),
        }


async def overload(scale: Scale, folder: Path) -> Numbers:
    """Twice as many as can be stored, while a number sends and the API is read."""
    async with site(folder, numbers=2) as place:
        requests = await _status_requests(place, 3 * scale.webhooks, 1)
        sample = len(requests) // 5
        seconds, answers = await flat_out(
            Client(place.daemon.webhook_address, 64), requests[:sample], CALLERS
        )
        _check(answers)
        rate = OFFERED * sample / seconds
        sender = PHONE_NUMBER_IDS[1]
        place.daemon.admin("number.set", id=sender, messages_per_second=SENDING_RATE)
        await place.reset()
        count = round(scale.overload_s * SENDING_RATE / 1000 + 1)
        bodies = [place.broadcast(1000, 100_000 + 1000 * index, **{"from": sender}) for index in range(count)]
        _, answers = await flat_out(Client(place.daemon.api_address, 2), bodies, 2)
        path = f"/api/v1/broadcasts/{accepted(answers)[0]}"
        await asyncio.sleep(1)
        before, began = (await place.stats())["received"], time.monotonic()
        probe = asyncio.create_task(_gets(place, path))
        offered = list(islice(cycle(requests[sample:]), round(rate * scale.overload_s)))
        client = Client(place.daemon.webhook_address, CONNECTIONS)
        await asyncio.gather(*(client.send(one) for one in offered[:CONNECTIONS]))  # connects
        _, answers = await at_rate(client, offered, rate)
        sent, took = (await place.stats())["received"] - before, time.monotonic() - began
        probe.cancel()
        taken = [answer for answer in answers if answer.status == 200]
        _check([answer for answer in answers if answer.status != 503])
        gets = await probe
        return {
            "overload_offered_rate": len(answers) / took,
            "overload_taken_rate": len(taken) / took,
            "overload_refused_percent": 100 * (1 - len(taken) / len(answers)),
            "overload_p50_ms": percentile([answer.exchange_ms for answer in taken], 0.5),
            "overload_p99_ms": percentile([answer.exchange_ms for answer in taken], 0.99),
            "overload_get_p99_ms": percentile(gets, 0.99),
            "overload_sent_percent": 100 * sent / took / SENDING_RATE,
        }


async def _gets(place: Site, path: str) -> list[float]:
    """The times of reading a broadcast, twenty times a second, until this is cancelled."""
    client, times = Client(place.daemon.api_address), []
    try:
        while True:
            answer = await client.send(place.get(path))
            if answer.status != 200:
                raise AssertionError(answer)
            times.append(answer.ms)
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        return times


class _Measured:
    """A server, with its rate in each round and its CPU for each request."""

    def __init__(self, process: Process, client: Client) -> None:
        self._process = process
        self._client = client
        self._cpu_s = 0.0
        self._count = 0
        self.rates: list[float] = []

    @property
    def cpu_ms(self) -> float:
        """CPU for each request."""
        return self._cpu_s / self._count * 1000

    async def take(self, requests: list[bytes]) -> None:
        """One round: these requests as fast as they are answered."""
        before = self._process.cpu_s
        seconds, answers = await flat_out(self._client, requests, CALLERS)
        self._cpu_s += self._process.cpu_s - before
        self._count += len(requests)
        self.rates.append(len(requests) / seconds)
        _check(answers)


def bare_server() -> AbstractContextManager[tuple[Process, str]]:
    """The bare server as a process, and its address."""
    return server("bench.bare_webhooks")


def _check(answers: list[Answer]) -> None:
    wrong = [answer for answer in answers if answer.status != 200]
    if wrong:
        raise AssertionError(f"{len(wrong)} webhooks were not answered 200: {wrong[0]}")


async def _status_requests(place: Site, count: int, batch: int) -> list[bytes]:
    """Send messages, and make `count` statuses about them, in Meta's order, `batch` in each signed request."""
    broadcasts = -(-count // len(STATUSES) // 1000)
    bodies = [place.broadcast(1000, index * 1000) for index in range(broadcasts)]
    _, answers = await flat_out(Client(place.daemon.api_address, 2), bodies, 2)
    await place.received(1000 * broadcasts)
    await place.recorded(accepted(answers))
    messages = json.loads((await once(place.standin_address, request("GET", "/messages"))).body)
    statuses = [
        {
            "id": wamid,
            "status": status,
            "timestamp": "1795000000",
            "recipient_id": to.removeprefix("+"),
            "biz_opaque_callback_data": token,
        }
        for status in STATUSES
        for _, wamid, token, to in messages
    ][:count]
    secret = APP_SECRET.encode()
    return [
        webhook_request(PHONE_NUMBER_IDS[0], statuses[begin : begin + batch], secret)
        for begin in range(0, len(statuses), batch)
    ]
